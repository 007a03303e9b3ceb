"""The simulated world: moves on in small steps and gives what its sensors send, all from one seed. No I/O."""

from collections.abc import Iterator
from math import inf
from typing import Any

import msgspec
from msgspec import Struct

from s4allcities.domain import US_PER_S, to_rfc3339
from s4allcities.site import SensorSpec, Site

from .families import Channel, channel_of
from .instruments import Instrument, Reader, make_instrument
from .network import EveWriter, NetworkEvent, eve_time
from .randomness import stream
from .scene import Scene
from .signs import SignDevice
from .story import Fault, Story

__all__ = ("STEP_S", "Datum", "World")

STEP_S = 0.5
LATENCY_S = 0.12
LATENCY_SPREAD = 0.55
LATENCY_BOUNDS_S = (0.05, 0.4)
BACKGROUND_S = 3600.0
KEPT_READINGS = 70
KEPT_EVERY_S = 5.0
KEPT_MESSAGES = 2
"""A building node keeps its last readings and sends them when it finds the platform: a node that is new there says
nothing for five minutes, and this one has been measuring for longer."""
NO_FAULT = Fault()


class Datum(Struct, frozen=True, kw_only=True):
    """One message of one device: ``t_us`` is the time of the reading, ``due_us`` when it reaches the network."""

    sensor: str
    family: str
    protocol: str
    t_us: int
    due_us: int
    payload: bytes


class _Device(Struct):
    """A sensor as the world keeps it; ``next_s`` is when it reads next, ``last_due_us`` keeps its messages in order."""

    spec: SensorSpec
    channel: Channel
    instrument: Instrument
    reader: Reader | None
    fault: Fault
    dropout: float
    next_s: float
    last_due_us: int = 0


