"""A generated world: name, law and seed give the truth, and the detections with what caused each."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from s4allcities.domain import Detection, Place, derived_ulid
from s4allcities.site import Site

from ..errors import ScenarioError
from .data import Catalogue, Detector, Law, load_catalogue
from .devices import devices_of
from .disturbances import Silence, second_looks, shared_causes, silences, spoofed
from .events import BENIGN, Event, Spot, make_event, random_point
from .seeds import check_seed
from .statements import Places, Statement, false_alarms, perceived, rng_of

__all__ = (
    "GENERATED_US",
    "Act",
    "DetectedAs",
    "GeneratedWorld",
    "Generator",
    "described",
    "hypothesis_of",
    "world_names",
)

GENERATED_US = 1_767_268_800_000_000
"""When generated worlds begin: noon on 1 January 2026, UTC."""

ORDINARY_DAY = "ordinary-day"
TWIN = "-twin"
WORLD_S = 1500.0
DAY_S = 86_400.0
ACT_AT_S = (240.0, 420.0)
OTHER_EVENT = 0.35
"""Chance that something harmless and unrelated happens in the same world."""
NUISANCES_PER_DAY = 1.0
"""Benign causes of each story on an ordinary day; by judgement."""
SPOTS = 12
LOST_M = 60.0
"""From so large an error on, what people report is taken for the zone that it fell into."""


class Act(Struct, frozen=True, kw_only=True):
    """One event of a composed world: a story in a zone from a second on, or its benign twin; vigour 0 is drawn."""

    story: str
    zone: str
    at_s: float
    twin: bool = False
    vigour: float = 0.0


class DetectedAs(Struct, frozen=True, kw_only=True):
    """A detection with its truth: ``event`` is the id of the event that caused it, or empty; detections with the same
    ``cause`` belong together. ``arrives_us`` is when it reaches the platform; ``x_m`` and ``y_m`` where it truly was.
    """

    detection: Detection
    cause: str
    event: str
    arrives_us: int
    x_m: float
    y_m: float


class GeneratedWorld(Struct, frozen=True, kw_only=True):
    """Truth and detections; ``detections`` are in the order in which they arrive."""

    name: str
    law: str
    seed: int
    hypothesis: str
    duration_s: float
    start_us: int
    events: tuple[Event, ...]
    detections: tuple[DetectedAs, ...]


def world_names(catalogue: Catalogue) -> tuple[str, ...]:
    """Give the names of the worlds: an ordinary day, and for each hypothesis an act and its benign twin."""
    return (ORDINARY_DAY, *(name for story in catalogue.stories for name in (story, story + TWIN)))


def hypothesis_of(name: str) -> str:
    """What truly happens in a world of that name.

    >>> hypothesis_of("fire"), hypothesis_of("fire-twin"), hypothesis_of("ordinary-day")
    ('fire', 'benign', 'benign')
    """
    return BENIGN if name == ORDINARY_DAY or name.endswith(TWIN) else name


def described(name: str, catalogue: Catalogue) -> dict[str, str | bool | float]:
    """What a list of worlds says of one: title, summary, benign, duration_s."""
    if name == ORDINARY_DAY:
        title, summary = (
            "An ordinary day",
            "A day with its false alarms and harmless causes, and nothing dangerous",
        )
    elif name.endswith(TWIN):
        story = name.removesuffix(TWIN)
        title, summary = f"What looks like {story}", f"Harmless: {catalogue.stories[story].cause}"
    else:
        title, summary = f"Generated: {name}", f"An act of {name}, with detections and their truth"
    seconds = DAY_S if name == ORDINARY_DAY else WORLD_S
    return {
        "title": title,
        "summary": summary,
        "benign": hypothesis_of(name) == BENIGN,
        "duration_s": seconds,
    }


class Generator:
    """Makes the worlds of a site. The same site, name, law and seed give the same world.

    It knows nothing of fusion: kinds are names, rates come from ``detectors.toml``. None of it is validated against
    an installation; figures taken from it say that they are simulated.
    """

    def __init__(self, site: Site, catalogue: Catalogue | None = None) -> None:
        self.site = site
        self.catalogue = catalogue or load_catalogue()
        self.devices = devices_of(site)
        self._check_zones()
        self._by_family = {
            family: tuple(each for each in self.devices if family in each.families)
            for family in {each.on for each in self.catalogue.detectors.values()}
        }
        self._cameras = {each.zone: each for each in reversed(self._by_family["camera"]) if each.zone}
        spots = rng_of(0, "spots", site.slug)
        self._places = Places(
            {zone.slug: [random_point(zone, spots) for _ in range(SPOTS)] for zone in site.zones},
            [(each.controller, each.slug) for each in site.exits if each.controller],
        )

    def _check_zones(self) -> None:
        known = {zone.slug for zone in self.site.zones}
        for name, story in self.catalogue.stories.items():
            missing = [zone for zone in story.zones if zone not in known]
            if missing:
                raise ScenarioError(
                    f"site {self.site.slug!r} has no zone {missing[0]!r}, in which {name!r} happens; generated worlds "
                    "are for sites that have it"
                )

    def make(self, name: str, seed: int, law: str = "standard", *, purpose: str = "") -> GeneratedWorld:
        """Make a world.

        :raises SealedSeed: it is a test seed and no ``purpose`` is given.
        :raises ScenarioError: no such world or law, or the seed is out of range.
        """
        if name not in world_names(self.catalogue):
            raise ScenarioError(
                f"there is no generated world {name!r}; allowed are {', '.join(world_names(self.catalogue))}"
            )
        rules = self.catalogue.law(law)
        check_seed(seed, purpose=purpose)
        return _Making(self, name, seed, law, rules).world()

    def compose(
        self,
        name: str,
        acts: Sequence[Act],
        seed: int,
        law: str = "standard",
        *,
        duration_s: float = WORLD_S,
        purpose: str = "",
    ) -> GeneratedWorld:
        """Make a world of several acts in chosen zones; what detectors make of them is drawn as in any other world.

        :raises SealedSeed: it is a test seed and no ``purpose`` is given.
        :raises ScenarioError: no such story, zone or law, or the seed is out of range.
        """
        for act in acts:
            if act.story not in self.catalogue.stories:
                raise ScenarioError(
                    f"no story {act.story!r}; allowed are {', '.join(self.catalogue.stories)}"
                )
            if act.zone not in {zone.slug for zone in self.site.zones}:
                raise ScenarioError(f"site {self.site.slug!r} has no zone {act.zone!r}")
        rules = self.catalogue.law(law)
        check_seed(seed, purpose=purpose)
        return _Making(self, name, seed, law, rules, tuple(acts), duration_s).world()


class _Making:
    """One world while it is made; ``acts`` are what happens in a composed one, for ``duration_s``."""

    def __init__(
        self,
        generator: Generator,
        name: str,
        seed: int,
        law_name: str,
        law: Law,
        acts: tuple[Act, ...] | None = None,
        duration_s: float = WORLD_S,
    ) -> None:
        self.g, self.name, self.seed, self.law_name, self.law = generator, name, seed, law_name, law
        self.acts = acts
        self.duration_s = DAY_S if name == ORDINARY_DAY else duration_s * law.tempo
        rng = self.rng("devices")
        self.drifting = frozenset(each.slug for each in generator.devices if rng.random() < law.drift_share)

    def rng(self, *names: str) -> np.random.Generator:
        """The stream of one part of this world: twins and laws have streams of their own."""
        return rng_of(self.seed, self.name, self.law_name, *names)

    def world(self) -> GeneratedWorld:
        events = self.events()
        told: list[Statement] = []
        for kind, detector in self.g.catalogue.detectors.items():
            told += self.told_by(kind, detector, events)
        extra, more = self.disturbances()
        events, told = [*events, *extra], [*told, *more]
        by_id = {each.id: each for each in events}
        told += second_looks(told, by_id, self.g._cameras, self.law, self.rng("second looks"))
        silent = silences(self.g.devices, self.duration_s, self.law, self.rng("silence"))
        return GeneratedWorld(
            name=self.name,
            law=self.law_name,
            seed=self.seed,
            hypothesis=hypothesis_of(self.name),
            duration_s=self.duration_s,
            start_us=GENERATED_US,
            events=tuple(sorted(events, key=lambda each: each.from_s)),
            detections=self.sent(told, by_id, silent),
        )

    def events(self) -> list[Event]:
        rng, stories = self.rng("events"), self.g.catalogue.stories
        if self.acts is not None:
            return [
                self._event(
                    act.story, rng, f"{act.story}-{number}", act.at_s * self.law.tempo, twin=act.twin, act=act
                )
                for number, act in enumerate(self.acts)
            ]
        if self.name == ORDINARY_DAY:
            return [
                self._event(
                    story, rng, f"nuisance-{story}-{number}", float(rng.uniform(300, DAY_S - 1500)), twin=True
                )
                for story in stories
                for number in range(int(rng.poisson(NUISANCES_PER_DAY)))
            ]
        story = self.name.removesuffix(TWIN)
        at_s = float(rng.uniform(*ACT_AT_S)) * self.law.tempo
        found = [self._event(story, rng, "act", at_s, twin=self.name.endswith(TWIN))]
        if rng.random() < OTHER_EVENT:
            others = [each for each in stories if each != story]
            other = others[int(rng.integers(len(others)))]
            other_s = at_s + float(rng.uniform(-200, 300)) * self.law.tempo
            found.append(self._event(other, rng, "other", max(other_s, 0.0), twin=True))
        return found

    def _event(
        self,
        story: str,
        rng: np.random.Generator,
        id_: str,
        at_s: float,
        *,
        twin: bool,
        act: Act | None = None,
    ) -> Event:
        return make_event(
            self.g.site, story, self.g.catalogue.stories[story], rng,
            id_=id_, at_s=at_s, twin=twin, tempo=self.law.tempo,
            in_zone=act.zone if act else "", vigour=act.vigour if act else 0.0,
        )  # fmt: skip

    def told_by(self, kind: str, detector: Detector, events: Sequence[Event]) -> list[Statement]:
        rng, devices = self.rng("detector", kind), self.g._by_family[detector.on]
        found: list[Statement] = []
        for event in events:
            found += perceived(kind, detector, devices, event, self.law, self.drifting, rng)
        found += false_alarms(
            kind,
            detector,
            devices,
            self.duration_s,
            self.law,
            self.drifting,
            self.g._places,
            self.rng("false", kind),
        )
        return found

    def disturbances(self) -> tuple[list[Event], list[Statement]]:
        g = self.g
        pairs = list(
            shared_causes(g.catalogue, g.devices, self.duration_s, self.law, g._places, self.rng("shared"))
        )
        if self.law.spoofed:
            pairs.append(spoofed(g.catalogue, g.devices, self.duration_s, g._places, self.rng("adversary")))
        return [event for event, _ in pairs], [each for _, told in pairs for each in told]

    def sent(
        self, told: Sequence[Statement], events: dict[str, Event], silent: dict[str, Silence]
    ) -> tuple[DetectedAs, ...]:
        rng = self.rng("sending")
        held = {each.device.slug for each in told if each.cause == "spoofed" and not each.true}
        out = []
        for number, each in enumerate(sorted(told, key=lambda one: (one.t_s, one.kind, one.device.slug))):
            late_s = self._late_s(each, silent, rng)
            kept_back = each.device.slug in held and each.cause != "spoofed"
            if late_s is None or kept_back or not 0 <= each.t_s <= self.duration_s:
                continue
            out.append(self._detected(each, number, events, late_s, rng))
        return tuple(sorted(out, key=lambda each: (each.arrives_us, each.detection.id)))

    def _late_s(self, each: Statement, silent: dict[str, Silence], rng: np.random.Generator) -> float | None:
        """How long it is on its way, None if it never arrives."""
        detector = self.g.catalogue.detectors.get(each.kind)
        median_s = (detector.latency_s if detector else 2.0) * self.law.latency_s
        late_s = median_s * float(np.exp(self.law.latency_spread * rng.standard_normal()))
        lost, kept = rng.random() < self.law.dropout, rng.random() < self.law.silent_kept
        gap = silent.get(each.device.slug)
        if gap is not None and gap.from_s <= each.t_s <= gap.to_s:
            return gap.to_s - each.t_s + late_s if kept and not lost else None
        return None if lost else late_s

    def _detected(
        self, each: Statement, number: int, events: dict[str, Event], late_s: float, rng: np.random.Generator
    ) -> DetectedAs:
        t_us = GENERATED_US + round(each.t_s * 1e6)
        detector = self.g.catalogue.detectors.get(each.kind)
        detection = Detection(
            id=derived_ulid(t_us, self.name, self.law_name, self.seed, number),
            t_us=t_us,
            mode="simulation",
            kind=each.kind,
            detector="generated",
            sensor=each.device.slug,
            group=_group(each, detector),
            place=self._place(each, detector, rng),
            confidence=round(each.confidence, 3),
        )
        return DetectedAs(
            detection=detection,
            cause=each.cause,
            event=each.cause if each.cause in events else "",
            arrives_us=t_us + round(late_s * 1e6),
            x_m=each.spot.x_m,
            y_m=each.spot.y_m,
        )

    def _place(self, each: Statement, detector: Detector | None, rng: np.random.Generator) -> Place:
        device = each.device
        if detector is not None and detector.place == "entity":
            named = tuple(each.entities[name] for name in detector.names if name in each.entities)
            return Place(entities=named, zone=None if "ids" in device.families else device.zone or None)
        if detector is None or detector.place == "sensor":
            return Place(x_m=device.x_m, y_m=device.y_m, level=device.level, zone=device.zone or None)
        x_m, y_m = each.spot.x_m, each.spot.y_m
        dx_m, dy_m = detector.sigma_m * self.law.place_scale * self._errors(rng)
        zone = device.zone or self._zone_said(each.spot, x_m + dx_m, y_m + dy_m)
        return Place(
            x_m=x_m + dx_m, y_m=y_m + dy_m, level=each.spot.level, sigma_m=detector.sigma_m, zone=zone or None
        )

    def _errors(self, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        pair = rng.standard_normal(2)
        if self.law.place_dof > 0:  # one scale for both axes: a bad fix is bad in every direction
            pair = pair / np.sqrt(rng.chisquare(self.law.place_dof) / self.law.place_dof)
        return np.asarray(np.clip(pair, -40, 40))

    def _zone_said(self, spot: Spot, x_m: float, y_m: float) -> str:
        """The zone that somebody without a fixed place names: the true one, unless they are far off."""
        if abs(x_m - spot.x_m) + abs(y_m - spot.y_m) < LOST_M:
            return spot.zone
        fell = self.g.site.zone_at(x_m, y_m, spot.level)
        return fell.slug if fell else ""


def _group(each: Statement, detector: Detector | None) -> str:
    """What is declared to be wrong together, as an integrator would: one kind in one zone, a device, or a kind."""
    if detector is not None and detector.group == "zone":
        return f"{each.kind}@{each.device.zone}"
    if detector is not None and detector.group == "kind":
        return f"{each.device.slug}:{each.entities.get('host', each.kind)}"
    return each.device.slug
