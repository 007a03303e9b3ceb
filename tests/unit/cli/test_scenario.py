"""`s4 scenario`: the contract of list and run with generated worlds."""

from pathlib import Path

import msgspec
import pytest

from s4allcities.cli.fuse import fuse
from s4allcities.cli.scenario import list_them, run, score

SITE = Path(__file__).parents[3] / "sites" / "helsinki-station"


def test_list_has_stories_and_generated_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_them(site=SITE, as_json=True) == 0
    document = msgspec.json.decode(capsys.readouterr().out)
    by_name = {row["name"]: row for row in document["scenarios"]}
    assert by_name["station-fire"]["generated"] is False
    assert by_name["drone"]["generated"] is True
    assert by_name["drone-twin"]["benign"] is True
    assert "standard" in document["laws"]
    assert list_them(site=SITE) == 0
    assert "--law heavy-tails" in capsys.readouterr().out


def test_run_writes_what_fuse_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fire", site=SITE, seed=3, out=tmp_path, as_json=True) == 0
    document = msgspec.json.decode(capsys.readouterr().out)
    assert document["simulated"] is True
    assert document["split"] == "train"
    assert document["events"][0]["hypothesis"] in ("fire", "benign")
    assert fuse(tmp_path / "detections.jsonl", site=str(SITE)) == 0
    out, err = capsys.readouterr()
    assert "bad line" not in err
    last = msgspec.json.decode(out.splitlines()[-1])
    assert {"id", "status", "hypotheses", "terms"} <= set(last)


def test_run_says_that_a_seed_is_a_test_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fire-twin", site=SITE, seed=10_001, as_json=True) == 0
    out, err = capsys.readouterr()
    assert "seed 10001 is a test seed" in err
    assert msgspec.json.decode(out)["split"] == "test"


def test_run_gives_detections_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("drone", site=SITE, seed=3, events=True) == 0
    assert all("kind" in msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    ("name", "law", "out", "words"),
    [
        ("flood", "standard", None, "station-fire"),
        ("fire", "chaos", None, "allowed are standard"),
        ("station-fire", "standard", Path("x"), "--out and --law are for generated worlds"),
        ("station-fire", "sure", None, "--out and --law are for generated worlds"),
    ],
)
def test_wrong_use_is_refused_in_one_line(
    name: str, law: str, out: Path | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(name, site=SITE, law=law, out=out) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_score_prints_one_document_and_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    few = {"seeds": 1, "train_seeds": 1, "law": ("standard",), "world": ("fire", "fire-twin")}
    assert score(site=SITE, report=page, as_json=True, **few) == 0  # type: ignore[arg-type]
    document = msgspec.json.decode(capsys.readouterr().out)
    assert document["methods"][0] == "fusion"
    assert "s4 scenario score --seeds 1 --train-seeds 1 --days 2 --law standard" in page.read_text("utf-8")


def test_score_refuses_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert score(site=SITE, law=("chaos",)) == 2
    assert "allowed are standard" in capsys.readouterr().err
