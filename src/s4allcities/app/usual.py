"""A sensor's history with what was usual at each moment, and marks where something unusual began, for the page."""

from collections.abc import Sequence

import numpy as np

from s4allcities.detection.unusual import judge_series, reason_text

__all__ = ("usual_of",)

SHOWN_FROM = 51
"""Before so many readings the detector says nothing, and has no band worth showing."""


def usual_of(
    points: Sequence[tuple[int, float]],
) -> list[tuple[int, float, float | None, float | None, str]]:
    """Give (t_us, value, low, high, why) of each reading in order.

    ``low`` and ``high`` are the ends of the 95 % band before it, None while there is none; ``why`` says in words why it
    was unusual where something unusual began, else it is ``""``.

    >>> rows = usual_of([(i * 1_000_000, float(i % 3)) for i in range(60)])
    >>> rows[0], rows[59][2] <= 1.0 <= rows[59][3]
    ((0, 0.0, None, None, ''), True)
    """
    if not points:
        return []
    t_us = np.array([each[0] for each in points], np.int64)
    value = np.array([each[1] for each in points], np.float64)
    judged = judge_series(t_us, value)
    low, high = judged.usual - judged.spread, judged.usual + judged.spread
    known = np.isfinite(low) & (np.arange(t_us.size) >= SHOWN_FROM)
    return [
        (
            int(t_us[i]),
            float(value[i]),
            float(low[i]) if known[i] else None,
            float(high[i]) if known[i] else None,
            reason_text(judged.reasons[i]) if judged.alert[i] else "",
        )
        for i in range(t_us.size)
    ]
