"""Settings of an installation: a small TOML file, or nothing at all for the defaults."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from s4allcities.awareness.alarms import alarm_settings
from s4allcities.bus.streams import StreamLimits
from s4allcities.domain import Clock, Mode, ScaledClock, SystemClock
from s4allcities.exchange.cap_chain import CapRule
from s4allcities.exchange.notify import ChannelConfig, NotifyError, check_channels
from s4allcities.store.postgres import PostgresSettings

__all__ = (
    "AppConfig",
    "AssureConfig",
    "ClockConfig",
    "ConfigError",
    "EveFile",
    "NatsConfig",
    "PluginsConfig",
    "ServerConfig",
    "StreamsConfig",
    "check_config",
    "load_config",
)


class ConfigError(ValueError):
    """The settings cannot be used; the message says which, where, and what is allowed."""


class ServerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the page and the API listen. Anything but loopback needs ``tls_cert`` and ``tls_key`` (PEM files).

    ``metrics_open`` lets other machines read ``/metrics``, which needs no sign-in.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    tls_cert: str = ""
    tls_key: str = ""
    metrics_open: bool = False


class NatsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bus: our own supervised server on these ports (0 = a free one), or an operator's by ``url``.

    The MQTT listener beyond loopback needs ``mqtt_tls_cert`` and ``mqtt_tls_key`` (PEM files).
    """

    url: str = ""
    user: str = ""
    password_file: str = ""
    port: int = 0
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = 1883
    mqtt_tls_cert: str = ""
    mqtt_tls_key: str = ""

    def password(self) -> str:
        """Read the password of an operator's own server from its file; empty without one.

        :raises ConfigError: the file cannot be read.
        """
        if not self.password_file:
            return ""
        try:
            return Path(self.password_file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"nats.password_file {self.password_file}: cannot be read: {_why(error)}"
            ) from None


class StreamsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long and how much the bus keeps: hours, and megabytes of 2^20 bytes.

    ``raw``: device messages not yet read; ``obs``: readings on their way; ``gateway``: what waits for devices in each
    of the MQTT gateway's own streams. What is older, or more, is dropped, oldest first.
    """

    raw_hours: float = 1.0
    raw_mb: int = 2048
    obs_hours: float = 24.0
    obs_mb: int = 8192
    gateway_hours: float = 24.0
    gateway_mb: int = 128

    def limits(self) -> StreamLimits:
        """Give the limits for the bus.

        :raises ValueError: readings would be kept for a shorter time than unread messages.
        """
        return StreamLimits(
            raw_age_s=self.raw_hours * 3600,
            raw_bytes=self.raw_mb << 20,
            obs_age_s=self.obs_hours * 3600,
            obs_bytes=self.obs_mb << 20,
            duplicate_window_s=min(120.0, self.raw_hours * 3600),
            gateway_message_age_s=self.gateway_hours * 3600,
            gateway_bytes=self.gateway_mb << 20,
        )


class ClockConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clock that runs faster than the wall's, for demonstrations; ``origin_us`` is where both agree."""

    speed: float = 1.0
    origin_us: int = 0


class EveFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Suricata EVE log to follow, and the name of the sensor that writes it."""

    path: str
    sensor: str = "ids-1"


class AssureConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether detectors are tried every night on the history of the last ``days`` days, from ``at`` (UTC) on.

    At most ``budget_s`` seconds are spent; which sensors are tried first differs from night to night.
    """

    nightly: bool = False
    at: str = "02:30"
    days: int = 14
    budget_s: float = 3600.0


class PluginsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sources and detectors of installed packages, by the names of their entry points; others are never loaded."""

    sources: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()


class AppConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. ``demo`` marks the screen as fed by simulated sensors.

    ``devices`` get a credential beside the sensors of the site; ``mappings`` are YAML files for devices with their own
    JSON. ``history_days`` overrides, by family or kind, how many days things are kept; ``heads`` is the file for the
    ledger's signed heads, best on another machine's mount (empty = in the data directory). ``shadow`` raises alerts
    without calling anybody; ``alarms`` changes
    settings of annunciation; ``detectors`` changes settings of detectors, by their names; ``assure`` tries them every
    night; ``share`` says by hypothesis whether alerts go out of the control room by themselves or
    after an operator took them; ``notify`` are the channels by which they do.
    ``cap_alerts`` is the rule by which alerts become CAP messages for
    partners, signed with ``cap_key`` and ``cap_certificate`` (PEM files) where both are given.
    """

    site: str = "sites/helsinki-station"
    data_dir: str = "s4-data"
    mode: Mode = "live"
    demo: bool = False
    seed: int = 0
    history_days: dict[str, float] = {}
    heads: str = ""
    devices: tuple[str, ...] = ()
    mappings: tuple[str, ...] = ()
    plugins: PluginsConfig = PluginsConfig()
    eve_files: tuple[EveFile, ...] = ()
    shadow: bool = False
    alarms: dict[str, Any] = {}
    detectors: dict[str, dict[str, Any]] = {}
    assure: AssureConfig = AssureConfig()
    share: dict[str, Literal["automatic", "operator"]] = {}
    notify: tuple[ChannelConfig, ...] = ()
    cap_alerts: CapRule | None = None
    cap_key: str = ""
    cap_certificate: str = ""
    server: ServerConfig = ServerConfig()
    nats: NatsConfig = NatsConfig()
    streams: StreamsConfig = StreamsConfig()
    postgres: PostgresSettings = PostgresSettings()
    clock: ClockConfig = ClockConfig()

    def make_clock(self) -> Clock:
        """Give the clock that all of the platform uses."""
        if self.clock.speed == 1.0:
            return SystemClock()
        return ScaledClock(speed=self.clock.speed, origin_us=self.clock.origin_us)


