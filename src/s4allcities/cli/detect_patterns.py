"""`s4 detect patterns`: a whole recording looked at from behind: stretches without their like, and changes of level."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.detection.columns import Table

__all__ = ("app", "patterns")

app = App(
    name="patterns", help="Find stretches unlike any other, and changes of level, in a whole recording."
)


@app.default
def patterns(
    file: Annotated[Path, Parameter(help="CSV with a header; - reads stdin.", allow_leading_hyphen=True)],
    /,
    *,
    length: Annotated[int, Parameter(help="How many readings make a stretch.")] = 48,
    most: Annotated[int, Parameter(help="So many stretches are named, the most unlike first.")] = 3,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Look at a whole recording after the fact: this is for questions, not for alarms, for it knows what came later.

    Reads timestamp,value and writes timestamp,value,distance,discord,change: how far the stretch that begins here is
    from the one most like it, which of the most unlike it is (1 first; empty for others), and whether a new level
    begins. At most 50000 rows.

    Example: s4 detect patterns readings.csv --length 96
    """
    from s4allcities.detection.columns import BadTable, read_table
    from s4allcities.detection.patterns import change_points, discords, matrix_profile

    if not 1 <= most <= 100:
        return _refuse(f"--most is {most}; allowed are 1 to 100")
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        table = read_table(text, str(file), ("value",))
        profile = matrix_profile(table.values[:, 0], length)
        found, changes = discords(profile, most), change_points(table.values[:, 0])
    except BadTable as fault:
        return _refuse(f"{fault}")
    except (OSError, ValueError) as fault:
        return _refuse(f"{file}: {fault}")
    distance = [*profile.distance.tolist(), *[float("nan")] * (length - 1)]
    if as_json:
        print(_document(table, distance, found, changes, length))
        return 0
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["timestamp", "value", "distance", "discord", "change"])
    rank = {begin: number for number, begin in enumerate(found, 1)}
    for i, stamp in enumerate(table.timestamps):
        value = float(table.values[i, 0])
        writer.writerow(
            [stamp, _cell(value), _cell(round(distance[i], 6)), rank.get(i, ""), int(i in changes)]
        )
    return 0


def _cell(value: float) -> Any:
    return "" if value != value else value


def _document(table: Table, distance: list[float], found: list[int], changes: list[int], length: int) -> str:
    import msgspec

    stamps = table.timestamps
    document = {
        "rows": len(stamps),
        "length": length,
        "discords": [{"timestamp": stamps[i], "row": i, "distance": round(distance[i], 6)} for i in found],
        "changes": [{"timestamp": stamps[i], "row": i} for i in changes],
        "faults": len(table.faults),
    }
    return msgspec.json.encode(document).decode()


def _refuse(text: str) -> int:
    print(f"s4 detect patterns: {text}", file=sys.stderr)
    return 2
