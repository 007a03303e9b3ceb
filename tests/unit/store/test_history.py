from pathlib import Path

import numpy as np
import pytest

from s4allcities.domain import ManualClock, ObservationBatch, Payload, Series
from s4allcities.store.errors import HistoryError
from s4allcities.store.history import HistoryLimits, ParquetHistory
from s4allcities.store.segments import DAY_US

pytestmark = pytest.mark.anyio

DAY = 19_675 * DAY_US
S = 1_000_000


def batch(
    times: list[int],
    values: list[float],
    *,
    sensor: str = "smoke-1",
    quantity: str = "smoke_pct_m",
    family: str = "env",
    payloads: tuple[Payload, ...] = (),
) -> ObservationBatch:
    return ObservationBatch(
        family=family,
        partition=0,
        series=(Series(sensor=sensor, quantity=quantity, unit="%/m", zone="ticket-hall"),),
        series_ix=np.zeros(len(times), np.uint32),
        t_us=np.array(times, np.int64),
        value=np.array(values, np.float64),
        quality=np.zeros(len(times), np.uint8),
        payloads=payloads,
    )


def files(folder: Path, pattern: str) -> list[Path]:
    return list(folder.rglob(pattern))


async def opened(path: Path, clock: ManualClock | None = None, **limits: float) -> ParquetHistory:
    return await ParquetHistory.open(path, clock=clock or ManualClock(DAY), limits=HistoryLimits(**limits))  # type: ignore[arg-type]


async def values(history: ParquetHistory, *times: int) -> list[float]:
    return list((await history.query("smoke-1", "smoke_pct_m", *times))[1])


async def test_a_restart_finds_everything_and_the_stream_goes_on_after_it(tmp_path: Path) -> None:
    history = await opened(tmp_path)
    history.append(batch([DAY], [1.0]), sequence=7)
    await history.flush()
    history.append(batch([DAY + S], [2.0]), sequence=8)
    await history._shut()  # as if the process had been killed: the buffer is gone
    history = await opened(tmp_path)
    assert history.last_sequence == 7
    assert await values(history) == [1.0]
    history.append(batch([DAY], [1.0]), sequence=7)
    history.append(batch([DAY + S], [2.0]), sequence=8)
    assert await values(history) == [1.0, 2.0]
    assert [name.zone for name in history.series()] == ["ticket-hall"]
    await history.close()


async def test_files_of_a_flush_cut_short_are_removed(tmp_path: Path) -> None:
    history = await opened(tmp_path)
    history.append(batch([DAY], [1.0]), sequence=1)
    await history.flush()
    marker = (tmp_path / "committed.json").read_bytes()
    history.append(batch([DAY + S], [2.0]), sequence=2)
    await history.close()
    (tmp_path / "committed.json").write_bytes(marker)
    (tmp_path / "env" / "left.tmp").write_bytes(b"half")
    history = await opened(tmp_path)
    assert history.last_sequence == 1
    assert await values(history) == [1.0]
    assert not files(tmp_path, "*.tmp")
    await history.close()


async def test_rows_are_parted_by_day_and_family(tmp_path: Path) -> None:
    history = await opened(tmp_path)
    history.append(batch([DAY - 1, DAY, -5, 1 << 61], [1.0, 2.0, 3.0, 4.0]))
    history.append(batch([DAY], [5.0], sensor="gate", quantity="people", family="people"))
    await history.flush()
    days = {str(path.parent.relative_to(tmp_path)) for path in files(tmp_path, "*.parquet")}
    assert days == {"env/2023-11-13", "env/2023-11-14", "env/undated", "people/2023-11-14"}
    assert await values(history, -(1 << 60)) == [3.0, 1.0, 2.0, 4.0]
    await history.close()


async def test_payloads_come_back(tmp_path: Path) -> None:
    history = await opened(tmp_path)
    nan = float("nan")
    times = list(range(3000))
    payload = Payload(2990, "eve/1", {"event_type": "alert"})
    eve = batch(times, [nan] * 3000, sensor="ids", quantity="eve", family="eve", payloads=(payload,))
    history.append(eve)
    await history.flush()
    history.append(batch([5000], [1.0], sensor="ids", quantity="eve", family="eve"))
    await history.flush()
    history.append(eve)
    found = await history.payloads("ids", "eve")
    assert found == [(2990, "eve/1", {"event_type": "alert"})] * 2
    await history.close()


async def test_many_files_are_merged_into_one(tmp_path: Path) -> None:
    clock = ManualClock(DAY)
    history = await opened(tmp_path, clock, compact_files=3)
    for number in range(5):
        history.append(batch([DAY + number], [float(number)]))
        await history.flush()
    before = files(tmp_path, "*.parquet")
    copy = before[0].read_bytes()
    assert await history.compact() == 5
    assert len(files(tmp_path, "*.parquet")) == 1
    assert await values(history) == [0.0, 1.0, 2.0, 3.0, 4.0]
    await history.close()
    before[0].write_bytes(copy)  # as if killed before the last old file was removed
    history = await opened(tmp_path, clock)
    assert await values(history) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert not before[0].exists()
    await history.close()


async def test_a_changed_byte_is_found_and_an_unreadable_file_set_aside(tmp_path: Path) -> None:
    history = await opened(tmp_path)
    history.append(batch([DAY], [1.0]))
    await history.flush()
    assert await history.check() == []
    [path] = files(tmp_path, "*.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    [line] = await history.check()
    assert "damaged" in line
    await history.close()
    path.write_bytes(whole[:-20])
    history = await opened(tmp_path)
    assert history.damaged == 1
    assert await values(history) == []
    assert files(tmp_path, "*.damaged")
    await history.close()


async def test_a_day_too_old_goes(tmp_path: Path) -> None:
    history = await opened(tmp_path)
    for day in range(4):
        history.append(batch([DAY + day * DAY_US], [float(day)]))
    history.append(batch([DAY], [9.0], sensor="gate", quantity="people", family="people"))
    await history.flush()
    assert await history.retain(DAY + 4 * DAY_US, {"people": 30}, 2) == 2
    assert await values(history) == [2.0, 3.0]
    assert list((await history.query("gate", "people"))[1]) == [9.0]
    assert not (tmp_path / "env" / "2023-11-14").exists()
    await history.close()


async def test_a_full_disk_keeps_the_rows_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = await opened(tmp_path)
    history.append(batch([DAY], [1.0]), sequence=1)

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(history._files, "commit", full)
        with pytest.raises(HistoryError, match="no space left"):
            await history.flush()
    assert await values(history) == [1.0]
    assert not files(tmp_path, "*.parquet")
    assert await history.flush() == 1
    assert await values(history) == [1.0]
    await history.close()


async def test_a_family_that_cannot_name_a_folder_is_passed_over_and_counted(tmp_path: Path) -> None:
    history = await opened(tmp_path)
    history.append(batch([DAY], [1.0], family="../up"))
    assert history.refused_rows == 1
    assert await history.flush() == 0
    await history.close()


async def test_an_unusable_directory_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="cannot use the history"):
        await opened(tmp_path / "file")
