"""Any file is read to its end: every line becomes a message or a reason, nothing raises but `ReplayError`."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from s4allcities.domain import ManualClock
from s4allcities.edge.errors import ReplayError
from s4allcities.edge.replay import replay
from s4allcities.edge.sources import SourceTable, built_in_sources

SOURCES = SourceTable(built_in_sources(max_age_s=None))
CELL = st.sampled_from(
    ["2014-01-01", "20140123170000", "1", "nan", "x", '"a"', '"a,b"', '"', '5" pipe', "", "\r"]
)
ROW = st.lists(CELL, min_size=1, max_size=4).map(",".join)
CSV = st.lists(ROW, max_size=12).map(lambda rows: "\n".join(["t,value,message", *rows]).encode())


@given(content=st.binary(max_size=200) | CSV, suffix=st.sampled_from([".csv", ".jsonl", ".csv.gz"]))
def test_every_line_is_accounted_for(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(content)
        try:
            report = asyncio.run(replay(path, sources=SOURCES, clock=ManualClock(1_700_000_000_000_000)))
        except ReplayError:
            return
    assert report.lines == report.accepted + report.rejected == report.accepted + len(report.rejected_lines)
    numbers = [line.line for line in report.rejected_lines]
    assert numbers == sorted(set(numbers))
