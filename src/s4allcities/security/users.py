"""Who may log in: accounts with one role each, one-time links, passwords."""

from collections.abc import Callable
from hashlib import sha256
from secrets import token_urlsafe
from typing import Protocol

import msgspec

from s4allcities.domain import Clock

from .authorisation import ROLES, Role
from .errors import UserError
from .passwords import Passwords, weakness

__all__ = ("Account", "AccountStore", "FirstLink", "Users")

_US = 1_000_000
_LONGEST_NAME = 64


class AccountStore(Protocol):
    """Keeps accounts and links. An account is (name, role, password hash, disabled)."""

    async def put_account(self, name: str, role: str, password_hash: str, disabled: bool, t_us: int) -> None:
        """Make or replace an account."""

    async def account(self, name: str) -> tuple[str, str, str, bool] | None:
        """Give an account, or None."""

    async def accounts(self) -> list[tuple[str, str, str, bool]]:
        """Give all accounts."""

    async def put_link(self, token_hash: bytes, name: str, t_expires_us: int) -> None:
        """Keep a one-time link."""

    async def take_link(self, token_hash: bytes, now_us: int) -> str | None:
        """Use a link up; give its account's name, or None."""

    async def drop_sessions(self, name: str) -> int:
        """End all sessions of an account."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Someone who may log in."""

    name: str
    role: Role
    disabled: bool = False
    has_password: bool = False


class FirstLink(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time link's token, shown once and never kept."""

    name: str
    role: Role
    token: str

    def __repr__(self) -> str:  # tokens never reach a log
        return f"FirstLink(name={self.name!r}, role={self.role!r})"


class Users:
    """The accounts of an installation.

    :raises UserError: a name, role or password that is not allowed, or an account that is not there.
    """

    def __init__(
        self,
        store: AccountStore,
        passwords: Passwords,
        clock: Clock,
        *,
        link_valid_s: float = 24 * 3600.0,
        tries: int = 10,
        pause_s: float = 60.0,
        new_token: Callable[[], str] = lambda: token_urlsafe(32),
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._valid_us = round(link_valid_s * _US)
        self._tries = tries
        self._pause_us = round(pause_s * _US)
        self._new_token = new_token
        self._failed: dict[str, tuple[int, int]] = {}

    async def first_start(self) -> list[FirstLink]:
        """If there is no account yet, make an operator and a supervisor; give their one-time links."""
        if await self._store.accounts():
            return []
        roles: tuple[Role, ...] = ("operator", "supervisor")
        return [await self.add(role, role) for role in roles]

    async def add(self, name: str, role: Role) -> FirstLink:
        """Make an account without a password and a link to log in with."""
        _check_name(name)
        _check_role(role)
        if await self._store.account(name) is not None:
            raise UserError(f"account {name!r} is there already; choose another name")
        await self._store.put_account(name, role, "", False, self._clock.now_us())
        return await self.make_link(name)

    async def make_link(self, name: str) -> FirstLink:
        """Make a one-time link for an account: a first log-in, or a forgotten password."""
        account = await self.account(name)
        if account is None or account.disabled:
            raise UserError(f"account {name!r} is not there or is disabled")
        token = self._new_token()
        await self._store.put_link(_hashed(token), name, self._clock.now_us() + self._valid_us)
        return FirstLink(name=name, role=account.role, token=token)

    async def log_in_with_link(self, token: str) -> Account | None:
        """Use a link up; None if it is unknown, used or too old."""
        name = await self._store.take_link(_hashed(token), self._clock.now_us())
        account = None if name is None else await self.account(name)
        return None if account is None or account.disabled else account

    async def log_in(self, name: str, password: str) -> Account | None:
        """Check name and password; None if they are wrong or were wrong too often in the last minute.

        An unknown name takes as long as a wrong password.
        """
        if self._is_paused(name):
            return None
        row = await self._store.account(name)
        right = await self._passwords.verify(row[2] if row else "", password)
        if row is None or row[3] or not right:
            self._note_failure(name)
            return None
        self._failed.pop(name, None)
        if self._passwords.needs_rehash(row[2]):
            await self._put(row[0], row[1], await self._passwords.hash(password), row[3])
        return _account(row)

    async def set_password(self, name: str, password: str) -> None:
        """Set a password; all sessions of the account end."""
        row = await self._row(name)
        problem = weakness(password, name)
        if problem:
            raise UserError(problem)
        await self._put(name, row[1], await self._passwords.hash(password), row[3])
        await self._store.drop_sessions(name)

    async def set_role(self, name: str, role: Role) -> None:
        """Give an account another role; its sessions end."""
        _check_role(role)
        row = await self._row(name)
        await self._put(name, role, row[2], row[3])
        await self._store.drop_sessions(name)

    async def disable(self, name: str, disabled: bool = True) -> None:
        """Lock an account out, or let it in again; its sessions end."""
        row = await self._row(name)
        await self._put(name, row[1], row[2], disabled)
        await self._store.drop_sessions(name)

    async def account(self, name: str) -> Account | None:
        """Give an account, or None."""
        row = await self._store.account(name)
        return None if row is None else _account(row)

    async def accounts(self) -> list[Account]:
        """Give all accounts."""
        return [_account(row) for row in await self._store.accounts()]

    async def _row(self, name: str) -> tuple[str, str, str, bool]:
        row = await self._store.account(name)
        if row is None:
            raise UserError(f"account {name!r} is not there")
        return row

    async def _put(self, name: str, role: str, password_hash: str, disabled: bool) -> None:
        await self._store.put_account(name, role, password_hash, disabled, self._clock.now_us())

    def _is_paused(self, name: str) -> bool:
        count, since_us = self._failed.get(name, (0, 0))
        return count >= self._tries and self._clock.now_us() - since_us < self._pause_us

    def _note_failure(self, name: str) -> None:
        now_us = self._clock.now_us()
        if len(self._failed) >= 10_000:  # someone tries names; forget those whose pause is over, then all
            self._failed = {n: f for n, f in self._failed.items() if now_us - f[1] < self._pause_us}
            if len(self._failed) >= 10_000:
                self._failed.clear()
        count, since_us = self._failed.get(name, (0, 0))
        fresh = now_us - since_us < self._pause_us
        self._failed[name] = (count + 1 if fresh else 1, now_us)


def _hashed(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _account(row: tuple[str, str, str, bool]) -> Account:
    return Account(name=row[0], role=_check_role(row[1]), disabled=row[3], has_password=bool(row[2]))


def _check_role(role: str) -> Role:
    for known in ROLES:
        if role == known:
            return known
    raise UserError(f"role {role!r} is not known; allowed are {', '.join(ROLES)}")


def _check_name(name: str) -> None:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise UserError(
            f"name {name!r} is not allowed; 1 to {_LONGEST_NAME} printable characters, no space around"
        )
