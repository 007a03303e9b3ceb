"""What a broken or hostile device sends: each kind of bad payload, made by a seed. For tests and benchmarks.

Nothing here is meant to be clever against one parser; it is the list of what the border has to survive, over and over
with other bytes: malformed, cut short, too large, nested too deep, binary, not UTF-8, not finite, from the future, from
the past, of the wrong type, doubled, out of order.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from msgspec import Struct

__all__ = ("KINDS", "HostilePayload", "hostile_payloads", "mangled")

_S = 1_000_000
_HOUR_US = 3600 * _S


class HostilePayload(Struct, frozen=True):
    """One payload; ``good`` says that a border which knows its business takes it (a double may be dropped instead)."""

    kind: str
    data: bytes
    good: bool = False


Make = Callable[[Random, int], bytes]


def _reading(random: Random, t_us: int) -> dict[str, Any]:
    return {"t_us": t_us, "heat_c": round(20 + random.random(), 4), "co_ppm": random.randrange(1, 9)}


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


def _malformed(random: Random, now_us: int) -> bytes:
    text = bytearray(_json(_reading(random, now_us)))
    text[random.randrange(1, 9)] = random.choice(b"}{][,:;'\\")
    return bytes(text) + b","


def _truncated(random: Random, now_us: int) -> bytes:
    text = _json(_reading(random, now_us))
    return text[: random.randrange(1, len(text) - 1)]


def _oversized(random: Random, now_us: int) -> bytes:
    return _json({"t_us": now_us, "text": "x" * random.randrange(300_000, 400_000)})


def _nested(random: Random, _: int) -> bytes:
    depth = random.choice((60, 900, 20_000))
    return random.choice((b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth))


def _binary(random: Random, _: int) -> bytes:
    return random.randbytes(random.randrange(1, 300))


def _not_utf8(random: Random, now_us: int) -> bytes:
    return _json({"t_us": now_us, "name": "?"}).replace(
        b"?", bytes([random.randrange(0xC0, 0xFF), 0x28, 0xFF])
    )


def _not_finite(random: Random, now_us: int) -> bytes:
    value = random.choice(("NaN", "Infinity", "-Infinity", "1e999", "-1e400"))
    return f'{{"t_us":{now_us},"heat_c":{value}}}'.encode()


def _future(random: Random, now_us: int) -> bytes:
    return _json(_reading(random, now_us + random.choice((1, 24, 24 * 365, 10**7)) * _HOUR_US))


def _past(random: Random, now_us: int) -> bytes:
    return _json(_reading(random, now_us - random.choice((30, 24 * 365, 24 * 365 * 40)) * _HOUR_US))


def _wrong_type(random: Random, now_us: int) -> bytes:
    return _json(
        random.choice((None, 7, "text", [], {}, [[1]], {"t_us": "soon", "heat_c": []}, {"t_us": now_us}))
    )


def _many_fields(random: Random, now_us: int) -> bytes:
    return _json({"t_us": now_us} | {f"q{number}": number for number in range(random.choice((300, 3000)))})


def _odd_names(random: Random, now_us: int) -> bytes:
    name = random.choice(("\x00", "'; DROP TABLE record; --", "../../etc", "a" * 5000, "\u202e", '"} 1\n'))
    return _json({"t": name, name: "x", "heat_c": {name: [name]}})


_BAD: tuple[tuple[str, Make], ...] = (
    ("malformed", _malformed), ("truncated", _truncated), ("oversized", _oversized), ("nested", _nested),
    ("binary", _binary), ("not UTF-8", _not_utf8), ("not finite", _not_finite), ("future", _future), ("past", _past),
    ("wrong type", _wrong_type), ("many fields", _many_fields), ("odd names", _odd_names),
)  # fmt: skip
KINDS = (*(kind for kind, _ in _BAD), "empty", "doubled", "out of order")
"""Every kind that `hostile_payloads` gives, in about equal shares; the oversized are fewer, for they are large."""


def hostile_payloads(seed: int, count: int, now_us: int) -> Iterator[HostilePayload]:
    """Give payloads as a device would send them at ``now_us``; the same for the same arguments.

    >>> kinds = {each.kind for each in hostile_payloads(1, 500, 1_700_000_000_000_000)}
    >>> kinds == set(KINDS)
    True
    """
    random = Random(seed)
    makers = dict(_BAD)
    doubled = _json(_reading(random, now_us - _S))
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        if kind == "oversized" and number > 150 and random.random() > 0.05:
            kind = "truncated"
        if kind == "empty":
            yield HostilePayload(kind, random.choice((b"", b" ", b"\n\n", b"\x00")))
        elif kind == "doubled":
            yield HostilePayload(kind, doubled, good=True)
        elif kind == "out of order":
            t_us = now_us - random.randrange(1, 3000) * _S - number
            yield HostilePayload(kind, _json(_reading(random, t_us)), good=True)
        else:
            yield HostilePayload(kind, makers[kind](random, now_us))


def mangled(random: Random, samples: Sequence[bytes]) -> bytes:
    """Give a good message with a few bytes changed, cut, doubled or put in, or joined with another.

    >>> mangled(Random(3), [b"abcdef"]) != b"abcdef"
    True
    """
    data = bytearray(random.choice(samples))
    for _ in range(random.randrange(1, 4)):
        place = random.randrange(len(data) + 1)
        match random.randrange(6):
            case 0:
                data[place : place + 1] = bytes([random.randrange(256)])
            case 1:
                del data[place:]
            case 2:
                data[place:place] = data[place : place + random.randrange(1, 40)]
            case 3:
                data[place:place] = random.choice(
                    (b"\xff", b"\x00", b"{", b"]", b'"', b"1e999", b"-", b"null")
                )
            case 4:
                data += random.choice(samples)[random.randrange(4) :]
            case _:
                data[place : place + 4] = random.randbytes(4)
    return bytes(data)
