"""The stage: records of a network sensor in; scans, unauthorised writes and folded alerts out."""

import re

from ...domain import US_PER_S, Detection, ObservationBatch, Place
from ...domain.events import Event
from ...domain.snapshots import StructSnapshots
from ...formats.eve import EveAlert, EveEvent, eve_event
from ...formats.network import NetworkPolicy
from ..sensors import Sensors, place_of
from .config import CyberConfig, cyber_config
from .scans import Scan, find_scan, unicast
from .state import CyberState, Fold, forget_oldest, touch

__all__ = ("CyberStage",)

# Words by which a signature says that something was changed in a controller.
_SAYS_WRITE = re.compile(
    r"\b(write|writes|writing|force (single|multiple)|direct operate|set[_ ]?attribute|firmware download)\b",
    re.I,
)
_PROTOCOL = re.compile(r"\b(suricata|ipv?[46]?|tcpv?[46]?|udpv?[46]?|icmpv?[46]?)\b", re.I)
_BY_SEVERITY = {1: 0.6, 2: 0.4}


class CyberStage(StructSnapshots[CyberState]):
    """Reads EVE records (payload schema ``eve/1``) and says what a host does that it should not.

    ``network-scan``: many hosts on one port, or many ports of one host, in a sliding window. ``unauthorised-write``:
    a write to a device of the network policy by a host that may not. ``ids-alert``: what the network sensor itself
    alerts on, the same matter folded into one detection with its count.

    Limits: sees what the network sensor logs and nothing else (Suricata logs no ARP); a scan slower than the window,
    or spread over many sources, stays unseen; an encrypted write is no write to it.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug, ``policy`` of the network.
    """

    name = "cyber"
    inputs: tuple[str, ...] = ("obs.eve.>",)
    heavy = False
    state_type = CyberState

    def __init__(
        self,
        config: CyberConfig | None = None,
        sensors: Sensors | None = None,
        policy: NetworkPolicy | None = None,
    ) -> None:
        self.config = config or cyber_config()
        self.sensors: Sensors = sensors or {}
        self.policy = policy or NetworkPolicy()

    def step(self, state: CyberState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in; an empty one lets what is over be said."""
        if not len(batch):
            return self._over(state, now_us)
        found: list[Event] = []
        for payload in batch.payloads:
            if payload.schema != "eve/1":
                continue
            if not isinstance(payload.data, dict) or not 0 <= payload.row < len(batch):
                state.unread += 1
                continue
            sensor = batch.series[batch.series_ix[payload.row]].sensor
            t_us = int(batch.t_us[payload.row])
            if abs(t_us) < 2**61 and t_us <= now_us + 60 * US_PER_S:
                found += self._record(state, eve_event(payload.data), sensor, t_us)
        return found

    def _record(self, state: CyberState, event: EveEvent, sensor: str, t_us: int) -> list[Event]:
        state.t_latest_us = max(state.t_latest_us, t_us)
        found = self._over(state, state.t_latest_us)
        source = unicast(event.src_ip)
        if source:
            scan = find_scan(state, self.config, event, source, t_us)
            if scan is not None:
                found.append(self._scan(scan, source, sensor, t_us))
            target = unicast(event.dest_ip)
            if self._is_write(event, source, target):
                return found + self._write(state, event, source, target, sensor, t_us)
        if event.alert is not None:
            found += self._alert(state, event, event.alert, source, sensor, t_us)
        return found

    def _scan(self, scan: Scan, source: str, sensor: str, t_us: int) -> Detection:
        planned = self.policy.planned(source, t_us)
        aside = f" (planned: {planned.reason or 'announced'})" if planned else ""
        what = (
            f"{scan.count} hosts tried on port {scan.target}"
            if scan.horizontal
            else f"{scan.count} ports of {scan.target} tried"
        )
        return self._detection(
            "network-scan",
            sensor,
            source,
            t_us,
            place=Place(entities=(source,)),
            confidence=scan.confidence,
            count=scan.count,
            unit="hosts" if scan.horizontal else "ports",
            text=f"{source}: {what} within {self.config.scan.window_s:.0f} s{aside}",
        )

    def _is_write(self, event: EveEvent, source: str, target: str) -> bool:
        if target not in self.policy.hosts or self.policy.may_write(source, target):
            return False
        return bool(event.write) or (
            event.alert is not None and _SAYS_WRITE.search(event.alert.signature) is not None
        )

    def _write(
        self, state: CyberState, event: EveEvent, source: str, target: str, sensor: str, t_us: int
    ) -> list[Event]:
        fold = _count(state, state.writes, f"{source}>{target}", t_us, self.config.alerts.groups_most)
        if abs(t_us - fold.t_said_us) < self.config.repeat_s * US_PER_S:
            return []
        fold.t_said_us = t_us
        host = self.policy.hosts[target]
        entities = tuple(each for each in (source, host.device, host.exit) if each)
        how = event.write or (event.alert.signature if event.alert else "")
        times = f", {fold.count} times" if fold.count > 1 else ""
        return [
            self._detection(
                "unauthorised-write",
                sensor,
                f"write@{host.device}",  # a misread scan does not make a misread write: two reasons, not one
                t_us,
                place=place_of(self.sensors, host.device, "", entities),
                confidence=0.9 if event.write else 0.75,
                count=fold.count,
                unit="writes",
                text=f"{source} wrote to {host.name or host.device} without leave ({how}){times}",
            )
        ]

    def _alert(
        self, state: CyberState, event: EveEvent, alert: EveAlert, source: str, sensor: str, t_us: int
    ) -> list[Event]:
        most = self.config.alerts.groups_most
        if alert.of_engine:
            what = " ".join(_PROTOCOL.sub(" ", alert.signature).split())
            fold = _count(state, state.engine, f"{sensor}>{what}", t_us, most)
            fold.sensor, fold.text = sensor, what
            return []
        fold = _count(state, state.alerts, f"{alert.signature_id or alert.signature}>{source}", t_us, most)
        if abs(t_us - fold.t_said_us) < fold.wait_s * US_PER_S:
            return []
        fold.t_said_us = t_us
        fold.wait_s = min(self.config.alerts.repeat_most_s, max(self.config.repeat_s, 2 * fold.wait_s))
        host = self.policy.hosts.get(unicast(event.dest_ip))
        entities = (source, host.device, host.exit) if host else (source,)
        times = f" ({fold.count} times)" if fold.count > 1 else ""
        return [
            self._detection(
                "ids-alert",
                sensor,
                source or sensor,
                t_us,
                place=Place(entities=tuple(each for each in entities if each)),
                confidence=_BY_SEVERITY.get(alert.severity, 0.2),
                count=fold.count,
                unit="alerts",
                text=f"{source or sensor}: {alert.signature or 'alert without a name'}{times}",
            )
        ]

    def _over(self, state: CyberState, t_us: int) -> list[Event]:
        """Say the engine's complaints that are over, or that have lasted long enough."""
        rules, found = self.config.alerts, list[Event]()
        for key, fold in list(state.engine.items()):
            quiet = t_us - fold.t_last_us >= rules.engine_quiet_s * US_PER_S
            if quiet or fold.t_last_us - fold.t_first_us >= rules.engine_fold_s * US_PER_S:
                del state.engine[key]
                found.append(self._engine(fold))
        return found

    def _engine(self, fold: Fold) -> Detection:
        seconds = (fold.t_last_us - fold.t_first_us) / US_PER_S
        times = f"{fold.count:,} times in {seconds:.0f} s" if fold.count > 1 else "once"
        return self._detection(
            "ids-alert",
            fold.sensor,
            fold.sensor,
            fold.t_last_us,
            place=place_of(self.sensors, fold.sensor),
            confidence=0.05,
            count=fold.count,
            unit="alerts",
            text=f"{fold.sensor}: {fold.text or 'packet trouble'}, {times}",
        )

    def _detection(
        self,
        kind: str,
        sensor: str,
        group: str,
        t_us: int,
        *,
        place: Place,
        confidence: float,
        count: int,
        unit: str,
        text: str,
    ) -> Detection:
        return Detection(
            id="",
            t_us=t_us,
            kind=kind,
            detector=self.name,
            sensor=sensor,
            group=group,
            place=place,
            confidence=confidence,
            value=float(count),
            unit=unit,
            text=text,
            provenance=(sensor,),
        )


def _count(state: CyberState, memory: dict[str, Fold], key: str, t_us: int, most: int) -> Fold:
    """Add one to a fold, making it if needed; the least recent go when there are too many."""
    fold = touch(memory, key, Fold(t_first_us=t_us))
    state.forgotten += forget_oldest(memory, most)
    fold.count += 1
    fold.t_last_us = max(t_us, fold.t_last_us)
    return fold
