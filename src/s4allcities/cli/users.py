"""`s4 users`: who may sign in. A running platform takes changes over at once."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.security.users import Users

__all__ = ("add", "app", "disable", "enable", "link", "list_users", "password", "role")

app = App(name="users", help="Accounts of people: list, add, one-time links, passwords, roles.")

DataDirOption = Annotated[Path, Parameter(help="Where the platform keeps everything.")]
AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")]
HERE = Path("s4-data")


@app.command(name="list")
def list_users(*, data_dir: DataDirOption = HERE, as_json: AsJson = False) -> int:
    """List the accounts with their roles.

    Example: s4 users list
    """

    async def work(users: "Users") -> None:
        accounts = await users.accounts()
        lines = [f"{each.name}  {each.role}{'  disabled' if each.disabled else ''}" for each in accounts]
        print(msgspec.json.encode(accounts).decode() if as_json else "\n".join(lines))

    return _run(data_dir, work)


@app.command
def add(name: str, role: str, *, data_dir: DataDirOption = HERE, as_json: AsJson = False) -> int:
    """Make an account (role: operator, supervisor, auditor or integrator) and print a one-time link's token.

    Example: s4 users add anna supervisor
    """

    async def work(users: "Users") -> None:
        made = await users.add(name, _role(role))
        print(msgspec.json.encode(made).decode() if as_json else _told(made.token))

    return _run(data_dir, work)


@app.command
def link(name: str, *, data_dir: DataDirOption = HERE, as_json: AsJson = False) -> int:
    """Make a one-time link for an account, valid for 24 hours.

    Example: s4 users link anna
    """

    async def work(users: "Users") -> None:
        made = await users.make_link(name)
        print(msgspec.json.encode(made).decode() if as_json else _told(made.token))

    return _run(data_dir, work)


@app.command
def password(name: str, *, data_dir: DataDirOption = HERE) -> int:
    """Set an account's password, asked for on a terminal, else the first line of stdin; its sessions end.

    Example: s4 users password anna
    """
    from getpass import getpass

    given = getpass("New password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")

    async def work(users: "Users") -> None:
        await users.set_password(name, given)

    return _run(data_dir, work)


@app.command
def role(name: str, role: str, *, data_dir: DataDirOption = HERE) -> int:
    """Give an account another role; its sessions end.

    Example: s4 users role anna auditor
    """

    async def work(users: "Users") -> None:
        await users.set_role(name, _role(role))

    return _run(data_dir, work)


@app.command
def disable(name: str, *, data_dir: DataDirOption = HERE) -> int:
    """Lock an account out; its sessions end.

    Example: s4 users disable anna
    """

    async def work(users: "Users") -> None:
        await users.disable(name)

    return _run(data_dir, work)


@app.command
def enable(name: str, *, data_dir: DataDirOption = HERE) -> int:
    """Let a locked account in again.

    Example: s4 users enable anna
    """

    async def work(users: "Users") -> None:
        await users.disable(name, False)

    return _run(data_dir, work)


def _role(name: str):  # type: ignore[no-untyped-def]
    from s4allcities.security.authorisation import ROLES
    from s4allcities.security.errors import UserError

    for known in ROLES:
        if name == known:
            return known
    raise UserError(f"role {name!r} is not known; allowed are {', '.join(ROLES)}")


def _told(token: str) -> str:
    return f"/login?token={token}   (behind the page's address; works once, within 24 hours)"


def _run(data_dir: Path, work: "Callable[[Users], Awaitable[None]]") -> int:
    from s4allcities.security.errors import SecurityError
    from s4allcities.store.errors import StoreError

    try:
        asyncio.run(_with_users(data_dir, work))
    except (SecurityError, StoreError) as error:
        print(f"s4 users: {error}", file=sys.stderr)
        return 2
    return 0


async def _with_users(data_dir: Path, work: "Callable[[Users], Awaitable[None]]") -> None:
    from s4allcities.domain import SystemClock
    from s4allcities.security.passwords import Passwords
    from s4allcities.security.users import Users
    from s4allcities.store.accounts import SqliteAccounts
    from s4allcities.store.opening import open_state

    database = open_state(data_dir)
    passwords = Passwords()
    try:
        await work(Users(SqliteAccounts(database), passwords, SystemClock()))
    finally:
        passwords.close()
        await database.close()
