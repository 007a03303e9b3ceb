"""One generator for all tests: the site is read once."""

from pathlib import Path

import pytest

from s4allcities.scenario.generated.worlds import Generator
from s4allcities.site import Site, load_site

HELSINKI = Path(__file__).parents[4] / "sites" / "helsinki-station"


@pytest.fixture(scope="session")
def site() -> Site:
    return load_site(HELSINKI)


@pytest.fixture(scope="session")
def generator(site: Site) -> Generator:
    return Generator(site)
