"""What a city runs on: how likely each service fails, two hops of dependence far, and how it recovers."""

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log, log10

from msgspec import Struct

from ..context.entries import Asset, Service

__all__ = ("Resilience", "cascade", "dependants", "loss_of_assets", "resilience_of", "service_harm_scale")

HOPS = 2
TO_90_PER_CENT = log(10)
LEAST_DEPENDANTS = 100.0


def cascade(
    direct: Mapping[str, float], services: Mapping[str, Service], hops: int = HOPS
) -> dict[str, float]:
    """Give the probability that each service is lost: by itself, or because what it depends on is, ``hops`` far.

    Never decreasing in any probability, any strength and in hops.
    """
    lost = {key: direct.get(key, 0.0) for key in services}
    for _ in range(hops):
        lost = {key: _with_dependencies(direct.get(key, 0.0), services[key], lost) for key in services}
    return lost


def _with_dependencies(own: float, service: Service, lost: Mapping[str, float]) -> float:
    kept = 1 - own
    for other, strength in service.depends_on.items():
        kept *= 1 - strength * lost.get(other, 0.0)
    return 1 - kept


def dependants(services: Mapping[str, Service], hops: int = HOPS) -> dict[str, float]:
    """Give the people who depend on each service: its own, and those of services that fall with it, by strength."""
    reach = {key: each.people_served for key, each in services.items()}
    for _ in range(hops):
        reach = {
            key: each.people_served
            + sum(
                other.depends_on[key] * reach[name]
                for name, other in services.items()
                if key in other.depends_on
            )
            for key, each in services.items()
        }
    return reach


def service_harm_scale(people: float) -> float:
    """How a loss weighs by the people who depend on it: one for each ten-fold beyond a hundred.

    >>> service_harm_scale(100_000), service_harm_scale(50)
    (3.0, 0.0)
    """
    return max(0.0, log10(max(people, 1.0) / LEAST_DEPENDANTS))


class Resilience(Struct, frozen=True, kw_only=True):
    """How a service has held up and will recover.

    ``index`` = 1 - lost performance integrated over the window, as a share of the window (Bruneau's triangle);
    ``robustness`` the lowest performance in it; ``redundancy`` 1 - the strongest dependence; ``recovery`` the
    performance 0, 1, 2, 4, 8, 24 hours from now (0..1) if nothing else happens; ``t_90_h`` hours until 90 % are back.
    """

    service: str
    performance: float
    index: float
    robustness: float
    redundancy: float
    recovery: tuple[tuple[float, float], ...]
    t_90_h: float


AHEAD_H = (0.0, 1.0, 2.0, 4.0, 8.0, 24.0)


def resilience_of(
    service: Service, samples: Sequence[tuple[int, float]], now_us: int, window_us: int
) -> Resilience:
    """Work out the resilience of a service from (t_us, performance 0..1), oldest first.

    A sample holds until the next; before the first one the service is taken to have run in full. The recovery curve is
    exponential with 90 % back after the service's recovery time. Never validated against a real outage.
    """
    start_us = now_us - window_us
    missing, worst = 0.0, 1.0
    for (t_us, performance), (next_us, _) in zip(samples, [*samples[1:], (now_us, 0.0)], strict=True):
        span_us = min(next_us, now_us) - max(t_us, start_us)
        if span_us > 0:
            missing += (1 - performance) * span_us
            worst = min(worst, performance)
    now = samples[-1][1] if samples else 1.0
    lost = 1 - now
    rate = TO_90_PER_CENT / service.recovery_h
    return Resilience(
        service=service.id,
        performance=now,
        index=1 - missing / window_us,
        robustness=min(worst, now),
        redundancy=1 - max(service.depends_on.values(), default=0.0),
        recovery=tuple((hours, 1 - lost * exp(-rate * hours)) for hours in AHEAD_H),
        t_90_h=max(0.0, log(lost / 0.1) / rate) if lost > 0.1 else 0.0,
    )


def loss_of_assets(
    assets: Iterable[Asset], harmed: Mapping[str, float], held: Mapping[str, float]
) -> dict[str, float]:
    """Give by service how likely its assets take it down: ``harmed`` by zone, the probability that things there are
    destroyed; ``held`` by entity, that an intruder has hold of a device.
    """
    kept: dict[str, float] = {}
    for asset in assets:
        if not asset.service:
            continue
        hit = max(
            [harmed.get(zone, 0.0) for zone in asset.zones]
            + [held.get(slug, 0.0) for slug in asset.entities],
            default=0.0,
        )
        kept[asset.service] = kept.get(asset.service, 1.0) * (1 - asset.criticality * hit)
    return {service: 1 - share for service, share in kept.items()}
