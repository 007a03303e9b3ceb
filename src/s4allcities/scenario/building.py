"""A room with a multi-sensor node: fires, gas leaks, and what only looks like them.

One well-mixed room with ventilation. A fire burns fuel at a given rate; smoke, carbon monoxide, water and heat follow
from yields per gram, and leave by the air change. A node reads seven quantities with lag, noise and offsets. Sources of
the relations: t-squared growth and well-mixed balance as in the SFPE Handbook; specific extinction 8.7 m²/g
(G. W. Mulholland and C. Croarkin, Fire and Materials 24, 2000); yields in the ranges of A. Tewarson's tables; kinds of
nuisance sources after T. G. Cleary (NIST, 2001).

Limits of validity: one zone, no layers, no obstacles; amounts are drawn from ranges, not measured anywhere.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = ("BENIGN", "FIRES", "LEAKS", "QUANTITIES", "STEP_S", "Cause", "Course", "building_course")

Cause = Literal[
    "quiet", "flaming", "smouldering", "cooking", "steam", "dust", "exhaust", "welding", "heating", "spray",
    "lpg-leak", "cng-leak",
]  # fmt: skip
FIRES: tuple[Cause, ...] = ("flaming", "smouldering")
LEAKS: tuple[Cause, ...] = ("lpg-leak", "cng-leak")
BENIGN: tuple[Cause, ...] = tuple(each for each in get_args(Cause) if each not in FIRES + LEAKS)
QUANTITIES = ("temperature_c", "humidity_pct", "smoke_pct_m", "flame", "co_ppm", "lpg_pct_lel", "cng_pct_lel")
"""What a node says, in the order of a course's columns."""

STEP_S = 5.0
QUIET_S = 1200.0
"""Nothing happens before that."""

_EXTINCTION_M2_G = 8.7
_CO_PPM_PER_G_M3 = 873.0
_LEL = {"lpg": 100.0 / (2.1 * 10.0 * 2.0), "cng": 100.0 / (5.0 * 10.0 * 0.67)}  # %LEL for each g/m³
_WATER_G_M3_SATURATED = 17.3  # at 20 °C
_LAG_S = np.array([40.0, 20.0, 15.0, 2.0, 30.0, 20.0, 20.0])
_NOISE = np.array([0.08, 0.6, 0.05, 0.015, 0.5, 0.3, 0.3])

F8 = NDArray[np.float64]
_Rates = Callable[[float], dict[str, float]]


class Course(Struct, frozen=True):
    """What a node read: ``t_s`` (n,) seconds, ``values`` (n, 7) in the order of `QUANTITIES`; ``t_begin_s`` is when
    the cause began.
    """

    cause: Cause
    t_s: F8
    values: F8
    t_begin_s: float


def building_course(
    cause: Cause, rng: np.random.Generator, *, span_s: float = 3600.0, wear: float = 1.0
) -> Course:
    """Let one thing happen in a room drawn from ``rng``; ``wear`` multiplies lag and noise of the node.

    >>> course = building_course("flaming", np.random.default_rng(1))
    >>> bool(course.values[-1, 2] > course.values[0, 2])
    True
    """
    volume_m3, air_s = float(rng.uniform(40.0, 600.0)), float(rng.uniform(0.5, 6.0)) / 3600.0
    begin_s = QUIET_S + float(rng.uniform(0.0, 300.0))
    rates = _RATES[cause](rng, volume_m3)
    t_s = np.arange(0.0, span_s, STEP_S)
    truth = _room(t_s, begin_s, rates, volume_m3, air_s, rng)
    return Course(cause, t_s, _read(truth, rng, wear), begin_s)


def _room(
    t_s: F8, begin_s: float, rates: _Rates, volume_m3: float, air_s: float, rng: np.random.Generator
) -> F8:
    """Integrate what is in the air: amounts by their sources, out by the air change."""
    content = dict.fromkeys(("smoke", "co", "water", "heat", "lpg", "cng"), 0.0)
    usual_c, usual_water = (
        float(rng.uniform(17.0, 25.0)),
        float(rng.uniform(0.3, 0.55)) * _WATER_G_M3_SATURATED,
    )
    out = np.empty((len(t_s), len(QUANTITIES)))
    for row, t in enumerate(t_s.tolist()):
        now = rates(t - begin_s) if t >= begin_s else {}
        for name in content:
            loss = air_s + (1 / 400.0 if name in ("heat", "smoke") else 0.0)  # walls take heat, smoke settles
            content[name] += STEP_S * (now.get(name, 0.0) / volume_m3 - loss * content[name])
        drift = 0.4 * np.sin(t / 1300.0 + usual_c)
        humid = (
            100.0 * (usual_water + content["water"]) / _WATER_G_M3_SATURATED / (1 + 0.05 * content["heat"])
        )
        mist = 0.35 * max(0.0, humid - 92.0)  # droplets scatter light as smoke does
        smoke = 100.0 * (1.0 - np.exp(-_EXTINCTION_M2_G * content["smoke"])) + now.get("spike", 0.0)
        out[row] = (
            usual_c + drift + content["heat"],
            min(humid, 100.0),
            min(99.0, 0.15 + smoke + mist),
            min(1.0, now.get("flame", 0.0)),
            1.5 + _CO_PPM_PER_G_M3 * content["co"],
            min(100.0, _LEL["lpg"] * content["lpg"]),
            min(100.0, _LEL["cng"] * content["cng"]),
        )
    return out


