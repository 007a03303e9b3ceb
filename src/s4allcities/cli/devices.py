"""`s4 devices`: the credentials with which devices connect."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

__all__ = ("add", "app", "list_devices", "revoke", "rotate", "show")

app = App(
    name="devices", help="Make and list the credentials of devices; a running platform takes changes over."
)

DataDirOption = Annotated[Path, Parameter(help="Where the platform keeps everything.")]
AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")]


def _credentials(data_dir: Path):  # type: ignore[no-untyped-def]
    from s4allcities.domain import SystemClock
    from s4allcities.security.credentials import DeviceCredentials
    from s4allcities.store.layout import DataDir

    return DeviceCredentials(DataDir(data_dir).keys / "devices.json", SystemClock())


def _refused(error: Exception) -> int:
    print(f"s4 devices: {error}", file=sys.stderr)
    return 2


@app.command(name="list")
def list_devices(*, data_dir: DataDirOption = Path("s4-data"), as_json: AsJson = False) -> int:
    """List the devices that have a credential.

    Example: s4 devices list
    """
    names = sorted(_credentials(data_dir).hashed())
    print(msgspec.json.encode(names).decode() if as_json else "\n".join(names))
    return 0


@app.command
def add(device: str, *, data_dir: DataDirOption = Path("s4-data"), as_json: AsJson = False) -> int:
    """Make a credential for a new device and print its password.

    Example: s4 devices add lobby-thermometer
    """
    return _made("make", device, data_dir, as_json)


@app.command
def rotate(device: str, *, data_dir: DataDirOption = Path("s4-data"), as_json: AsJson = False) -> int:
    """Give a device a new password; the old one stops working.

    Example: s4 devices rotate lobby-thermometer
    """
    return _made("rotate", device, data_dir, as_json)


@app.command
def show(device: str, *, data_dir: DataDirOption = Path("s4-data")) -> int:
    """Print a device's password.

    Example: s4 devices show lobby-thermometer
    """
    found = _credentials(data_dir).clear().get(device)
    if found is None:
        return _refused(
            ValueError(f"device {device!r} has no credential; `s4 devices list` names those that have")
        )
    print(found)
    return 0


@app.command
def revoke(device: str, *, data_dir: DataDirOption = Path("s4-data")) -> int:
    """Take a device's credential away.

    Example: s4 devices revoke lobby-thermometer
    """
    if not _credentials(data_dir).revoke(device):
        return _refused(ValueError(f"device {device!r} has no credential"))
    return 0


def _made(what: str, device: str, data_dir: Path, as_json: bool) -> int:
    from s4allcities.security.errors import SecurityError

    try:
        made = getattr(_credentials(data_dir), what)(device)
    except SecurityError as error:
        return _refused(error)
    print(msgspec.json.encode(made).decode() if as_json else made.password)
    return 0
