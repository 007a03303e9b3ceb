from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s4allcities.domain import ManualClock
from s4allcities.security.authorisation import ACTIONS, ALLOWED, ROLES, Authoriser, RefusedAction, may
from s4allcities.security.errors import NotAllowed, ReleaseRefused
from s4allcities.security.two_person import Releases
from s4allcities.store.accounts import SqliteAccounts
from s4allcities.store.database import Database

pytestmark = pytest.mark.anyio


async def test_every_role_is_in_the_table_and_every_action_is_someones() -> None:
    assert set(ALLOWED) == set(ROLES)
    assert set().union(*ALLOWED.values()) == set(ACTIONS)


async def test_nobody_alone_may_publish_and_auditors_change_nothing() -> None:
    assert not may("operator", "releases.confirm")
    assert not any(may("auditor", action) for action in ACTIONS if not action.endswith(".read"))
    assert not may("root", "picture.read")
    assert not may("operator", "everything")


async def test_refusals_are_passed_on_and_name_who_may() -> None:
    refusals: list[RefusedAction] = []
    authoriser = Authoriser(refusals.append)
    assert authoriser.check(actor="Aino", role="operator", action="orders.give")
    with pytest.raises(NotAllowed, match="allowed for supervisor, auditor"):
        authoriser.require(actor="Aino", role="operator", action="ledger.read", detail="page 2")
    assert refusals == [RefusedAction(actor="Aino", role="operator", action="ledger.read", detail="page 2")]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000_000)


@pytest.fixture
async def releases(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Releases]:
    database = Database.open(tmp_path / "s4.sqlite")
    yield Releases(SqliteAccounts(database), clock, valid_s=60)
    await database.close()


async def test_a_second_person_with_the_right_role_confirms(releases: Releases, clock: ManualClock) -> None:
    asked = await releases.ask("R1", "O1", by="Aino", role="operator")
    assert await releases.open() == [asked]
    with pytest.raises(ReleaseRefused, match="role operator may not decide"):
        await releases.confirm("R1", by="Eino", role="operator")
    clock.advance(5)
    done = await releases.confirm("R1", by="Eeva", role="supervisor")
    assert (done.state, done.asked_by, done.decided_by) == ("confirmed", "Aino", "Eeva")
    assert await releases.get("R1") == done
    assert await releases.open() == []
    with pytest.raises(ReleaseRefused, match="no longer open"):
        await releases.confirm("R1", by="Eeva", role="supervisor")


async def test_nobody_confirms_their_own(releases: Releases) -> None:
    await releases.ask("R1", "O1", by="Eeva", role="supervisor")
    for name in ("Eeva", " eeva "):
        with pytest.raises(ReleaseRefused, match="a second person"):
            await releases.confirm("R1", by=name, role="supervisor")


async def test_it_expires(releases: Releases, clock: ManualClock) -> None:
    await releases.ask("R1", "O1", by="Aino", role="operator")
    clock.advance(60)
    assert await releases.open() == []
    with pytest.raises(ReleaseRefused, match="expired"):
        await releases.confirm("R1", by="Eeva", role="supervisor")


async def test_it_can_be_refused_with_a_reason_or_withdrawn_by_who_asked(releases: Releases) -> None:
    await releases.ask("R1", "O1", by="Aino", role="operator")
    with pytest.raises(ReleaseRefused, match="needs a reason"):
        await releases.refuse("R1", by="Eeva", role="supervisor", reason=" ")
    assert (await releases.refuse("R1", by="Eeva", role="supervisor", reason="drill")).state == "refused"
    await releases.ask("R2", "O1", by="Aino", role="operator")
    with pytest.raises(ReleaseRefused, match="only Aino"):
        await releases.withdraw("R2", by="Eeva")
    assert (await releases.withdraw("R2", by="Aino")).state == "withdrawn"


async def test_wrong_asks_are_refused(releases: Releases) -> None:
    with pytest.raises(ReleaseRefused, match="may not ask"):
        await releases.ask("R1", "O1", by="Aino", role="auditor")
    await releases.ask("R1", "O1", by="Aino", role="operator")
    with pytest.raises(ReleaseRefused, match="there already"):
        await releases.ask("R1", "O1", by="Aino", role="operator")
    with pytest.raises(ReleaseRefused, match="not known"):
        await releases.confirm("R9", by="Eeva", role="supervisor")


async def test_of_two_who_decide_at_once_one_wins(tmp_path: Path, clock: ManualClock) -> None:
    database = Database.open(tmp_path / "two.sqlite")
    store = SqliteAccounts(database)
    releases = Releases(store, clock)
    await releases.ask("R1", "O1", by="Aino", role="operator")
    assert await store.swap_release("R1", "asked", "withdrawn", b"")
    assert not await store.swap_release("R1", "asked", "confirmed", b"")
    await database.close()
