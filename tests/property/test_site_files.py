"""Hostile site files: whatever they hold, the validator answers with messages and never fails."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from s4allcities.site import validate_site
from s4allcities.site.features import COLLECTIONS

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner)
)
positions = st.lists(st.floats(-400, 400) | scalars, min_size=0, max_size=3)
coordinates = st.recursive(positions, lambda inner: st.lists(inner, max_size=5), max_leaves=12)


@st.composite
def features(draw: st.DrawFn) -> object:
    """A feature that is nearly right: types and keys as they should be, what they hold at random."""
    kind = draw(st.sampled_from(sorted(COLLECTIONS)))
    properties = {
        "s4a:slug": draw(st.sampled_from(["a", "b", "Ä", ""]) | anything),
        "category": draw(st.just("room") | anything),
        "level_id": draw(st.just("a") | anything),
        "ordinal": draw(st.just(0) | anything),
        "s4a:width_m": draw(st.just(2.0) | anything),
        "s4a:connects": draw(st.just(["a", "b"]) | anything),
        "s4a:walkable": draw(st.just(True) | anything),
        "s4a:capacity": draw(st.just(10) | anything),
    }
    shape = draw(st.sampled_from([*COLLECTIONS[kind].shapes, "Point", "Blob"]))
    geometry = draw(st.just({"type": shape, "coordinates": draw(coordinates | anything)}) | anything)
    return {
        "type": "Feature",
        "id": "x",
        "feature_type": kind,
        "geometry": geometry,
        "properties": properties,
    }


@settings(max_examples=60)
@given(st.lists(features() | anything, max_size=5), st.sampled_from(sorted(COLLECTIONS)))
def test_no_file_makes_the_validator_fail(rows: list[object], name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / COLLECTIONS[name].file
        file.write_text(json.dumps({"type": "FeatureCollection", "features": rows}), encoding="utf-8")
        assert all(str(problem) for problem in validate_site(folder))
