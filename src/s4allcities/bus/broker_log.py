"""What nats-server says on its log: that it is ready, and whom it refused."""

import re
from collections import Counter, deque
from typing import Literal

from msgspec import Struct

__all__ = ("BrokerLog", "Refusal", "RefusalKind")

RefusalKind = Literal["publish", "subscribe", "authentication", "protocol"]

_KEPT = 200
_LINE_MAX = 2000
_READY = "Server is ready"
_RELOADED = "Reloaded server configuration"
_NO_ROOM = re.compile(r"critical write error|no space left on device|out of resources", re.I)
_USER = re.compile(r'User "([^"]+)"')
_CLIENT_ID = re.compile(r'mid:\d+ - "([^"]*)"')
_SUBJECT = re.compile(r'Subject "?([^"\s]+)"?')
_MAPPED = re.compile(r"^(s4\.[^.]+)\.rawp\.\d+\.")
"""What the server's own mapping has made of a device's subject."""
_PATTERNS: tuple[tuple[RefusalKind, re.Pattern[str]], ...] = (
    ("publish", re.compile(r"Publish Violation|Permissions Violation for Publish", re.I)),
    ("subscribe", re.compile(r"Subscription Violation|Permissions Violation for Subscription", re.I)),
    (
        "authentication",
        re.compile(
            r"authentication error|authorization violation|authentication timeout|empty user name", re.I
        ),
    ),
    (
        "protocol",
        re.compile(r"mqtt.*(error|unable|not supported|invalid)|parser error|maximum payload", re.I),
    ),
)


class Refusal(Struct, frozen=True, kw_only=True):
    """One thing the broker did not let pass: what kind, by whom, on which subject, and the log's own words.

    ``client`` is the user's name where the log gives it, else the MQTT client id, which a device chooses itself.
    """

    kind: RefusalKind
    client: str
    subject: str
    line: str


class BrokerLog:
    """Reads log lines one by one; ``refused_by_broker`` counts by kind, ``refusals`` keeps the last of them.

    ``store_failed`` tells that a stream could not be written (a full disk): it stays closed until the next start.
    """

    def __init__(self) -> None:
        self.refused_by_broker: Counter[RefusalKind] = Counter()
        self.refusals: deque[Refusal] = deque(maxlen=_KEPT)
        self.tail: deque[str] = deque(maxlen=20)
        self.ready = 0
        self.reloads = 0
        self.store_failed = False

    def take(self, line: str) -> Refusal | None:
        """Take one line in; gives what it refuses, if it does.

        >>> BrokerLog().take('[ERR] c - mid:2 - "d" - Publish Violation - User "d", Subject "s4.x.obs.env.0"').kind
        'publish'
        """
        line = line.strip()[:_LINE_MAX]
        if not line:
            return None
        self.tail.append(line)
        self.ready += _READY in line
        self.reloads += _RELOADED in line
        self.store_failed |= "[ERR]" in line and _NO_ROOM.search(line) is not None
        refusal = _refusal(line)
        if refusal is not None:
            self.refused_by_broker[refusal.kind] += 1
            self.refusals.append(refusal)
        return refusal


def _refusal(line: str) -> Refusal | None:
    if "[ERR]" not in line and "[WRN]" not in line:
        return None
    for kind, pattern in _PATTERNS:
        if pattern.search(line):
            client = _first(_USER, line) or _first(_CLIENT_ID, line)
            return Refusal(
                kind=kind,
                client=client,
                subject=_MAPPED.sub(r"\1.raw.", _first(_SUBJECT, line)),
                line=line,
            )
    return None


def _first(pattern: re.Pattern[str], line: str) -> str:
    found = pattern.search(line)
    return found[1] if found else ""
