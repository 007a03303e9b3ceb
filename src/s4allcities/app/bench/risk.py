"""Risk and alarms: how fast the field is worked out, and what a flood and a quiet day do to an operator."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from s4allcities.awareness.context import entry_from
from s4allcities.awareness.context.entries import Entry
from s4allcities.awareness.risk import RiskStage, ZoneFacts, load_threats
from s4allcities.awareness.risk.field import risk_field
from s4allcities.domain import US_PER_S, Context, Event, Incident, Place, to_rfc3339
from s4allcities.evaluation.alarm_kpis import AlarmKpis, quantile
from s4allcities.scenario.generated.alarm_worlds import flood_world, quiet_day
from s4allcities.scenario.generated.worlds import GENERATED_US, GeneratedWorld, Generator
from s4allcities.site import Site, load_site

from .alarm_runs import Run, run_world, unseen
from .checkout import SITE
from .results import Result, Say, at_least, at_most, measured, unmeasured

__all__ = ("festival", "field_stage", "measure")

ZONES, THREATS = 2000, 10
EVENTS = 200
FIRST_SEED = 10_001
"""Test seeds of the generator: nothing was tuned on them."""
PURPOSE = "s4 bench risk: alarms in a flood and on a quiet day"
TEN_MIN_US = 600 * US_PER_S
DAY_TICK_S = 5.0
NO_PEER = "not compared: no program that does the same was found"


def field_stage(zones: int = ZONES, threats: int = THREATS) -> RiskStage:
    """Make a risk stage of a grid of zones, each with an exit, a camera and four neighbours."""
    side = round(zones**0.5)
    facts = {
        f"z{n}": ZoneFacts(
            name=f"Zone {n}",
            capacity_people=300,
            neighbours=tuple(f"z{m}" for m in (n - side, n - 1, n + 1, n + side) if 0 <= m < zones),
            exits={f"e{n}": f"exit {n}"},
            cameras=(f"c{n}",),
        )
        for n in range(zones)
    }
    return RiskStage(facts, dict(list(load_threats().items())[:threats]))


def _news(stage: RiskStage, count: int) -> Iterator[Event]:
    """Facts and incidents in turn, all over the place."""
    rng, kinds = random.Random(7), list(stage.exposures.kinds)
    for number in range(count):
        zone, t_us = f"z{rng.randrange(len(stage.exposures.slugs))}", GENERATED_US + number * US_PER_S
        if number % 4:
            yield Context(id="", t_us=t_us, subject=zone, attribute="people", value=float(rng.randrange(400)))
            continue
        kind, p = rng.choice(kinds), rng.uniform(0.7, 0.99)
        yield Incident(
            id=f"i{number // 4 % 40}", t_us=t_us, version=number + 1, status="confirmed", hypothesis=kind,
            probability=p,
            hypotheses={"benign": 1 - p, kind: p}, zones=(zone,), place=Place(zone=zone), t_first_evidence_us=t_us,
            t_opened_us=t_us,
        )  # fmt: skip


def _speed(runs: int, say: Say) -> list[Result]:
    field_ms, event_ms = [], []
    for run in range(runs):
        stage = field_stage()
        state, now_us = stage.start(), GENERATED_US
        while (state.people < 0).any():
            stage.step(state, [], now_us)
        took = []
        for number, event in enumerate(_news(stage, EVENTS)):
            begun = time.perf_counter()
            stage.step(state, [event], GENERATED_US + number * US_PER_S)
            took.append(1e3 * (time.perf_counter() - begun))
        event_ms.append(quantile(took, 0.95) or 0.0)
        begun = time.perf_counter()
        risk_field(stage.exposures.inputs(state))
        field_ms.append(1e3 * (time.perf_counter() - begun))
        say(f"risk: speed {run + 1} of {runs}: field {field_ms[-1]:.1f} ms, event p95 {event_ms[-1]:.1f} ms")
    return [
        measured(
            "risk.recompute_ms_2000x10", field_ms, "ms", goal=at_most(50), digits=2, peer_reason=NO_PEER,
            how="wall time from what is known of 2,000 zones and 10 threats, with 40 incidents, to threat, "
            "vulnerability, impact, value and band of all 20,000 cells; one core",
        ),
        measured(
            "risk.event_p95_ms", event_ms, "ms", goal=at_most(250), digits=2, peer_reason=NO_PEER,
            how=f"wall time of the risk stage from an incident or a count to the risks it changes, with reasons, "
            f"2,000 zones x 10 threats, {EVENTS} events, 95th percentile; without the bus",
        ),
    ]  # fmt: skip


def festival(site: Site) -> list[Entry]:
    """The calendar of the quiet day: a festival in the afternoon and evening."""
    return [
        entry_from(
            {
                "type": "event", "id": "festival", "name": "Festival", "zones": ["station-square", "main-hall"],
                "people": 3000, "odds": {"*": 2.0}, "delay_s": 240,
                "from": to_rfc3339(GENERATED_US + 3 * 3600 * US_PER_S),
                "until": to_rfc3339(GENERATED_US + 12 * 3600 * US_PER_S),
            }
        )
    ]  # fmt: skip


def _first_act_us(world: GeneratedWorld) -> int:
    return world.start_us + round(min(each.from_s for each in world.events if each.dangerous) * US_PER_S)


FLOOD = (
    "simulated: six acts within two minutes in six zones of the demonstration site, 48 harmless causes, false alarms"
    " in bursts, two chattering devices; ten minutes from the first act"
)
QUIET = (
    "simulated: 24 hours on which nothing dangerous happens, a festival from 15:00 to midnight UTC, false alarms and"
    " harmless causes; one operator who acknowledges after 20 s and closes after 5 min"
)
MIX = (
    "share of calls over all floods and quiet days; 5/15/80 is a yardstick for a whole plant, not a goal here"
)


class _Flood(NamedTuple):
    raw: float
    called: float
    missed: float
    misnamed: float


def _flood(world: GeneratedWorld, found: Run) -> _Flood:
    first_us = _first_act_us(world)
    last_us = first_us + TEN_MIN_US
    return _Flood(
        raw=float(sum(first_us <= each.arrives_us < last_us for each in world.detections)),
        called=float(len(found.called_in(first_us, last_us))),
        missed=float(len(unseen(found, world))),
        misnamed=float(len(unseen(found, world, by_name=True))),
    )


def _floods(site: Site, generator: Generator, runs: int, say: Say) -> tuple[list[Result], list[Run]]:
    kept, floods = [], []
    for run in range(runs):
        world = flood_world(generator, FIRST_SEED + run, purpose=PURPOSE)
        kept.append(run_world(site, world))
        floods.append(_flood(world, kept[-1]))
        say(f"risk: flood {run + 1} of {runs}: {floods[-1]}")
    missed = (
        f"the worst of {runs} runs: acts for whose place nobody was called while they lasted or five minutes after;"
        " an alert listed in one that called counts as called"
    )
    misnamed = (
        "of six acts, those for which nobody was called to the place under the true name in any version"
    )
    raw, called = [each.raw for each in floods], [each.called for each in floods]
    compression = [each.raw / max(each.called, 1.0) for each in floods]
    results = [
        measured("alarms.flood_raw_10min", raw, "detections", digits=0, goal=at_least(500), how=FLOOD),
        measured(
            "alarms.flood_annunciated_10min", called, "alerts", digits=0, goal=at_most(10), how=FLOOD,
            peer_reason=NO_PEER,
        ),
        measured(
            "alarms.flood_true_incidents_missed", [max(each.missed for each in floods)], "incidents", digits=0,
            goal=at_most(0), how=missed,
        ),
        measured(
            "alarms.flood_true_incidents_misnamed", [each.misnamed for each in floods], "incidents", digits=0,
            how=misnamed,
        ),
        measured("alarms.compression", compression, "detections a call", digits=1, goal=at_least(50), how=FLOOD),
    ]  # fmt: skip
    return results, kept


def _quiet(site: Site, generator: Generator, runs: int, say: Say) -> tuple[list[Result], list[Run]]:
    kept: list[Run] = []
    kpis: list[AlarmKpis] = []
    for run in range(runs):
        found = run_world(
            site, quiet_day(generator, FIRST_SEED + run, purpose=PURPOSE), festival(site), every_s=DAY_TICK_S
        )
        kept.append(found)
        kpis.append(found.monitor.kpis("operator", found.end_us))
        say(f"risk: quiet day {run + 1} of {runs}: {kpis[-1].called} calls of {found.detections} detections")

    def figure(
        name: str, values: list[float], unit: str, goal: float | None = None, digits: int = 2
    ) -> Result:
        bound = None if goal is None else at_most(goal)
        return measured(f"alarms.quiet_{name}", values, unit, digits=digits, goal=bound, how=QUIET)

    results = [
        figure("median_per_10min", [each.median_per_10min for each in kpis], "alerts", 1),
        figure("p99_per_10min", [each.p99_per_10min for each in kpis], "alerts", 5),
        figure("per_day", [float(each.called) for each in kpis], "alerts", digits=0),
        figure("flood_share", [each.flood_share for each in kpis], "fraction", 0.01, digits=4),
        figure("unexplained", [float(each.unexplained) for each in kpis], "alerts", 0, digits=0),
    ]
    return results, kept


def _mix(runs: list[Run]) -> list[Result]:
    """The mix of priorities over floods and quiet days together."""
    levels = [call.level for run in runs for call in run.calls]
    if not levels:
        return [unmeasured("alarms.mix_critical", "fraction", reason="nothing was called", how=MIX)]
    groups = {"critical": ("critical",), "high": ("high",), "rest": ("medium", "low", "info")}
    shares = {name: sum(level in of for level in levels) / len(levels) for name, of in groups.items()}
    return [
        measured(f"alarms.mix_{name}", [share], "fraction", digits=3, how=MIX)
        for name, share in shares.items()
    ]


def measure(root: Path, runs: int, say: Say) -> list[Result]:
    """Measure speed on a grid of zones, and alarms in generated worlds; all data are simulated."""
    site = load_site(root / SITE)
    generator = Generator(site)
    speed = _speed(runs, say)
    floods, loud = _floods(site, generator, runs, say)
    days, quiet = _quiet(site, generator, runs, say)
    return [*speed, *floods, *days, *_mix([*loud, *quiet])]
