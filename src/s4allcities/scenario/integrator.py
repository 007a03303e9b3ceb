"""Tells the platform at the start what people know beforehand: an exit closed for works, an announced scan."""

from collections.abc import Sequence
from typing import Any

import httpx
import structlog

from s4allcities.domain import US_PER_S, to_rfc3339

from .devices.backoff import BackOff
from .files import Announcement

__all__ = ("TOKEN", "announce")

log = structlog.get_logger(__name__)

TOKEN = "integrator-token"
"""Key of the credentials file under which the one-time token of an integrator's account may be."""


async def announce(
    url: str,
    token: str,
    facts: Sequence[Announcement],
    start_us: int,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> int:
    """Sign in as integrator and state the facts; tries again while the platform cannot be reached.

    Gives how many facts were taken; without a token, none, and says so in the log.
    """
    if not facts or not token:
        if facts:
            log.warning("no integrator's token in the credentials: facts are not announced", facts=len(facts))
        return 0
    async with httpx.AsyncClient(base_url=url, timeout=5.0, trust_env=False, transport=transport) as client:
        signed_in = await _patiently(client, "/api/v1/session", {"token": token}, {})
        if not signed_in.is_success:
            log.warning(
                "the integrator cannot sign in: facts are not announced", status=signed_in.status_code
            )
            return 0
        headers = {"x-csrf-token": str(signed_in.json().get("csrf", ""))}
        taken = 0
        for fact in facts:
            answer = await _patiently(client, "/api/v1/context", _body(fact, start_us), headers)
            taken += answer.is_success
            if not answer.is_success:
                log.warning("fact refused", subject=fact.subject, status=answer.status_code)
        return taken


async def _patiently(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], headers: dict[str, str]
) -> httpx.Response:
    back_off = BackOff()
    while True:
        try:
            return await client.post(path, json=body, headers=headers)
        except httpx.TransportError:
            await back_off.wait()


def _body(fact: Announcement, start_us: int) -> dict[str, Any]:
    until_us = start_us + round(fact.lasts_s * US_PER_S)
    return {
        "subject": fact.subject,
        "attribute": fact.attribute,
        "value": fact.value,
        "reason": fact.reason,
        "until": to_rfc3339(until_us) if fact.lasts_s else "",
    }
