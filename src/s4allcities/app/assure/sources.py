"""Where the readings for a trial come from: an installation's history, or a simulated month written as one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from s4allcities.app.history import open_reader
from s4allcities.domain import Clock, ObservationBatch, Series
from s4allcities.scenario.usual_days import UsualSeries, usual_days
from s4allcities.site import Site
from s4allcities.store.errors import HistoryError
from s4allcities.store.history import ParquetHistory
from s4allcities.store.layout import DataDir
from s4allcities.store.reader import day_range_us

from .recording import Named, Recorded
from .trial import DAY_US

__all__ = ("HistorySource", "Planted", "month_begin_us", "plant", "write_month")

MASKED, SLOW, NOISY = "masked", "slow", "noisy"
SLOW_S = 2 * 3600.0
NOISE_TIMES = 12.0
PEERS_LEAST = 5


class HistorySource:
    """The last ``days`` days of an installation's history, read day by day; series without numbers are left out.

    Use it as a context. :raises HistoryError: there is no history, or it cannot be read.
    """

    def __init__(self, data_dir: Path, days: int, families: Sequence[str] = ()) -> None:
        self._reader = open_reader(data_dir)
        with_rows = self._reader.days()
        if not with_rows:
            raise HistoryError(f"{data_dir}: the history is empty")
        begin, end = day_range_us(with_rows[0])[0], day_range_us(with_rows[-1])[1]
        self.span_us = max(begin, end - days * DAY_US), end
        rows = [row for row in self._reader.series() if not families or set(families) & set(row.families)]
        self.named = tuple(
            Named(
                Series(sensor=row.sensor, quantity=row.quantity, unit=row.unit, zone=row.zone),
                row.families[0],
            )
            for row in rows
        )
        self._number = {(row.sensor, row.quantity): i for i, row in enumerate(rows)}
        self._end()

    def __enter__(self) -> "HistorySource":
        self._reader.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._reader.__exit__(None, None, None)

    def _end(self) -> None:
        """Let the time end with the last reading, and begin with the first."""
        begin, end = self.span_us
        last, first = self.rows(end - DAY_US, end), self.rows(begin, begin + DAY_US)
        if len(last.t_us):
            end = int(last.t_us[-1]) + 1
        if len(first.t_us):
            begin = int(first.t_us[0])
        self.span_us = begin, end

    def rows(self, t_from_us: int, t_to_us: int) -> Recorded:
        """Give all readings of a time that are numbers."""
        found = self._reader.rows(t_from_us, t_to_us)
        series, c = np.unique(found.columns["series"], return_inverse=True), found.columns
        numbers = [
            self._number.get((found.names[int(n)].sensor, found.names[int(n)].quantity), -1)
            for n in series[0].tolist()
        ]
        ix = np.array(numbers, np.int64)[series[1]] if numbers else np.empty(0, np.int64)
        keep = (ix >= 0) & np.isfinite(c["value"])
        return Recorded(
            named=self.named, ix=ix[keep], t_us=c["t_us"][keep].astype(np.int64), value=c["value"][keep],
            quality=c["quality"][keep],
        )  # fmt: skip


class Planted(Struct, frozen=True, kw_only=True):
    """Three blind spots for a simulated month: a sensor that reads too seldom, a noisy one, one masked by settings."""

    slow: str
    noisy: str
    masked: str
    detectors: dict[str, dict[str, object]]

    @property
    def sensors(self) -> tuple[str, ...]:
        """The three."""
        return self.slow, self.noisy, self.masked


def plant(site: Site, seed: int) -> Planted:
    """Draw the three sensors, of quantities that many sensors measure, and write the settings that mask one.

    :raises ValueError: the site has too few sensors of one kind.
    """
    random = np.random.default_rng([seed, 1])
    by_family: dict[str, list[str]] = {}
    for spec in site.sensors:
        if spec.family in ("smoke", "co", "heat"):
            by_family.setdefault(spec.family, []).append(spec.slug)
    usable = {family: slugs for family, slugs in by_family.items() if len(slugs) >= PEERS_LEAST}
    # Settings mask a zone: one that holds a single sensor of the quantity.
    alone = {family: found for family, slugs in usable.items() if (found := _alone(site, slugs))}
    if not alone:
        raise ValueError(
            f"{site.slug}: {PEERS_LEAST} smoke, CO or heat sensors are needed to plant blind spots"
        )
    first = sorted(alone)[int(random.integers(len(alone)))]
    masked = alone[first][int(random.integers(len(alone[first])))]
    others = [family for family in sorted(usable) if family != first] or [first]
    picked = [masked]
    for family in (others[0], others[-1]):
        free = [slug for slug in usable[family] if slug not in picked]
        picked.append(free[int(random.integers(len(free)))])
    _, slow, noisy = picked
    spec = next(each for each in site.sensors if each.slug == masked)
    expected = {
        "what": "works in the building",
        "t_from_us": 0,
        "t_until_us": 1 << 60,
        "zones": [spec.zone],
        "quantities": [each.name for each in spec.quantities],
    }
    # Who is left out of a group is hidden from both detectors; by one alone the other would still see the sensor.
    left_out = [f"{masked}/{each.name}" for each in spec.quantities]
    detectors: dict[str, dict[str, object]] = {
        "unusual": {"expected": [expected]},
        "groups": {"left_out": left_out},
    }
    return Planted(slow=slow, noisy=noisy, masked=masked, detectors=detectors)


def _alone(site: Site, slugs: Sequence[str]) -> list[str]:
    zone = {spec.slug: spec.zone for spec in site.sensors}
    return [slug for slug in slugs if sum(zone[each] == zone[slug] for each in slugs) == 1]


async def write_month(
    site: Site,
    data_dir: Path,
    *,
    clock: Clock,
    t_from_us: int,
    days: int,
    every_s: float,
    seed: int,
    planted: Planted | None,
) -> int:
    """Write simulated ordinary days into a new history; give the rows.

    :raises HistoryError: there is a history already: simulated readings are never mixed with recorded ones.
    """
    folder = DataDir(data_dir).history
    if folder.exists() and any(folder.iterdir()):
        raise HistoryError(f"{data_dir}: holds a history already; simulated readings are never mixed with it")
    slow = {planted.slow: SLOW_S} if planted else None
    noise = {planted.noisy: NOISE_TIMES} if planted else None
    made = usual_days(
        site, t_from_us=t_from_us, days=days, every_s=every_s, seed=seed, slow_s=slow, noise=noise
    )
    history = await ParquetHistory.open(folder, clock=clock)
    try:
        for family in sorted({each.family for each in made}):
            history.append(_batch(family, [each for each in made if each.family == family]))
    finally:
        await history.close()
    return sum(len(each.t_us) for each in made)


def _batch(family: str, made: Sequence[UsualSeries]) -> ObservationBatch:
    t_us = np.concatenate([each.t_us for each in made])
    order = np.argsort(t_us, kind="stable")
    ix = np.repeat(np.arange(len(made), dtype=np.uint32), [len(each.t_us) for each in made])
    return ObservationBatch(
        family=family, partition=0, series=tuple(each.series for each in made), series_ix=ix[order],
        t_us=t_us[order], value=np.concatenate([each.value for each in made])[order],
        quality=np.zeros(len(t_us), np.uint8),
    )  # fmt: skip


def month_begin_us(clock: Clock, days: int) -> int:
    """Give the midnight ``days`` days before today's."""
    today = clock.now_us() // DAY_US
    return (today - days) * DAY_US
