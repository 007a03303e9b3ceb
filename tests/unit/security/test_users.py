from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from s4allcities.domain import ManualClock
from s4allcities.security.errors import UserError
from s4allcities.security.passwords import Passwords, weakness
from s4allcities.security.sessions import Sessions
from s4allcities.security.users import Users
from s4allcities.store.accounts import SqliteAccounts
from s4allcities.store.database import Database

pytestmark = pytest.mark.anyio
GOOD = "correct horse battery"


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[SqliteAccounts]:
    database = Database.open(tmp_path / "s4.sqlite")
    yield SqliteAccounts(database)
    await database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_700_000_000_000_000)


@pytest.fixture
async def users(accounts: SqliteAccounts, clock: ManualClock) -> AsyncIterator[Users]:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    yield Users(accounts, passwords, clock, tries=3)
    passwords.close()


async def test_the_first_start_gives_two_links_once(users: Users) -> None:
    links = await users.first_start()
    assert [(link.name, link.role) for link in links] == [
        ("operator", "operator"),
        ("supervisor", "supervisor"),
    ]
    assert links[0].token not in repr(links[0])
    assert await users.first_start() == []
    account = await users.log_in_with_link(links[0].token)
    assert account is not None
    assert account.role == "operator"
    assert await users.log_in_with_link(links[0].token) is None
    assert await users.log_in_with_link("guess") is None


async def test_links_expire_and_the_disabled_get_none(users: Users, clock: ManualClock) -> None:
    link = await users.add("Aino", "auditor")
    clock.advance(25 * 3600)
    assert await users.log_in_with_link(link.token) is None
    link = await users.make_link("Aino")
    await users.disable("Aino")
    assert await users.log_in_with_link(link.token) is None
    with pytest.raises(UserError, match="disabled"):
        await users.make_link("Aino")


async def test_passwords_log_in(users: Users) -> None:
    await users.add("Aino", "operator")
    assert await users.log_in("Aino", "") is None
    await users.set_password("Aino", GOOD)
    account = await users.log_in("Aino", GOOD)
    assert account is not None
    assert account.has_password
    assert await users.log_in("Aino", GOOD + "!") is None
    assert await users.log_in("nobody", GOOD) is None
    await users.disable("Aino")
    assert await users.log_in("Aino", GOOD) is None


async def test_too_many_wrong_passwords_pause_the_account(users: Users, clock: ManualClock) -> None:
    await users.add("Aino", "operator")
    await users.set_password("Aino", GOOD)
    for _ in range(3):
        assert await users.log_in("Aino", "wrong") is None
    assert await users.log_in("Aino", GOOD) is None
    clock.advance(61)
    assert await users.log_in("Aino", GOOD) is not None


async def test_an_old_hash_is_made_anew(accounts: SqliteAccounts, clock: ManualClock, users: Users) -> None:
    await users.add("Aino", "operator")
    old = PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(GOOD)
    await accounts.put_account("Aino", "operator", old, False, 0)
    assert await users.log_in("Aino", GOOD) is not None
    row = await accounts.account("Aino")
    assert row is not None
    assert row[2] != old
    assert await users.log_in("Aino", GOOD) is not None


async def test_what_is_not_allowed_is_said_clearly(users: Users) -> None:
    await users.add("Aino", "operator")
    with pytest.raises(UserError, match="there already"):
        await users.add("Aino", "operator")
    with pytest.raises(UserError, match="allowed are operator, supervisor, auditor, integrator"):
        await users.add("Eino", "root")  # type: ignore[arg-type]
    for name in ("", " Aino", "a" * 65, "a\nb"):
        with pytest.raises(UserError, match="printable"):
            await users.add(name, "operator")
    with pytest.raises(UserError, match="allowed are 12 to 256"):
        await users.set_password("Aino", "short")
    with pytest.raises(UserError, match="is not there"):
        await users.set_password("Eino", GOOD)


@pytest.mark.parametrize(
    "password", ["aaaaaaaaaaaaaaaa", "password1234", "AinoAinoAino12", "x" * 300, "short"]
)
async def test_weak_passwords_are_refused(password: str) -> None:
    assert weakness(password, "Aino")
    assert weakness(GOOD, "Aino") == ""


async def test_sessions_end_when_idle_and_in_any_case(
    users: Users, accounts: SqliteAccounts, clock: ManualClock
) -> None:
    await users.add("Aino", "operator")
    sessions = Sessions(accounts, clock, idle_s=100, absolute_s=1000)
    started = await sessions.start("Aino", "operator")
    assert started.id not in repr(started)
    assert len(started.id) >= 43
    for _ in range(11):
        clock.advance(90)
        found = await sessions.find(started.id)
        assert found is not None
        assert found.csrf == started.session.csrf
    clock.advance(90)
    assert await sessions.find(started.id) is None
    second = await sessions.start("Aino", "operator")
    clock.advance(101)
    assert await sessions.sweep() == 1
    assert await sessions.find(second.id) is None
    assert await sessions.find("guess") is None


async def test_roles_and_locks_take_effect_at_once(
    users: Users, accounts: SqliteAccounts, clock: ManualClock
) -> None:
    await users.add("Aino", "operator")
    sessions = Sessions(accounts, clock)
    started = await sessions.start("Aino", "operator")
    assert Sessions.csrf_holds(started.session, started.session.csrf)
    assert not Sessions.csrf_holds(started.session, "")
    await accounts.put_account("Aino", "auditor", "", False, 0)
    found = await sessions.find(started.id)
    assert found is not None
    assert found.role == "auditor"
    await users.disable("Aino")
    assert await sessions.find(started.id) is None
    third = await sessions.start("Aino", "operator")
    await users.disable("Aino", False)
    assert await sessions.end(third.id) is False
    assert await accounts.remove_account("Aino")
    assert await users.accounts() == []
