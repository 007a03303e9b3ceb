"""The playbook "evacuate": who leaves by which exit and street, away from smoke, exits in doubt and jams."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot
from typing import Any

import msgspec
import numpy as np

from s4allcities.domain import Clearance, CourseOfAction, ExitNotUsed, Incident, Route, derived_ulid
from s4allcities.planning.contract import SiteNetwork
from s4allcities.planning.evacuation import plan_evacuation
from s4allcities.simulation.clearance import ClearanceBand, clearance_band
from s4allcities.simulation.smoke import SmokeField, SmokeReading, estimate_smoke, smoke_geojson
from s4allcities.site import WalkGraph

from .closures import Closures, Strictness, find_closures, smoke_covers
from .exits import ExitCost
from .options import Curve, PlanOptions, exit_curves, work_out
from .routes import AS_TOLD, Routed, Told, ZoneRoute, plan_scene, route_chains, route_people
from .situation import Doubt, Situation
from .wording import NOT_NEEDED, course_name, sentence, sign_settings

__all__ = ("Advice", "EvacuatePlaybook")

RUNS = 200
UNCOUNTED_SHARE = 0.3
"""Share of a zone's capacity that is planned for where nobody counts; never nobody."""
STRICTNESS = (Strictness(), Strictness(keep_off_jams=False), Strictness(False, False))


@dataclass(frozen=True, slots=True)
class Advice:
    """A course and what it was made from: ``parts`` are those planned for under the strictest rules, whose ``closures``
    these are, and then under milder ones; ``planned`` tells how many people each exit should let through by when.
    """

    course: CourseOfAction
    parts: tuple[Routed, ...]
    closures: Closures
    planned: dict[str, Curve]

    @property
    def as_told(self) -> bool:
        """Whether nobody is told anything new."""
        return all(part.spoken is None or part.spoken.approved == AS_TOLD for part in self.parts)


