"""The network policy of a site: which addresses are which devices, who may write to them, which scans are planned.

One YAML file, ``sites/<site>/network.yaml``::

    hosts:
      10.20.0.31: {device: door-c, exit: exit-c}
    allowed_writers: [10.20.0.5]
    planned_scans:
      - {host: 10.20.0.9, from: 2026-05-01T20:00:00+00:00, until: 2026-05-01T22:00:00+00:00, reason: yearly test}
"""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from ..domain import US_PER_S

__all__ = ("NetworkHost", "NetworkPolicy", "PlannedScan", "PolicyError", "read_network_policy")


class PolicyError(ValueError):
    """The network policy cannot be used: the message says where, what is wrong and what is allowed."""


class NetworkHost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A device on the network; ``exit`` is the opening that it controls; ``writers`` may write to it alone."""

    device: str
    exit: str = ""
    name: str = ""
    writers: tuple[str, ...] = ()


class PlannedScan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A scan that was announced; ``t_until_us`` 0 means until further notice."""

    host: str
    t_from_us: int = 0
    t_until_us: int = 0
    reason: str = ""

    def covers(self, t_us: int) -> bool:
        """Whether a moment lies in it."""
        return self.t_from_us <= t_us and (not self.t_until_us or t_us < self.t_until_us)


class NetworkPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole policy; addresses are written as `ipaddress` writes them."""

    hosts: dict[str, NetworkHost] = {}
    allowed_writers: frozenset[str] = frozenset()
    planned_scans: tuple[PlannedScan, ...] = ()

    def may_write(self, source: str, target: str) -> bool:
        """Whether ``source`` may write to ``target``; nobody needs leave for what is not in the policy."""
        host = self.hosts.get(target)
        return host is None or source in self.allowed_writers or source in host.writers

    def planned(self, host: str, t_us: int) -> PlannedScan | None:
        """Give the announced scan of a host at a moment, if there is one."""
        return next((scan for scan in self.planned_scans if scan.host == host and scan.covers(t_us)), None)


class _Scan(Struct, kw_only=True, forbid_unknown_fields=True):
    host: str
    from_: Any = msgspec.field(default=None, name="from")
    until: Any = None
    reason: str = ""


class _File(Struct, kw_only=True, forbid_unknown_fields=True):
    hosts: dict[str, NetworkHost] = {}
    allowed_writers: list[str] = []
    planned_scans: list[_Scan] = []


def read_network_policy(data: bytes | str) -> NetworkPolicy:
    """Read the YAML.

    :raises PolicyError: not YAML, an unknown key, or an address or time that is none.
    """
    try:
        loaded: Any = yaml.load(data, Loader=yaml.CSafeLoader) or {}
        file = msgspec.convert(loaded, _File)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise PolicyError(f"network policy: {' '.join(str(error).split())}") from None
    hosts = {}
    for address, host in file.hosts.items():
        writers = tuple(_address(each, f"hosts.{address}.writers") for each in host.writers)
        hosts[_address(address, "hosts")] = msgspec.structs.replace(host, writers=writers)
    return NetworkPolicy(
        hosts=hosts,
        allowed_writers=frozenset(_address(each, "allowed_writers") for each in file.allowed_writers),
        planned_scans=tuple(
            PlannedScan(
                host=_address(scan.host, "planned_scans.host"),
                t_from_us=_time_us(scan.from_, "planned_scans.from"),
                t_until_us=_time_us(scan.until, "planned_scans.until"),
                reason=scan.reason,
            )
            for scan in file.planned_scans
        ),
    )


def _address(text: str, where: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise PolicyError(f"network policy, {where}: {text!r}; allowed is an IPv4 or IPv6 address") from None


def _time_us(moment: Any, where: str) -> int:
    if moment is None:
        return 0
    try:
        time = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    except (ValueError, TypeError):
        raise PolicyError(f"network policy, {where}: {moment!r}; allowed is an RFC 3339 time") from None
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * US_PER_S)
