"""The score as a whole, on a few worlds: its document, its seeds, and that the same command gives the same figures."""

from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from s4allcities.app.scoring.score import Score, ScoreOptions, score
from s4allcities.app.scoring.text import report_page, score_text
from s4allcities.scenario.errors import ScenarioError

SITE = Path(__file__).parents[4] / "sites" / "helsinki-station"
OPTIONS = ScoreOptions(
    site=SITE,
    seeds=1,
    train_seeds=1,
    laws=("standard", "sure"),
    worlds=("fire", "fire-twin", "drone", "drone-twin"),
)


@pytest.fixture(scope="module")
def made() -> Score:
    return score(OPTIONS, lambda _: None)


def test_all_methods_are_judged_on_the_same_forecasts_and_acts(made: Score) -> None:
    assert len(made.methods) == 5
    for law in ("standard", "sure", "mis-specified"):
        rows = [made.row(method, law) for method in made.methods]
        assert len({(row.forecasts, row.acts, row.worlds) for row in rows}) == 1
        assert all(row.brier is not None and 0 <= row.brier <= 2 for row in rows)
    assert {row.part for row in made.worlds} == set(OPTIONS.worlds)
    assert {row.part for row in made.hypotheses} == {"fire", "drone"}


def test_the_document_is_json_and_says_its_seeds(made: Score) -> None:
    document = msgspec.json.decode(msgspec.json.encode(made))
    assert document["simulated"] is True
    assert document["seeds"] == {"train": [1], "test": [10_000]}
    assert {"brier", "ece", "log_loss", "auc", "time_to_alert_p50_s"} <= set(
        document["overall"][0]["figures"]
    )


def test_the_text_has_every_method_and_names_its_command(made: Score) -> None:
    page = report_page(made, "s4 scenario score --seeds 1")
    assert score_text(made) in page
    assert "`s4 scenario score --seeds 1`" in page
    assert all(f"| {method} |" in page for method in made.methods)


def test_tuning_asks_for_no_test_seed() -> None:
    with capture_logs() as logs:
        score(
            msgspec.structs.replace(OPTIONS, split="train", laws=("standard",), worlds=("fire",)),
            lambda _: None,
        )
    assert [each for each in logs if each["event"] == "test seeds unsealed"] == []


def test_the_same_options_give_the_same_score() -> None:
    few = msgspec.structs.replace(OPTIONS, laws=("standard",), worlds=("fire", "fire-twin"))
    assert msgspec.json.encode(score(few, lambda _: None)) == msgspec.json.encode(score(few, lambda _: None))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (msgspec.structs.replace(OPTIONS, laws=("chaos",)), "no law 'chaos'"),
        (msgspec.structs.replace(OPTIONS, worlds=("flood",)), "no generated world 'flood'"),
        (msgspec.structs.replace(OPTIONS, train_seeds=0), "0 train seeds were asked for"),
    ],
)
def test_wrong_options_are_refused(options: ScoreOptions, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        score(options, lambda _: None)
