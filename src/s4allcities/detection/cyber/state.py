"""What the cyber detector remembers, within bounds; what had to be forgotten is counted."""

from typing import TypeVar

from msgspec import Struct

__all__ = ("CyberState", "Fold", "Source", "forget_oldest", "forget_until", "touch")

V = TypeVar("V")


class Source(Struct):
    """Whom one host has probed: host -> ports and port -> hosts, each with the time last seen, oldest first."""

    hosts: dict[str, dict[str, int]] = {}
    ports: dict[str, dict[str, int]] = {}
    t_said_us: int = -(2**62)
    t_seen_us: int = 0


class Fold(Struct):
    """Events that are one matter: how many, since when, and when it was last said."""

    count: int = 0
    t_first_us: int = 0
    t_last_us: int = 0
    t_said_us: int = -(2**62)
    wait_s: float = 0.0
    sensor: str = ""
    text: str = ""


class CyberState(Struct):
    """The whole memory, each part ordered by when it was last touched; ``forgotten`` counts what the bounds cost."""

    sources: dict[str, Source] = {}
    writes: dict[str, Fold] = {}
    alerts: dict[str, Fold] = {}
    engine: dict[str, Fold] = {}
    t_latest_us: int = -(2**62)
    forgotten: int = 0
    unread: int = 0


def touch(memory: dict[str, V], key: str, new: V) -> V:
    """Give the entry of a key, made from ``new`` if there is none, and put it last."""
    entry = memory.pop(key, new)
    memory[key] = entry
    return entry


def forget_oldest(memory: dict[str, V], most: int) -> int:
    """Keep at most that many entries; give how many went."""
    excess = max(0, len(memory) - most)
    for key in [key for key, _ in zip(memory, range(excess), strict=False)]:
        del memory[key]
    return excess


def forget_until(memory: dict[str, int], t_us: int) -> None:
    """Drop the entries last seen before a moment."""
    for key in [key for key, seen_us in memory.items() if seen_us < t_us]:
        del memory[key]
