"""Instruments: what each sensor makes of the world, with its noise and its faults."""

from collections.abc import Callable
from typing import Any

import numpy as np

from s4allcities.site import SensorSpec

from .families import counts_zone
from .hazards import AMBIENT_C, part_of
from .randomness import stream
from .scene import Scene

__all__ = ("Instrument", "Reader", "make_instrument")

Reader = Callable[[Scene, float], dict[str, Any]]
"""From the scene and a moment (seconds from the start) to the fields of a message, without its time."""

CALM = {"smoke": (0.15, 0.03), "co": (2.5, 0.3), "heat": (AMBIENT_C, 0.05)}
"""Ordinary reading and noise (one sigma) of each kind."""
SPREAD = {"smoke": 0.05, "co": 0.8, "heat": 0.8}
"""How much ordinary readings differ from place to place."""
FIELDS = {"smoke": ("smoke_pct_m", 3), "co": ("co_ppm", 1), "heat": ("heat_c", 2)}
"""Field of the message, decimals."""
MOST = {"smoke": 100.0, "co": 1000.0, "heat": 150.0}
NODE = {
    "temperature_c": (AMBIENT_C, 0.08, -40.0, 125.0),
    "humidity_pct": (38.0, 0.6, 0.0, 100.0),
    "smoke_pct_m": (0.15, 0.04, 0.0, 100.0),
    "flame": (0.02, 0.015, 0.0, 1.0),
    "co_ppm": (1.8, 0.5, 0.0, 1000.0),
    "lpg_pct_lel": (0.4, 0.3, 0.0, 100.0),
    "cng_pct_lel": (0.4, 0.3, 0.0, 100.0),
}
"""Quantity of a building node -> ordinary reading, noise (one sigma), least and most."""


class Instrument:
    """One sensor: its random stream, when it speaks (``interval_s``, ``phase_s``) and how it reads."""

    def __init__(self, spec: SensorSpec, seed: int, interval_s: float) -> None:
        self.slug = spec.slug
        self.rng = stream(seed, spec.slug)
        self.interval_s = interval_s
        self.phase_s = float(self.rng.uniform(0.0, max(interval_s, 1e-6)))


def make_instrument(spec: SensorSpec, scene: Scene, interval_s: float) -> tuple[Instrument, Reader | None]:
    """Give a sensor's instrument and reader; no reader for what speaks only when something happens."""
    made = Instrument(spec, scene.story.seed, interval_s)
    if spec.family in CALM:
        return made, _hazard_reader(spec, made.rng, scene)
    if counts_zone(spec, scene.zone_index):
        return made, _zone_reader(spec, made.rng)
    makers = {
        "counter": _exit_reader,
        "door": _door_reader,
        "building": _node_reader,
        "camera": _camera_reader,
        "traffic": _loop_reader,
    }
    maker = makers.get(spec.family)
    if maker is None:
        return made, _weather_reader(made.rng) if spec.family == "weather" else None
    return made, maker(spec, made.rng)


def _hazard_reader(spec: SensorSpec, rng: np.random.Generator, scene: Scene) -> Reader:
    usual, noise = CALM[spec.family]
    field, digits = FIELDS[spec.family]
    usual += SPREAD[spec.family] * float(rng.uniform(-1, 1))
    fault = scene.story.faults.get(spec.slug)
    factor, offset = (fault.factor, fault.offset) if fault else (1.0, 0.0)

    def read(scene: Scene, t_s: float) -> dict[str, Any]:
        added = scene.hazard(spec.slug, t_s)
        value = usual + added + float(rng.normal(0.0, noise + 0.03 * added))
        value = min(max(value, 0.0 if spec.family != "heat" else -40.0) * factor + offset, MOST[spec.family])
        return {field: round(value, digits)}

    return read


def _node_reader(spec: SensorSpec, rng: np.random.Generator) -> Reader:
    def read(scene: Scene, t_s: float) -> dict[str, Any]:
        values = {}
        for name, (usual, noise, least, most) in NODE.items():
            added = scene.hazard(part_of(spec.slug, name), t_s)
            value = usual + added + float(rng.normal(0.0, noise + 0.03 * added))
            values[name] = round(min(max(value, least), most), 2)
        return values

    return read


def _zone_reader(spec: SensorSpec, rng: np.random.Generator) -> Reader:
    def read(scene: Scene, t_s: float) -> dict[str, Any]:
        people = float(scene.crowd.people[scene.zone_index[spec.covers[0]]])
        return {"people": max(0, round(people * (1.0 + float(rng.normal(0.0, 0.02)))))}

    return read


def _exit_reader(spec: SensorSpec, rng: np.random.Generator) -> Reader:
    def noisy(rate: float) -> int:
        return max(0, round(rate + float(rng.normal(0.0, 0.08 * rate + 0.2))))

    def read(scene: Scene, t_s: float) -> dict[str, Any]:
        index = scene.exit_index[spec.covers[0]]
        crowd = scene.crowd
        return {
            "out_per_min": noisy(float(crowd.out_per_min[index])),
            "in_per_min": noisy(float(crowd.in_per_min[index])),
        }

    return read


def _door_reader(spec: SensorSpec, rng: np.random.Generator) -> Reader:
    def read(scene: Scene, t_s: float) -> dict[str, Any]:
        return {"open": int(scene.door_open(spec.covers[0]))}

    return read


def _camera_reader(spec: SensorSpec, rng: np.random.Generator) -> Reader:
    last = {"frame_hash": "", "people": 0}

    def read(scene: Scene, t_s: float) -> dict[str, Any]:
        if not (scene.frozen(spec.slug, t_s) and last["frame_hash"]):
            # Sensor noise makes every picture differ from the one before.
            people = float(scene.crowd.people[scene.zone_index[spec.zone]]) if spec.zone else 0.0
            last["frame_hash"] = rng.bytes(8).hex()
            last["people"] = int(rng.binomial(max(0, round(people)), 0.12))
        return dict(last)

    return read


def _loop_reader(spec: SensorSpec, rng: np.random.Generator) -> Reader:
    def read(scene: Scene, t_s: float) -> dict[str, Any]:
        index = scene.street_index[spec.covers[0]]
        speed = float(scene.traffic.speed_kmh[index]) * (1.0 + float(rng.normal(0.0, 0.01)))
        flow = float(scene.traffic.flow_per_h[index]) * (1.0 + float(rng.normal(0.0, 0.03)))
        return {"speed_kmh": round(speed, 1), "flow_per_h": max(0, round(flow))}

    return read


def _weather_reader(rng: np.random.Generator) -> Reader:
    def read(scene: Scene, t_s: float) -> dict[str, Any]:
        return {
            "wind_mps": round(max(0.0, scene.wind_mps + float(rng.normal(0.0, 0.3))), 1),
            "wind_from_deg": round((scene.wind_from_deg + float(rng.normal(0.0, 4.0))) % 360.0, 0),
            "temperature_c": round(scene.temperature_c + float(rng.normal(0.0, 0.05)), 1),
        }

    return read
