"""What every source must do with what devices send: decode it or say why not, and never raise."""

from collections.abc import Iterator, Sequence
from random import Random

from ..domain import Decoded, RawMessage, Source
from .stages import CheckFailed

__all__ = ("check_source", "hostile_bytes")

_FIXED = (
    b"",
    b"\x00",
    b"null",
    b"[]",
    b"{}",
    b"true",
    b"1",
    b'"t"',
    b"NaN",
    b'{"t": 1}',
    b'{"t": "yesterday", "value": "x"}',
    b'{"t": "2026-13-45T99:99:99Z"}',
    b'{"a": ' * 2000,
    b"[" * 100_000,
    b'{"t": "9999-12-31T23:59:59.999999Z", "value": 1e999}',
    b"\xff\xfe\x00\x01",
    '{"t": "é"}'.encode("utf-16"),
)


def hostile_bytes(samples: Sequence[bytes], *, seed: int = 0, count: int = 300) -> Iterator[bytes]:
    """Give fixed nasty messages, random bytes, and good ones that were cut, doubled or changed in a few places."""
    random = Random(seed)
    yield from _FIXED
    for _ in range(count):
        if not samples or random.random() < 0.3:
            yield random.randbytes(random.randrange(200))
            continue
        data = bytearray(random.choice(samples))
        for _ in range(random.randrange(1, 4)):
            if data:
                data[random.randrange(len(data))] = random.randrange(256)
        cut = random.randrange(len(data) + 1)
        yield bytes(data) if random.random() < 0.5 else bytes(data[:cut]) + bytes(data[cut // 2 :])


def check_source(
    source: Source, samples: Sequence[bytes], *, sensor: str = "sensor-1", seed: int = 0
) -> None:
    """Feed a source good and hostile messages of each of its families.

    :raises CheckFailed: it raised, gave something else than `Decoded`, or neither readings nor a reason.
    """
    for family in source.families:
        for data in (*samples, *hostile_bytes(samples, seed=seed)):
            message = RawMessage(family=family, sensor=sensor, data=data, t_received_us=1_700_000_000_000_000)
            _check_one(source, message)


def _check_one(source: Source, message: RawMessage) -> None:
    at = f"{source.name}, {message.family}, {message.data[:60]!r}"
    try:
        decoded = source.decode(message)
    except (Exception, RecursionError) as error:
        raise CheckFailed(f"{at}: raised {type(error).__name__}: {error}") from error
    if not isinstance(decoded, Decoded):
        raise CheckFailed(f"{at}: gave {type(decoded).__name__}, not Decoded")
    if not decoded.observations and decoded.columns is None and not decoded.rejected:
        raise CheckFailed(f"{at}: neither readings nor a reason")
