"""What holds for the Parquet history holds for the one in PostgreSQL: the same tests for both."""

import csv
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from tests.unit.store.postgres_server import Server
from tests.unit.store.test_history import DAY, S, batch

from s4allcities.domain import ManualClock, Payload
from s4allcities.store.buffered import BufferedHistory, HistoryLimits
from s4allcities.store.errors import HistoryError
from s4allcities.store.history import ParquetHistory
from s4allcities.store.postgres_history import PostgresHistory
from s4allcities.store.segments import DAY_US

pytestmark = pytest.mark.anyio
Open = Callable[[], Awaitable[BufferedHistory]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(DAY)


@pytest.fixture(params=["parquet", pytest.param("postgres", marks=pytest.mark.integration)])
def open_it(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Open:
    """Opens the same history each time it is called."""
    limits = HistoryLimits(flush_rows=3, flush_s=10.0)
    if request.param == "parquet":
        return lambda: ParquetHistory.open(tmp_path / "history", clock=clock, limits=limits)
    server: Server = request.getfixturevalue("postgres")
    settings = server.fresh()
    return lambda: PostgresHistory.open(settings, clock=clock, limits=limits)


@pytest.fixture
async def history(anyio_backend: str, open_it: Open) -> AsyncIterator[BufferedHistory]:
    opened = await open_it()
    yield opened
    await opened.close()


async def values(history: BufferedHistory, *times: int) -> list[float]:
    return list((await history.query("smoke-1", "smoke_pct_m", *times))[1])


async def test_buffered_and_written_rows_are_found_alike_in_order(history: BufferedHistory) -> None:
    history.append(batch([DAY + 2 * S, DAY + 4 * S], [2.0, 4.0]))
    assert await values(history) == [2.0, 4.0]
    assert await history.flush() == 2
    history.append(batch([DAY + 1 * S, DAY + 3 * S], [1.0, float("nan")]))
    found = await values(history)
    assert found[:2] == [1.0, 2.0]
    assert np.isnan(found[2])
    assert found[3] == 4.0
    assert await values(history, DAY + 2 * S, DAY + 3 * S) == [2.0]
    assert await values(history, 0, 5) == []
    assert list((await history.query("other", "smoke_pct_m"))[0]) == []


async def test_a_restart_finds_everything_and_the_stream_goes_on_after_it(open_it: Open) -> None:
    history = await open_it()
    history.append(batch([DAY], [1.0]), sequence=7)
    await history.flush()
    history.append(batch([DAY + S], [2.0]), sequence=8)
    await history._shut()  # as if the process had been killed: the buffer is gone
    history = await open_it()
    assert history.last_sequence == 7
    assert await values(history) == [1.0]
    history.append(batch([DAY], [1.0]), sequence=7)
    history.append(batch([DAY + S], [2.0]), sequence=8)
    assert await values(history) == [1.0, 2.0]
    assert [name.zone for name in history.series()] == ["ticket-hall"]
    await history.forget_position()
    assert history.last_sequence == 0
    await history.close()
    history = await open_it()
    assert history.last_sequence == 0
    assert await values(history) == [1.0, 2.0]
    await history.close()


async def test_rows_of_all_times_and_families_are_found(history: BufferedHistory) -> None:
    history.append(batch([DAY - 1, DAY, -5, 1 << 61], [1.0, 2.0, 3.0, 4.0]))
    history.append(batch([DAY], [5.0], sensor="gate", quantity="people", family="people"))
    await history.flush()
    assert await values(history, -(1 << 60)) == [3.0, 1.0, 2.0, 4.0]
    assert list((await history.query("gate", "people"))[1]) == [5.0]
    assert [name.sensor for name in history.series()] == ["gate", "smoke-1"]


async def test_payloads_come_back(history: BufferedHistory) -> None:
    nan = float("nan")
    payload = Payload(1, "eve/1", {"event_type": "alert"})
    eve = batch([1, 2], [nan, nan], sensor="ids", quantity="eve", family="eve", payloads=(payload,))
    history.append(eve)
    await history.flush()
    history.append(batch([5000], [1.0], sensor="ids", quantity="eve", family="eve"))
    await history.flush()
    history.append(eve)
    assert await history.payloads("ids", "eve") == [(2, "eve/1", {"event_type": "alert"})] * 2


async def test_flush_is_due_by_rows_or_by_time(history: BufferedHistory, clock: ManualClock) -> None:
    assert not history.flush_due
    history.append(batch([DAY], [1.0]))
    assert not history.flush_due
    clock.advance(11)
    assert history.flush_due
    await history.flush()
    history.append(batch([1, 2, 3], [1.0, 1.0, 1.0]))
    assert history.flush_due
    assert history.waiting_rows == 3


async def test_a_day_too_old_goes(history: BufferedHistory) -> None:
    for day in range(4):
        history.append(batch([DAY + day * DAY_US], [float(day)]))
    history.append(batch([DAY], [9.0], sensor="gate", quantity="people", family="people"))
    history.append(batch([-5], [8.0]))
    await history.flush()
    assert await history.retain(DAY + 4 * DAY_US, {"people": 30}, 2) == 3
    assert await values(history, -10) == [2.0, 3.0]
    assert list((await history.query("gate", "people"))[1]) == [9.0]
    history.append(batch([DAY], [7.0]))  # late, and still taken
    await history.flush()
    assert await values(history) == [7.0, 2.0, 3.0]


async def test_export_names_everything(history: BufferedHistory, tmp_path: Path) -> None:
    history.append(batch([DAY, DAY + S], [1.0, float("nan")]))
    await history.flush()
    history.append(batch([DAY], [5.0], sensor="gate", quantity="people", family="people"))
    target = tmp_path / "out" / "readings.csv"
    assert await history.export(target) == 3
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sensor"] for row in rows] == ["gate", "smoke-1", "smoke-1"]
    assert rows[1]["time"] == "2023-11-14T00:00:00.000000Z"
    assert await history.export(tmp_path / "one.parquet", sensor="gate") == 1
    with pytest.raises(HistoryError, match=r"allowed are \.csv and \.parquet"):
        await history.export(tmp_path / "readings.xlsx")
    with pytest.raises(HistoryError, match="ends"):
        await history.query("a", "b", 5, 4)


async def test_what_cannot_be_text_or_a_name_harms_nothing(history: BufferedHistory) -> None:
    history.append(batch([DAY], [1.0], family="../up"))
    assert history.refused_rows == 1
    history.append(batch([DAY], [1.0], sensor="nul\x00"))
    assert await history.flush() == 1
    assert len((await history.query("nul\x00", "smoke_pct_m"))[0]) == 1
