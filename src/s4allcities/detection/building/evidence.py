"""From one node's readings to two sums of evidence: that it burns, that gas escapes. No I/O, no clock.

Several quantities that rise together say more than each alone, and some excuse others: smoke with carbon monoxide or
heat is a fire, smoke with water alone is steam, smoke alone may be dust. D. T. Gottuk et al. (Fire Safety Journal 37,
2002) found products of smoke and carbon monoxide to be the best single signature; their square roots are terms here.
"""

from collections.abc import Mapping, Sequence
from math import exp, log1p, sqrt

from msgspec import Struct, field

from ...domain import US_PER_S

__all__ = ("CHANNELS", "TERMS", "EvidenceConfig", "Node", "fire_terms", "rises", "take")

CHANNELS = ("temperature_c", "humidity_pct", "smoke_pct_m", "flame", "co_ppm", "lpg_pct_lel", "cng_pct_lel")
TERMS = (
    "one", "smoke", "co", "heat", "flame", "water", "smoke_co", "smoke_heat", "smoke_flame", "co_heat",
    "smoke_water", "heat_flame",
)  # fmt: skip
_TEMPERATURE, _HUMIDITY, _SMOKE, _FLAME, _CO, _LPG, _CNG = range(len(CHANNELS))
_NEVER_US = -(2**62)


class EvidenceConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``unit`` is a notable rise of each channel, in its own unit; ``weights`` those of `TERMS`, fitted to simulations.

    The fire's sum gains the weighted terms each second, at most ``gain_most``, and speaks from ``fire_least`` on. The
    gas's gains what gas stands above ``gas_from_pct_lel``, and all it can from ``gas_at_once_pct_lel`` on; it loses
    while gas falls below ``gas_falling`` of its peak within ``peak_s``. Both are held between 0 and ``most_factor``
    times their bound, and stay 0 while the node is new (``warm_up_s``). A level follows its channel within
    ``smooth_s``, the usual within ``usual_s``; silent for ``fresh_s``, a channel says nothing.
    """

    unit: Mapping[str, float]
    weights: Mapping[str, float]
    smooth_s: float
    usual_s: float
    warm_up_s: float
    gain_most: float
    fire_least: float
    gas_least: float
    gas_from_pct_lel: float
    gas_at_once_pct_lel: float
    gas_falling: float
    peak_s: float
    most_factor: float
    fresh_s: float


class Node(Struct):
    """What is known of one node: per channel the usual and the present level and when it was read; the two sums."""

    usual: list[float] = field(default_factory=lambda: [0.0] * len(CHANNELS))
    level: list[float] = field(default_factory=lambda: [0.0] * len(CHANNELS))
    t_first_us: list[int] = field(default_factory=lambda: [_NEVER_US] * len(CHANNELS))
    t_us: list[int] = field(default_factory=lambda: [_NEVER_US] * len(CHANNELS))
    t_sum_us: int = _NEVER_US
    fire: float = 0.0
    gas: float = 0.0
    gas_peak: float = 0.0
    t_said_us: dict[str, int] = {}


def take(node: Node, channel: int, value: float, t_us: int, config: EvidenceConfig) -> bool:
    """Take one reading in and move both sums to its time; False for a reading older than the last of its channel."""
    if t_us < node.t_us[channel]:
        return False
    _track(node, channel, value, t_us, config)
    seconds = min(config.fresh_s, (t_us - node.t_sum_us) / US_PER_S) if node.t_sum_us > _NEVER_US else 0.0
    if seconds > 0.0:
        _add(node, seconds, t_us, config)
    node.t_sum_us = max(node.t_sum_us, t_us)
    return True


def _track(node: Node, channel: int, value: float, t_us: int, config: EvidenceConfig) -> None:
    if node.t_us[channel] == _NEVER_US:
        node.usual[channel] = node.level[channel] = value
        node.t_first_us[channel] = node.t_us[channel] = t_us
        return
    between_s = (t_us - node.t_us[channel]) / US_PER_S
    node.level[channel] += (1.0 - exp(-between_s / config.smooth_s)) * (value - node.level[channel])
    known_s = (t_us - node.t_first_us[channel]) / US_PER_S
    slow_s = min(config.usual_s, max(known_s, config.smooth_s))
    unit = config.unit[CHANNELS[channel]]
    away = min(unit, max(-unit, value - node.usual[channel]))  # what is unusual hardly moves the usual
    node.usual[channel] += (1.0 - exp(-between_s / slow_s)) * away
    node.t_us[channel] = t_us


def rises(node: Node, t_us: int, config: EvidenceConfig) -> list[float]:
    """How far each channel stands above its usual, in notable rises, on a scale that flattens; 0 where it is stale."""
    fresh_us = t_us - round(config.fresh_s * US_PER_S)
    return [
        log1p(max(0.0, (level - usual) / config.unit[name])) if at_us >= fresh_us else 0.0
        for name, level, usual, at_us in zip(CHANNELS, node.level, node.usual, node.t_us, strict=True)
    ]


def fire_terms(rises: Sequence[float]) -> tuple[float, ...]:
    """Give the value of each of `TERMS` for the rises of the channels."""
    smoke, co, heat, flame, water = (rises[n] for n in (_SMOKE, _CO, _TEMPERATURE, _FLAME, _HUMIDITY))
    return (
        1.0,
        smoke,
        co,
        heat,
        flame,
        water,
        sqrt(smoke * co),
        sqrt(smoke * heat),
        sqrt(smoke * flame),
        sqrt(co * heat),
        sqrt(smoke * water),
        sqrt(heat * flame),
    )


def _add(node: Node, seconds: float, t_us: int, config: EvidenceConfig) -> None:
    risen = rises(node, t_us, config)
    logit = sum(config.weights[name] * value for name, value in zip(TERMS, fire_terms(risen), strict=True))
    node.fire = _held(
        node.fire + seconds * _clip(logit, config.gain_most), config.most_factor * config.fire_least
    )
    node.gas = _held(
        node.gas + seconds * _gas_gain(node, seconds, config), config.most_factor * config.gas_least
    )
    first_us = min(each for each in node.t_first_us if each > _NEVER_US)
    if t_us < first_us + round(config.warm_up_s * US_PER_S):
        node.fire = node.gas = 0.0


def _gas_gain(node: Node, seconds: float, config: EvidenceConfig) -> float:
    """What gas stands above its usual counts; what falls from its peak does not, as a spray's does and a leak's not."""
    above = max(node.level[n] - max(node.usual[n], 0.0) for n in (_LPG, _CNG))
    node.gas_peak = max(above, node.gas_peak * exp(-seconds / config.peak_s))
    if above >= config.gas_at_once_pct_lel:
        return config.gain_most
    if above < config.gas_falling * node.gas_peak:
        return -config.gain_most
    return _clip(above / config.gas_from_pct_lel - 1.0, config.gain_most)


def _clip(value: float, most: float) -> float:
    return min(most, max(-most, value))


def _held(value: float, most: float) -> float:
    return min(most, max(0.0, value))
