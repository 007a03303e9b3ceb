"""What the compiled core must know of the data file, the site, sensors and operators, laid out as arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _layout as at
from ._layout import World, new_world
from .belief import sensor_trust
from .hypotheses import Hypotheses
from .state import FusionState
from .topology import Topology

__all__ = ("Site", "fixed_parts", "kinds_of", "refresh", "rules_of", "site_parts")

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
I4 = NDArray[np.int32]

Site = tuple[I4, F8, F8, F8, I4]


def rules_of(data: Hypotheses) -> F8:
    """The scalars of the data file, in the columns that compiled code knows."""
    life, near = data.life_cycle, data.association
    rule = np.zeros(at.RULES)
    rule[at.R_CONFIRM], rule[at.R_GROUPS], rule[at.R_CLOSE] = life.confirm, life.confirm_groups, life.close
    rule[at.R_GROUP_NATS], rule[at.R_FADE], rule[at.R_KEPT_US] = (
        life.group_nats,
        life.fade_nats,
        life.closed_kept_s * 1e6,
    )
    rule[at.R_ALPHA], rule[at.R_NEW] = data.alpha, near.new_incident
    rule[at.R_ENTITY], rule[at.R_NEIGHBOUR] = near.same_entity, near.neighbour_zone
    rule[at.R_GATE], rule[at.R_QUIET], rule[at.R_ROWS] = near.gate, near.quiet_taus, data.limits.rows
    rule[at.R_QUIET_NATS] = near.quiet_nats
    rule[at.R_AREA_M2], rule[at.R_DRIFT_S] = near.area_m2, near.drift_s
    rule[at.R_INCIDENTS] = min(data.limits.incidents, at.MOST_INCIDENTS - 1)
    rule[at.R_ALL_ROWS] = min(data.limits.all_rows, at.MOST_ROWS // 4 * 3)
    return rule


def kinds_of(data: Hypotheses) -> F8:
    """What compiled code needs of each kind, (K, 5)."""
    out = np.zeros((len(data.kinds), at.KIND_F))
    for row, kind in enumerate(data.kinds.values()):
        out[row, at.K_TAU] = kind.tau_s
        out[row, at.K_SPEED] = data.association.walking_mps if kind.speed_mps is None else kind.speed_mps
        out[row, at.K_POINT] = kind.place == "point"
        out[row, at.K_OPENS] = kind.opens
        out[row, at.K_LARGEST] = np.abs(data.llr[row] * data.gain).max()
    return out


def site_parts(topology: Topology) -> tuple[tuple[str, ...], Site]:
    """The zones of a site in the order of their numbers, and hops, doors, ways and neighbours between them."""
    zones = tuple(
        dict.fromkeys(
            [*topology.zones, *topology.adjacent, *(z for zs in topology.adjacent.values() for z in zs)]
        )
    )
    zones = zones[: at.MOST_ZONES]
    n = len(zones)
    hops = np.array([[topology.hops(a, b) for b in zones] for a in zones], np.int32).reshape(n, n)
    door_x, door_y, way_m = np.zeros((n, n)), np.zeros((n, n)), np.full((n, n), -1.0)
    for a, one in enumerate(zones):
        for b, other in enumerate(zones):
            way, back = topology.ways.get(one, {}).get(other), topology.ways.get(other, {}).get(one)
            if way is not None and back is not None:
                door_x[a, b], door_y[a, b] = way.door_x_m, way.door_y_m
                way_m[a, b] = min(way.between_m, back.between_m)
    near_lists = [[b for b in range(n) if b != a and hops[a, b] == 1] for a in range(n)]
    near = np.full(
        (n, min(max((len(each) for each in near_lists), default=0), at.MOST_NEAR)), at.NONE, np.int32
    )
    for a, found in enumerate(near_lists):
        near[a, : len(found)] = found[: near.shape[1]]
    return zones, (hops, door_x, door_y, way_m, near)


def fixed_parts(data: Hypotheses, site: Site) -> tuple[World, Any]:
    """A world in which every sensor is trusted and no fact is known, with the record compiled code takes."""
    world, record = new_world(len(data.kinds), len(data.slugs), len(data.context))
    world.llr[:], world.kind_f[:], world.prior[:], world.share[:] = (
        data.llr,
        kinds_of(data),
        data.priors,
        data.share,
    )
    world.spreads[:] = [each.spreads for each in data.hypotheses.values()]
    world.gain[:], world.rule[:] = data.gain, rules_of(data)
    hops, door_x, door_y, way_m, near = site
    n = len(hops)
    world.hops[:n, :n], world.way_m[:n, :n] = hops, way_m
    world.door_x[:n, :n], world.door_y[:n, :n] = door_x, door_y
    world.near[:n] = at.NONE
    world.near[:n, : near.shape[1]] = near
    world.trust[:] = 1.0
    for row, rule in enumerate(data.context.values()):
        world.offsets[row] = data.row(rule.llr, 0.0)
    world.closure[:] = data.closure.llr, data.closure.tau_s
    world.sizes[at.N_ZONES] = n
    return world, record


def refresh(world: World, state: FusionState, data: Hypotheses) -> None:
    """Write trust, facts and closures into the world as they are known now."""
    world.trust[:] = 1.0
    for sensor in {*state.known.doubts, *(each.sensor for each in state.known.lessons)}:
        number = state.sensors.index.get(sensor)
        if number is not None:
            world.trust[number] = sensor_trust(state.known, data, sensor, state.now_us)[0]
    for table, column, rows in (
        (world.facts, at.N_FACTS, _facts(state, data)),
        (world.closed, at.N_CLOSED, _closures(state, data)),
    ):
        count = min(len(rows), len(table))
        table[:count] = rows[:count]
        world.sizes[column] = count


def _facts(state: FusionState, data: Hypotheses) -> I8:
    """One row for each place that a fact is about: place (-1 = everywhere), rule, from, until."""
    rules = {slug: number for number, slug in enumerate(data.context)}
    out: list[tuple[int, int, int, int]] = []
    for fact in state.known.facts.values():
        match, rule = data.context[fact.attribute].match, rules[fact.attribute]
        times = (fact.t_from_us, fact.t_until_us)
        if match == "any":
            out.append((at.NONE, rule, *times))
            continue
        names, part = (state.places.entity_names, 1) if match == "entity" else (state.places.zone_names, 0)
        number = names.index.get(fact.subject)
        if number is not None:
            out += [
                (place, rule, *times)
                for place, key in enumerate(state.places.sets.names)
                if key is not None and number in key[part]
            ]
    return np.array(out, np.int64).reshape(-1, 4)


def _closures(state: FusionState, data: Hypotheses) -> I8:
    """One row for each zone of a closure (-1 = anywhere): zone, hypothesis, time."""
    out = []
    for closure in state.known.closures:
        for zone in closure.zones or ("",):
            number = state.places.zone_names.number(zone) if zone else at.NONE
            out.append((number, data.index[closure.hypothesis], closure.t_us))
    return np.array(out, np.int64).reshape(-1, 3)
