"""What the API needs of the rest of the platform, passed in by the composition root."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from s4allcities.domain import Clock, Context, Event, Mode, Risk

from .hub import PictureHub
from .replies import Replies

__all__ = ("PictureServices",)

Disclose = Callable[[dict[str, Any], dict[str, str]], Awaitable[None]]
Past = Callable[[int], Awaitable[tuple[list[Risk], list[Context]]]]
Usual = Callable[[list[tuple[int, float]]], list[tuple[int, float, float | None, float | None, str]]]
Plans = Callable[[str], Awaitable[dict[str, Any]]]
History = Callable[[str, int, int], Awaitable[dict[str, list[tuple[int, float]]]]]


def _no_report(form: str) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True)
class PictureServices:
    """``publish`` puts an event on the bus and returns when it is durable; ``history(sensor, from_us, to_us)`` gives
    (t_us, value) rows by quantity; ``usual(rows)`` adds (low, high, why unusual) to each of such rows; ``site_json`` is
    the encoded site document; ``past(t_us)`` gives risks and facts as they stood at a moment; ``disclose(record,
    personal)`` enters into the ledger what a partner was given; ``plans(closed)`` gives what could be done now, without
    the exits that ``closed`` names too; ``assurance(form)`` gives the newest trial of the detectors as ``json`` or
    ``html``.
    """

    hub: PictureHub
    replies: Replies
    clock: Clock
    publish: Callable[[Event], Awaitable[int]]
    history: History
    site_json: bytes
    random: Random
    mode: Mode
    accounting: Callable[[], Awaitable[dict[str, Any]]]
    past: Past
    disclose: Disclose
    usual: Usual
    plans: Plans
    assurance: Callable[[str], bytes | None] = _no_report
