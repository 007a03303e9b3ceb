from pathlib import Path

import duckdb
import pytest
from tests.unit.store.test_history import DAY, S, batch, files, opened

from s4allcities.domain import ManualClock
from s4allcities.store.errors import HistoryError
from s4allcities.store.reader import HistoryReader, day_range_us, to_rows
from s4allcities.store.segments import DAY_US

pytestmark = pytest.mark.anyio


async def fill(folder: Path) -> None:
    history = await opened(folder)
    history.append(batch([DAY + 2 * S, DAY + S], [2.0, float("nan")]))
    history.append(batch([DAY + DAY_US], [3.0]))
    history.append(batch([DAY], [5.0], sensor="gate", quantity="people", family="people"))
    await history.flush()
    await history.close()


async def test_a_sensors_day_is_found_beside_a_writer_that_goes_on(tmp_path: Path) -> None:
    await fill(tmp_path)
    writer = await opened(tmp_path)
    before = files(tmp_path, "*")
    with HistoryReader(tmp_path) as reader:
        found = reader.rows(*day_range_us("2023-11-14"), sensor="smoke-1")
        assert [(row["t_us"], row["value"]) for row in to_rows(found)] == [
            (DAY + S, None),
            (DAY + 2 * S, 2.0),
        ]
        assert [row.sensor for row in reader.series()] == ["gate", "smoke-1"]
        smoke = reader.series()[1]
        assert (smoke.families, smoke.first_day, smoke.last_day) == (("env",), "2023-11-14", "2023-11-15")
        assert len(reader.rows(0, 1 << 62)) == 4
        assert len(reader.rows(0, 1 << 62, quantity="people")) == 1
        assert len(reader.rows(0, 1 << 62, family="people")) == 1
        assert len(reader.rows(0, 1 << 62, sensor="nobody")) == 0
        with pytest.raises(HistoryError, match="ends"):
            reader.rows(5, 4)
    assert files(tmp_path, "*") == before, "a reader changes nothing"
    await writer.close()


async def test_what_is_not_committed_or_was_merged_is_not_seen_twice(tmp_path: Path) -> None:
    history = await opened(tmp_path, ManualClock(DAY), compact_files=2)
    for number in range(4):
        history.append(batch([DAY + number], [float(number)]))
        await history.flush()
    parts = files(tmp_path, "*.parquet")
    contents = {path: path.read_bytes() for path in parts}
    assert await history.compact() == 4
    for path, data in contents.items():
        path.write_bytes(data)  # as between the merge and the removal of its parts
    [stray] = [path for path in parts if path.name.startswith("000000000001")]
    stray.with_name(f"000000000099{stray.name[12:]}").write_bytes(contents[stray])
    with HistoryReader(tmp_path) as reader:
        assert [row["value"] for row in to_rows(reader.rows(0, 1 << 62))] == [0.0, 1.0, 2.0, 3.0]
    await history.close()


async def test_an_export_has_the_same_rows(tmp_path: Path) -> None:
    await fill(tmp_path / "history")
    with HistoryReader(tmp_path / "history") as reader:
        found = reader.rows(0, 1 << 62, sensor="smoke-1")
        assert reader.export(tmp_path / "out.parquet", found) == 3
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT t_us, value FROM read_parquet(?) ORDER BY t_us", [str(tmp_path / "out.parquet")]
        ).fetchall()
    assert [t_us for t_us, _ in rows] == [DAY + S, DAY + 2 * S, DAY + DAY_US]
    assert rows[0][1] is None


def test_no_history_is_one_clear_line(tmp_path: Path) -> None:
    with HistoryReader(tmp_path) as reader, pytest.raises(HistoryError, match="no history there"):
        reader.rows(0, 1)


async def test_small_files_are_merged_without_touching_merged_ones(tmp_path: Path) -> None:
    history = await opened(tmp_path, ManualClock(DAY), compact_files=2)
    for number in range(6):
        history.append(batch([DAY + number], [float(number)]))
        await history.flush()
        await history.compact()
    names = sorted(path.name[0] for path in files(tmp_path, "*.parquet"))
    assert names == ["m", "m"]
    assert list((await history.query("smoke-1", "smoke_pct_m"))[1]) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    await history.close()
