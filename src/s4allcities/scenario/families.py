"""How each physical kind of sensor speaks: the family of its topic, its protocol, how often."""

from collections.abc import Collection
from typing import Literal

from msgspec import Struct

from s4allcities.site import SensorSpec

__all__ = ("CHANNELS", "ZONE_COUNTER", "Channel", "channel_of", "counts_zone")

Protocol = Literal["mqtt", "http"]


class Channel(Struct, frozen=True):
    """``family`` is that of the topic ``s4/<site>/raw/<family>/<sensor>``; ``interval_s`` 0 = when there is news."""

    family: str
    protocol: Protocol
    interval_s: float


CHANNELS: dict[str, Channel] = {
    "smoke": Channel("env", "mqtt", 1.0),
    "co": Channel("env", "mqtt", 1.0),
    "heat": Channel("env", "mqtt", 1.0),
    "counter": Channel("people", "mqtt", 2.0),
    "door": Channel("door", "mqtt", 2.0),
    "camera": Channel("camera", "mqtt", 1.0),
    "sign": Channel("sign", "mqtt", 10.0),
    "traffic": Channel("traffic", "http", 5.0),
    "weather": Channel("weather", "http", 5.0),
    "ids": Channel("eve", "mqtt", 0.0),
    "building": Channel("building", "mqtt", 2.0),
}
"""Physical family of the site file -> how it speaks. Both protocols are in use on purpose."""

ZONE_COUNTER = Channel("people", "http", 2.0)
"""A counter that counts the people of a zone, not those who pass an exit."""


def counts_zone(spec: SensorSpec, zones: Collection[str]) -> bool:
    """Tell a zone's counter from an exit's."""
    return spec.family == "counter" and any(slug in zones for slug in spec.covers)


def channel_of(spec: SensorSpec, zones: Collection[str]) -> Channel | None:
    """Give how a sensor speaks; None for a kind that the simulated world does not know."""
    return ZONE_COUNTER if counts_zone(spec, zones) else CHANNELS.get(spec.family)
