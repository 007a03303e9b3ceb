"""Whether an alert may call for attention now: the budget of a position, floods, and chatter.

Nothing is ever hidden: an alert that has to wait is listed with the reason, counted by place, and calls as soon as the
budget allows. Critical alerts never wait.
"""

from collections.abc import Iterable

from s4allcities.domain import US_PER_S, AlertLevel

from .settings import AlarmSettings
from .state import AlarmState

__all__ = (
    "FLOOD",
    "chatters",
    "in_flood",
    "may_call",
    "may_repeat",
    "note_activation",
    "note_call",
    "settle_floods",
)

FLOOD = "flood"
"""How the reason of a held alert begins when it waits for the budget of its position."""


def _recent(times: list[int], now_us: int, window_s: float) -> list[int]:
    since_us = now_us - round(window_s * US_PER_S)
    return [t_us for t_us in times if t_us > since_us]


def may_call(state: AlarmState, settings: AlarmSettings, position: str, level: AlertLevel) -> bool:
    """Whether an alert of this level may call at this position now.

    Each level has its own share of the ten-minute budget, the lower the smaller, so that the serious still find room
    when much happens at once.
    """
    if level == "critical":
        return True
    calls = _recent(state.calls.get(position, []), state.now_us, settings.window_s)
    return len(calls) < settings.budget.get(level, 0)


def may_repeat(state: AlarmState, settings: AlarmSettings, position: str) -> bool:
    """Whether an alert that has called already may do so again for another reason, at no graver level.

    Its place in the queue is known and its text is kept true there, so what is new comes first.
    """
    calls = _recent(state.calls.get(position, []), state.now_us, settings.window_s)
    return len(calls) < settings.repeats


def note_call(state: AlarmState, settings: AlarmSettings, position: str) -> None:
    """Remember that an alert called for attention."""
    calls = _recent(state.calls.get(position, []), state.now_us, settings.window_s)
    state.calls[position] = [*calls, state.now_us]
    state.count("annunciated")


def note_activation(state: AlarmState, settings: AlarmSettings, key: str) -> int:
    """Remember that an alert became active; give how often it did within the chatter window."""
    times = _recent(state.activations.pop(key, []), state.now_us, settings.chatter_window_s)
    state.activations[key] = [*times, state.now_us]
    for old in [
        each
        for each, t in state.activations.items()
        if not _recent(t, state.now_us, settings.chatter_window_s)
    ]:
        del state.activations[old]
    return len(times) + 1


def chatters(times: int, level: AlertLevel, settings: AlarmSettings) -> bool:
    """Whether so many activations are chatter; a critical alert never is."""
    return level != "critical" and times >= settings.chatter_times


def in_flood(state: AlarmState, position: str) -> bool:
    """Whether a position is in flood."""
    return position in state.flood


def settle_floods(state: AlarmState, settings: AlarmSettings, waiting: Iterable[str]) -> None:
    """Open and close floods: from ``flood_at`` alerts in ten minutes, called or waiting, until below ``flood_over``.

    ``waiting`` names the position of each alert that has to wait.
    """
    queue: dict[str, int] = {}
    for position in waiting:
        queue[position] = queue.get(position, 0) + 1
    for position in state.calls.keys() | queue.keys() | state.flood.keys():
        calls = _recent(state.calls.get(position, []), state.now_us, settings.window_s)
        load = len(calls) + queue.get(position, 0)
        if position not in state.flood and load > settings.flood_at:
            state.flood[position] = state.now_us
            state.count("floods")
        elif position in state.flood and load < settings.flood_over:
            del state.flood[position]
