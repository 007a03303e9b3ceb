"""What can be asked of a demonstration."""

from pathlib import Path

from msgspec import Struct

__all__ = ("DemoOptions",)


class DemoOptions(Struct, frozen=True, kw_only=True):
    """``port`` 0 = a free one. ``data_dir`` None = a new one in the machine's temporary folder, kept afterwards."""

    scenario: str = "station-fire"
    site: Path = Path("sites/helsinki-station")
    headless: bool = False
    speed: float = 1.0
    port: int = 8080
    seed: int = 1
    fire_at: str = ""
    jam: str = ""
    close: str = ""
    lock: str = ""
    data_dir: Path | None = None
