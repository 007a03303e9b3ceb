"""Whether each sensor still speaks, and whether its clock is right. Silence is an event.

The usual interval of a sensor is learned from its own messages; it is late, stale, then gone after multiples of it. Its
clock's error is the median difference between its time and ours over its last messages: a few late ones do not move it.
"""

from collections import Counter, deque
from collections.abc import Mapping
from statistics import median

import msgspec
from msgspec import Struct

from s4allcities.domain import US_PER_S, SensorHealth, SensorState, derived_ulid

__all__ = ("HealthMonitor", "SilentSensor")

WINDOW = 32
"""Messages remembered a sensor."""
USUAL_QUANTILE = 0.9
"""The interval is this quantile of the gaps: a sensor that sends in bursts is not late between them."""
MIN_GAPS = 4
FIRST_INTERVAL_S = 30.0
"""Taken as interval until `MIN_GAPS` gaps are known."""
MIN_INTERVAL_S = 0.5
LATE_INTERVALS, STALE_INTERVALS, GONE_INTERVALS = 3.0, 10.0, 60.0
MIN_LATE_S, MIN_GONE_S = 2.0, 60.0
MAX_SKEW_S = 5.0
"""A clock further off than this is called wrong; it is right again below half of it."""
MIN_SKEW_MESSAGES = 5
LEARN_EVERY = 8
"""The interval is learned anew every so many messages, and at each change of state."""


class _Sensor(Struct):
    family: str
    state: SensorState = "unknown"
    t_last_us: int = 0
    interval_s: float = FIRST_INTERVAL_S
    skew_s: float = 0.0
    count: int = 0
    gaps_s: deque[float] = msgspec.field(default_factory=lambda: deque(maxlen=WINDOW))
    skews_s: deque[float] = msgspec.field(default_factory=lambda: deque(maxlen=WINDOW))


class SilentSensor(Struct, frozen=True, kw_only=True):
    """A sensor that does not speak; ``silent_s`` is None for one that never did."""

    sensor: str
    family: str
    state: SensorState
    silent_s: float | None


