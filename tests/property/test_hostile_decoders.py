"""Every decoder of outside bytes: hostile and mangled input gives its content or its one documented error, no other.

2,000 inputs a decoder, 100,000 in the slow run; the seeds are fixed, so that a red run can be repeated.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from s4allcities.app.config import ConfigError, load_config
from s4allcities.bus import (
    BatchError,
    Envelope,
    EnvelopeError,
    decode_batch,
    decode_events,
    encode_batch,
    encode_events,
)
from s4allcities.bus.broker_log import BrokerLog
from s4allcities.domain import Context, ObservationBatch, RawMessage, Rejected, Series
from s4allcities.edge.errors import EdgeError
from s4allcities.edge.http import parse_body
from s4allcities.edge.intake import Intake
from s4allcities.edge.sources import SourceTable, built_in_sources
from s4allcities.edge.sources.mapped import MappedSource
from s4allcities.edge.sources.mapped.mapping import parse_mapping
from s4allcities.formats.cap import CapError, read_cap
from s4allcities.formats.eve import decode_eve
from s4allcities.formats.network import read_network_policy
from s4allcities.privacy.redaction import Redactor
from s4allcities.scenario.hostile import hostile_payloads, mangled

NOW_US = 1_764_000_000_000_000
COUNTS = [2_000, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
CAP = (Path(__file__).parents[1] / "golden" / "cap" / "fire.xml").read_bytes()
READINGS = [
    b'{"t": "2025-11-24T16:00:00Z", "co_ppm": 4}',
    b'{"t": "2025-11-24T16:00:00Z", "out_per_min": 38, "in_per_min": 12}',
    b'{"t": "2025-11-24T16:00:00Z", "frame_hash": "9f3a77c2e1b00d4e", "people": 12}',
    b'{"t": "2025-11-24T16:00:00Z", "status": "ok", "showing": "Exit A"}',
    b'{"ack": "01ABC", "showing": "Exit A"}',
    b'[{"bn": "a/", "n": "x", "bt": 1764000000, "v": 1}, {"n": "y", "vs": "on"}]',
    b'{"timestamp": "2025-11-24T16:00:00.000001+0000", "event_type": "flow", "src_ip": "10.0.0.1", "dest_port": 502}',
    b'{"t": "2025-11-24T16:00:00Z", "door": "d1", "badge": "ab12", "granted": true}',
]
MAPPING = b"topic: env/*\ntime: t\nquantities: {x: {path: a.0.b, scale: 2, range: [-9, 9]}, y: x}\n"
TOML = b'site = "here"\ndevices = ["a"]\n[server]\nport = 1\n[history_days]\nenv = 9\n'
POLICY = b"hosts: {}\n"


def _batch() -> bytes:
    return encode_batch(
        ObservationBatch(
            family="env", partition=0, series=(Series(sensor="s", quantity="q"),), series_ix=np.zeros(3, np.uint32),
            t_us=np.arange(3, dtype=np.int64), value=np.zeros(3), quality=np.zeros(3, np.uint8),
        )
    )  # fmt: skip


def _events() -> bytes:
    facts = (Context(id="01A", t_us=1, subject="hall", attribute="people", value=1),)
    return encode_events(Envelope(stage="s", partition=0, sequence=1, index=0, now_us=1, events=facts))


class Decoder(NamedTuple):
    name: str
    decode: Callable[[bytes], Any]
    refuses: tuple[type[Exception], ...]
    samples: list[bytes]
    from_devices: bool = True
    """False: a file of the operator's own, which gets mangled but is not made by an enemy."""


def _edge() -> Callable[[bytes], None]:
    """All that happens to a device's message at the border, for every family, with every source."""
    mapped = MappedSource(parse_mapping(MAPPING.decode()))
    intake = Intake(SourceTable([mapped, *built_in_sources()]), Redactor().redact)
    families = sorted(
        {family for source in built_in_sources() for family in source.families} | {"env", "unknown"}
    )

    def decode(data: bytes) -> None:
        for family in families:
            message = RawMessage(family=family, sensor="s-1", data=data, t_received_us=NOW_US, sequence=1)
            entry = intake.take(message)
            if entry.rejected is not None:
                assert entry.rejected.reason
                assert len(entry.rejected.detail) < 2_000
                msgspec.msgpack.encode(entry.rejected)
            for row in entry.observations:
                assert row.schema or abs(row.value) < float("inf")

    return decode


def _http(data: bytes) -> None:
    parsed = parse_body(data, family="env", sensor="s-1")
    for item in parsed.rejected:
        Rejected(id="01A", t_us=1, source="http", reason=item.reason)
        assert item.reason
        assert "\n" not in item.reason.partition(":")[0]


def _config(folder: Path) -> Callable[[bytes], Any]:
    path = folder / "s4.toml"

    def decode(data: bytes) -> Any:
        path.write_bytes(data)
        return load_config(path)

    return decode


def decoders(folder: Path) -> list[Decoder]:
    return [
        Decoder("edge", _edge(), (), READINGS),
        Decoder("http", _http, (), [*READINGS, b"\n".join(READINGS), b"[" + b",".join(READINGS) + b"]"]),
        Decoder("eve", decode_eve, (ValueError,), READINGS),
        Decoder("cap", read_cap, (CapError,), [CAP]),
        Decoder("batch", decode_batch, (BatchError,), [_batch()]),
        Decoder("events", decode_events, (EnvelopeError,), [_events()]),
        Decoder(
            "mapping",
            lambda data: parse_mapping(data.decode("utf-8", "replace")),
            (EdgeError,),
            [MAPPING],
            False,
        ),
        Decoder("settings", _config(folder), (ConfigError,), [TOML], False),
        Decoder("network-policy", read_network_policy, (ValueError,), [POLICY], False),
        Decoder(
            "broker-log",
            lambda data: BrokerLog().take(data.decode(errors="replace")),
            (),
            [b"[ERR] mqtt error"],
        ),
    ]


NAMES = (
    "edge",
    "http",
    "eve",
    "cap",
    "batch",
    "events",
    "mapping",
    "settings",
    "network-policy",
    "broker-log",
)


def inputs(count: int, decoder: Decoder) -> Iterator[bytes]:
    random, hostile = Random(7), count // 2 if decoder.from_devices else 0
    for payload in hostile_payloads(7, hostile, NOW_US):
        yield payload.data
    for _ in range(count - hostile):
        yield mangled(random, decoder.samples)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", NAMES)
def test_hostile_bytes_give_content_or_one_clear_refusal(tmp_path: Path, name: str, count: int) -> None:
    [decoder] = [each for each in decoders(tmp_path) if each.name == name]
    refused = 0
    for data in inputs(count, decoder):
        try:
            decoder.decode(data)
        except decoder.refuses as refusal:
            refused += bool(str(refusal))
        except Exception as error:
            raise AssertionError(f"{name} raised {error!r} on {len(data)} bytes {data[:300]!r}") from error
    if decoder.refuses:
        assert 0 < refused <= count


def test_the_samples_are_good_as_they_are(tmp_path: Path) -> None:
    for decoder in decoders(tmp_path):
        if decoder.refuses and decoder.name != "eve":
            for sample in decoder.samples:
                decoder.decode(sample)
    assert json.loads(READINGS[0])
