"""Refuses a wheel without the built page, which would install an operator's picture that cannot open."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class UiHook(BuildHookInterface):
    """Lets `pip install -e .` pass: a source checkout builds its page with `make ui`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        page = Path(self.root, "src", "s4allcities", "ui", "index.html")
        if version != "editable" and not page.is_file():
            msg = f"the built page is missing ({page.relative_to(self.root)}): run `make ui` first"
            raise RuntimeError(msg)