class HealthMonitor:
    """Follows all sensors of a node.

    ``expected`` is sensor -> family of those that the site knows: they are gone when they never speak. Times are those
    of the clock that the caller uses.

    >>> monitor = HealthMonitor()
    >>> monitor.seen("e1", "env", 1_000_000)
    >>> [change.state for change in monitor.check(1_000_000)]
    ['on time']
    >>> [change.state for change in monitor.check(100_000_000)]
    ['late']
    """

    def __init__(self, expected: Mapping[str, str] | None = None) -> None:
        self._sensors: dict[str, _Sensor] = {
            sensor: _Sensor(family) for sensor, family in (expected or {}).items()
        }
        self._since_us: int | None = None
        self.on_time = 0

    def __len__(self) -> int:
        return len(self._sensors)

    def seen(self, sensor: str, family: str, t_us: int, t_own_us: int | None = None) -> None:
        """Note a message received at ``t_us``; ``t_own_us`` is the time of its last reading."""
        known = self._sensors.get(sensor)
        if known is None:
            known = self._sensors[sensor] = _Sensor(family)
        if known.t_last_us:
            known.gaps_s.append((t_us - known.t_last_us) / US_PER_S)
        known.t_last_us = max(t_us, known.t_last_us)
        if t_own_us is not None and t_own_us != t_us:  # the same time: it has no clock of its own
            known.skews_s.append((t_own_us - t_us) / US_PER_S)
        known.count += 1
        if known.count % LEARN_EVERY == 0:
            _learn(known)

    def check(self, now_us: int) -> list[SensorHealth]:
        """Give what has changed since the last call."""
        if self._since_us is None:
            self._since_us = now_us
        changed = []
        self.on_time = 0
        for name, sensor in self._sensors.items():
            state = self._state(sensor, now_us)
            self.on_time += state == "on time"
            if state != sensor.state:
                _learn(sensor)
                sensor.state = state = self._state(sensor, now_us)
                changed.append(_event(name, sensor, now_us))
        return changed

    def _state(self, sensor: _Sensor, now_us: int) -> SensorState:
        assert self._since_us is not None
        # Silence counts from the start of watching at the earliest: a restart is not the sensor's fault.
        silent_s = (now_us - max(sensor.t_last_us, self._since_us)) / US_PER_S
        interval_s = sensor.interval_s
        if silent_s > max(MIN_GONE_S, GONE_INTERVALS * interval_s if sensor.t_last_us else 0):
            return "gone"
        if not sensor.t_last_us:
            return "unknown"
        if silent_s > STALE_INTERVALS * interval_s:
            return "stale"
        if silent_s > max(LATE_INTERVALS * interval_s, interval_s + MIN_LATE_S):
            return "late"
        if sensor.t_last_us < self._since_us and sensor.state != "unknown":
            return sensor.state  # thawed and not heard since: nothing new to say
        limit_s = MAX_SKEW_S / 2 if sensor.state == "clock wrong" else MAX_SKEW_S
        if len(sensor.skews_s) >= MIN_SKEW_MESSAGES and abs(sensor.skew_s) > limit_s:
            return "clock wrong"
        return "on time"

    def received(self) -> dict[str, int]:
        """Give how many good messages came in since the start, by family."""
        counts: Counter[str] = Counter()
        for sensor in self._sensors.values():
            counts[sensor.family] += sensor.count
        return dict(sorted(counts.items()))

    def states(self) -> dict[str, int]:
        """Give how many sensors are in each state."""
        return dict(sorted(Counter(sensor.state for sensor in self._sensors.values()).items()))

    def silent(self, now_us: int) -> list[SilentSensor]:
        """Give the sensors that are stale or gone, silent longest first."""
        found = [
            SilentSensor(
                sensor=name,
                family=sensor.family,
                state=sensor.state,
                silent_s=round((now_us - sensor.t_last_us) / US_PER_S, 1) if sensor.t_last_us else None,
            )
            for name, sensor in self._sensors.items()
            if sensor.state in ("stale", "gone")
        ]
        return sorted(found, key=lambda each: (-(each.silent_s or float("inf")), each.sensor))

    def snapshot(self) -> bytes:
        """Freeze what was learned."""
        return msgspec.msgpack.encode(self._sensors, enc_hook=list)

    def restore(self, data: bytes) -> None:
        """Thaw what `snapshot` gave; sensors keep their state, so that a restart announces nothing anew.

        :raises ValueError: not a snapshot.
        """
        try:
            frozen = msgspec.msgpack.decode(data, type=dict[str, _Frozen])
        except msgspec.MsgspecError as error:
            raise ValueError(f"health snapshot cannot be read: {error}") from error
        for name, one in frozen.items():
            self._sensors[name] = one.thaw()
        self._since_us = None


class _Frozen(Struct):
    """A sensor in a snapshot: lists where the live one has bounded queues."""

    family: str
    state: SensorState
    t_last_us: int
    interval_s: float
    skew_s: float
    count: int
    gaps_s: list[float]
    skews_s: list[float]

    def thaw(self) -> _Sensor:
        return _Sensor(
            self.family,
            self.state,
            self.t_last_us,
            self.interval_s,
            self.skew_s,
            self.count,
            deque(self.gaps_s, WINDOW),
            deque(self.skews_s, WINDOW),
        )


def _learn(sensor: _Sensor) -> None:
    if len(sensor.gaps_s) >= MIN_GAPS:
        gaps_s = sorted(sensor.gaps_s)
        sensor.interval_s = max(MIN_INTERVAL_S, gaps_s[int(USUAL_QUANTILE * (len(gaps_s) - 1))])
    if len(sensor.skews_s) >= MIN_SKEW_MESSAGES:
        sensor.skew_s = median(sensor.skews_s)


def _event(name: str, sensor: _Sensor, now_us: int) -> SensorHealth:
    return SensorHealth(
        id=derived_ulid(now_us, "edge", "health", name, sensor.state),
        t_us=now_us,
        sensor=name,
        family=sensor.family,
        state=sensor.state,
        t_last_us=sensor.t_last_us,
        interval_s=round(sensor.interval_s, 3),
        clock_skew_s=round(sensor.skew_s, 3),
        provenance=(name,),
    )
