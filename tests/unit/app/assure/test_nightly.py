"""The trial of every night is due by the clock that is passed in."""

import asyncio

import pytest

from s4allcities.app.assure.nightly import Nightly, next_due_us

DAY_US = 86_400_000_000


class Hurried:
    """A clock that is as far as one sleeps."""

    def __init__(self, now_us: int) -> None:
        self.t_us = now_us

    def now_us(self) -> int:
        return self.t_us

    async def sleep(self, seconds: float) -> None:
        self.t_us += max(1, round(seconds * 1e6))
        await asyncio.sleep(0)


def test_it_is_due_once_a_day() -> None:
    first = next_due_us(20_000 * DAY_US, "02:30")
    assert first == 20_000 * DAY_US + 9_000_000_000
    assert next_due_us(first, "02:30") == first + DAY_US


def test_a_night_that_fails_is_counted_and_the_next_one_tried() -> None:
    nights: list[int] = []

    async def work(due_us: int) -> None:
        nights.append(due_us)
        if len(nights) == 1:
            raise RuntimeError("no history yet")
        if len(nights) == 3:
            raise asyncio.CancelledError

    nightly = Nightly(Hurried(20_000 * DAY_US), "02:30", work)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(nightly.run())
    assert [each - nights[0] for each in nights] == [0, DAY_US, 2 * DAY_US]
    assert nightly.errors == 1
