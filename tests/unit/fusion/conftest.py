"""A small station and a writer of detections, shared by the tests of fusion."""

from collections.abc import Sequence

import pytest

from s4allcities.domain import Detection, Event, Incident, Place, derived_ulid
from s4allcities.fusion import FusionStage, FusionState, SensorPlace, Topology, ZonePlace

T0_US = 1_795_000_000_000_000
S = 1_000_000

STATION = Topology(
    zones={
        "ticket-hall": ZonePlace(name="Ticket hall", level=-1, x_m=0.0, y_m=0.0),
        "north-passage": ZonePlace(name="North passage", level=-1, x_m=0.0, y_m=60.0),
        "east-passage": ZonePlace(name="East passage", level=-1, x_m=80.0, y_m=0.0),
        "platform": ZonePlace(name="Metro platform", level=-3, x_m=80.0, y_m=-60.0),
        "kitchen": ZonePlace(name="Kitchen", level=0, x_m=-300.0, y_m=0.0),
        "square": ZonePlace(name="Station square", outdoor=True, x_m=0.0, y_m=200.0),
    },
    adjacent={
        "ticket-hall": ("north-passage", "east-passage"),
        "east-passage": ("platform",),
        "square": ("north-passage", "kitchen"),
    },
    exits={"exit-j": ("north-passage",), "exit-r": ("ticket-hall",)},
    exit_names={"exit-j": "exit J", "exit-r": "exit R"},
    sensors={
        "smoke-21": SensorPlace(name="S-21", zone="ticket-hall"),
        "co-31": SensorPlace(name="CO-31", zone="ticket-hall"),
        "smoke-10": SensorPlace(name="S-10", zone="east-passage"),
        "smoke-17": SensorPlace(name="S-17", zone="platform"),
        "door-dc-07": SensorPlace(name="DC-07", zone="north-passage"),
        "camera-12": SensorPlace(name="C-12", zone="ticket-hall"),
        "smoke-06": SensorPlace(name="S-06", zone="kitchen"),
        "camera-09": SensorPlace(name="C-09", zone="square"),
    },
)


def detection(
    kind: str,
    at_s: float,
    sensor: str,
    *,
    zone: str = "",
    group: str = "",
    entities: tuple[str, ...] = (),
    confidence: float = 0.9,
    x_m: float | None = None,
    y_m: float | None = None,
    sigma_m: float | None = None,
    **more: object,
) -> Detection:
    t_us = T0_US + round(at_s * S)
    return Detection(
        id=derived_ulid(t_us, kind, sensor, zone),
        t_us=t_us,
        kind=kind,
        detector="test",
        sensor=sensor,
        group=group or f"{kind}@{zone or sensor}",
        place=Place(zone=zone or None, entities=entities, x_m=x_m, y_m=y_m, sigma_m=sigma_m),
        confidence=confidence,
        **more,  # type: ignore[arg-type]
    )


def smoke(
    at_s: float, zone: str = "ticket-hall", sensor: str = "smoke-21", confidence: float = 0.9
) -> Detection:
    return detection("smoke", at_s, sensor, zone=zone, confidence=confidence)


def fire(at_s: float, zone: str = "ticket-hall") -> list[Detection]:
    """Smoke, CO and heat of several sensors in one zone."""
    return [
        smoke(at_s, zone, f"smoke-{zone}-1"),
        smoke(at_s + 1, zone, f"smoke-{zone}-2"),
        detection("co", at_s + 2, f"co-{zone}", zone=zone, confidence=0.8),
        detection("heat", at_s + 4, f"heat-{zone}", zone=zone, confidence=0.8),
    ]


def intrusion(at_s: float, host: str = "10.20.4.77") -> list[Detection]:
    """Scan, write, contradiction, frozen camera in the neighbouring zone."""
    return [
        detection("network-scan", at_s, "ids-1", group=host, entities=(host,)),
        detection(
            "unauthorised-write", at_s + 3, "ids-1", group=host, entities=(host, "door-dc-07", "exit-j")
        ),
        detection(
            "door-contradiction",
            at_s + 6,
            "door-dc-07",
            group="door-dc-07",
            zone="north-passage",
            entities=("door-dc-07", "counter-10", "exit-j"),
        ),
        detection(
            "camera-frozen",
            at_s + 8,
            "camera-12",
            group="camera-12",
            zone="ticket-hall",
            entities=("camera-12",),
        ),
    ]


class Run:
    """Feeds a stage and keeps the last version of each incident."""

    def __init__(self, topology: Topology = STATION) -> None:
        self.stage = FusionStage(topology)
        self.state: FusionState = self.stage.start()
        self.versions: list[Incident] = []

    def give(self, events: Sequence[Event], at_s: float | None = None) -> list[Incident]:
        """One step for each event at its own time (or all at once), then nothing more."""
        out: list[Incident] = []
        for event in events:
            now_us = event.t_us if at_s is None else T0_US + round(at_s * S)
            out += self._step([event], now_us)
        return out

    def wait(self, to_s: float, step_s: float = 1.0, since_s: float = 0.0) -> list[Incident]:
        out: list[Incident] = []
        at_s = since_s
        while at_s < to_s:
            at_s = min(at_s + step_s, to_s)
            out += self._step([], T0_US + round(at_s * S))
        return out

    def _step(self, batch: Sequence[Event], now_us: int) -> list[Incident]:
        out = [event for event in self.stage.step(self.state, batch, now_us) if isinstance(event, Incident)]
        self.versions += out
        return out

    @property
    def last(self) -> dict[str, Incident]:
        return {version.id: version for version in self.versions}

    def with_status(self, status: str) -> list[Incident]:
        return [version for version in self.last.values() if version.status == status]

    @property
    def confirmed(self) -> list[Incident]:
        return self.with_status("confirmed")

    @property
    def tentative(self) -> list[Incident]:
        return self.with_status("tentative")


@pytest.fixture
def run() -> Run:
    return Run()
