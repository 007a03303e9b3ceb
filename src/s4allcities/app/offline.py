"""The judging stages run without a bus, from recorded events: for benchmarks, shadow runs and what-if replays.

The same stages in the same order as in the platform; each output is handed to every other stage that reads its kind
before time goes on. What the platform does concurrently happens here one after the other, so a replay is exact.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from s4allcities.domain import US_PER_S, Event, Stage, derived_ulid, kind_of

__all__ = ("Offline", "ticks")

Follow = Callable[[Event, int], Iterable[Event]]


class Offline:
    """Feeds events to stages and collects what they say.

    ``follow`` sees every output and may answer with events of its own, as an operator does.

    >>> Offline(()).give([], 0)
    []
    """

    def __init__(self, stages: Sequence[Stage[Any]], follow: Follow | None = None) -> None:
        self._stages = [(stage, stage.start(), _kinds(stage)) for stage in stages]
        self._follow = follow
        self._number = 0

    def give(self, events: Sequence[Event], now_us: int) -> list[Event]:
        """Give events to all stages at a moment, and their outputs to each other until nobody has more to say."""
        said: list[Event] = []
        waiting: deque[tuple[str, Sequence[Event]]] = deque([("", events)])
        first = True
        while waiting:
            origin, batch = waiting.popleft()
            for stage, state, kinds in self._stages:
                mine = [event for event in batch if kind_of(event) in kinds and stage.name != origin]
                if not mine and not first:
                    continue
                out = [self._named(stage.name, each) for each in stage.step(state, mine, now_us)]
                if out:
                    said += out
                    waiting.append((stage.name, out))
            first = False
            if self._follow is not None:
                answers = [answer for event in batch for answer in self._follow(event, now_us)]
                if answers:
                    waiting.append(("people", answers))
        return said

    def _named(self, stage: str, event: Event) -> Event:
        if event.id:
            return event
        self._number += 1
        return msgspec.structs.replace(event, id=derived_ulid(event.t_us, stage, self._number))


def _kinds(stage: Stage[Any]) -> frozenset[str]:
    return frozenset(each.partition(".")[0] for each in stage.inputs)


def ticks(
    timed: Iterable[tuple[int, Event]], start_us: int, end_us: int, every_s: float = 1.0
) -> Iterator[tuple[list[Event], int]]:
    """Cut events, in order of arrival, into what arrives between two ticks of the clock."""
    step_us = round(every_s * US_PER_S)
    feed = iter(timed)
    ahead = next(feed, None)
    now_us = start_us
    while now_us <= end_us:
        batch: list[Event] = []
        while ahead is not None and ahead[0] <= now_us:
            batch.append(ahead[1])
            ahead = next(feed, None)
        yield batch, now_us
        now_us += step_us
