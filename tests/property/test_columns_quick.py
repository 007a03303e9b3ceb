"""The quick reader of columns and the general one say the same: what has its times last is read by the general one."""

import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.domain import Decoded, RawMessage
from s4allcities.edge.sources.json_auto import JsonAutoSource
from s4allcities.edge.sources.json_auto.columns import decode_columns

NOW_US = 1_790_000_000_000_000
SOURCE = JsonAutoSource()

times = st.one_of(
    st.integers(NOW_US - 10**10, NOW_US),
    st.floats(NOW_US / 1e6 - 1e4, NOW_US / 1e6),
    st.sampled_from([0, -1, 2**70, 1e300, True, None, "2026-09-21"]),
)
cells = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**80), 2**80),
    st.none(),
    st.sampled_from([True, "text", [], {}, 10**400]),
)
fine = st.one_of(st.floats(-1e6, 1e6), st.integers(-1000, 1000), st.none())
keys = st.sampled_from(["heat_c", "co_ppm", "id", "unit", "t", "time", "quality", "Ünï", ""])


@st.composite
def columns(draw: st.DrawFn) -> tuple[str, list[object], dict[str, object]]:
    n = draw(st.integers(0, 6))
    rows = st.lists(draw(st.sampled_from([fine, cells])), min_size=n, max_size=n)
    odd = st.one_of(rows, st.lists(fine, max_size=7), st.text(max_size=3), fine)
    good = draw(st.booleans())
    moments = st.integers(NOW_US - 10**9, NOW_US) if good else times
    when: list[object] = draw(st.lists(moments, min_size=n, max_size=n))
    return (
        draw(st.sampled_from(["t_us", "t", "time"])),
        when,
        draw(st.dictionaries(keys, rows if good else odd, max_size=3)),
    )


def by_quantity(found: Decoded) -> list[tuple[str, str]]:
    """Readings one by one come in the order of the keys: which is not what is compared."""
    return sorted((each.quantity, repr(each)) for each in found.observations)


def decoded(message: dict[str, object]) -> tuple[Decoded, bytes]:
    data = json.dumps(message, allow_nan=False).encode()
    return SOURCE.decode(RawMessage(family="env", sensor="s", data=data, t_received_us=NOW_US)), data


@given(columns())
def test_both_readers_say_the_same(made: tuple[str, list[object], dict[str, object]]) -> None:
    key, when, values = made
    values.pop(key, None)
    quick, _ = decoded({key: when, **values})
    general, other = decoded({**values, key: when})
    assert not values or decode_columns(other) is None or next(iter(values)) in ("t", "time")
    assert quick.rejected == general.rejected
    assert by_quantity(quick) == by_quantity(general)
    a, b = quick.columns, general.columns
    assert (a is None) == (b is None)
    if a is not None and b is not None:
        assert a.series == b.series
        for mine, theirs in (
            (a.series_ix, b.series_ix),
            (a.t_us, b.t_us),
            (a.value, b.value),
            (a.quality, b.quality),
        ):
            assert mine.dtype == theirs.dtype
            assert np.array_equal(mine, theirs)


def test_the_quick_reader_reads_what_devices_send() -> None:
    data = json.dumps({"t_us": [NOW_US - 1, NOW_US], "heat_c": [21, None], "id": "x"}).encode()
    found = decode_columns(data)
    assert found == {"t_us": [NOW_US - 1, NOW_US], "heat_c": [21.0, None], "id": "x"}
    assert all(math.isfinite(each) for each in found["t_us"] if isinstance(each, float))
