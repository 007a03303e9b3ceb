"""`python -m s4allcities.scenario.sign`: one sign as a device of its own, to try a platform's commands with."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence

from s4allcities.domain import Clock, SystemClock

from .alone import Alone, add_broker, read_broker, stop_at_signals
from .devices import Account, MqttDevice, Outbox
from .errors import ScenarioError
from .families import CHANNELS
from .randomness import stream
from .signs import SignDevice

__all__ = ("SignSettings", "main", "run_sign")

STATUS_S = CHANNELS["sign"].interval_s


class SignSettings(Alone, frozen=True, kw_only=True):
    """Which sign, and whether it answers commands."""

    answers: bool = True


async def run_sign(settings: SignSettings, clock: Clock, stop: asyncio.Event) -> SignDevice:
    """Be a sign until ``stop`` is set: say how it is every 10 s, take commands, answer them. Gives the sign."""
    sign = SignDevice(stream(settings.seed, settings.name), answers=settings.answers)
    with Account(settings.log) as account:
        outbox = Outbox(account)

        def put(payload: bytes, t_us: int) -> None:
            outbox.put(settings.datum(CHANNELS["sign"].family, payload, t_us))

        async with asyncio.TaskGroup() as tasks:

            async def answer_later(data: bytes) -> None:
                answer = sign.command(data)
                if answer is not None:
                    await clock.sleep(answer.after_s)
                    now_us = clock.now_us()
                    put(sign.acknowledgement(answer, now_us), now_us)

            async def tell_status() -> None:
                while True:
                    now_us = clock.now_us()
                    put(sign.status(now_us), now_us)
                    await clock.sleep(STATUS_S)

            device = MqttDevice(
                settings.name,
                settings.password,
                settings.broker,
                outbox,
                account,
                on_command=lambda data: started.append(tasks.create_task(answer_later(data))),
            )
            started = [tasks.create_task(device.run()), tasks.create_task(tell_status())]
            await stop.wait()
            for task in started:
                task.cancel()
        outbox.leave()
    return sign


def _settings(arguments: Sequence[str]) -> SignSettings:
    parser = argparse.ArgumentParser(prog="s4allcities.scenario.sign", description=__doc__)
    parser.add_argument("name", metavar="SIGN", help="the device's name, which is its user name too")
    add_broker(parser, log="sign-sent.jsonl")
    parser.add_argument("--silent", action="store_true", help="be a sign that never answers")
    given = parser.parse_args(arguments)
    password, broker = read_broker(given)
    return SignSettings(
        name=given.name,
        password=password,
        broker=broker,
        log=given.log,
        answers=not given.silent,
    )


async def _run(settings: SignSettings) -> None:
    await run_sign(settings, SystemClock(), stop_at_signals())


def main(arguments: Sequence[str]) -> int:
    """Run the command. Exit codes: 0 ended by a signal, 2 wrong use."""
    try:
        settings = _settings(arguments)
    except ScenarioError as error:
        sys.stderr.write(f"s4 sign: {error}\n")
        return 2
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
