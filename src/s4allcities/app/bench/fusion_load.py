"""A stream for the fusion benchmark: ten thousand things going on in a city of 8 by 8 km, as messages of 64."""

import numpy as np
from msgspec import Struct, msgpack

from s4allcities.domain import Detection, Place, derived_ulid
from s4allcities.fusion import FusionStage, load_hypotheses

__all__ = ("BATCH", "T0_US", "Stream", "city_stage", "stream_of")

BATCH = 64
T0_US = 1_795_000_000_000_000
AREA_M = 8000.0
KINDS = (
    ("left-object", "point"), ("spectrum-match", "point"), ("left-object", "point"), ("spectrum-match", "point"),
    ("badge-anomaly", "zone"), ("door-forced", "zone"), ("structure-vibration", "zone"), ("login-anomaly", "entity"),
)  # fmt: skip
"""What is seen, and what places it. None of their hypotheses spreads, so that the number of incidents stays."""
THINGS_A_ZONE = 5


class Stream(Struct, frozen=True, eq=False):
    """Detections in order of time, packed in messages of `BATCH`, with the time of the last of each."""

    messages: list[bytes]
    until_us: list[int]

    @property
    def count(self) -> int:
        """How many detections there are."""
        return len(self.messages) * BATCH


def city_stage(things: int) -> FusionStage:
    """A stage with room for so many incidents."""
    import msgspec

    data = load_hypotheses()
    data.limits = msgspec.structs.replace(
        data.limits, incidents=min(16_000, 3 * things), all_rows=190_000, events=65_536
    )
    return FusionStage(hypotheses=data)


def stream_of(count: int, *, things: int, per_s: float, seed: int, start_us: int = T0_US) -> Stream:
    """Make a stream of so many detections about so many things, each seen by a few sensors."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(things)))
    which = rng.permutation(np.arange(count) % things)
    kind = rng.integers(0, len(KINDS), count)
    near = rng.normal(0.0, 6.0, (count, 2))
    confidence = rng.uniform(0.3, 0.9, count).round(3)
    sensor = rng.integers(0, 2, count)
    detections = [
        _detection(
            number, start_us + round(number * 1e6 / per_s), int(which[number]), KINDS[int(kind[number])], side,
            near[number], float(confidence[number]), int(sensor[number]),
        )
        for number in range(count // BATCH * BATCH)
    ]  # fmt: skip
    groups = [detections[at : at + BATCH] for at in range(0, len(detections), BATCH)]
    return Stream([msgpack.encode(group) for group in groups], [group[-1].t_us for group in groups])


def _detection(
    number: int,
    t_us: int,
    thing: int,
    kind: tuple[str, str],
    side: int,
    near: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    confidence: float,
    sensor: int,
) -> Detection:
    slug, placed_by = kind
    row, column = divmod(thing, side)
    if placed_by == "point":
        step = AREA_M / side
        place = Place(
            x_m=round(column * step + float(near[0]), 1),
            y_m=round(row * step + float(near[1]), 1),
            sigma_m=8.0,
        )
    elif placed_by == "zone":
        place = Place(zone=f"zone-{thing // THINGS_A_ZONE}")
    else:
        place = Place(entities=(f"host-{thing}",))
    name = f"{slug}-{thing}-{sensor}"
    return Detection(
        id=derived_ulid(t_us, "bench", str(number)), t_us=t_us, kind=slug, detector="bench", sensor=name,
        group=name, place=place, confidence=confidence,
    )  # fmt: skip