class World:
    """Everything that happens. ``start_us`` is when the story begins; each `step` gives what is sent in the next one.

    The same site, story and commands give the same messages, byte for byte.
    """

    def __init__(self, site: Site, story: Story, *, start_us: int) -> None:
        self.site, self.story, self.start_us = site, story, start_us
        self.scene = Scene(site, story)
        self.signs: dict[str, SignDevice] = {}
        self._devices = {each.spec.slug: each for each in self._make_devices()}
        self._network = self._plan_network()
        self._happenings = story.happenings()
        self.never_sent = 0
        self._kept = [datum for each in self._devices.values() for datum in self._keep(each)]

    @property
    def t_s(self) -> float:
        """Seconds since the start."""
        return self.scene.t_s

    @property
    def devices(self) -> dict[str, Channel]:
        """How each device speaks."""
        return {slug: each.channel for slug, each in self._devices.items()}

    def at_us(self, t_s: float) -> int:
        """Give the time of a moment of the story."""
        return self.start_us + round(t_s * US_PER_S)

    def _make_devices(self) -> Iterator[_Device]:
        zones = {zone.slug for zone in self.site.zones}
        faults = self.story.file.faults
        for spec in self.site.sensors:
            channel = channel_of(spec, zones)
            if channel is None:
                continue
            instrument, reader = make_instrument(spec, self.scene, channel.interval_s)
            if spec.family == "sign":
                answers = spec.slug != faults.silent_sign
                self.signs[spec.slug] = SignDevice(instrument.rng, answers=answers)
            dropout = float(instrument.rng.uniform(*faults.dropout))
            yield _Device(
                spec=spec,
                channel=channel,
                instrument=instrument,
                reader=reader,
                fault=self.story.faults.get(spec.slug, NO_FAULT),
                dropout=dropout,
                next_s=instrument.phase_s if channel.interval_s else inf,
            )

    def _plan_network(self) -> list[NetworkEvent]:
        story, writer = self.story, EveWriter(stream(self.story.seed, "network"))
        events = writer.background(BACKGROUND_S, story.hosts)
        if story.file.scan is not None:
            events += writer.scan(story.file.scan, story.scan_s, story.hosts)
        if story.file.write is not None:
            events += writer.write(story.file.write.source, story.attacked_ip, story.write_s)
        return sorted(events, key=lambda event: -event.t_s)

    def step(self) -> list[Datum]:
        """Move on by `STEP_S`; give what the devices send about that time, in order of arrival."""
        self.scene.step(STEP_S)
        data, self._kept = self._kept, []
        for device in self._devices.values():
            while device.next_s < self.t_s:
                datum = self._reading(device, device.next_s)
                device.next_s += device.instrument.interval_s
                if datum is not None:
                    data.append(datum)
        data += self._logged()
        return sorted(data, key=lambda datum: (datum.due_us, datum.sensor))

    def _keep(self, device: _Device) -> Iterator[Datum]:
        """Give what a building node measured before the story begins, oldest first."""
        if device.spec.family != "building" or device.reader is None:
            return
        for message in range(KEPT_MESSAGES):
            first = (KEPT_MESSAGES - message) * KEPT_READINGS
            times_s = [-KEPT_EVERY_S * (first - row) for row in range(KEPT_READINGS)]
            rows = [device.reader(self.scene, t_s) for t_s in times_s]
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            t_us = [self.at_us(t_s) for t_s in times_s]
            payload = msgspec.json.encode({"t_us": t_us, **columns})
            yield self._datum(device, t_us[-1], 0.0, payload)

    def _reading(self, device: _Device, t_s: float) -> Datum | None:
        dropped = float(device.instrument.rng.random()) < device.dropout
        if device.reader is None:
            fields: dict[str, Any] | None = None
        else:
            fields = device.reader(self.scene, t_s)
        if t_s >= device.fault.dies_s:
            return None
        if dropped:
            self.never_sent += 1
            return None
        t_us = self.at_us(t_s + device.fault.skew_s)
        if fields is None:
            payload = self.signs[device.spec.slug].status(t_us)
        else:
            payload = msgspec.json.encode({"t": to_rfc3339(t_us), **fields})
        return self._datum(device, t_us, t_s, payload)

    def _datum(self, device: _Device, t_us: int, t_s: float, payload: bytes) -> Datum:
        low_s, high_s = LATENCY_BOUNDS_S
        drawn_s = LATENCY_S * float(device.instrument.rng.lognormal(0.0, LATENCY_SPREAD))
        due_us = self.at_us(t_s + min(max(drawn_s, low_s), high_s))
        device.last_due_us = due_us = max(due_us, device.last_due_us)
        channel = device.channel
        return Datum(
            sensor=device.spec.slug,
            family=channel.family,
            protocol=channel.protocol,
            t_us=t_us,
            due_us=due_us,
            payload=payload,
        )

    def _logged(self) -> Iterator[Datum]:
        """Give what the network sensors have logged by now."""
        loggers = [each for each in self._devices.values() if each.channel.family == "eve"]
        while self._network and self._network[-1].t_s < self.t_s:
            event = self._network.pop()
            t_us = self.at_us(event.t_s)
            payload = msgspec.json.encode({"timestamp": eve_time(t_us), **event.record})
            for device in loggers[:1]:
                yield self._datum(device, t_us, event.t_s, payload)

    def command(self, sign: str, data: bytes, now_us: int) -> Datum | None:
        """Give a sign a command; gives its answer, if it gives one. People read what it shows from then on."""
        device, emulator = self._devices.get(sign), self.signs.get(sign)
        answer = emulator.command(data) if emulator else None
        if device is None or emulator is None or answer is None:
            return None
        self.scene.crowd.told(answer.showing)
        due_us = now_us + round(answer.after_s * US_PER_S)
        return Datum(
            sensor=sign,
            family=device.channel.family,
            protocol=device.channel.protocol,
            t_us=due_us,
            due_us=due_us,
            payload=emulator.acknowledgement(answer, due_us),
        )

    def truth(self) -> dict[str, Any]:
        """Give the true state now."""
        return {"kind": "state", "t_us": self.at_us(self.t_s), "t_s": self.t_s, **self.scene.truth()}

    def happened(self) -> list[dict[str, Any]]:
        """Give what has begun since this was last asked."""
        begun = [each for each in self._happenings if each[0] <= self.t_s]
        self._happenings = self._happenings[len(begun) :]
        return [
            {"kind": "event", "t_us": self.at_us(t_s), "t_s": round(t_s, 3), "what": what, "where": where}
            for t_s, what, where in begun
        ]
