"""How many device messages a second one core decodes, checks and packs: ``python benchmarks/edge_intake.py``.

No bus and no network: the path from the bytes of single messages to encoded batches. Figures are medians of runs, in
messages per CPU-second of this process.
"""

import json
import statistics
import sys
import time

from s4allcities.bus import encode_batch
from s4allcities.domain import RawMessage, to_rfc3339
from s4allcities.edge.batcher import Lane, make_batch
from s4allcities.edge.health import HealthMonitor
from s4allcities.edge.intake import Intake
from s4allcities.edge.redaction import redact_text
from s4allcities.edge.sources import SourceTable, built_in_sources

MESSAGES = 50_000
RUNS = 5
NOW_US = 1_700_000_000_000_000


def messages(family: str) -> list[RawMessage]:
    made = []
    for i in range(MESSAGES):
        t = to_rfc3339(NOW_US - 1_000_000 + i)
        content = {
            "env": {"t": t, "co_ppm": i % 50 / 7},
            "people": {"t": t, "out_per_min": i % 60, "in_per_min": 12},
            "camera": {"t": t, "frame_hash": f"{i:016x}", "people": i % 90},
            "eve": {
                "timestamp": t,
                "event_type": "flow",
                "src_ip": "10.0.0.1",
                "flow": {"bytes_toserver": i},
            },
        }[family]
        data = json.dumps(content).encode()
        made.append(
            RawMessage(family=family, sensor=f"s{i % 200}", data=data, t_received_us=NOW_US, sequence=i + 1)
        )
    return made


def pack(raw: list[RawMessage]) -> float:
    """Give messages per CPU-second."""
    intake, health = Intake(SourceTable(built_in_sources()), redact_text), HealthMonitor()
    lane, zones, size_bytes, rows = Lane(raw[0].family), {"s1": "hall"}, 0, 0
    start_s = time.process_time()
    for message in raw:
        entry = intake.take(message)
        health.seen(message.sensor, message.family, message.t_received_us, entry.observations)
        lane.add(entry, 0.0)
        if lane.full:
            batch = make_batch(lane.cut(), zones=zones, t_ingest_us=NOW_US)
            size_bytes += len(encode_batch(batch))
            rows += len(batch)
    spent_s = time.process_time() - start_s
    assert rows >= MESSAGES - 500, "messages were refused: the benchmark is wrong"
    return len(raw) / spent_s


def main() -> None:
    results = []
    for family in ("env", "people", "camera", "eve"):
        raw = messages(family)
        rate = statistics.median(pack(raw) for _ in range(RUNS))
        results.append(
            {"name": f"edge.{family}_msgs_per_s_core", "value": round(rate), "unit": "1/s", "runs": RUNS}
        )
    json.dump({"bench": "edge_intake", "results": results}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
