"""Many readings of one sensor in one object: a list of times, and a list of numbers for each quantity.

``{"t_us": [1, 2, 3], "heat_c": [21.4, null, 21.5]}`` is two readings of ``heat_c`` at times 1 and 3. It takes a
fiftieth of the work of a list of objects, because nothing is made for each reading.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from s4allcities.domain import US_PER_S, Columns

from ..border import (
    MAX_AGE_S,
    MAX_FIELDS,
    MAX_MESSAGE_BYTES,
    MAX_ROWS,
    Refused,
    check_time,
    read_quality,
    show,
)

__all__ = ("decode_columns", "is_columns", "read_columns")

_NUMBERS = frozenset({int, float})
_NUMBERS_OR_NONE = frozenset({int, float, type(None)})
_LARGEST_INT = 2**62
_BEGIN = re.compile(rb'\s*\{\s*"(?:t|time|timestamp|ts|t_us|date)"\s*:\s*\[')
_Quick = dict[str, list[float | None] | str]
_decode_quick = msgspec.json.Decoder(_Quick).decode


def decode_columns(data: bytes) -> _Quick | None:
    """Read a message in columns in half the time: its lists are numbers, and need no look at each.

    None where it is not sure to be one (its times do not come first, something else is among the numbers, it declares
    qualities, or it is not right at all): the general reader reads it then, or says what is wrong with it. Where both
    read it they say the same.
    """
    if len(data) > MAX_MESSAGE_BYTES or _BEGIN.match(data) is None or b'"quality"' in data:
        return None
    try:
        return _decode_quick(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def is_columns(item: Mapping[str, Any], time_key: str) -> bool:
    """Tell a message in columns from a single reading: its time is a list.

    >>> is_columns({"t": [1.0, 2.0], "heat_c": [20, 21]}, "t"), is_columns({"t": 1.0, "heat_c": 20}, "t")
    (True, False)
    """
    return bool(time_key) and isinstance(item[time_key], list)


def read_columns(
    item: Mapping[str, Any],
    time_key: str,
    series: list[tuple[str, tuple[str, str]]],
    now_us: int,
    max_age_s: float | None = MAX_AGE_S,
    *,
    sure: bool = False,
) -> Columns:
    """Read the columns ``series``, given as (key, (quantity, unit)); a null leaves a reading out. ``sure``: the lists
    are known to hold numbers and null alone.

    :raises Refused: a column that is not numbers, of another length than the times, or more than 500 readings.
    """
    t_us = _times(item[time_key], time_key, now_us, max_age_s, sure=sure)
    if not series or len(series) > MAX_FIELDS:
        raise Refused(f"no reading: {len(series)} columns beside the times; allowed are 1 to {MAX_FIELDS}")
    values = [_numbers(item[key], key, t_us.size, sure=sure) for key, _ in series]
    quality = _quality(item.get("quality"), t_us.size)
    value = np.concatenate(values) if len(values) > 1 else values[0]
    there = np.flatnonzero(~np.isnan(value))
    if not 0 < there.size <= MAX_ROWS:
        raise Refused(
            f"too many fields: {there.size} readings in columns; allowed are 1 to {MAX_ROWS} a message"
        )
    if there.size == t_us.size == value.size:  # one quantity and no hole: in order as it is
        names = (series[0][1],)
        return Columns(
            series=names, series_ix=np.zeros(t_us.size, np.uint32), t_us=t_us, value=value, quality=quality
        )
    # Reading by reading as time goes, the quantities of a moment beside each other.
    order = there[np.argsort(there % t_us.size, kind="stable")]
    place = order % t_us.size
    return Columns(
        series=tuple(names for _, names in series),
        series_ix=(order // t_us.size).astype(np.uint32),
        t_us=t_us[place],
        value=value[order],
        quality=quality[place],
    )


def _times(
    times: list[Any], key: str, now_us: int, max_age_s: float | None, *, sure: bool
) -> NDArray[np.int64]:
    fit = None not in times if sure else set(map(type, times)) <= _NUMBERS
    if not times or len(times) > MAX_ROWS or not fit:
        raise Refused(f"bad time: {show(key)} is a list of {len(times)}; allowed are 1 to {MAX_ROWS} numbers")
    numbers = np.array(times, np.float64)
    size = float(np.abs(numbers).max())
    if key == "t_us" or 1e14 <= size < 1e17:
        scale = 1.0
    elif size >= 1e17:
        scale = 1e-3
    else:
        scale = 1000.0 if size >= 1e11 else float(US_PER_S)
    numbers = np.round(numbers * scale)
    if not np.abs(numbers).max() < _LARGEST_INT:
        raise Refused(f"bad time: {show(key)} holds {show(size)}; allowed are times since 1970")
    t_us = numbers.astype(np.int64)
    check_time(int(t_us.max()), now_us, max_age_s)
    check_time(int(t_us.min()), now_us, max_age_s)
    return t_us


def _numbers(column: Any, key: str, rows: int, *, sure: bool) -> NDArray[np.float64]:
    fit = isinstance(column, list) and len(column) == rows
    if not fit or not (sure or set(map(type, column)) <= _NUMBERS_OR_NONE):
        what = f"a list of {len(column)}" if isinstance(column, list) else show(column)
        raise Refused(
            f"bad field: {show(key)} is {what}; beside {rows} times allowed are {rows} numbers or null"
        )
    try:
        values = np.array(column, np.float64)
    except OverflowError:
        values = np.array([np.inf])
    if np.isinf(values).any():
        raise Refused(f"not finite: {show(key)} holds a number beyond all limits; allowed are finite numbers")
    return values


def _quality(declared: Any, rows: int) -> NDArray[np.uint8]:
    if declared is None:
        return np.zeros(rows, np.uint8)
    each = declared if isinstance(declared, list) else [declared] * rows
    if len(each) != rows:
        raise Refused(f"bad field: quality is a list of {len(each)}; allowed is one for each of {rows} times")
    return np.array([0 if one is None else read_quality(one) for one in each], np.uint8)
