"""The ways out: SMTP, HTTP with a signature, syslog. Each hands one alert to one recipient and gives the receipt."""

import asyncio
import hmac
import smtplib
import socket
import ssl
from collections.abc import Iterable
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ...domain import ALERT_LEVELS, US_PER_S, Alert, AlertLevel, to_rfc3339

__all__ = (
    "SIGNATURE",
    "TIMESTAMP",
    "Channel",
    "ChannelConfig",
    "NotifyError",
    "check_channels",
    "make_channel",
    "signature_of",
    "subject_of",
    "syslog_message",
    "text_of",
)

TIMEOUT_S = 10.0
SIGNATURE, TIMESTAMP = "x-s4-signature", "x-s4-timestamp"
FACILITY_AUTHPRIV = 10
SEVERITY: dict[AlertLevel, int] = {"critical": 2, "high": 3, "medium": 4, "low": 5, "info": 6}
"""Syslog severities by level: critical, error, warning, notice, informational."""


class NotifyError(Exception):
    """A recipient could not be reached, or a channel's settings cannot be used; the message says which and why."""


class ChannelConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel. ``least`` is the lowest level that goes out by it; ``hypotheses`` limits it to some types of alert.

    smtp: ``host``, ``port``, ``sender``, ``recipients``, ``security``, ``user``, ``password_file``. webhook: ``url``,
    ``secret_file`` for the signature. syslog: ``host``, ``port``, ``transport``. Secrets are read from files.
    """

    name: str
    kind: Literal["smtp", "webhook", "syslog"]
    least: AlertLevel = "high"
    hypotheses: tuple[str, ...] = ()
    host: str = ""
    port: int = 0
    sender: str = ""
    recipients: tuple[str, ...] = ()
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""
    url: str = ""
    secret_file: str = ""
    transport: Literal["tcp", "udp"] = "tcp"

    def takes(self, alert: Alert) -> bool:
        """Whether an alert goes out by this channel."""
        grave = ALERT_LEVELS.index(alert.level) >= ALERT_LEVELS.index(self.least)
        return grave and (not self.hypotheses or alert.hypothesis in self.hypotheses)


class Channel(Protocol):
    """Hands an alert to a recipient."""

    config: ChannelConfig
    recipients: tuple[str, ...]

    async def send(self, alert: Alert, recipient: str, site: str) -> str:
        """Send it and give what the other side answered. :raises NotifyError: it was not taken."""


def subject_of(alert: Alert, site: str) -> str:
    """One line: level, mode if not live, title, site."""
    mark = "" if alert.mode == "live" else f"{alert.mode.upper()}: "
    return f"{mark}[{alert.level}] {alert.title} ({site})"


def text_of(alert: Alert) -> str:
    """The three lines, and where to find it."""
    lines = [*alert.lines, "", f"Alert {alert.id}, version {alert.version}, {to_rfc3339(alert.t_us)}"]
    if alert.mode != "live":
        lines.insert(0, f"{alert.mode.upper()}. Nothing of this is real.")
    if alert.escalated_to:
        lines.append(f"Escalated to {alert.escalated_to}: {alert.reason}")
    return "\n".join(lines) + "\n"


def check_channels(configs: Iterable[ChannelConfig]) -> None:
    """Refuse settings that cannot work. :raises NotifyError: names the channel, the setting and what is allowed."""
    names: set[str] = set()
    for each in configs:
        if not each.name or each.name in names:
            raise NotifyError(f"notify channel {each.name!r}: each needs a name of its own")
        names.add(each.name)
        if each.kind == "smtp" and not (each.host and each.sender and each.recipients):
            raise NotifyError(f"notify channel {each.name}: smtp needs host, sender and recipients")
        if each.kind == "webhook" and urlsplit(each.url).scheme not in ("http", "https"):
            raise NotifyError(f"notify channel {each.name}: url is {each.url!r}; allowed is http or https")
        if each.kind == "webhook" and not each.secret_file:
            raise NotifyError(
                f"notify channel {each.name}: webhook needs secret_file, the key of its signature"
            )
        if each.kind == "syslog" and not each.host:
            raise NotifyError(f"notify channel {each.name}: syslog needs host")
        if not 0 <= each.port <= 65535:
            raise NotifyError(f"notify channel {each.name}: port is {each.port}; allowed are 0 to 65535")


def make_channel(config: ChannelConfig) -> "Channel":
    """Make a channel. :raises NotifyError: a file with a secret cannot be read, or the settings cannot work."""
    check_channels([config])
    match config.kind:
        case "smtp":
            return _Mail(config)
        case "webhook":
            return _Webhook(config)
        case "syslog":
            return _Syslog(config)


def _secret(config: ChannelConfig, path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotifyError(f"notify channel {config.name}: {path}: cannot be read: {error}") from None


class _Mail:
    """Mail by SMTP; a TLS connection is checked against the system's certificates."""

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.recipients = config.recipients
        self._password = _secret(config, config.password_file)

    async def send(self, alert: Alert, recipient: str, site: str) -> str:
        """Send one mail; the receipt is the server's answer to its content."""
        return await asyncio.to_thread(self._send, alert, recipient, site)

    def _send(self, alert: Alert, recipient: str, site: str) -> str:
        message = EmailMessage()
        message["Subject"] = " ".join(subject_of(alert, site).split())
        message["From"], message["To"] = self.config.sender, recipient
        message["X-S4-Alert"], message["X-Priority"] = alert.id, "1" if alert.level == "critical" else "3"
        message.set_content(text_of(alert))
        try:
            with self._connection() as server:
                if self.config.user:
                    server.login(self.config.user, self._password)
                server.mail(self.config.sender)
                code, answer = server.rcpt(recipient)
                if code not in (250, 251):
                    raise NotifyError(f"{recipient} refused: {code} {answer.decode(errors='replace')}")
                code, answer = server.data(message.as_bytes())
        except (OSError, smtplib.SMTPException) as error:
            raise NotifyError(f"{self.config.host}: {error}") from None
        told = f"{code} {answer.decode(errors='replace')}"
        if code != 250:
            raise NotifyError(f"{self.config.host}: {told}")
        return told

    def _connection(self) -> smtplib.SMTP:
        host, context = self.config.host, ssl.create_default_context()
        if self.config.security == "tls":
            return smtplib.SMTP_SSL(host, self.config.port or 465, timeout=TIMEOUT_S, context=context)
        server = smtplib.SMTP(host, self.config.port or 587, timeout=TIMEOUT_S)
        server.ehlo()
        if self.config.security == "starttls":
            server.starttls(context=context)
            server.ehlo()
        return server


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, a dot, and the body, in hex: who knows the secret can tell that it is ours.

    The timestamp is that of the alert's version, in seconds.
    """
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


class _Webhook:
    """An HTTP POST of the alert as JSON, signed."""

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.recipients: tuple[str, ...] = (config.url,)
        self._key = _secret(config, config.secret_file)
        if not self._key:
            raise NotifyError(f"notify channel {config.name}: {config.secret_file} is empty")

    async def send(self, alert: Alert, recipient: str, site: str) -> str:
        """Post it; the receipt is the status and the beginning of the answer."""
        import httpx  # here: it brings ten megabytes, and most sites have no such channel

        slim = msgspec.structs.replace(alert, grounds=None)
        body = msgspec.json.encode({"site": site, "alert": slim})
        timestamp = str(alert.t_us // US_PER_S)
        headers = {
            "content-type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: signature_of(self._key, timestamp, body),
        }
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
                answer = await client.post(recipient, content=body, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            raise NotifyError(f"{recipient}: {str(error) or type(error).__name__}") from None
        if not answer.is_success:
            raise NotifyError(f"{recipient}: HTTP {answer.status_code}")
        return f"HTTP {answer.status_code} {answer.text[:80]}".strip()


def syslog_message(alert: Alert, site: str, host: str) -> bytes:
    """Write an alert as one RFC 5424 message, with its facts as structured data."""
    priority = FACILITY_AUTHPRIV * 8 + SEVERITY[alert.level]
    facts = {
        "alert": alert.id,
        "level": alert.level,
        "state": alert.state,
        "zone": alert.zone,
        "mode": alert.mode,
    }
    data = " ".join(f'{name}="{_escaped(value)}"' for name, value in facts.items())
    head = f"<{priority}>1 {to_rfc3339(alert.t_us)} {host} s4allcities - alert [s4@32473 {data}]"
    return f"{head} \ufeff{subject_of(alert, site)}: {' '.join(alert.lines)}".encode()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


class _Syslog:
    """Syslog after RFC 5424: by TCP with counted frames (RFC 6587), or by UDP."""

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.recipients: tuple[str, ...] = (f"{config.host}:{config.port or 514}",)

    async def send(self, alert: Alert, recipient: str, site: str) -> str:
        """Send it. Syslog answers nothing: the receipt says how many bytes the connection took."""
        data = syslog_message(alert, site, socket.gethostname())
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await (self._tcp(data) if self.config.transport == "tcp" else self._udp(data))
        except (OSError, TimeoutError) as error:
            raise NotifyError(f"{recipient}: {str(error) or 'no answer'}") from None

    async def _tcp(self, data: bytes) -> str:
        _, writer = await asyncio.open_connection(self.config.host, self.config.port or 514)
        try:
            writer.write(f"{len(data)} ".encode() + data)
            await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()
        return f"{len(data)} bytes by tcp"

    async def _udp(self, data: bytes) -> str:
        loop = asyncio.get_running_loop()
        address = (self.config.host, self.config.port or 514)
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=address)
        try:
            transport.sendto(data)
        finally:
            transport.close()
        return f"{len(data)} bytes by udp, unconfirmed"
