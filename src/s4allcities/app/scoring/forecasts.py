"""What each method said, when: forecasts at the looks, and how high each incident ever stood."""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.domain import BENIGN

from .cases import Case, Held, Look, cases_of, held_of
from .fused import FusedWorld, Version
from .tuning import Sample, TunedRule

__all__ = ("OURS", "Forecast", "Judged", "Peak", "judge", "samples_of")

F8 = NDArray[np.float64]

OURS = "fusion"
NOTHING_KNOWN = 0.02
"""Probability of danger where no incident holds anything of an event: the same for every method."""


class Forecast(Struct, frozen=True, kw_only=True, eq=False):
    """What a method said of a case at a look: ``p`` (K,); ``truth`` is the index of the true hypothesis."""

    world: str
    event: str
    truth: int
    after_s: float
    p: F8


class Peak(Struct, frozen=True, kw_only=True, eq=False):
    """How an incident's danger stood: steps (t_us, probability that it is not benign), and when it was confirmed.

    ``event`` is what it is truly about, "" for false alarms, ``hypothesis`` the true one; ``taken_for`` is the most
    probable danger when it stood highest.
    """

    world: str
    event: str
    hypothesis: str
    taken_for: str
    steps: tuple[tuple[int, float], ...]
    confirmed_us: int | None = None

    @property
    def top(self) -> float:
        """The highest it ever stood."""
        return max((p for _, p in self.steps), default=0.0)

    def reached_us(self, threshold: float) -> int | None:
        """When it first stood at the threshold or above, None if never."""
        return next((t_us for t_us, p in self.steps if p >= threshold), None)


class Judged(Struct, frozen=True, kw_only=True, eq=False):
    """One world with what one method said of it. ``acts``: (event, hypothesis, start_us) of what was dangerous.

    ``truth`` and ``found`` name for each detection what it belongs to, and the incident it was put into.
    """

    world: str
    law: str
    seed: int
    duration_s: float
    acts: tuple[tuple[str, str, int], ...]
    forecasts: tuple[Forecast, ...]
    peaks: tuple[Peak, ...]
    truth: tuple[str, ...]
    found: tuple[str, ...]


def judge(
    fused: FusedWorld, rules: Sequence[TunedRule], slugs: tuple[str, ...], kinds: dict[str, int]
) -> dict[str, Judged]:
    """Give by method what it said of a world. All methods take the same detections in the same incidents."""
    held, cases = held_of(fused, kinds), tuple(cases_of(fused))
    judged = {OURS: _judged(fused, _ours(fused, cases, slugs), _our_peaks(fused, held, slugs))}
    for rule in rules:
        judged[rule.name] = _judged(
            fused, _theirs(fused, cases, held, rule, slugs), _their_peaks(fused, held, rule, slugs)
        )
    return judged


def samples_of(fused: FusedWorld, slugs: tuple[str, ...], kinds: dict[str, int]) -> Iterator[Sample]:
    """Give what rules are tuned on: the looks at a training world's cases that some incident knows of."""
    held = held_of(fused, kinds)
    for case in cases_of(fused):
        for look in case.looks:
            if look.incident in held:
                yield Sample(
                    evidence=held[look.incident].evidence,
                    at_s=_at_s(fused, look.t_us),
                    truth=slugs.index(case.truth),
                )


def _at_s(fused: FusedWorld, t_us: int) -> float:
    return (t_us - fused.world.start_us) / 1e6


def _judged(fused: FusedWorld, forecasts: Iterator[Forecast], peaks: Iterator[Peak]) -> Judged:
    world = fused.world
    return Judged(
        world=world.name,
        law=world.law,
        seed=world.seed,
        duration_s=world.duration_s,
        acts=tuple(
            (event.id, event.hypothesis, world.start_us + round(event.from_s * 1e6))
            for event in world.events
            if event.dangerous
        ),
        forecasts=tuple(forecasts),
        peaks=tuple(peaks),
        truth=tuple(each.cause for each in world.detections),
        found=tuple(
            fused.owner.get(each.detection.id, f"alone {each.detection.id}") for each in world.detections
        ),
    )


def _forecast(fused: FusedWorld, case: Case, look: Look, slugs: tuple[str, ...], p: F8 | None) -> Forecast:
    if p is None:
        p = np.full(len(slugs), NOTHING_KNOWN / (len(slugs) - 1))
        p[slugs.index(BENIGN)] = 1 - NOTHING_KNOWN
    return Forecast(
        world=fused.world.name,
        event=case.event,
        truth=slugs.index(case.truth),
        after_s=(look.t_us - case.start_us) / 1e6,
        p=p,
    )


def _ours(fused: FusedWorld, cases: Sequence[Case], slugs: tuple[str, ...]) -> Iterator[Forecast]:
    for case in cases:
        for look in case.looks:
            version = _latest(fused.versions.get(look.incident, ()), look.t_us)
            yield _forecast(fused, case, look, slugs, version.p if version else None)


def _latest(versions: Sequence[Version], t_us: int) -> Version | None:
    known = [each for each in versions if each.t_us <= t_us]
    return known[-1] if known else None


def _theirs(
    fused: FusedWorld, cases: Sequence[Case], held: dict[str, Held], rule: TunedRule, slugs: tuple[str, ...]
) -> Iterator[Forecast]:
    for case in cases:
        for look in case.looks:
            p = None
            if look.incident in held:
                p = rule.forecast(held[look.incident].evidence, np.array([_at_s(fused, look.t_us)]))[0]
            yield _forecast(fused, case, look, slugs, p)


def _our_peaks(fused: FusedWorld, held: dict[str, Held], slugs: tuple[str, ...]) -> Iterator[Peak]:
    for each in held.values():
        versions = fused.versions.get(each.incident, ())
        yield Peak(
            world=fused.world.name,
            event=each.event,
            hypothesis=each.hypothesis,
            taken_for=_danger([version.p for version in versions], slugs),
            steps=tuple((version.t_us, version.danger) for version in versions),
            confirmed_us=next((v.t_us for v in versions if v.status == "confirmed"), None),
        )


def _their_peaks(
    fused: FusedWorld, held: dict[str, Held], rule: TunedRule, slugs: tuple[str, ...]
) -> Iterator[Peak]:
    """A rule's danger is highest when something has just arrived: between, it only fades."""
    for each in held.values():
        p = rule.forecast(each.evidence, each.evidence.t_s)
        moments = fused.world.start_us + np.round(each.evidence.t_s * 1e6).astype(np.int64)
        yield Peak(
            world=fused.world.name,
            event=each.event,
            hypothesis=each.hypothesis,
            taken_for=_danger(p, slugs),
            steps=tuple(zip(moments.tolist(), (1 - p[:, 0]).tolist(), strict=True)),
        )


def _danger(p: Sequence[F8] | F8, slugs: tuple[str, ...]) -> str:
    """The most probable danger in the row (K,) that is least benign."""
    if not len(p):
        return BENIGN
    rows = np.asarray(p)
    return slugs[1 + int(rows[rows[:, 0].argmin(), 1:].argmax())]
