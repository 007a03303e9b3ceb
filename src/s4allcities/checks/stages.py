"""What every stage must do, whoever wrote it: the same again, from a snapshot, in other portions, with bad input."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from ..domain import Detection, ObservationBatch, Payload, Series, Stage, empty_batch
from ..domain.events import Event

__all__ = (
    "CheckFailed",
    "Feed",
    "Step",
    "check_bad_values",
    "check_causal",
    "check_chunking",
    "check_deterministic",
    "check_missing_data",
    "check_snapshots",
    "check_stage",
    "run_stage",
    "split_batch",
)

Step = tuple[Any, int]
"""One input of a stage and the platform's time: (batch or events, now_us)."""
Feed = Sequence[Step]
_Factory = Callable[[], "Stage[Any]"]


class CheckFailed(AssertionError):
    """A plug-in does not keep its contract; the message says which part, and where."""


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise CheckFailed(what)


def _frozen(events: Sequence[Event]) -> list[bytes]:
    return [msgspec.msgpack.encode(event) for event in events]


def run_stage(stage: "Stage[Any]", feed: Feed, state: Any = None) -> tuple[list[list[Event]], Any]:
    """Feed a stage from its start or from ``state``; give the events of each step, and the state at the end."""
    state = stage.start() if state is None else state
    return [stage.step(state, batch, now_us) for batch, now_us in feed], state


def _outputs(stage: "Stage[Any]", feed: Feed) -> list[bytes]:
    steps, _ = run_stage(stage, feed)
    return [data for events in steps for data in _frozen(events)]


def split_batch(batch: ObservationBatch, size: int) -> list[ObservationBatch]:
    """Cut a batch into batches of at most ``size`` rows, the payloads going with their rows."""
    if not len(batch):
        return [batch]
    parts = []
    for start in range(0, len(batch), size):
        rows = slice(start, start + size)
        payloads = tuple(
            Payload(each.row - start, each.schema, each.data)
            for each in batch.payloads
            if start <= each.row < start + size
        )
        parts.append(
            msgspec.structs.replace(
                batch,
                series_ix=batch.series_ix[rows],
                t_us=batch.t_us[rows],
                value=batch.value[rows],
                quality=batch.quality[rows],
                payloads=payloads,
            )
        )
    return parts


def check_deterministic(make: _Factory, feed: Feed) -> None:
    """Two fresh stages give the same events and the same state, and a stage holds nothing between two runs."""
    stage = make()
    first, state = run_stage(stage, feed)
    again, state_again = run_stage(stage, feed)
    other, state_other = run_stage(make(), feed)
    for steps, what in ((again, "the same stage run again"), (other, "a second stage")):
        for index, (a, b) in enumerate(zip(first, steps, strict=True)):
            _require(_frozen(a) == _frozen(b), f"{stage.name}: {what} differs at step {index}")
    frozen = stage.snapshot(state)
    _require(frozen == stage.snapshot(state_again), f"{stage.name}: state differs when run again")
    _require(frozen == make().snapshot(state_other), f"{stage.name}: state of a second stage differs")


