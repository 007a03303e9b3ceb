"""Results for the benchmark, from a score of a few worlds."""

from pathlib import Path

from s4allcities.app.bench.fusion_score import results_of
from s4allcities.app.scoring.score import MIS_SPECIFIED, STANDARD, ScoreOptions, score

SITE = Path(__file__).parents[4] / "sites" / "helsinki-station"


def test_results_have_the_names_goals_and_peer() -> None:
    made = score(
        ScoreOptions(
            site=SITE, seeds=1, train_seeds=1, laws=("standard", "sure"), worlds=("fire", "fire-twin")
        ),
        lambda _: None,
    )
    found = [
        *results_of(made, STANDARD, "", 1),
        *results_of(made, MIS_SPECIFIED, "_misspecified", 1),
    ]
    results = {each.name: each for each in found}
    wanted = ("ece", "brier", "brier_best_baseline", "b_cubed")
    assert {f"fusion.{name}{suffix}" for name in wanted for suffix in ("", "_misspecified")} <= set(results)
    brier, best = results["fusion.brier"], results["fusion.brier_best_baseline"]
    assert brier.peer_value == best.value
    assert brier.value is not None
    assert best.value is not None
    assert brier.holds is (brier.value < best.value)
    ece = results["fusion.ece"]
    assert ece.value is not None
    assert ece.holds is (ece.value <= 0.05)
    assert "a perfect forecaster" in ece.how
    assert all("simulated" in each.how for each in results.values())
