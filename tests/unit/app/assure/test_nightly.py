"""The trial of every night is due by the clock that is passed in."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from s4allcities.app.assure import Assurance, newest_report, write_month
from s4allcities.app.assure.nightly import Nightly, Work, next_due_us, run_in_process
from s4allcities.domain import ManualClock
from s4allcities.site import load_site

DAY_US = 86_400_000_000
T0_US = 20_500 * DAY_US
SITE = Path("sites/helsinki-station")


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


@pytest.mark.integration
def test_the_process_of_the_night_leaves_its_report_beside_the_history(tmp_path: Path) -> None:
    site = load_site(SITE)
    co = replace(site, sensors=tuple(each for each in site.sensors if each.family == "co"))
    made = {"t_from_us": T0_US, "days": 5, "every_s": 1800.0, "seed": 1, "planted": None}
    asyncio.run(write_month(co, tmp_path, clock=ManualClock(T0_US + 5 * DAY_US), **made))  # type: ignore[arg-type]
    assert newest_report(tmp_path, "json") is None

    async def one_night() -> None:
        done = asyncio.Event()

        async def work(due_us: int) -> None:
            await run_in_process(
                Work(
                    site=str(SITE),
                    data_dir=str(tmp_path),
                    days=5,
                    budget_s=5.0,
                    now_us=due_us,
                    parent=os.getpid(),
                )
            )
            done.set()

        nightly = Nightly(Hurried(T0_US + 5 * DAY_US), "02:30", work)
        task = asyncio.create_task(nightly.run())
        await done.wait()
        task.cancel()
        assert nightly.errors == 0

    asyncio.run(one_night())
    report = msgspec.json.decode(newest_report(tmp_path, "json") or b"null", type=Assurance)
    assert report.made.startswith("2026-02-21T02:30")
    assert (report.simulated, report.sensors) == (False, 9)
    assert 1 <= report.sensors_tried <= 9
    assert b"<html" in (newest_report(tmp_path, "html") or b"")
