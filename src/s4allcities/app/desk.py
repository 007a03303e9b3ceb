"""The release desk: the two-person rule of security joined with the CAP writer and the ledger."""

import asyncio
import secrets
from collections.abc import Callable

from s4allcities.awareness.picture import ReleaseView
from s4allcities.domain import Clock, derived_ulid
from s4allcities.exchange.cap import CapWriter
from s4allcities.security.errors import ReleaseRefused
from s4allcities.security.two_person import Release, Releases
from s4allcities.store.ledger import LedgerStore

__all__ = ("CapReleaseDesk",)


class CapReleaseDesk:
    """Satisfies `awareness.picture.ReleaseDesk`. ``order_known`` tells whether an order exists."""

    def __init__(
        self,
        releases: Releases,
        writer: CapWriter,
        ledger: LedgerStore,
        clock: Clock,
        order_known: Callable[[str], bool],
    ) -> None:
        self._releases = releases
        self._writer = writer
        self._ledger = ledger
        self._clock = clock
        self._order_known = order_known

    async def ask(self, order_id: str, by: str, role: str) -> ReleaseView:
        """Ask. :raises ValueError: there is no such order, or the role may not."""
        if not self._order_known(order_id):
            raise ValueError(f"there is no order {order_id}")
        now_us = self._clock.now_us()
        release_id = derived_ulid(now_us, "release", order_id, secrets.token_hex(8))
        try:
            return _view(await self._releases.ask(release_id, order_id, by=by, role=role))
        except ReleaseRefused as error:
            raise ValueError(str(error)) from None

    async def confirm(self, release_id: str, by: str, role: str) -> ReleaseView:
        """Confirm, enter the disclosure in the ledger, write the public message.

        :raises ValueError: the same person asked or ordered, it is decided or too old, or the role may not.
        """
        try:
            release = await self._releases.confirm(release_id, by=by, role=role)
        except ReleaseRefused as error:
            raise ValueError(str(error)) from None
        record = {"what": "public CAP message", "order": release.subject, "state": "confirmed"}
        people = {"asked_by": release.asked_by, "confirmed_by": by}
        await self._ledger.append("disclosure", release.id, self._clock.now_us(), record, people)
        path = await asyncio.to_thread(self._writer.release, release.subject, confirmed_by=by)
        return _view(release, str(path))

    async def refuse(self, release_id: str, by: str, role: str, reason: str) -> ReleaseView:
        """Refuse. :raises ValueError: see `confirm`."""
        try:
            return _view(await self._releases.refuse(release_id, by=by, role=role, reason=reason))
        except ReleaseRefused as error:
            raise ValueError(str(error)) from None

    async def open(self) -> list[ReleaseView]:
        """Give those that wait for a second person."""
        return [_view(release) for release in await self._releases.open()]


def _view(release: Release, file: str = "") -> ReleaseView:
    return ReleaseView(
        id=release.id,
        order_id=release.subject,
        state=release.state,
        asked_by=release.asked_by,
        decided_by=release.decided_by,
        reason=release.reason,
        file=file,
    )
