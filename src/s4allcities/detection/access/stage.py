"""The stage: door states and exit counters in; doors that say one thing while people show another out."""

from collections.abc import Collection, Mapping
from math import exp, isfinite
from typing import Annotated, Any

from msgspec import Meta, Struct

from ...domain import US_PER_S, Detection, ObservationBatch
from ...domain.events import Event
from ...domain.snapshots import StructSnapshots
from ..config import load_config
from ..rows import Reading, readings_of
from ..sensors import Sensors, name_of, place_of

__all__ = (
    "AccessConfig",
    "AccessStage",
    "AccessState",
    "Counter",
    "Door",
    "Guard",
    "access_config",
    "guards_of",
)

_NEVER_US = -(2**62)
_COUNTERS = ("people", "counter")  # how sites and batches name the family of people counters
_Positive = Annotated[float, Meta(gt=0)]
_Share = Annotated[float, Meta(ge=0, le=1)]


class AccessConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    The counter's usual rate is learnt with time constant ``tau_s``. The door contradicts it when the rate has been at
    most ``share_most`` of a usual of ``usual_least_per_min`` or more for ``hold_s``, while the door, heard within
    ``door_fresh_s``, says open, and people still leave elsewhere (another counter above ``others_share`` of its usual).
    While a rate is so low its usual stands still for ``freeze_most_s``.
    """

    usual_least_per_min: _Positive = 8.0
    share_most: _Share = 0.15
    hold_s: _Positive = 6.0
    sure_s: _Positive = 30.0
    door_fresh_s: _Positive = 20.0
    tau_s: _Positive = 180.0
    warm_up: Annotated[int, Meta(ge=1)] = 10
    freeze_most_s: _Positive = 900.0
    others_share: _Share = 0.4
    repeat_s: _Positive = 5.0


def access_config(changes: Mapping[str, Any] | None = None) -> AccessConfig:
    """Give the shipped settings with an installation's changes. :raises ConfigError: not allowed."""
    return load_config(__package__ or "", AccessConfig, changes)


class Guard(Struct, frozen=True):
    """An exit with the controller that speaks for its door and the counter behind it."""

    exit: str
    controller: str
    counter: str


class Door(Struct):
    """The last that a controller said."""

    open: bool
    t_us: int


class Counter(Struct):
    """A counter's rate in people a minute: the last, the usual, and since when it has been so low."""

    last: float = 0.0
    usual: float = 0.0
    count: int = 0
    t_last_us: int = _NEVER_US
    t_low_us: int = 0
    low: bool = False
    t_said_us: int = _NEVER_US


class AccessState(Struct):
    """All doors and counters."""

    doors: dict[str, Door] = {}
    counters: dict[str, Counter] = {}


def guards_of(sensors: Sensors, exits: Collection[str] = ()) -> tuple[Guard, ...]:
    """Pair controllers and counters that cover the same exit.

    ``exits`` are the slugs of the site's exits; without them, anything that both cover and that is no zone.
    """
    zones = {spec.zone for spec in sensors.values()}

    def covered(slug: str) -> list[str]:
        return [each for each in sensors[slug].covers if (each in exits if exits else each not in zones)]

    doors = [
        (exit_, slug) for slug, spec in sensors.items() if spec.family == "door" for exit_ in covered(slug)
    ]
    counters = {
        exit_: slug for slug, spec in sensors.items() if spec.family in _COUNTERS for exit_ in covered(slug)
    }
    return tuple(Guard(exit_, door, counters[exit_]) for exit_, door in doors if exit_ in counters)


