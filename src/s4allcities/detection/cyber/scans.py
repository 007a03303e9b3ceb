"""Network scans: one source that tries one door of many houses, or many doors of one house."""

from functools import lru_cache
from ipaddress import ip_address

from msgspec import Struct

from ...domain import US_PER_S
from ...formats.eve import EveEvent
from .config import CyberConfig
from .state import CyberState, Source, forget_oldest, forget_until, touch

__all__ = ("Scan", "find_scan", "is_probe", "unicast")


class Scan(Struct, frozen=True, kw_only=True):
    """What was found: ``count`` hosts or ports, ``target`` the port or the host, and how many are needed."""

    horizontal: bool
    count: int
    target: str
    needed: int

    @property
    def confidence(self) -> float:
        """Half at the least count, near 1 from four times as many on."""
        return round(min(0.95, 0.5 + 0.15 * (self.count / self.needed - 1)), 3)


@lru_cache(maxsize=16_384)
def unicast(text: str) -> str:
    """Give the address as `ipaddress` writes it, or ``""`` for none, for groups and for everybody."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    everybody = address.version == 4 and str(address).endswith(".255")
    if address.is_multicast or address.is_unspecified or everybody:
        return ""
    return str(address)


def is_probe(event: EveEvent, packets_most: int) -> bool:
    """Whether a record looks like a knock rather than a conversation: unanswered, or over after a few packets.

    A record without packet counts is taken as a knock; an answered question over UDP is none.
    """
    if not event.dest_port or event.event_type not in ("flow", "alert", "netflow", "conn", "drop", "anomaly"):
        return False
    if event.alert is not None and event.alert.of_engine:
        return False
    if event.pkts_toclient < 0 or event.pkts_toserver < 0 or event.pkts_toclient == 0:
        return True
    return event.proto == "TCP" and event.pkts_toserver <= packets_most


def find_scan(
    state: CyberState, config: CyberConfig, event: EveEvent, source_ip: str, t_us: int
) -> Scan | None:
    """Remember a probe; give the scan that it makes, if it is time to speak of it."""
    rules = config.scan
    target = unicast(event.dest_ip)
    if not target or not is_probe(event, rules.probe_packets_most):
        return None
    source = touch(state.sources, source_ip, Source())
    state.forgotten += forget_oldest(state.sources, rules.sources_most)
    port = f"{event.dest_port}/{event.proto.lower() or 'ip'}"
    oldest_us = t_us - round(rules.window_s * US_PER_S)
    ports = _remember(state, source.hosts, target, port, t_us, oldest_us, rules.keys_most)
    hosts = _remember(state, source.ports, port, target, t_us, oldest_us, rules.keys_most)
    source.t_seen_us = t_us
    if ports < rules.ports_least and hosts < rules.hosts_least:
        return None
    if abs(t_us - source.t_said_us) < config.repeat_s * US_PER_S:
        return None
    source.t_said_us = t_us
    if hosts / rules.hosts_least >= ports / rules.ports_least:
        return Scan(horizontal=True, count=hosts, target=port, needed=rules.hosts_least)
    return Scan(horizontal=False, count=ports, target=target, needed=rules.ports_least)


def _remember(
    state: CyberState,
    memory: dict[str, dict[str, int]],
    key: str,
    value: str,
    t_us: int,
    oldest_us: int,
    most: int,
) -> int:
    """Note that ``value`` was seen with ``key``; give how many different values the window holds."""
    seen = touch(memory, key, {})
    seen.pop(value, None)
    seen[value] = t_us
    forget_until(seen, oldest_us)
    state.forgotten += forget_oldest(seen, most) + forget_oldest(memory, most)
    return len(seen)
