"""`python -m s4allcities.scenario.lock`: one lock's reader as a device of its own, with a simulated token on it."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence

import msgspec

from s4allcities.domain import Clock, SystemClock

from .alone import Alone, add_broker, read_broker, stop_at_signals
from .devices import Account, MqttDevice, Outbox
from .errors import ScenarioError
from .locks import LockReader, Respond
from .photonic import PhotonicToken
from .randomness import stream

__all__ = ("LockSettings", "enrolment", "main", "run_lock", "token_of")

VERDICT_S = 10.0
MOST_PAIRS = 100_000


class LockSettings(Alone, frozen=True, kw_only=True):
    """Which reader, and which token is put on it how often, ``every_s`` apart."""

    token: str
    tries: int = 1
    every_s: float = 2.0


def token_of(name: str, seed: int) -> PhotonicToken:
    """Give the simulated token of a name: the same each time, for the same seed."""
    return PhotonicToken(stream(seed, f"token {name}"))


def enrolment(name: str, seed: int, pairs: int) -> list[bytes]:
    """Record pairs of a token as the lines of the file that ``s4 locks enrol`` reads."""
    found = token_of(name, seed).enrol(pairs, stream(seed, f"enrolment {name}"))
    return [msgspec.json.encode({"challenge": c.hex(), "response": r.hex()}) for c, r in found]


async def run_lock(
    settings: LockSettings, clock: Clock, stop: asyncio.Event, *, respond: Respond | None = None
) -> LockReader:
    """Put the token on the reader ``tries`` times, then wait for ``stop`` or the last verdict. Gives the reader.

    ``respond`` is what lies on the reader instead of the token: an attacker's copy, say.
    """
    reader = LockReader(settings.password, stream(settings.seed, settings.name))
    token, noise = token_of(settings.token, settings.seed), stream(settings.seed, f"noise {settings.name}")
    decided = asyncio.Event()
    put_on: Respond = respond or (lambda challenge: token.response(challenge, noise))
    with Account(settings.log) as account:
        outbox = Outbox(account)

        def say(payload: bytes, t_us: int) -> None:
            outbox.put(settings.datum("lock", payload, t_us))

        def hear(data: bytes) -> None:
            now_us, verdicts = clock.now_us(), len(reader.verdicts)
            answer = reader.hear(data, now_us)
            if answer is not None:
                say(answer, now_us)
            if len(reader.verdicts) > verdicts:
                decided.set()

        device = MqttDevice(
            settings.name, settings.password, settings.broker, outbox, account, on_command=hear
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(device.run())
            await device.connected.wait()
            for _ in range(settings.tries):
                decided.clear()
                now_us = clock.now_us()
                say(reader.put_on(settings.token, put_on, now_us), now_us)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(VERDICT_S):
                        await decided.wait()
                if stop.is_set():
                    break
                await clock.sleep(settings.every_s)
            running.cancel()
        outbox.leave()
    return reader


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="s4allcities.scenario.lock", description=__doc__)
    parser.add_argument("name", metavar="READER", help="the device's name, which is its user name too")
    parser.add_argument("--token", required=True, metavar="TOKEN", help="which simulated token is put on it")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the token's disorder; the same for enrolment and use"
    )
    parser.add_argument(
        "--enrol", type=int, default=0, metavar="N", help="print N pairs for `s4 locks enrol`, and end"
    )
    add_broker(parser, log="lock-sent.jsonl")
    parser.add_argument("--tries", type=int, default=1, metavar="N", help="how often the token is put on")
    return parser


def _settings(given: argparse.Namespace) -> LockSettings:
    password, broker = read_broker(given)
    return LockSettings(
        name=given.name,
        password=password,
        broker=broker,
        log=given.log,
        token=given.token,
        seed=given.seed,
        tries=given.tries,
    )


async def _run(settings: LockSettings) -> LockReader:
    return await run_lock(settings, SystemClock(), stop_at_signals())


def main(arguments: Sequence[str]) -> int:
    """Run the command. Exit codes: 0 done, 2 wrong use."""
    given = _parser().parse_args(arguments)
    if given.enrol:
        if not 0 < given.enrol <= MOST_PAIRS:
            sys.stderr.write(f"s4 lock: --enrol is {given.enrol}; allowed are 1 to {MOST_PAIRS}\n")
            return 2
        sys.stdout.write(
            "".join(f"{line.decode()}\n" for line in enrolment(given.token, given.seed, given.enrol))
        )
        return 0
    try:
        settings = _settings(given)
    except ScenarioError as error:
        sys.stderr.write(f"s4 lock: {error}\n")
        return 2
    reader = asyncio.run(_run(settings))
    for verdict, reason in reader.verdicts:
        sys.stdout.write(f"{settings.token} on {settings.name}: {verdict}{f', {reason}' if reason else ''}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
