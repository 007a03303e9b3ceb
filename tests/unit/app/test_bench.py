"""The parts of the benchmarks that can be wrong without a platform."""

import numpy as np

from s4allcities.app.bench import ingest
from s4allcities.app.bench.ingest import Trial, batches
from s4allcities.app.bench.spine import latency_results
from s4allcities.bus import decode_batch, encode_batch
from s4allcities.domain import SystemClock


def test_latencies_come_from_the_demonstrations_document() -> None:
    found = {"sensor_to_detection_p50": 31.26, "sensor_to_detection_p99": 80.0, "sensor_to_alert_p50": None}
    p50, p99, alert, missing = latency_results({"latency_ms": found, "alerts": [{}, {}]})
    assert (p50.name, p50.value, p50.unit) == ("alert.sensor_to_detection_p50", 31.3, "ms")
    assert p99.value == 80.0
    assert alert.value is None
    assert missing.value is None
    assert alert.reason
    assert "2 alerts" in alert.how


def test_batches_are_in_order_and_their_last_reading_is_not_ahead_of_now() -> None:
    made = batches(3)
    times = np.concatenate([batch.t_us for batch in made])
    assert all(len(batch) == 500 for batch in made)
    assert np.all(np.diff(times) >= 0)
    assert times[-1] <= SystemClock().now_us()
    assert np.array_equal(decode_batch(encode_batch(made[0])).value, made[0].value)


def test_messages_give_the_median_rate_and_the_worst_loss() -> None:
    trials = [
        Trial(rate_per_s=500.0, decided_per_s=rate, behind_s=0.1, lost=lost, kept_up=True)
        for rate, lost in ((490.0, 0), (499.6, 2), (498.0, 0))
    ]
    rate, lost = ingest._single_results(trials)
    assert (rate.value, rate.runs) == (498, 3)
    assert (lost.value, lost.goal, lost.holds) == (2, "<= 0", False)


def test_a_platform_that_never_keeps_up_gives_null_with_a_reason() -> None:
    for result in ingest._single_results([]):
        assert result.value is None
        assert "did not keep up" in result.reason
