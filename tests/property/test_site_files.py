"""Hostile site files: whatever they hold, the validator answers with messages and never fails."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from s4allcities.site import validate_site
from s4allcities.site.features import COLLECTIONS

words = st.text("aÄ0-\x00", max_size=4)
scalars = st.sampled_from([None, True, 0, -1, 1e308, 7.5]) | words
anything = scalars | st.lists(scalars, max_size=3) | st.dictionaries(words, scalars, max_size=2)
positions = st.lists(st.floats(-400, 400) | scalars, max_size=3)
rings = st.lists(positions, max_size=5)
coordinates = positions | rings | st.lists(rings, max_size=2) | anything

GOOD: dict[str, object] = {
    "s4a:slug": "a",
    "category": "room",
    "level_id": "a",
    "ordinal": 0,
    "s4a:width_m": 2.0,
    "s4a:connects": ["a", "b"],
    "s4a:walkable": True,
    "s4a:capacity": 10,
}


@st.composite
def features(draw: st.DrawFn, kind: str) -> object:
    """A feature that is nearly right: two properties and the coordinates hold anything."""
    spoilt = {draw(st.sampled_from(sorted(GOOD))): draw(anything) for _ in range(2)}
    shape = draw(st.sampled_from([*COLLECTIONS[kind].shapes, "Blob"]))
    geometry = {"type": shape, "coordinates": draw(coordinates)}
    return {
        "type": "Feature",
        "id": "x",
        "feature_type": kind,
        "geometry": geometry,
        "properties": GOOD | spoilt,
    }


rows = st.sampled_from(sorted(COLLECTIONS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(features(kind) | anything, max_size=3))
)


@settings(max_examples=60)
@given(rows)
def test_no_file_makes_the_validator_fail(drawn: tuple[str, list[object]]) -> None:
    name, features_drawn = drawn
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / COLLECTIONS[name].file
        text = json.dumps({"type": "FeatureCollection", "features": features_drawn})
        file.write_text(text, encoding="utf-8")
        assert all(str(problem) for problem in validate_site(folder))