_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def load_config(path: Path | None) -> AppConfig:
    """Read a TOML file; None gives the defaults.

    :raises ConfigError: no such file, not TOML, an unknown or unfit setting, or an open port without TLS.
    """
    if path is None:
        return AppConfig()
    try:
        config = msgspec.convert(tomllib.loads(path.read_text()), AppConfig)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {_why(error)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from None
    return check_config(config)


def check_config(config: AppConfig) -> AppConfig:
    """Refuse what would be unsafe, and what cannot be.

    :raises ConfigError: an address that others can reach, without TLS; half of a key pair; a port, a speed or days out
        of range.
    """
    try:
        check_channels(config.notify)
        alarm_settings(config.alarms)
    except (NotifyError, ValueError) as error:
        raise ConfigError(str(error)) from None
    server, nats = config.server, config.nats
    _check_address("server.host", server.host, "server.tls_cert", server.tls_cert, server.tls_key)
    _check_address(
        "nats.mqtt_host", nats.mqtt_host, "nats.mqtt_tls_cert", nats.mqtt_tls_cert, nats.mqtt_tls_key
    )
    ports = {"server.port": server.port, "nats.port": nats.port, "nats.mqtt_port": nats.mqtt_port}
    for name, port in ports.items():
        if not 0 <= port <= 65_535:
            raise ConfigError(f"{name} is {port}; allowed are 0 (a free one) to 65535")
    if not 0 < config.clock.speed < 10_000:
        raise ConfigError(f"clock.speed is {config.clock.speed}; allowed are numbers above 0 and below 10000")
    _check_days(config.history_days)
    _check_assure(config.assure)
    _check_streams(config.streams)
    if config.postgres != PostgresSettings() and (wrong := config.postgres.wrong()):
        raise ConfigError(wrong)
    return config


def _check_address(name: str, host: str, pair: str, cert: str, key: str) -> None:
    if host not in _LOOPBACK and not (cert and key):
        raise ConfigError(
            f"{name} is {host}: others can reach it; set {pair} and {pair.rpartition('.')[2][:-4]}key, or use 127.0.0.1"
        )
    if bool(cert) != bool(key):
        raise ConfigError(f"{pair} and its key belong together; set both or none")
    for path in filter(None, (cert, key)):
        if not Path(path).is_file():
            raise ConfigError(f"{pair}: {path}: no such file")


def _check_days(days: Mapping[str, float]) -> None:
    for name, value in days.items():
        if not 0 < value <= 36_500:
            raise ConfigError(f"history_days.{name} is {value:g}; allowed are days above 0 up to 36500")


def _check_assure(assure: AssureConfig) -> None:
    if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", assure.at) is None:
        raise ConfigError(f"assure.at is {assure.at!r}; allowed are times from 00:00 to 23:59")
    if not 4 <= assure.days <= 366:
        raise ConfigError(f"assure.days is {assure.days}; allowed are 4 to 366")
    if not 0 < assure.budget_s <= 86_400:
        raise ConfigError(f"assure.budget_s is {assure.budget_s:g}; allowed are seconds above 0 up to 86400")


def _check_streams(streams: StreamsConfig) -> None:
    for name in streams.__struct_fields__:
        value, most = getattr(streams, name), 1 << 30
        if not 0 < value <= most:
            raise ConfigError(f"streams.{name} is {value:g}; allowed are numbers above 0 up to {most}")
    if streams.raw_hours >= streams.obs_hours:
        raise ConfigError(
            f"streams.raw_hours is {streams.raw_hours:g}, streams.obs_hours {streams.obs_hours:g}; "
            "the second must be more"
        )


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
