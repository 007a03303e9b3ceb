"""Settings of an installation: a small TOML file, or nothing at all for the defaults."""

import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct

from s4allcities.domain import Clock, Mode, ScaledClock, SystemClock

__all__ = (
    "AppConfig",
    "ClockConfig",
    "ConfigError",
    "EveFile",
    "NatsConfig",
    "ServerConfig",
    "check_config",
    "load_config",
)


class ConfigError(ValueError):
    """The settings cannot be used; the message says which, where, and what is allowed."""


class ServerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the page and the API listen. Anything but loopback needs ``tls_cert`` and ``tls_key`` (PEM files)."""

    host: str = "127.0.0.1"
    port: int = 8080
    tls_cert: str = ""
    tls_key: str = ""


class NatsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bus: our own supervised server on these ports (0 = a free one), or an operator's by ``url``."""

    url: str = ""
    user: str = ""
    password_file: str = ""
    port: int = 0
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = 1883

    def password(self) -> str:
        """Read the password of an operator's own server from its file; empty without one."""
        return Path(self.password_file).read_text().strip() if self.password_file else ""


class ClockConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clock that runs faster than the wall's, for demonstrations; ``origin_us`` is where both agree."""

    speed: float = 1.0
    origin_us: int = 0


class EveFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Suricata EVE log to follow, and the name of the sensor that writes it."""

    path: str
    sensor: str = "ids-1"


class AppConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. ``demo`` marks the screen as fed by simulated sensors.

    ``history_days`` is how long readings are kept; ``mappings`` are YAML files for devices with their own JSON.
    """

    site: str = "sites/helsinki-station"
    data_dir: str = "s4-data"
    mode: Mode = "live"
    demo: bool = False
    seed: int = 0
    history_days: int = 30
    devices: tuple[str, ...] = ()
    mappings: tuple[str, ...] = ()
    eve_files: tuple[EveFile, ...] = ()
    server: ServerConfig = ServerConfig()
    nats: NatsConfig = NatsConfig()
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from None
    return check_config(config)


def check_config(config: AppConfig) -> AppConfig:
    """Refuse what would be unsafe.

    :raises ConfigError: an address that others can reach, without TLS.
    """
    server = config.server
    if server.host not in _LOOPBACK and not (server.tls_cert and server.tls_key):
        raise ConfigError(
            f"server.host is {server.host}: others can reach it; set server.tls_cert and tls_key, or use 127.0.0.1"
        )
    if not config.clock.speed > 0:
        raise ConfigError(f"clock.speed is {config.clock.speed}; allowed are numbers above 0")
    return config