class EvacuatePlaybook:
    """Proposes one way to empty the building for a fire. Satisfies `domain.Playbook`.

    The same incident, situation and ``seed`` give the same answer.
    """

    name = "evacuate"
    hypotheses = ("fire", "toxic-release", "left-bag")

    def __init__(self, graph: WalkGraph, *, seed: int = 0) -> None:
        self._graph = graph
        self._site = graph.site
        self._network = SiteNetwork(graph)
        self._seed = seed
        self._warm = False
        self._seen: tuple[tuple[SmokeReading, ...], SmokeField] = (), SmokeField({}, {})
        self._smoke_sensors = {
            spec.slug: spec
            for spec in self._site.sensors
            if any(q.name == "smoke_pct_m" for q in spec.quantities)
        }

    def warm_up(self) -> None:
        """Compile what a plan needs, or load it from the cache; the second call costs next to nothing."""
        if not self._warm:
            self._warm = True
            people = {zone.slug: 1.0 for zone in self._site.zones}
            closures = find_closures(self._graph, SmokeField({}, {}), Situation(), STRICTNESS[0])
            self._clearance(route_people(self._network, people, closures).routes)

    def smoke(self, situation: Situation) -> SmokeField:
        """Judge where smoke is from the detectors' newest readings."""
        readings = tuple(
            SmokeReading(spec.x_m, spec.y_m, spec.level, situation.smoke_pct_m.get(slug, 0.0))
            for slug, spec in self._smoke_sensors.items()
        )
        if readings != self._seen[0]:
            self._seen = readings, estimate_smoke(readings, self._site.zones)
        return self._seen[1]

    def hazards(self, smoke: SmokeField) -> dict[str, Any]:
        """Write the outlines now and ahead for the map, by the picture's hazard ids."""
        frame = self._site.frame
        level = next(iter(smoke.now), 0)
        shapes = {"now": smoke.now} | {f"{minutes}min": shape for minutes, shape in smoke.later.items()}
        return {
            key: {"level": level, "geojson": smoke_geojson(shape, frame)} for key, shape in shapes.items()
        }

    def propose(self, incident: Incident, situation: Situation, now_us: int) -> list[CourseOfAction]:
        """Give the plan to give out; see `advise`."""
        return [self.advise(incident, situation, now_us).course]

    def advise(
        self, incident: Incident, situation: Situation, now_us: int, *, told: Told | None = None
    ) -> Advice:
        """Give the plan to give out; zones that the strictest rules leave without a way are planned for under milder
        ones. ``told`` is what people were told before: it stays while it is nearly as good.
        """
        smoke = self.smoke(situation)
        people, uncounted = self._people(situation)
        found: list[ZoneRoute] = []
        relaxed: list[Strictness] = []
        parts: list[Routed] = []
        strictest = find_closures(self._graph, smoke, situation, STRICTNESS[0])
        for strictness in STRICTNESS:
            closures = strictest if not parts else find_closures(self._graph, smoke, situation, strictness)
            routed = route_people(
                self._network, people, closures, capacity_ps=situation.capacity_ps, told=told, seed=self._seed
            )
            if parts and routed.routes:
                relaxed.append(strictness)
            parts.append(routed)
            found += [route for route in routed.routes if route.zone not in routed.stranded]
            people = {zone: people[zone] for zone in routed.stranded}
            if not people:
                break
        assumptions = (*_assumptions(relaxed, situation.capacity_ps), *uncounted)
        course = self._course(
            incident, smoke, strictest.exits, found, tuple(sorted(people)), assumptions, now_us
        )
        return Advice(course, tuple(parts), strictest, exit_curves(parts))

    def exit_cost(self, situation: Situation, exit_: str) -> ExitCost:
        """What an exit is worth now: everybody leaves at once by the best plan, with it and without it."""
        people, _ = self._people(situation)
        with_s, cut_off = self._quickest(
            situation, people, {k: v for k, v in situation.exits.items() if k != exit_}
        )
        lost = situation.exits | {exit_: Doubt("lost", 0, unusable=True)}
        without_s, more = self._quickest(situation, people, lost)
        return ExitCost(with_s=with_s, without_s=without_s, cut_off=max(0, more - cut_off))

    def _quickest(
        self, situation: Situation, people: Mapping[str, float], exits: dict[str, Doubt]
    ) -> tuple[float, int]:
        """Seconds until all who can be are safe, and how many cannot."""
        now = msgspec.structs.replace(situation, exits=exits)
        closures = find_closures(self._graph, self.smoke(situation), now, STRICTNESS[0])
        scene = plan_scene(self._network, people, closures, capacity_ps=situation.capacity_ps)
        best = plan_evacuation(scene.graph, scene.people)
        started = {node.zone for node in scene.graph.nodes}
        without_start = sum(count for zone, count in scene.people.items() if zone not in started)
        return best.clearance_s, sum(best.stranded.values()) + without_start

    def options(self, advice: Advice, incident: Incident, situation: Situation) -> PlanOptions:
        """Work out what stands beside a course: takes about as long as the course itself, so it comes after it."""
        zone = incident.zones[0] if incident.zones else incident.place.zone or ""
        return work_out(
            self._network, advice.parts, self.smoke(situation), advice.closures, course=advice.course,
            incident_zone=zone, planned=advice.planned, calibrated=situation.capacity_ps, seed=self._seed,
        )  # fmt: skip

    def _people(self, situation: Situation) -> tuple[dict[str, float], tuple[str, ...]]:
        """Give the people by indoor zone; where nobody counts, a share of capacity, and the sentence that says so."""
        people: dict[str, float] = {}
        assumed: list[str] = []
        for zone in self._site.zones:
            if zone.outdoor:
                continue
            counted = situation.people.get(zone.slug)
            people[zone.slug] = UNCOUNTED_SHARE * zone.capacity_people if counted is None else counted
            if counted is None:
                assumed.append(zone.name)
        if not assumed:
            return people, ()
        share = f"{100 * UNCOUNTED_SHARE:.0f} % of capacity"
        return people, (f"Nobody counts people in {', '.join(assumed)}: {share} assumed.",)

    def unsafe(self, course: CourseOfAction, situation: Situation, smoke: SmokeField) -> bool:
        """Tell whether a course leads through an exit that must not be counted on any more, or into smoke."""
        return bool(self.unsafe_zones(course, situation, smoke))

    def unsafe_zones(self, course: CourseOfAction, situation: Situation, smoke: SmokeField) -> frozenset[str]:
        """Give the zones whose people the course leads to such an exit or into smoke."""
        frame = self._site.frame
        return frozenset(
            route.from_zone
            for route in course.routes
            if route.exit in situation.exits
            or smoke_covers(smoke, frame.ring_to_local(route.path), route.levels)
        )

    def _course(
        self,
        incident: Incident,
        smoke: SmokeField,
        reasons: dict[str, str],
        found: list[ZoneRoute],
        stranded: tuple[str, ...],
        assumptions: tuple[str, ...],
        now_us: int,
    ) -> CourseOfAction:
        band, narrows = self._clearance(found)
        routes = tuple(
            self._route(each, clear_s)
            for each, clear_s in zip(found, band.route_p50_s, strict=True)
            if each.exit
        )
        used = {route.exit for route in routes}
        not_used = tuple(
            ExitNotUsed(
                exit=exit_.slug,
                reason=reasons.get(exit_.slug, f"{NOT_NEEDED}: other ways are quicker"),
            )
            for exit_ in self._graph.exits
            if exit_.slug not in used
        )
        return CourseOfAction(
            id=derived_ulid(now_us, "coa", incident.id, now_us),
            t_us=now_us,
            name=course_name(self._site, routes),
            incident_id=incident.id,
            routes=routes,
            exits_not_used=not_used,
            clearance_s=self._clearance_of(band, routes),
            playbook=self.name,
            people=sum(route.people for route in routes),
            bottleneck=self._narrow_name(narrows[band.busiest]) if band.busiest >= 0 else "",
            unreachable_zones=stranded,
            signs=sign_settings(self._site, routes, not_used),
            hazard=smoke_geojson(smoke.now, self._site.frame, when="now"),
            assumptions=assumptions,
            provenance=(incident.id,),
        )

    def _route(self, found: ZoneRoute, clear_s: float) -> Route:
        graph = self._graph
        nodes = np.array(found.nodes)
        assembly = (
            self._site.assembly[int(graph.assembly[nodes[-1]])].slug if graph.assembly[nodes[-1]] >= 0 else ""
        )
        keep = _corners(graph, nodes)
        return Route(
            from_zone=found.zone,
            exit=found.exit,
            path=tuple((round(float(graph.lon[v]), 7), round(float(graph.lat[v]), 7)) for v in keep),
            levels=tuple(int(graph.level[v]) for v in keep),
            people=found.people,
            assembly=assembly,
            t_clear_s=clear_s if np.isfinite(clear_s) else 0.0,
            people_per_min=round(60 * found.people / clear_s, 1),
            sentence=sentence(self._site, found.zone, found.exit, assembly),
        )

    def _clearance(self, found: list[ZoneRoute]) -> tuple[ClearanceBand, list[int]]:
        """Simulate the routes' narrow places; also gives the arcs that these are."""
        chains, capacity_ps, arcs = route_chains(self._graph, found)
        rng = np.random.default_rng(self._seed)
        return clearance_band(chains, capacity_ps, rng=rng, runs=RUNS), arcs

    @staticmethod
    def _clearance_of(band: ClearanceBand, routes: tuple[Route, ...]) -> Clearance:
        if not routes:
            return Clearance(p50=None, p95=None, runs=0, reason="nobody has a way to simulate")
        late = "" if band.p95_s is not None else "more than 5 % of the runs did not end within an hour"
        return Clearance(p50=band.p50_s, p95=band.p95_s, runs=band.runs, reason=late)

    def _narrow_name(self, arc: int) -> str:
        opening, link = int(self._graph.opening[arc]), int(self._graph.link[arc])
        if opening >= 0:
            return self._site.openings[opening].name or self._site.openings[opening].slug
        return self._site.links[link].name or self._site.links[link].slug if link >= 0 else ""


