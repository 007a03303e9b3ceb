"""`s4 sources replay` and `watch` against a running bus, as a user types them."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from s4allcities.bus import Bus, NatsServer
from s4allcities.domain import Observation
from s4allcities.edge.batcher import Entry, Packet, make_batch

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


async def s4(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from s4allcities.cli import main; main()", "sources", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_replay_sends_what_is_young_enough(server: NatsServer, bus: Bus, tmp_path: Path) -> None:
    (tmp_path / "running.json").write_text(json.dumps({"nats_port": server.port, "site": "hel"}))
    file = tmp_path / "hall.csv"
    file.write_text("timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:05:00,2\n")
    code, out, err = await s4("replay", str(file), "--data-dir", str(tmp_path), "--json")
    assert (code, json.loads(out)["total"]["rejected"]) == (0, 2)
    assert "--retime" in err
    code, out, _ = await s4(
        "replay", str(file), "--data-dir", str(tmp_path), "--retime", "--speed", "3000", "--json"
    )
    assert (code, json.loads(out)["total"]["sent"]) == (0, 2)
    assert (await bus.stream_state("RAW")).messages == 2


async def test_watch_shows_what_arrives(server: NatsServer, bus: Bus, tmp_path: Path) -> None:
    (tmp_path / "running.json").write_text(json.dumps({"nats_port": server.port, "site": "hel"}))
    row = Observation(
        family="env", sensor="e1", quantity="co_ppm", t_us=1_700_000_000_000_000, value=4.0, unit="ppm"
    )
    batch = make_batch(Packet("env", 0, (Entry(0, (row,)),)), zones={"e1": "hall"}, t_ingest_us=7)
    watching = asyncio.create_task(
        s4("watch", "--family", "env", "--count", "1", "--data-dir", str(tmp_path), "--json")
    )
    async with asyncio.timeout(30):
        while not watching.done():  # it shows what comes after it has started, so go on until it has seen one
            await bus.publish_batch(batch)
            await asyncio.sleep(0.1)
    code, out, err = watching.result()
    assert (code, err) == (0, "")
    (shown,) = json.loads(out)
    assert (shown["sensor"], shown["value"], shown["unit"], shown["zone"]) == ("e1", 4.0, "ppm", "hall")
