"""What to say and what signs show: place first, then the way, then the goal; at most twelve words."""

from collections.abc import Sequence

from s4allcities.domain import ExitNotUsed, Route, SignSetting
from s4allcities.site import Site

__all__ = ("NOT_NEEDED", "course_name", "sentence", "sign_settings")

NOT_NEEDED = "not needed"
"""How the reason of an exit begins that is usable, but that no route takes."""


def _letter(site: Site, exit_slug: str) -> str:
    return site.opening(exit_slug).letter if exit_slug else "?"


def sentence(site: Site, zone: str, exit_slug: str, assembly: str) -> str:
    """One sentence to say over a loudspeaker."""
    goal = site.assembly_point(assembly).name if assembly else "the street"
    return f"{site.zone(zone).name}: leave by exit {_letter(site, exit_slug)} to {goal}."


def course_name(site: Site, routes: Sequence[Route]) -> str:
    """Name an option by the exits it uses, busiest first."""
    people: dict[str, int] = {}
    for route in routes:
        people[route.exit] = people.get(route.exit, 0) + route.people
    letters = [_letter(site, slug) for slug in sorted(people, key=lambda slug: -people[slug])]
    return f"Evacuate by {', '.join(letters)}" if letters else "No way out is open: hold and send help"


def sign_settings(
    site: Site, routes: Sequence[Route], not_used: Sequence[ExitNotUsed]
) -> tuple[SignSetting, ...]:
    """Tell each sign what is true where it hangs: its own exit's state if it hangs at one, else its zone's exit."""
    best: dict[str, Route] = {}
    for route in routes:
        known = best.get(route.from_zone)
        if known is None or route.people > known.people:
            best[route.from_zone] = route
    used = {route.exit for route in routes}
    shut = {each.exit for each in not_used if not each.reason.startswith(NOT_NEEDED)}
    settings = []
    for sign in site.sensors:
        if sign.family != "sign":
            continue
        zone = sign.zone if sign.zone in best else next((z for z in sign.covers if z in best), "")
        closed = next((slug for slug in sign.covers if slug in shut), "")
        here = next((slug for slug in sign.covers if slug in used), "")
        if here:
            settings.append(SignSetting(device=sign.slug, text=f"LEAVE BY EXIT {_letter(site, here)}"))
        elif closed:
            onward = f" USE {_letter(site, best[zone].exit)}" if zone else ""
            settings.append(
                SignSetting(device=sign.slug, text=f"EXIT {_letter(site, closed)} CLOSED{onward}")
            )
        elif zone:
            settings.append(
                SignSetting(device=sign.slug, text=f"LEAVE BY EXIT {_letter(site, best[zone].exit)}")
            )
    return tuple(settings)
