"""Options that change a scenario's story, and what the names in them may be."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import Struct

from s4allcities.site import Opening, Site, Street, Zone, load_site

from .errors import ScenarioError
from .families import CHANNELS
from .files import ScenarioFile, load_scenario

__all__ = ("ScenarioOptions", "check_options", "find_exit", "find_fire_zone", "find_street")


class ScenarioOptions(Struct, frozen=True, kw_only=True):
    """``fire_at`` an indoor zone, ``jam`` a street with a traffic loop, ``close`` and ``lock`` exits by slug or
    letter: one closed for works, which is announced, the other locked by somebody, which is not.
    """

    seed: int = 1
    fire_at: str = ""
    jam: str = ""
    close: str = ""
    lock: str = ""


class _Named(Protocol):
    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def _find(option: str, text: str, things: Iterable[N], *, letters: bool = False) -> N:
    wanted = text.strip().casefold()
    known = list(things)
    for each in known:
        letter = getattr(each, "letter", "").casefold() if letters else ""
        if wanted and wanted in (each.slug, each.name.casefold(), letter):
            return each
    allowed = ", ".join(sorted(each.slug for each in known))
    raise ScenarioError(f"{option} {text!r}: unknown here; allowed: {allowed or 'none at this site'}")


def find_fire_zone(site: Site, text: str) -> Zone:
    """Give the indoor zone of that slug or name. :raises ScenarioError: there is none."""
    return _find("--fire-at", text, (each for each in site.zones if not each.outdoor))


def find_street(site: Site, text: str) -> Street:
    """Give the street of that slug or name, if a traffic loop measures it. :raises ScenarioError: it does not."""
    measured = {
        slug
        for each in site.sensors
        if CHANNELS.get(each.family) is CHANNELS["traffic"]
        for slug in each.covers
    }
    return _find("--jam", text, (each for each in site.streets if each.slug in measured))


def find_exit(site: Site, text: str, option: str = "--close") -> Opening:
    """Give the exit of that slug, name or letter. :raises ScenarioError: there is none."""
    return _find(option, text, site.exits, letters=True)


def check_options(
    site: Path,
    name: str,
    *,
    fire_at: str = "",
    jam: str = "",
    close: str = "",
    lock: str = "",
    speed: float = 1.0,
) -> ScenarioFile:
    """Check a scenario's name and options before anything is started; give the scenario.

    :raises ScenarioError: a name that is unknown, or a speed that is not above 0.
    :raises SiteError: the site cannot be used.
    """
    if not 0 < speed <= 100:
        raise ScenarioError(f"--speed {speed}: allowed are numbers above 0, up to 100")
    venue, file = load_site(site), load_scenario(site, name)
    if fire_at:
        if file.fire is None:
            raise ScenarioError(f"--fire-at {fire_at!r}: nothing burns in scenario {name!r}; leave it out")
        find_fire_zone(venue, fire_at)
    if jam:
        find_street(venue, jam)
    if close:
        find_exit(venue, close)
    if lock and not find_exit(venue, lock, "--lock").controller:
        raise ScenarioError(f"--lock {lock!r}: nothing reports its door; allowed are exits with a controller")
    return file