def _corners(graph: WalkGraph, nodes: Any) -> list[int]:
    """Leave out nodes in the middle of straight stretches; a change of level always stays."""
    keep = [int(nodes[0])]
    for before, here, after in zip(nodes[:-2], nodes[1:-1], nodes[2:], strict=True):
        if graph.level[here] != graph.level[before] or graph.level[here] != graph.level[after]:
            keep.append(int(here))
            continue
        if not _on_line(graph, before, here, after):
            keep.append(int(here))
    keep.append(int(nodes[-1]))
    return keep if len(nodes) > 1 else [int(nodes[0])]


def _on_line(graph: WalkGraph, before: int, here: int, after: int) -> bool:
    """Whether a node lies within a centimetre of the straight way between two others."""
    x, y = graph.x_m[here] - graph.x_m[before], graph.y_m[here] - graph.y_m[before]
    to_x, to_y = graph.x_m[after] - graph.x_m[before], graph.y_m[after] - graph.y_m[before]
    along = min(1.0, max(0.0, (x * to_x + y * to_y) / max(to_x * to_x + to_y * to_y, 1e-12)))
    return bool(hypot(x - along * to_x, y - along * to_y) <= 0.01)


def _assumptions(relaxed: list[Strictness], calibrated: Mapping[str, float]) -> tuple[str, ...]:
    said = [
        "People follow the advice and start within about a minute.",
        f"Capacities of {len(calibrated)} exits as counted, the others by SFPE relations."
        if calibrated
        else "Capacities by SFPE relations, not calibrated.",
    ]
    if any(not each.keep_off_jams for each in relaxed):
        said.append("Some ways lead along a jammed street: there is no other.")
    if any(not each.keep_off_all_levels for each in relaxed):
        said.append("Some ways pass above or below smoke on another level: there is no other.")
    return tuple(said)
