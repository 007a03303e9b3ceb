"""Tells signs what an order asks them to show, until each has answered or been given up.

A command's id follows from its order and its device, and each step of it is a record on the bus: what is made again
after a restart is the same record, and an order seen twice sends nothing twice.
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from s4allcities.domain import (
    US_PER_S,
    Clock,
    Command,
    CommandState,
    CourseOfAction,
    Event,
    Order,
    SignSetting,
    derived_ulid,
)

__all__ = ("MAX_ATTEMPTS", "RETRY_S", "CommandBus", "SignActuator", "command_id")

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 3
RETRY_S = 2.0
_POLL_S = 0.1


class CommandBus(Protocol):
    """The part of the bus that actuators use."""

    async def send_command(self, device: str, data: bytes) -> None:
        """Tell a device something; nothing is kept for it."""

    async def publish_event(self, event: Event, *, stage: str = ...) -> int:
        """Publish a record; returns when it is stored."""


def command_id(order: Order, device: str) -> str:
    """Give the id of what an order tells a device: the same each time it is asked."""
    return derived_ulid(order.t_us, "command", order.id, device)


class SignActuator:
    """Carries out orders on signs.

    Give it every `CourseOfAction` and `Order` by `see`, every answer of a sign by `answer`, and let `run` go on beside,
    or call `tick` yourself. ``earlier`` are the command records of former runs, in the order in which they were made:
    those still without an answer are taken up again. Orders and options may come in either order.
    """

    def __init__(self, bus: CommandBus, clock: Clock, *, earlier: Iterable[Command] = ()) -> None:
        self._bus = bus
        self._clock = clock
        self._settings: dict[str, tuple[SignSetting, ...]] = {}
        self._waiting: dict[str, list[Order]] = {}
        self._commands: dict[str, Command] = {command.id: command for command in earlier}
        self._busy = asyncio.Lock()
        self.unknown_answers = 0

    @property
    def commands(self) -> tuple[Command, ...]:
        """The newest record of each command."""
        return tuple(self._commands.values())

    @property
    def pending(self) -> tuple[Command, ...]:
        """Those that wait for an answer."""
        return tuple(command for command in self._commands.values() if command.state == "sent")

    async def see(self, event: Event) -> None:
        """Take in an option or an order; anything else is passed over."""
        if not isinstance(event, CourseOfAction | Order):
            return
        async with self._busy:
            if isinstance(event, CourseOfAction):
                self._settings[event.id] = event.signs
                for order in self._waiting.pop(event.id, ()):
                    await self._carry_out(order)
            elif event.course_of_action_id in self._settings:
                await self._carry_out(event)
            else:
                self._waiting.setdefault(event.course_of_action_id, []).append(event)

    async def answer(self, device: str, command: str, showing: str, t_us: int) -> None:
        """Take in a sign's acknowledgement; a late one still counts, one of another device does not."""
        async with self._busy:
            known = self._commands.get(command)
            if known is None or known.device != device:
                self.unknown_answers += 1
                log.info("answer to no command of ours", device=device, command=command[:64])
            elif known.state != "acknowledged":
                differs = showing not in ("", known.text)
                detail = f"shows {showing!r}" if differs else ""
                await self._record(known, "acknowledged", t_answered_us=t_us, detail=detail)

    async def tick(self) -> None:
        """Send again what got no answer for 2 s; give up after 3 attempts."""
        async with self._busy:
            for command in self.pending:
                if self._clock.now_us() - command.t_us < RETRY_S * US_PER_S:
                    continue
                if command.attempts >= MAX_ATTEMPTS:
                    detail = f"no acknowledgement after {command.attempts} attempts"
                    await self._record(command, "no_answer", detail=detail)
                else:
                    await self._send(replace(command, attempts=command.attempts + 1))

    async def run(self) -> None:
        """Tick until cancelled. A bus that cannot be reached is tried again."""
        while True:
            try:
                await self.tick()
            except Exception as error:
                log.warning("commands wait for the bus", error=repr(error))
            await asyncio.sleep(_POLL_S)

    async def _carry_out(self, order: Order) -> None:
        for setting in self._settings[order.course_of_action_id]:
            identity = command_id(order, setting.device)
            if identity in self._commands:
                continue
            await self._replace_older(setting.device, order)
            await self._send(
                Command(
                    id=identity,
                    t_us=self._clock.now_us(),
                    mode=order.mode,
                    order_id=order.id,
                    device=setting.device,
                    text=setting.text,
                    state="sent",
                    provenance=(order.id, order.course_of_action_id),
                )
            )

    async def _replace_older(self, device: str, order: Order) -> None:
        for command in self.pending:
            if command.device == device:
                await self._record(command, "no_answer", detail=f"replaced by order {order.id}")

    async def _send(self, command: Command) -> None:
        """Record first, then send: what a sign was told is never unknown."""
        sent = await self._record(command, "sent")
        content = {"id": sent.id, "show": sent.text}
        try:
            await self._bus.send_command(sent.device, msgspec.json.encode(content))
        except Exception as error:  # the attempt counts; the next one is due as usual
            log.warning("command not sent", device=sent.device, error=repr(error))

    async def _record(
        self, command: Command, state: CommandState, *, t_answered_us: int = 0, detail: str = ""
    ) -> Command:
        made = replace(
            command, t_us=self._clock.now_us(), state=state, t_answered_us=t_answered_us, detail=detail
        )
        await self._bus.publish_event(made, stage="actuators")
        self._commands[made.id] = made
        return made
