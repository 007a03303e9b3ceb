"""The release desk: the two-person rule of security joined with the CAP writer and the ledger."""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path

import structlog

from s4allcities.awareness.picture import ReleaseView
from s4allcities.domain import Clock, Order, derived_ulid
from s4allcities.exchange.cap import CapWriter
from s4allcities.security.errors import ReleaseRefused
from s4allcities.security.two_person import Release, Releases
from s4allcities.store.ledger import LedgerStore

__all__ = ("CapReleaseDesk",)

log = structlog.get_logger(__name__)


class CapReleaseDesk:
    """Satisfies `awareness.picture.ReleaseDesk`. ``order`` gives an order by its id, or None.

    A public message needs two persons: neither who asked for it nor who gave the order may confirm it.
    """

    def __init__(
        self,
        releases: Releases,
        writer: CapWriter,
        ledger: LedgerStore,
        clock: Clock,
        order: Callable[[str], Order | None],
    ) -> None:
        self._releases = releases
        self._writer = writer
        self._ledger = ledger
        self._clock = clock
        self._order = order

    async def ask(self, order_id: str, by: str, role: str) -> ReleaseView:
        """Ask. :raises ValueError: there is no such order, or the role may not."""
        if self._order(order_id) is None:
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
        await self._check_not_orderer(release_id, by)
        try:
            release = await self._releases.confirm(release_id, by=by, role=role)
        except ReleaseRefused as error:
            raise ValueError(str(error)) from None
        return _view(release, str(await self._disclose(release)))

    async def resume(self) -> int:
        """Finish what a crash left between a confirmation and its message; give how many could not be written."""
        failed = 0
        for release in await self._releases.let_out():
            try:
                await self._disclose(release)
            except (ValueError, OSError) as error:
                failed += 1
                log.warning("a confirmed release has no message", release=release.id, error=str(error))
        return failed

    async def _check_not_orderer(self, release_id: str, by: str) -> None:
        waiting = [each for each in await self._releases.open() if each.id == release_id]
        order = self._order(waiting[0].subject) if waiting else None
        if order is not None and order.actor == by:
            raise ValueError(f"{by} gave the order; a public message needs a second person")

    async def _disclose(self, release: Release) -> Path:
        """Enter the disclosure in the ledger, then write the message; doing it again changes nothing."""
        record = {"what": "public CAP message", "order": release.subject, "state": "confirmed"}
        people = {"asked_by": release.asked_by, "confirmed_by": release.decided_by}
        await self._ledger.append("disclosure", release.id, release.t_decided_us, record, people)
        return await asyncio.to_thread(self._writer.release, release.subject, confirmed_by=release.decided_by)

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
