"""Acts that need two persons, such as a public warning: one asks, another with the right role confirms."""

from typing import Literal, Protocol

import msgspec

from s4allcities.domain import Clock

from .authorisation import may
from .errors import ReleaseRefused

__all__ = (
    "Release",
    "ReleaseState",
    "ReleaseStore",
    "Releases",
    "asked",
    "confirmed",
    "refused",
    "withdrawn",
)

_US = 1_000_000
ReleaseState = Literal["asked", "confirmed", "refused", "withdrawn", "expired"]


class Release(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request to publish; ``subject`` is what for (an order's id). Only ``confirmed`` lets it out."""

    id: str
    subject: str
    state: ReleaseState
    asked_by: str
    asked_role: str
    t_asked_us: int
    t_expires_us: int
    decided_by: str = ""
    decided_role: str = ""
    t_decided_us: int = 0
    reason: str = ""


class ReleaseStore(Protocol):
    """Keeps releases as bytes."""

    async def put_release(self, id: str, state: str, body: bytes) -> bool:
        """Keep a new one; False if the id is taken."""

    async def release(self, id: str) -> bytes | None:
        """Give one, or None."""

    async def releases(self, state: str = "") -> list[bytes]:
        """Give those in a state, or all."""

    async def swap_release(self, id: str, from_state: str, to_state: str, body: bytes) -> bool:
        """Move one on if it is still in ``from_state``."""


def asked(id: str, subject: str, by: str, role: str, now_us: int, valid_us: int) -> Release:
    """Ask for a release.

    :raises ReleaseRefused: the role may not ask.
    """
    if not by or not may(role, "releases.ask"):
        raise ReleaseRefused(f"role {role or 'none'} may not ask for a release")
    return Release(
        id=id,
        subject=subject,
        state="asked",
        asked_by=by,
        asked_role=role,
        t_asked_us=now_us,
        t_expires_us=now_us + valid_us,
    )


def confirmed(release: Release, by: str, role: str, now_us: int) -> Release:
    """Confirm it as a second person.

    :raises ReleaseRefused: same person, role may not, no longer open, too late.
    """
    _second_person(release, by, role, now_us)
    return _decided(release, "confirmed", by, role, now_us)


def refused(release: Release, by: str, role: str, now_us: int, reason: str) -> Release:
    """Refuse it as a second person, with a reason.

    :raises ReleaseRefused: as for `confirmed`, or no reason.
    """
    _second_person(release, by, role, now_us)
    if not reason.strip():
        raise ReleaseRefused("a refusal needs a reason")
    return _decided(release, "refused", by, role, now_us, reason)


def withdrawn(release: Release, by: str, now_us: int) -> Release:
    """Take it back; only who asked may.

    :raises ReleaseRefused: another person, no longer open, too late.
    """
    _still_open(release, now_us)
    if not _same(by, release.asked_by):
        raise ReleaseRefused(f"only {release.asked_by} may withdraw release {release.id}")
    return _decided(release, "withdrawn", by, release.asked_role, now_us)


class Releases:
    """Runs releases over a store; of two who decide at the same time one wins and the other is told.

    :raises ReleaseRefused: see `asked`, `confirmed`, `refused`, `withdrawn`; unknown id.
    """

    def __init__(self, store: ReleaseStore, clock: Clock, *, valid_s: float = 900.0) -> None:
        self._store = store
        self._clock = clock
        self._valid_us = round(valid_s * _US)

    async def ask(self, id: str, subject: str, *, by: str, role: str) -> Release:
        """Ask; ``id`` is a fresh ULID."""
        release = asked(id, subject, by, role, self._clock.now_us(), self._valid_us)
        if not await self._store.put_release(id, release.state, msgspec.msgpack.encode(release)):
            raise ReleaseRefused(f"release {id} is there already")
        return release

    async def confirm(self, id: str, *, by: str, role: str) -> Release:
        """Confirm as a second person."""
        return await self._swap(confirmed(await self._found(id), by, role, self._clock.now_us()))

    async def refuse(self, id: str, *, by: str, role: str, reason: str) -> Release:
        """Refuse as a second person."""
        return await self._swap(refused(await self._found(id), by, role, self._clock.now_us(), reason))

    async def withdraw(self, id: str, *, by: str) -> Release:
        """Take back what one asked for."""
        return await self._swap(withdrawn(await self._found(id), by, self._clock.now_us()))

    async def get(self, id: str) -> Release | None:
        """Give a release as it stands now, or None."""
        body = await self._store.release(id)
        return None if body is None else self._now(body)

    async def open(self) -> list[Release]:
        """Give those that wait for a second person."""
        found = [self._now(body) for body in await self._store.releases("asked")]
        return [release for release in found if release.state == "asked"]

    async def let_out(self) -> list[Release]:
        """Give those that were confirmed."""
        bodies = await self._store.releases("confirmed")
        return [msgspec.msgpack.decode(body, type=Release) for body in bodies]

    async def _found(self, id: str) -> Release:
        release = await self.get(id)
        if release is None:
            raise ReleaseRefused(f"release {id} is not known")
        return release

    async def _swap(self, release: Release) -> Release:
        body = msgspec.msgpack.encode(release)
        if not await self._store.swap_release(release.id, "asked", release.state, body):
            raise ReleaseRefused(f"release {release.id} was decided a moment ago")
        return release

    def _now(self, body: bytes) -> Release:
        release = msgspec.msgpack.decode(body, type=Release)
        late = release.state == "asked" and self._clock.now_us() >= release.t_expires_us
        return msgspec.structs.replace(release, state="expired") if late else release


def _second_person(release: Release, by: str, role: str, now_us: int) -> None:
    _still_open(release, now_us)
    if not by or not may(role, "releases.confirm"):
        raise ReleaseRefused(f"role {role or 'none'} may not decide on a release")
    if _same(by, release.asked_by):
        raise ReleaseRefused(f"{by} asked for release {release.id}; a second person must decide")


def _still_open(release: Release, now_us: int) -> None:
    if release.state != "asked":
        raise ReleaseRefused(f"release {release.id} is {release.state}, no longer open")
    if now_us >= release.t_expires_us:
        raise ReleaseRefused(f"release {release.id} was asked for too long ago; ask again")


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _decided(
    release: Release, state: ReleaseState, by: str, role: str, now_us: int, reason: str = ""
) -> Release:
    return msgspec.structs.replace(
        release, state=state, decided_by=by, decided_role=role, t_decided_us=now_us, reason=reason
    )
