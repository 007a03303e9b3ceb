"""What became of each message: counted, and logged for those who check the platform against its sensors."""

from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from ..world import Datum

__all__ = ("Account",)


class Account:
    """Counts by device and family, and writes a line of JSON for each message as soon as its fate is known.

    A line: ``sensor``, ``family``, ``t_us`` of the reading, ``wall_us`` when it was first given to the network (wall
    clock), ``acknowledged``. Lines reach the file at once, so that a killed process leaves them.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self.sent: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.dropped_by_device: Counter[str] = Counter()
        self.refused_by_device: Counter[str] = Counter()
        self.reconnects: Counter[str] = Counter()

    def __enter__(self) -> "Account":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def note_sent(self, datum: Datum) -> None:
        """A message was given to the network for the first time."""
        self.sent[datum.family] += 1

    def note_acknowledged(self, datum: Datum, wall_us: int) -> None:
        """The platform has taken responsibility for a message."""
        self.acknowledged[datum.family] += 1
        self._log(datum, wall_us, True)

    def note_dropped(self, datum: Datum, wall_us: int) -> None:
        """A device's memory was full: its oldest message is lost before it was acknowledged."""
        self.dropped_by_device[datum.sensor] += 1
        self._log(datum, wall_us, False)

    def note_refused(self, datum: Datum, wall_us: int) -> None:
        """The platform has looked at a message and will not have it."""
        self.refused_by_device[datum.sensor] += 1
        self._log(datum, wall_us, False)

    def note_left(self, datum: Datum, wall_us: int) -> None:
        """The device ends with this message unacknowledged."""
        self._log(datum, wall_us, False)

    def _log(self, datum: Datum, wall_us: int, acknowledged: bool) -> None:
        row = {
            "sensor": datum.sensor,
            "family": datum.family,
            "t_us": datum.t_us,
            "wall_us": wall_us,
            "acknowledged": acknowledged,
        }
        self._file.write(msgspec.json.encode(row) + b"\n")

    def summary(self) -> dict[str, Any]:
        """Give the totals."""
        families = sorted(self.sent)
        return {
            "acknowledged": self.acknowledged.total(),
            "sent": self.sent.total(),
            "dropped_by_device": dict(self.dropped_by_device),
            "refused_by_device": dict(self.refused_by_device),
            "reconnects": self.reconnects.total(),
            "by_family": {
                family: {"sent": self.sent[family], "acknowledged": self.acknowledged[family]}
                for family in families
            },
        }