def _read(truth: F8, rng: np.random.Generator, wear: float) -> F8:
    """Lag, offset, noise that grows with the reading, and two decimals."""
    share = 1.0 - np.exp(-STEP_S / (wear * _LAG_S))
    lagged = truth.copy()
    for row in range(1, len(lagged)):
        lagged[row] = lagged[row - 1] + share * (truth[row] - lagged[row - 1])
    own = wear * _NOISE
    offset = rng.normal(0.0, 2.0, len(own)) * own
    noise = rng.normal(0.0, 1.0, truth.shape) * (own + 0.02 * wear * np.abs(lagged) * (_NOISE > 0.2))
    values: F8 = np.round(lagged + offset + noise, 2)
    values[:, 1:] = np.maximum(values[:, 1:], 0.0)
    values[:, [1, 2, 5, 6]] = np.minimum(values[:, [1, 2, 5, 6]], 100.0)
    return values


# --- what happens: source rates in g/s (heat in K m³/s) from the moment it begins ----------------------------


def _burning(heat_kw: float, smoke_yield: float, co_yield: float, kj_g: float) -> dict[str, float]:
    fuel_g_s = heat_kw / kj_g
    return {
        "smoke": smoke_yield * fuel_g_s,
        "co": co_yield * fuel_g_s,
        "water": 0.5 * fuel_g_s,
        "heat": 0.35 * heat_kw / 1.2,
    }


def _flaming(rng: np.random.Generator, volume_m3: float) -> _Rates:
    growth = float(rng.choice([0.003, 0.012, 0.047])) * float(rng.uniform(0.6, 1.5))
    most_kw = float(rng.uniform(1.0, 4.0)) * volume_m3
    smoke, co = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.004, 0.06))
    seen = float(rng.random() < 0.7)

    def rates(t: float) -> dict[str, float]:
        heat_kw = min(growth * t * t, most_kw)
        flicker = seen * min(1.0, heat_kw / 60.0) * (0.7 + 0.3 * float(rng.random()))
        return {**_burning(heat_kw, smoke, co, 20.0), "flame": flicker}

    return rates


def _smouldering(rng: np.random.Generator, _volume_m3: float) -> _Rates:
    most_g_s, ramp_s = float(rng.uniform(0.03, 0.25)), float(rng.uniform(400.0, 1500.0))
    smoke, co = float(rng.uniform(0.04, 0.15)), float(rng.uniform(0.08, 0.2))

    def rates(t: float) -> dict[str, float]:
        fuel = most_g_s * min(1.0, t / ramp_s)
        return {"smoke": smoke * fuel, "co": co * fuel, "water": 0.3 * fuel, "heat": 1.2 * fuel}

    return rates


def _for_a_while(
    rng: np.random.Generator, least_s: float, most_s: float, **amounts: tuple[float, float]
) -> _Rates:
    until_s = float(rng.uniform(least_s, most_s))
    drawn = {name: float(rng.uniform(*between)) for name, between in amounts.items()}
    return lambda t: drawn if t < until_s else {}


def _cooking(rng: np.random.Generator, _volume_m3: float) -> _Rates:
    return _for_a_while(
        rng, 180, 1200, smoke=(0.002, 0.03), co=(0.0, 0.004), water=(0.05, 0.6), heat=(0.2, 1.5)
    )


def _steam(rng: np.random.Generator, volume_m3: float) -> _Rates:
    return _for_a_while(rng, 240, 1200, water=(0.01 * volume_m3, 0.08 * volume_m3), heat=(0.1, 0.6))


def _dust(rng: np.random.Generator, _volume_m3: float) -> _Rates:
    until_s, most = float(rng.uniform(20.0, 400.0)), float(rng.uniform(2.0, 15.0))
    return lambda t: {"spike": most * float(rng.random())} if t < until_s else {}


def _exhaust(rng: np.random.Generator, _volume_m3: float) -> _Rates:
    return _for_a_while(rng, 120, 1500, co=(0.01, 0.08), smoke=(0.0, 0.002), heat=(0.0, 1.0))


def _welding(rng: np.random.Generator, _volume_m3: float) -> _Rates:
    until_s, fume = float(rng.uniform(200.0, 1500.0)), float(rng.uniform(0.0005, 0.01))
    return lambda t: (
        {"smoke": fume, "flame": float(rng.uniform(0.2, 1.0)) * float(rng.random() < 0.7), "heat": 0.3}
        if t < until_s
        else {}
    )


def _heating(rng: np.random.Generator, volume_m3: float) -> _Rates:
    return _for_a_while(rng, 1500, 2400, heat=(0.01 * volume_m3, 0.04 * volume_m3))


def _spray(rng: np.random.Generator, volume_m3: float) -> _Rates:
    until_s, gas_g_s = (
        float(rng.uniform(5.0, 40.0)),
        float(rng.uniform(0.05, 0.5)) * volume_m3,
    )  # at the node, near the can
    clears = float(rng.uniform(60.0, 240.0))
    return lambda t: {
        "lpg": gas_g_s if t < until_s else -gas_g_s * until_s / clears * float(t < until_s + clears),
        "spike": float(rng.random()) * float(t < until_s),
    }


def _leak(gas: str) -> Callable[[np.random.Generator, float], _Rates]:
    def make(rng: np.random.Generator, volume_m3: float) -> _Rates:
        rate = float(rng.uniform(0.006, 0.03)) * volume_m3
        return lambda t: {gas: rate * min(1.0, t / 60.0)}

    return make


_RATES: dict[Cause, Callable[[np.random.Generator, float], _Rates]] = {
    "quiet": lambda _rng, _volume_m3: lambda _t: {},
    "flaming": _flaming,
    "smouldering": _smouldering,
    "cooking": _cooking,
    "steam": _steam,
    "dust": _dust,
    "exhaust": _exhaust,
    "welding": _welding,
    "heating": _heating,
    "spray": _spray,
    "lpg-leak": _leak("lpg"),
    "cng-leak": _leak("cng"),
}
