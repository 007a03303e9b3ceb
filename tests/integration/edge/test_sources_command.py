"""`s4 sources replay` and `watch` against a running bus, as a user types them."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from s4allcities.bus import Bus, NatsServer

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