class AccessStage(StructSnapshots[AccessState]):
    """Says ``door-contradiction`` when a door is reported open but hardly anybody comes out behind it any more.

    Limits: needs people; where fewer than the least usual rate pass, nothing is said. A crowd that turns away for its
    own reasons looks the same, so this is a doubt about the exit, not a proof against the controller.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug, ``exits`` the slugs of its exits.
    """

    name = "access"
    inputs: tuple[str, ...] = ("obs.door.>", "obs.people.>")
    heavy = False
    state_type = AccessState

    def __init__(
        self,
        config: AccessConfig | None = None,
        sensors: Sensors | None = None,
        exits: Collection[str] = (),
    ) -> None:
        self.config = config or access_config()
        self.sensors: Sensors = sensors or {}
        self._guards = {guard.counter: guard for guard in guards_of(self.sensors, exits)}

    def step(self, state: AccessState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in."""
        found: list[Event] = []
        for reading in readings_of(batch, now_us):
            if not isfinite(reading.value):
                continue
            if reading.quantity == "open":
                door = state.doors.get(reading.sensor)
                if door is None or reading.t_us > door.t_us:
                    state.doors[reading.sensor] = Door(reading.value >= 0.5, reading.t_us)
            elif reading.quantity == "out_per_min" and 0 <= reading.value < 1e6:
                counter = state.counters.setdefault(reading.sensor, Counter())
                if reading.t_us > counter.t_last_us:
                    self._count(counter, reading)
                    found += self._judge(state, counter, reading)
        return found

    def _count(self, counter: Counter, reading: Reading) -> None:
        config, value, t_us = self.config, reading.value, reading.t_us
        low = (
            counter.count >= config.warm_up
            and counter.usual >= config.usual_least_per_min
            and value <= config.share_most * counter.usual
        )
        if low and not counter.low:
            counter.t_low_us = t_us
        counter.low = low
        if not low or t_us - counter.t_low_us > config.freeze_most_s * US_PER_S:
            seconds = min(60.0, (t_us - counter.t_last_us) / US_PER_S)
            share = max(1 - exp(-seconds / config.tau_s), 1 / (counter.count + 1))
            counter.usual += share * (value - counter.usual)
        counter.last, counter.t_last_us = value, t_us
        counter.count += 1

    def _judge(self, state: AccessState, counter: Counter, reading: Reading) -> list[Event]:
        guard, t_us = self._guards.get(reading.sensor), reading.t_us
        seconds = (t_us - counter.t_low_us) / US_PER_S
        if guard is None or not counter.low or seconds < self.config.hold_s:
            return []
        door = state.doors.get(guard.controller)
        if door is None or not door.open or t_us - door.t_us > self.config.door_fresh_s * US_PER_S:
            return []
        if not self._flows_elsewhere(state, reading.sensor, t_us):
            return []
        if t_us - counter.t_said_us < self.config.repeat_s * US_PER_S:
            return []
        counter.t_said_us = t_us
        return [self._detection(guard, counter, reading, seconds)]

    def _flows_elsewhere(self, state: AccessState, sensor: str, t_us: int) -> bool:
        """Whether people still leave by another exit, as far as others are counted."""
        fresh_us = t_us - round(self.config.door_fresh_s * US_PER_S)
        others = [c for slug, c in state.counters.items() if slug != sensor and c.t_last_us >= fresh_us]
        busy = [c for c in others if c.usual >= self.config.usual_least_per_min]
        return not busy or any(c.last >= self.config.others_share * c.usual for c in busy)

    def _detection(self, guard: Guard, counter: Counter, reading: Reading, seconds: float) -> Detection:
        entities = (guard.controller, guard.counter, guard.exit)
        return Detection(
            id="",
            t_us=reading.t_us,
            kind="door-contradiction",
            detector=self.name,
            sensor=guard.controller,
            group=guard.controller,
            place=place_of(self.sensors, guard.controller, reading.zone, entities),
            confidence=round(min(0.9, 0.55 + 0.35 * seconds / self.config.sure_s), 3),
            value=reading.value,
            usual=round(counter.usual, 1),
            unit="1/min",
            text=(
                f"{name_of(self.sensors, guard.controller)} says open, but {name_of(self.sensors, guard.counter)} "
                f"counts {reading.value:.2g} people a minute out, usual {counter.usual:.2g}, for {seconds:.0f} s"
            ),
            provenance=(guard.controller, guard.counter),
        )
