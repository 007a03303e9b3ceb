"""From the speed on a street to what people call it: free, slow or jam, without flickering between them."""

from typing import Literal

from msgspec import Struct

from .config import ContextConfig

__all__ = ("Street", "TrafficState", "follow_traffic")

TrafficState = Literal["unknown", "free", "slow", "jam"]


class Street(Struct):
    """One street: its state, and the one that it is about to have since ``t_next_us``."""

    state: TrafficState = "unknown"
    next: TrafficState = "unknown"
    t_next_us: int = 0
    t_last_us: int = -(2**62)


def _named(state: TrafficState, speed_kmh: float, config: ContextConfig) -> TrafficState:
    """Name a speed; leaving a worse state takes more speed than entering it."""
    jam_at = config.jam_above_kmh if state == "jam" else config.jam_below_kmh
    slow_at = config.slow_above_kmh if state in ("jam", "slow") else config.slow_below_kmh
    if speed_kmh < jam_at:
        return "jam"
    return "slow" if speed_kmh < slow_at else "free"


def follow_traffic(street: Street, speed_kmh: float, t_us: int, config: ContextConfig) -> bool:
    """Take a speed in; tell whether the state changed.

    The first reading names the state at once, unless it would be a jam, which must last as any change must.
    """
    named = _named(street.state, speed_kmh, config)
    if named != street.next:
        street.next, street.t_next_us = named, t_us
    if named == street.state:
        return False
    at_once = street.state == "unknown" and named != "jam"
    if not at_once and t_us - street.t_next_us < config.hold_s * 1e6:
        return False
    street.state = named
    return True
