"""`s4 detect`: what outsiders put in and get out."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from s4allcities.cli.detect_patterns import app as patterns_app
from s4allcities.cli.detect_timeseries import app
from s4allcities.evaluation.nab import LOW_FALSE_ALARMS, NabSeries, nab_best, nab_score

DATA = Path(os.environ.get("S4_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
NAB = DATA / "timeseries" / "nab"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = app(list(words), result_action="return_value")
    out, err = capsys.readouterr()
    return code, out, err


def rows_of(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def readings(tmp_path: Path, *, spike: float = 90.0) -> Path:
    random = np.random.default_rng(4)
    lines = ["timestamp,value"]
    for i in range(900):
        value = 20 + random.normal() + (spike if i == 800 else 0.0)
        lines.append(f"2026-11-{1 + i // 288:02d} {i % 288 // 12:02d}:{i % 12 * 5:02d}:00,{value:.3f}")
    path = tmp_path / "readings.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_spike_is_scored_alerted_and_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = readings(tmp_path)
    code, out, err = run(capsys, str(path))
    rows = rows_of(out)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "timestamp,value,score,alert,reason"
    stamps = [line.split(",")[0] for line in path.read_text().splitlines()[1:]]
    assert [row["timestamp"] for row in rows] == stamps
    spike = rows[800]
    assert spike["alert"] == "1"
    assert float(spike["score"]) > 0.5
    assert spike["reason"]
    assert all(0 <= float(row["score"]) <= 1 for row in rows)
    assert sum(int(row["alert"]) for row in rows) <= 4


def test_patterns_names_the_unlike_stretch_and_the_new_level(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    value = 20 + random.normal(0, 0.2, 600)
    value[400:] += 5
    value[200:224] += np.linspace(-1, 1, 24)
    path = tmp_path / "recording.csv"
    path.write_text(
        "timestamp,value\n" + "".join(f"{1_790_000_000 + 60 * i},{v:.3f}\n" for i, v in enumerate(value))
    )
    code = patterns_app([str(path), "--length", "24"], result_action="return_value")
    rows = rows_of(capsys.readouterr().out)
    assert (code, len(rows)) == (0, 600)
    assert [i for i, row in enumerate(rows) if row["change"] == "1" and i > 350] == [400]
    assert sorted(row["discord"] for row in rows if row["discord"]) == ["1", "2", "3"]
    code = patterns_app([str(path), "--length", "24", "--json"], result_action="return_value")
    document = json.loads(capsys.readouterr().out)
    assert (code, len(document["discords"])) == (0, 3)
    assert 400 in [each["row"] for each in document["changes"]]
    assert patterns_app([str(path), "--length", "2"], result_action="return_value") == 2
    assert "allowed are 3 to 300" in capsys.readouterr().err


def test_what_comes_later_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = readings(tmp_path)
    whole = run(capsys, str(path))[1].splitlines()
    cut = tmp_path / "cut.csv"
    cut.write_text("\n".join(path.read_text().splitlines()[:500]) + "\n")
    assert run(capsys, str(cut))[1].splitlines() == whole[:500]


def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, str(readings(tmp_path)), "--json")
    document = json.loads(out)
    assert code == 0
    assert len(document["rows"]) == 900
    assert document["alerts"] == sum(row["alert"] for row in document["rows"])


def test_cells_that_cannot_be_read_stay_as_rows_and_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(
        "\ufeffTimestamp, Value\n2026-11-01T00:00:00Z,1\nyesterday,2\n2026-11-01T00:05:00+00:00,\n1793491200,4\n"
    )
    code, out, err = run(capsys, str(path))
    rows = rows_of(out)
    assert code == 0
    assert [row["value"] for row in rows] == ["1.0", "2.0", "", "4.0"]
    assert [row["score"] for row in rows] == ["0.0"] * 4
    assert "odd.csv:3: Timestamp is 'yesterday', allowed is an ISO 8601 time" in err
    assert "odd.csv:4: Value is '', allowed is a number" in err
    assert "2 cells could not be read" in err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column timestamp"),
        ("a,b\n1,2\n", "no column timestamp; the columns are a, b"),
        ("timestamp,reading\n2026-11-01,2\n", "no column value"),
        ("timestamp,value\n", "no row below the header"),
        ("timestamp,value\nx,1\n", "no row has one"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    code, out, err = run(capsys, str(path))
    assert (code, out) == (2, "")
    assert why in err
    assert len(err.splitlines()) == 1


def test_wrong_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, str(tmp_path / "none.csv"))[0] == 2
    assert run(capsys, str(readings(tmp_path)), "--false-alarms", "0")[0] == 2


@pytest.mark.skipif(not NAB.exists(), reason="no ../shared/data/timeseries/nab and no S4_TEST_DATA")
def test_the_benchmark_of_streaming_series_is_reached_with_the_defaults() -> None:
    """Through the library, for speed; the command writes the same scores."""
    from s4allcities.detection.columns import read_table
    from s4allcities.detection.unusual import judge_series

    corpus = []
    for name, spans in json.loads((NAB / "labels" / "combined_windows.json").read_text()).items():
        table = read_table((NAB / "data" / name).read_text(), name, ("value",))
        judged = judge_series(table.t_us, table.values[:, 0])
        places = {stamp: i for i, stamp in reversed(list(enumerate(table.timestamps)))}
        windows = [(places[a[:19]], places[b[:19]]) for a, b in spans]
        corpus.append(NabSeries(judged.score, windows))
    assert len(corpus) == 41
    assert nab_best(corpus)[0] >= 60
    assert nab_score(corpus, 0.5) >= 60
    assert nab_best(corpus, LOW_FALSE_ALARMS)[0] >= 50
