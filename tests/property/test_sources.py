"""Every source that comes with the platform takes whatever bytes a device sends."""

import pytest

from s4allcities.checks import check_source
from s4allcities.domain import Source
from s4allcities.edge.sources import built_in_sources

SAMPLES = [
    b'{"t": "2026-05-01T20:00:00Z", "co_ppm": 4}',
    b'{"t": "2026-05-01T20:00:00Z", "out_per_min": 38, "in_per_min": 12}',
    b'{"t": "2026-05-01T20:00:00Z", "frame_hash": "9f3a77c2e1b00d4e", "people": 12}',
    b'{"t": "2026-05-01T20:00:00Z", "status": "ok", "showing": "Exit A"}',
    b'{"timestamp": "2026-05-01T20:00:00.000001+0000", "event_type": "flow", "src_ip": "10.0.0.1"}',
]


@pytest.mark.parametrize("source", list(built_in_sources()), ids=lambda source: source.name)
def test_a_source_never_raises(source: Source) -> None:
    check_source(source, SAMPLES)
