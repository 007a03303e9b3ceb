"""What goes into the history comes out of it, however it is flushed, merged and reopened in between."""

import asyncio
import math
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from s4allcities.domain import ManualClock, ObservationBatch, Series
from s4allcities.store.history import FOR_EVER_US, HistoryLimits, ParquetHistory

Row = tuple[int, int, float]
ROW = st.tuples(st.integers(0, 2), st.integers(0, 3 * 86_400_000_000), st.floats(width=64))
STEP = st.one_of(st.lists(ROW, min_size=1, max_size=20), st.sampled_from(["flush", "compact", "reopen"]))


def batch(rows: list[Row]) -> ObservationBatch:
    return ObservationBatch(
        family="env",
        partition=0,
        series=tuple(Series(sensor=f"s{number}", quantity="q") for number in range(3)),
        series_ix=np.array([row[0] for row in rows], np.uint32),
        t_us=np.array([row[1] for row in rows], np.int64),
        value=np.array([row[2] for row in rows], np.float64),
        quality=np.zeros(len(rows), np.uint8),
    )


async def round_trip(steps: list[list[Row] | str]) -> list[list[tuple[int, str]]]:
    clock = ManualClock(0)
    with tempfile.TemporaryDirectory() as folder:
        history = await ParquetHistory.open(Path(folder), clock=clock, limits=HistoryLimits(compact_files=1))
        for step in steps:
            if isinstance(step, list):
                history.append(batch(step))
            elif step == "flush":
                await history.flush()
            elif step == "compact":
                await history.compact()
            else:
                await history.close()
                history = await ParquetHistory.open(Path(folder), clock=clock)
        found = [await history.query(f"s{number}", "q", 0, FOR_EVER_US) for number in range(3)]
        await history.close()
    return [shown(zip(t_us.tolist(), value.tolist(), strict=True)) for t_us, value in found]


def shown(rows: object) -> list[tuple[int, str]]:
    """Rows as text: NaN equals NaN, and -0.0 differs from 0.0."""
    return sorted((t, "nan" if math.isnan(v) else repr(v)) for t, v in rows)  # type: ignore[attr-defined]


@settings(max_examples=25)
@given(steps=st.lists(STEP, max_size=8))
def test_history_round_trip(steps: list[list[Row] | str]) -> None:
    given_rows = [row for step in steps if isinstance(step, list) for row in step]
    expected = [shown((t, v) for number, t, v in given_rows if number == wanted) for wanted in range(3)]
    assert asyncio.run(round_trip(steps)) == expected
