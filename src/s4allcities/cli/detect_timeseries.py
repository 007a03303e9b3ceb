"""`s4 detect timeseries`: a CSV file of readings in, each reading with how unusual it was out."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.detection.columns import Table

__all__ = ("app", "timeseries")

app = App(name="timeseries", help="Tell unusual from usual in a series of numbers, or a group of sensors.")

FAULTS_SHOWN = 5


@app.default
def timeseries(
    file: Annotated[Path, Parameter(help="CSV with a header; - reads stdin.", allow_leading_hyphen=True)],
    /,
    *,
    multi: Annotated[
        bool, Parameter(negative=(), help="Columns are sensors of one group, judged together.")
    ] = False,
    train: Annotated[
        int, Parameter(help="With --multi: so many first rows are usual and teach; 0 = a third of the file.")
    ] = 0,
    false_alarms: Annotated[
        float, Parameter(help="The wish: false alarms for each sensor and month, 0.001 to 1000.")
    ] = 1.0,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Say of each row how unusual it was when it came, from the rows before it alone.

    One series: reads timestamp,value and writes timestamp,value,score,alert,reason; score is 0 to 1 and at least 0.5
    where alert is 1, which is where something unusual begins. With --multi: reads timestamp and one column for each
    sensor and writes timestamp,score,alert,sensor_1,sensor_2,sensor_3, the three sensors most to blame. Times are
    ISO 8601 at any interval. Cells that are no numbers are told on stderr; their rows stay, with score 0.

    Example: s4 detect timeseries readings.csv
    Example: s4 detect timeseries --multi plant.csv --train 2000
    """
    from s4allcities.detection.columns import BadTable, read_table

    if train < 0 or (train and not multi):
        return _refuse(f"--train is {train}; allowed is a number of rows above 0, together with --multi")
    if not 0.001 <= false_alarms <= 1000:
        return _refuse(f"--false-alarms is {false_alarms:g}; allowed is 0.001 to 1000")
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        table = read_table(text, str(file), () if multi else ("value",))
        columns = _group(table, train) if multi else _single(table, false_alarms)
    except (OSError, UnicodeDecodeError, BadTable) as fault:
        return _refuse(f"{fault}" if isinstance(fault, BadTable) else f"{file}: {fault}")
    _write(columns, table, as_json)
    for line in table.faults[:FAULTS_SHOWN]:
        print(line, file=sys.stderr)
    if table.faults:
        print(
            f"s4 detect timeseries: {file}: {len(table.faults)} cells could not be read, {len(table.timestamps)} rows",
            file=sys.stderr,
        )
    return 0


def _refuse(text: str) -> int:
    print(f"s4 detect timeseries: {text}", file=sys.stderr)
    return 2


def _single(table: Table, false_alarms: float) -> dict[str, list[Any]]:
    from s4allcities.detection.unusual import judge_series, reason_text, unusual_config

    config = unusual_config({"false_alarms_per_month": false_alarms})
    value = table.values[:, 0]
    judged = judge_series(table.t_us, value, config)
    reasons = [
        reason_text(row) if score >= 0.25 else ""
        for row, score in zip(judged.reasons, judged.score, strict=True)
    ]
    return {
        "timestamp": table.timestamps,
        "value": [float(each) for each in value],
        "score": [round(float(each), 6) for each in judged.score],
        "alert": [int(each) for each in judged.alert],
        "reason": reasons,
    }


def _group(table: Table, train: int) -> dict[str, list[Any]]:
    from s4allcities.detection.columns import BadTable
    from s4allcities.detection.groups import GroupError, judge_group

    try:
        judged = judge_group(table.values, train or len(table.timestamps) // 3)
    except GroupError as fault:
        raise BadTable(str(fault)) from None
    named = [[table.names[k] for k in row] + [""] * (3 - len(row)) for row in judged.blamed.tolist()]
    return {
        "timestamp": table.timestamps,
        "score": [round(float(each), 6) for each in judged.score],
        "alert": [int(each) for each in judged.alert],
        "sensor_1": [row[0] for row in named],
        "sensor_2": [row[1] for row in named],
        "sensor_3": [row[2] for row in named],
    }


def _write(columns: dict[str, list[Any]], table: Table, as_json: bool) -> None:
    if as_json:
        import msgspec

        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        document = {"rows": rows, "alerts": sum(columns["alert"]), "faults": len(table.faults)}
        print(msgspec.json.encode(document).decode())
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        ["" if each != each else each for each in row] for row in zip(*columns.values(), strict=True)
    )
