"""A worker for tests: counts what it is told; dies or hangs where its input says so."""

import os
import sys
import time
from collections.abc import Sequence

from s4allcities.app.stage_worker import serve
from s4allcities.domain import Context, Event


class Counting:
    """Says after each input how much it has been told; ``die`` and ``hang`` in an input's subject are obeyed."""

    name = "counting"
    inputs: tuple[str, ...] = ("ctx.>",)
    heavy = True

    def start(self) -> list[int]:
        return [0]

    def step(self, state: list[int], batch: Sequence[Event], now_us: int) -> list[Event]:
        out: list[Event] = []
        for event in batch:
            if isinstance(event, Context):
                if event.subject == "fail":
                    raise ValueError("told to fail")
                if event.subject == "die":
                    os._exit(9)
                if event.subject == "hang":
                    time.sleep(60)
                state[0] += 1
                fact = Context(
                    id="", t_us=event.t_us, subject=f"seen-{state[0]}", attribute="n", value=state[0]
                )
                out.append(fact)
        return out

    def snapshot(self, state: list[int]) -> bytes:
        return str(state[0]).encode()

    def restore(self, data: bytes) -> list[int]:
        return [int(data)]


if __name__ == "__main__":
    serve(Counting(), sys.stdin.buffer, sys.stdout.buffer)