def check_snapshots(make: _Factory, feed: Feed) -> None:
    """Stopped at any step and restored from its snapshot, a stage goes on as if it had never stopped."""
    stage = make()
    straight, end = run_stage(stage, feed)
    for cut in sorted({0, 1, len(feed) // 3, len(feed) // 2, len(feed) - 1}):
        before, state = run_stage(stage, feed[:cut])
        data = stage.snapshot(state)
        fresh = make()
        thawed = fresh.restore(data)
        _require(fresh.snapshot(thawed) == data, f"{stage.name}: thawed state freezes differently at {cut}")
        after, thawed_end = run_stage(fresh, feed[cut:], thawed)
        joined = [_frozen(events) for events in before + after]
        _require(
            joined == [_frozen(events) for events in straight], f"{stage.name}: restored at {cut} differs"
        )
        _require(
            fresh.snapshot(thawed_end) == stage.snapshot(end), f"{stage.name}: end state differs at {cut}"
        )


def check_chunking(make: _Factory, feed: Feed, sizes: Sequence[int] = (1, 7)) -> None:
    """The same readings in smaller batches give the same events."""
    whole = _outputs(make(), feed)
    for size in sizes:
        cut = [
            (part, now_us)
            for batch, now_us in feed
            for part in (split_batch(batch, size) if isinstance(batch, ObservationBatch) else [batch])
        ]
        _require(_outputs(make(), cut) == whole, f"{make().name}: batches of {size} rows give other events")


def check_causal(make: _Factory, feed: Feed) -> None:
    """What comes later changes nothing said before, and no detection is later than what has been seen."""
    stage = make()
    whole, _ = run_stage(stage, feed)
    half = len(feed) // 2
    prefix, _ = run_stage(make(), feed[:half])
    for index, (a, b) in enumerate(zip(prefix, whole, strict=False)):
        _require(_frozen(a) == _frozen(b), f"{stage.name}: step {index} depends on what comes later")
    latest = 0
    for index, ((batch, now_us), events) in enumerate(zip(feed, whole, strict=True)):
        times = batch.t_us.tolist() if isinstance(batch, ObservationBatch) else [each.t_us for each in batch]
        latest = max(latest, now_us, *times) if times else max(latest, now_us)
        for event in events:
            _require(event.t_us <= latest, f"{stage.name}: step {index} speaks of the future")
            if isinstance(event, Detection):
                _require(
                    0 <= event.confidence <= 1, f"{stage.name}: confidence {event.confidence} at {index}"
                )


def check_missing_data(make: _Factory, feed: Feed) -> None:
    """Rows and whole batches may be missing, doubled or late; a stage takes what there is."""
    stage = make()
    state = stage.start()
    for index, (batch, now_us) in enumerate(feed):
        if index % 5 == 3:
            continue
        if isinstance(batch, ObservationBatch):
            thinned = [part for n, part in enumerate(split_batch(batch, 2)) if n % 3 != 1]
        else:
            thinned = [batch]
        for part in thinned + thinned[:1]:
            _survives(stage, state, part, now_us, "missing data")
    for batch, now_us in feed[:3]:
        _survives(stage, state, batch, now_us, "late data")


_VALUES = (float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 5e-324, -0.0, 0.0, 1e15)
_TIMES_US = (0, -1, -(2**62), 2**62, 1_700_000_000_000_000)
_DATA: tuple[Any, ...] = (
    None,
    0,
    -1,
    1e300,
    "",
    "\x00",
    "é" * 300,
    [],
    [[]],
    {},
    {"event_type": None},
    {"event_type": "flow", "src_ip": 5, "dest_ip": [], "dest_port": "x", "timestamp": "yesterday"},
    {"event_type": "alert", "alert": "none", "src_ip": "10.0.0.1"},
    {"event_type": "modbus", "modbus": {"request": {"function_code": {}}}},
    b"\xff\xfe",
    True,
)


def check_bad_values(make: _Factory, feed: Feed) -> None:
    """Whatever numbers, times, names and payloads come in: no exception, and the state can still be frozen."""
    stage = make()
    _, state = run_stage(stage, feed[: len(feed) // 2])
    batches = [batch for batch, _ in feed if isinstance(batch, ObservationBatch) and len(batch)]
    now_us = feed[-1][1]
    for batch in batches[:: max(1, len(batches) // 6)]:
        for bad in _spoilt(batch):
            _survives(stage, state, bad, now_us, "bad values")
    _survives(stage, state, empty_batch(now_us), now_us, "an empty batch")
    _require(
        make().restore(stage.snapshot(state)) is not None, f"{stage.name}: bad values spoil the snapshot"
    )
    for batch, at_us in feed[len(feed) // 2 :]:
        _survives(stage, state, batch, at_us, "good data after bad")


def _spoilt(batch: ObservationBatch) -> list[ObservationBatch]:
    replace, n = msgspec.structs.replace, len(batch)
    schemas = sorted({each.schema for each in batch.payloads} | {"eve/1", "frame-hash/1", "no-such/9"})
    out = [replace(batch, value=np.full(n, value)) for value in _VALUES]
    out += [replace(batch, t_us=np.full(n, t_us, np.int64)) for t_us in _TIMES_US]
    out += [
        replace(batch, payloads=tuple(Payload(row % n, schema, data) for row, data in enumerate(_DATA)))
        for schema in schemas
    ]
    out.append(replace(batch, quality=np.full(n, 2, np.uint8)))
    out.append(replace(batch, payloads=()))
    out.append(replace(batch, series=tuple(Series(sensor="", quantity="") for _ in batch.series)))
    out.append(replace(batch, series=tuple(Series(sensor="é\n", quantity="\x00") for _ in batch.series)))
    return out


def _survives(stage: "Stage[Any]", state: Any, batch: Any, now_us: int, what: str) -> None:
    try:
        events = stage.step(state, batch, now_us)
    except Exception as error:
        raise CheckFailed(f"{stage.name}: {what} raised {type(error).__name__}: {error}") from error
    for event in events:
        if isinstance(event, Detection):
            _require(0 <= event.confidence <= 1, f"{stage.name}: {what} gave confidence {event.confidence}")


def check_stage(make: _Factory, feed: Feed) -> None:
    """Run every check on a stage. ``make`` gives a fresh stage; ``feed`` is a story of at least a few steps in which
    it has something to say.

    :raises CheckFailed: it does not keep its contract.
    """
    _require(
        isinstance(make(), Stage), "not a Stage: it needs name, inputs, heavy, start, step, snapshot, restore"
    )
    _require(
        any(_outputs(make(), feed)), f"{make().name}: says nothing in this feed, so nothing would be checked"
    )
    for check in (check_deterministic, check_snapshots, check_chunking, check_causal, check_missing_data):
        check(make, feed)
    check_bad_values(make, feed)
