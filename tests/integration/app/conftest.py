"""One platform for all tests that do not break it, and one fire in it that several of them look at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.app.parts import Installation, Person, burn, until

MAPPING = """
topic: lobby/box-*
quantities:
  heat_c: {path: data.temp, unit: degC, scale: 0.1, range: [-40, 85]}
"""


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("platform")
    (folder / "box.yaml").write_text(MAPPING)
    installation = Installation(
        folder,
        f'devices = ["box-1"]\nmappings = ["{folder}/box.yaml"]\n'
        f'[[eve_files]]\npath = "{folder}/eve.json"\nsensor = "ids-1"\n',
    )
    try:
        installation.start()
        yield installation
    finally:
        installation.close()


@pytest.fixture(scope="session")
def eve_log(platform: Installation) -> Path:
    return platform.config.parent / "eve.json"


@pytest.fixture(scope="session")
def operator(platform: Installation) -> Person:
    return platform.person("operator")


@pytest.fixture(scope="session")
def supervisor(platform: Installation) -> Person:
    return platform.person("supervisor")


@pytest.fixture(scope="session")
def auditor(platform: Installation) -> Person:
    return platform.person("audrey", "auditor")


@pytest.fixture(scope="session")
def integrator(platform: Installation) -> Person:
    return platform.person("ines", "integrator")


@pytest.fixture(scope="session")
def fire(platform: Installation, operator: Person) -> dict[str, Any]:
    """The picture once a fire in the ticket hall has led to an alert and a course of action."""
    burn(platform)

    def seen() -> dict[str, Any] | None:
        picture = operator.picture()
        return picture if picture["alerts"] and picture["courses"] else None

    found: dict[str, Any] = until(seen, "alert and course of action", within_s=40)
    return found
