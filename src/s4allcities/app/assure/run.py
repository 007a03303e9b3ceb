"""Trying an installation's detectors on its own history: the whole run, from rows to report."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.app.stages import detector_settings, numeric_stages
from s4allcities.detection.groups import GroupsConfig
from s4allcities.detection.unusual import UnusualConfig
from s4allcities.domain import US_PER_S, Stage, to_rfc3339
from s4allcities.site import Site

from .attacks import KINDS, Kind, noises
from .causes import Profile, causes_of, profile_of
from .recording import SLICE_US, Recorded, Source
from .report import (
    Assurance,
    Tried,
    blind_spots,
    false_alarms_month,
    kind_shares,
    limits_of,
    missed_by,
    sensor_shares,
)
from .trial import DAY_US, GRACE_US, Attack, Baseline, Outcome, baseline, neighbours, try_attack

__all__ = ("AssureError", "Plan", "assure")

HOUR_US = 3600 * US_PER_S
LEAST_DAYS = 4
NEEDED_AFTER_US = DAY_US + 2 * GRACE_US
MARKS = 6
PROFILE_ROWS = 2_000_000
KEPT_ROWS = 6_000_000
"""So many rows around moments are kept in memory; a history with more is read again for each sensor and moment."""

Say = Callable[[str, float], None]
"""Told what is being done, and how far it is, 0..1."""


class AssureError(ValueError):
    """The history cannot be used for a trial; the message says why and what is needed."""


class Plan(Struct, frozen=True, kw_only=True):
    """How much is tried: each attack ``repeats`` times at different hours, until ``budget_s`` seconds are spent.

    ``seed`` draws the hours and the order of the sensors; ``quantities`` empty means all.
    """

    repeats: int = 2
    seed: int = 0
    budget_s: float = 3600.0
    quantities: frozenset[str] = frozenset()


def assure(
    site: Site,
    source: Source,
    plan: Plan,
    *,
    detectors: Mapping[str, Mapping[str, Any]],
    now_us: int,
    simulated: bool = False,
    planted: Sequence[str] = (),
    say: Say = lambda what, share: None,
    seconds: Callable[[], float] = time.monotonic,
) -> Assurance:
    """Attack every sensor in its own recorded readings and report what the detectors, as configured, would have missed.

    In plain words: the first half of the history teaches. From moments in the second half on, one sensor at a time gets
    altered readings, in six ways and three sizes, and the detectors run on from the state that they were in.

    Limits: only series of numbers are attacked, one sensor at a time, upwards; the smaller sizes are tried where the
    larger ones were found; what the history itself holds is taken as ordinary.

    :raises AssureError: the history is shorter than four days or holds no series of numbers.
    """
    begin_s, cpu_s = seconds(), time.process_time()
    trial = _Trial(site, source, plan, detectors)
    for done in baseline(source, trial.stages, trial.marks, trial.judged_us):
        if isinstance(done, Baseline):
            base = done
        else:
            say("history as it is", done)
    tried: list[Tried] = []
    sensors = trial.order()
    reached = 0
    # Sensor by sensor, so that a report that ran out of time holds whole sensors.
    for sensor in sensors:
        if tried and seconds() - begin_s > plan.budget_s:
            break
        tried += trial.attack(base, sensor)
        reached += 1
        say(f"attacks on {sensor}", reached / len(sensors))
    return trial.report(base, tried, reached, now_us, simulated, planted, time.process_time() - cpu_s)


class _Trial:
    """What stays the same throughout one run."""

    def __init__(
        self, site: Site, source: Source, plan: Plan, detectors: Mapping[str, Mapping[str, Any]]
    ) -> None:
        begin, end = source.span_us
        if end - begin < LEAST_DAYS * DAY_US - HOUR_US:
            days = (end - begin) / DAY_US
            raise AssureError(f"the history holds {days:.1f} days; {LEAST_DAYS} or more are needed")
        self.site, self.source, self.plan, self.detectors = site, source, plan, detectors
        self.judged_us = begin + (end - begin) // 2
        self.random = np.random.default_rng(plan.seed)
        latest = end - NEEDED_AFTER_US
        self.marks = _marks(self.random, self.judged_us, max(latest, self.judged_us + 1))
        self.profiles, self.noise, per_slice = self._look(begin)
        changes = {name: dict(values) for name, values in detectors.items()}
        changes.setdefault("unusual", {})["tests_least"] = per_slice
        self.stages: tuple[Stage[Any], ...] = numeric_stages(site, changes)
        self.windows: dict[int, Recorded] = {}
        self.near: dict[int, NDArray[np.int64]] = {}

    def _look(self, begin_us: int) -> tuple[list[Profile], list[float], int]:
        """Look at the days that teach, the newest first, as far as memory should go."""
        t_us: list[list[NDArray[np.int64]]] = [[] for _ in self.source.named]
        value: list[list[NDArray[np.float64]]] = [[] for _ in self.source.named]
        total, end = 0, self.judged_us
        while end > begin_us and total < PROFILE_ROWS:
            rows = self.source.rows(max(begin_us, end - DAY_US), end)
            order = np.argsort(rows.ix, kind="stable")
            parts = np.searchsorted(rows.ix[order], np.arange(len(self.source.named) + 1))
            for i, (first, last) in enumerate(pairwise(parts)):
                t_us[i].insert(0, rows.t_us[order[first:last]])
                value[i].insert(0, rows.value[order[first:last]])
            total, end = total + len(rows.ix), end - DAY_US
        if not total:
            raise AssureError(
                "the history holds no series of numbers in its first half; nothing can be tried"
            )
        share = (self.judged_us - begin_us) / (self.judged_us - max(begin_us, end))
        whole = [np.concatenate(each) for each in value]
        profiles = [profile_of(np.concatenate(t), v, share) for t, v in zip(t_us, whole, strict=True)]
        looked_us = self.judged_us - max(begin_us, end)
        quantities = [each.series.quantity for each in self.source.named]
        return profiles, noises(quantities, whole), round(total * SLICE_US / max(1, looked_us))

    def order(self) -> list[str]:
        """Give the sensors to attack, in drawn order."""
        wanted = sorted({self.source.named[i].series.sensor for i in self._targets()})
        return [wanted[i] for i in self.random.permutation(len(wanted)).tolist()]

    def _targets(self) -> list[int]:
        return [
            i
            for i, each in enumerate(self.source.named)
            if self.noise[i] > 0
            and self.profiles[i].readings > 1
            and (not self.plan.quantities or each.series.quantity in self.plan.quantities)
        ]

    def attack(self, base: Baseline, sensor: str) -> list[Tried]:
        """Try everything on one sensor. At which of the moments is drawn, the same number of each."""
        out: list[Tried] = []
        for target in self._targets():
            if self.source.named[target].series.sensor == sensor:
                drawn = [self.random.permutation(len(self.marks))[: self.plan.repeats] for _ in KINDS]
                for mark in range(len(self.marks)):
                    for kind, marks in zip(KINDS, drawn, strict=True):
                        if mark in marks:
                            out += self._sizes(base, target, kind, mark)
        return out

    def _sizes(self, base: Baseline, target: int, kind: Kind, mark: int) -> list[Tried]:
        named, out = self.source.named[target].series, []
        found = True
        for rank, size in reversed(list(enumerate(kind.sizes()))):
            outcome: Outcome | None = Outcome(found=False)
            if found:
                attack = Attack(target=target, kind=kind, size=size, noise=self.noise[target], mark=mark)
                outcome = try_attack(self._rows(base, mark), self.stages, base, attack, self._near(target))
            if outcome is None:
                return []
            found = outcome.found
            out.append(
                Tried(
                    sensor=named.sensor, quantity=named.quantity, zone=named.zone, kind=kind.name, rank=rank,
                    size=kind.shown(size), outcome=outcome,
                )
            )  # fmt: skip
        return out

    def _near(self, target: int) -> NDArray[np.int64]:
        if target not in self.near:
            groups: GroupsConfig = detector_settings(self.detectors)["groups"]
            self.near[target] = neighbours(self.source.named, target, groups.groups.values())
        return self.near[target]

    def _rows(self, base: Baseline, mark: int) -> Recorded:
        if mark not in self.windows:
            t_us = base.marks[mark]
            if sum(len(each.t_us) for each in self.windows.values()) > KEPT_ROWS:
                self.windows.clear()
            self.windows[mark] = self.source.rows(t_us - DAY_US - HOUR_US, t_us + NEEDED_AFTER_US)
        return self.windows[mark]

    def report(
        self,
        base: Baseline,
        tried: Sequence[Tried],
        reached: int,
        now_us: int,
        simulated: bool,
        planted: Sequence[str],
        cpu_s: float,
    ) -> Assurance:
        """Put the report together."""
        begin, end = self.source.span_us
        watched = sorted({self.source.named[i].series.sensor for i in self._targets()})
        each_month: dict[str, float]
        overall, each_month = false_alarms_month(base.alarms, watched, (end - base.t_judged_us) / US_PER_S)
        kinds = kind_shares(tried)
        names = {spec.slug: spec.name for spec in self.site.sensors}
        return Assurance(
            site=self.site.slug,
            made=to_rfc3339(now_us),
            t_from=to_rfc3339(begin),
            t_judged=to_rfc3339(base.t_judged_us),
            t_until=to_rfc3339(end),
            simulated=simulated,
            settings=msgspec.to_builtins({k: dict(v) for k, v in self.detectors.items()}),
            sensors=len(watched),
            sensors_tried=reached,
            attacks=len(tried),
            found=sum(each.outcome.found for each in tried),
            false_alarms_month=overall,
            blind_spots=blind_spots(tried, names, self._causes(tried)),
            limits=limits_of(kinds, {kind.name: kind.shown(kind.sizes()[-1]) for kind in KINDS}),
            kinds=kinds,
            by_sensor=sensor_shares(tried, each_month),
            missed=missed_by(tried),
            cpu_s=round(cpu_s, 1),
            planted=tuple(planted),
        )

    def _causes(self, tried: Sequence[Tried]) -> dict[str, tuple[str, ...]]:
        settings = detector_settings(self.detectors)
        unusual: UnusualConfig = settings["unusual"]
        groups: GroupsConfig = settings["groups"]
        specs = {spec.slug: spec for spec in self.site.sensors}
        out: dict[str, tuple[str, ...]] = {}
        heard = {each.sensor for each in tried}
        for i in self._targets():
            sensor = self.source.named[i].series.sensor
            if sensor in heard:
                named, span = self.source.named, self.source.span_us
                why = causes_of(i, named, self.profiles, self.noise, specs.get(sensor), unusual, groups, span)
                out[sensor] = tuple(dict.fromkeys((*out.get(sensor, ()), *why)))
        return out


def _marks(random: np.random.Generator, first_us: int, last_us: int) -> tuple[int, ...]:
    """Draw moments spread over the time and over the hours of the day."""
    edges = np.linspace(first_us, last_us, MARKS + 1)
    return tuple(sorted({int(random.uniform(a, b)) for a, b in pairwise(edges)}))
