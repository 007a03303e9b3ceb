import pytest

from s4allcities.bus import StreamLimits
from s4allcities.bus.inputs import input_filters
from s4allcities.bus.streams import EVENT_KINDS, stream_configs
from s4allcities.domain.events import _KINDS


@pytest.mark.parametrize(
    ("inputs", "partition", "filters"),
    [
        (("obs.>",), 0, ["obs.*.0"]),
        (("obs.>",), 3, ["obs.*.3", "obs.clock.0"]),
        (("obs.env.>", "obs.people.>"), 0, ["obs.env.0", "obs.people.0", "obs.clock.0"]),
        (("obs.>", "obs.facts.999"), 0, ["obs.*.0", "obs.facts.999"]),
        (("obs.env.0",), 0, ["obs.env.0", "obs.clock.0"]),
        (("det.>", "health.>"), 0, ["det.>", "health.>"]),
        (("det.>", "det.>", "det.cyber"), 0, ["det.>", "health.clock"]),
    ],
)
def test_the_clock_is_among_the_inputs_and_no_filter_covers_another(
    inputs: tuple[str, ...], partition: int, filters: list[str]
) -> None:
    assert input_filters(inputs, partition)[1] == filters


@pytest.mark.parametrize("inputs", [(), ("obs.>", "det.>")])
def test_a_stage_reads_one_stream(inputs: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="allowed are subjects of one stream"):
        input_filters(inputs, 0)


def test_events_takes_in_every_kind_of_event() -> None:
    assert set(_KINDS.values()) <= set(EVENT_KINDS)


def test_the_edge_can_always_look_up_in_obs_what_raw_still_holds() -> None:
    with pytest.raises(ValueError, match="raw_age_s < obs_age_s"):
        StreamLimits(raw_age_s=100.0, obs_age_s=100.0)
    with pytest.raises(ValueError, match="duplicate_window_s"):
        StreamLimits(duplicate_window_s=0.0)
    assert [config.name for config in stream_configs(StreamLimits())] == [
        *("RAW" if not number else f"RAW-{number}" for number in range(8)),
        "OBS",
        "EVENTS",
    ]
