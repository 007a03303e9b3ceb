"""What goes wrong beyond single devices: causes that nobody declared, an adversary, silence, and a second look."""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from .data import Catalogue, Law
from .devices import Device
from .events import BENIGN, Event, Spot, spot_at
from .statements import Places, Statement, confidence

__all__ = ("Silence", "second_looks", "shared_causes", "silences", "spoofed")

SECOND_LOOK_S = (12.0, 40.0)
LOOK_AGAIN_S = 45.0
SEES_NOTHING = 0.75
"""Chance that a camera's second look at nothing dangerous says so."""
SEES_SOMETHING_HARMLESS = 0.6

FORGED = {
    "camera": (("weapon-seen", "crowd-run"), ("flame-seen",), ("left-object", "owner-left")),
    "microphone": (("gunshot", "panic-sound"), ("explosion-sound",)),
    "smoke": (("smoke",),),
    "gas": (("gas",),),
    "spectrometer": (("spectrum-match",), ("agent-identified",)),
    "ids": (("unauthorised-write", "malware"),),
}
"""What an adversary who holds a device can make it say, by family."""


class Silence(Struct, frozen=True, kw_only=True):
    """A device sends nothing from one second to another."""

    from_s: float
    to_s: float


def shared_causes(
    catalogue: Catalogue,
    devices: Sequence[Device],
    duration_s: float,
    law: Law,
    places: Places,
    rng: np.random.Generator,
) -> Iterator[tuple[Event, list[Statement]]]:
    """Causes that trip devices of different source groups in one zone within seconds, each with what they state."""
    zones = sorted({each.zone for each in devices if each.zone})
    kinds = {
        family: [k for k, d in catalogue.detectors.items() if d.on == family] for family in _families(devices)
    }
    for number in range(int(rng.poisson(law.shared_per_h * duration_s / 3600))):
        t_s, zone = float(rng.uniform(0, duration_s)), zones[int(rng.integers(len(zones)))]
        told: list[Statement] = []
        name = f"shared-{number}"
        for device in (each for each in devices if each.zone == zone and rng.random() < law.shared_share):
            able = [kind for family in device.families for kind in kinds[family]]
            if not able:
                continue
            kind = able[int(rng.integers(len(able)))]
            spot, entities = places.anywhere(device, rng)
            for _ in range(int(rng.geometric(0.5))):
                at_s = t_s + float(rng.uniform(0, 20))
                told.append(_false(kind, device, at_s, name, spot, entities, catalogue, law, rng))
        if told:
            yield _event(name, "a cause that nobody declared", told), told


def _families(devices: Sequence[Device]) -> list[str]:
    return sorted({family for each in devices for family in each.families})


def _false(
    kind: str,
    device: Device,
    t_s: float,
    cause: str,
    spot: Spot,
    entities: dict[str, str],
    catalogue: Catalogue,
    law: Law,
    rng: np.random.Generator,
) -> Statement:
    return Statement(
        kind=kind,
        device=device,
        t_s=t_s,
        cause=cause,
        spot=spot,
        confidence=confidence(catalogue.detectors[kind].unsure, rng, law),
        true=False,
        entities=entities,
    )


def _event(name: str, cause: str, told: Sequence[Statement]) -> Event:
    first = min(told, key=lambda each: each.t_s)
    return Event(
        id=name,
        hypothesis=BENIGN,
        cause=cause,
        from_s=first.t_s,
        to_s=max(each.t_s for each in told),
        vigour=1.0,
        path=((first.t_s, first.spot),),
        entities=first.entities,
    )


def spoofed(
    catalogue: Catalogue,
    devices: Sequence[Device],
    duration_s: float,
    places: Places,
    rng: np.random.Generator,
) -> tuple[Event, list[Statement]]:
    """An adversary holds one device: it tells, very sure, of an attack that does not happen.

    In half of the worlds the intrusion detection noticed how the device was taken.
    """
    able = [each for each in devices if any(family in FORGED for family in each.families)]
    device = able[int(rng.integers(len(able)))]
    choices = FORGED[next(family for family in device.families if family in FORGED)]
    kinds = choices[int(rng.integers(len(choices)))]
    spot, entities = places.anywhere(device, rng)
    t_s = float(rng.uniform(0.2, 0.6)) * duration_s
    told = [
        Statement(
            kind=kinds[number % len(kinds)],
            device=device,
            t_s=t_s + float(rng.uniform(0, 200)),
            cause="spoofed",
            spot=spot,
            confidence=float(rng.uniform(0.9, 0.99)),
            true=False,
            entities=entities,
        )
        for number in range(int(rng.integers(6, 16)))
    ]
    watchers = [each for each in devices if "ids" in each.families]
    if watchers and device not in watchers and rng.random() < 0.5:
        host = entities | {"door": device.slug}
        told += [
            Statement(
                kind=kind, device=watchers[0], t_s=t_s - 30, cause="spoofed", spot=spot,
                confidence=confidence(catalogue.detectors["ids-alert"].sure, rng, catalogue.laws["standard"]),
                true=True, entities=host,
            )
            for kind in ("ids-alert",)
        ]  # fmt: skip
    return _event("spoofed", f"forged by an adversary who holds {device.slug}", told), told


def silences(
    devices: Sequence[Device], duration_s: float, law: Law, rng: np.random.Generator
) -> dict[str, Silence]:
    """Draw which devices fall silent, and when."""
    found = {}
    for device in devices:
        if rng.random() < law.silent_share:
            from_s = float(rng.uniform(0, duration_s * 0.8))
            found[device.slug] = Silence(from_s=from_s, to_s=from_s + float(rng.uniform(*law.silent_s)))
    return found


def second_looks(
    told: Sequence[Statement],
    events: dict[str, Event],
    cameras: dict[str, Device],
    law: Law,
    rng: np.random.Generator,
) -> Iterator[Statement]:
    """A camera looks again where something was stated, and says ``clear`` if it sees nothing dangerous.

    It may miss what is there, the more the less an act shows: it sees a fire, hardly a gas, never an intrusion.
    """
    last: dict[str, float] = {}
    for each in sorted(told, key=lambda one: one.t_s):
        camera = cameras.get(each.spot.zone)
        t_s = each.t_s + float(rng.uniform(*SECOND_LOOK_S))
        blind = camera is None or camera == each.device or "ids" in each.device.families
        if camera is None or blind or t_s - last.get(camera.slug, -1e9) < LOOK_AGAIN_S:
            continue
        last[camera.slug] = t_s
        event = events.get(each.cause)
        if rng.random() >= _says_clear(event, t_s):
            continue
        yield Statement(
            kind="clear",
            device=camera,
            t_s=t_s,
            cause=each.cause,
            spot=spot_at(event, t_s) if event else each.spot,
            confidence=confidence(0.75, rng, law),
            true=True,
        )


def _says_clear(event: Event | None, t_s: float) -> float:
    if event is None:
        return SEES_NOTHING
    if event.dangerous and t_s <= event.to_s:
        return SEES_NOTHING * (1 - event.visible)
    return SEES_SOMETHING_HARMLESS
