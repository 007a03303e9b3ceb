"""How right fusion is, for `s4 bench fusion`: on unseen seeds of generated worlds, beside the best simpler rule."""

from pathlib import Path

from ..scoring.figures import Figures
from ..scoring.forecasts import OURS
from ..scoring.score import MIS_SPECIFIED, STANDARD, Score, ScoreOptions, score
from .results import Result, Say

__all__ = ("results_of", "score_results")

ECE_MOST, B_CUBED_LEAST = 0.05, 0.9
SEEDS, SEEDS_MISSPECIFIED, TRAIN_SEEDS = 12, 1, 3
"""Enough for about 1,200 forecasts of each part: among 100 even a perfect forecaster shows an error of 0.1."""


def score_results(site: Path, say: Say) -> list[Result]:
    """Score fusion on unseen seeds, in a few minutes; the page of `s4 scenario score` has more."""

    def scored(seeds: int, *laws: str) -> Score:
        options = ScoreOptions(site=site, seeds=seeds, train_seeds=TRAIN_SEEDS, days=1, laws=laws)
        return score(options, lambda line: say(f"fusion: {line}"))

    standard, every = scored(SEEDS, STANDARD), scored(SEEDS_MISSPECIFIED)
    return [
        *results_of(standard, STANDARD, "", SEEDS),
        *results_of(every, MIS_SPECIFIED, "_misspecified", SEEDS_MISSPECIFIED),
    ]


def results_of(made: Score, law: str, suffix: str, seeds: int) -> list[Result]:
    """Turn a part of a score into results: calibration, Brier score beside the best rule, putting together, alerts."""
    ours = made.row(OURS, law)
    where = f"{seeds} unseen seeds of each generated world, law {law}; simulated"
    return [
        _ece(suffix, ours, where),
        *_brier(suffix, made, law, ours, where),
        _b_cubed(suffix, made, law, where),
        *_alerts(suffix, ours, where),
    ]


def _result(
    name: str, value: float | None, unit: str, how: str, *, goal: str = "", holds: bool | None = None
) -> Result:
    return Result(
        name=name,
        value=None if value is None else round(value, 4),
        unit=unit,
        goal=goal or None,
        holds=holds if value is not None else None,
        runs=1,
        how=how,
        reason="" if value is not None else "nothing to take it from: too few acts were found",
    )


def _ece(suffix: str, ours: Figures, where: str) -> Result:
    holds = ours.ece is not None and ours.ece <= ECE_MOST
    noise = (
        "" if ours.ece_perfect is None else f" (a perfect forecaster among so few: {ours.ece_perfect:.3f})"
    )
    how = (
        f"expected calibration error of the first choice, 15 bins, {ours.forecasts} forecasts{noise}; {where}"
    )
    return _result(f"fusion.ece{suffix}", ours.ece, "1", how, goal=f"<= {ECE_MOST:g}", holds=holds)


def _brier(suffix: str, made: Score, law: str, ours: Figures, where: str) -> list[Result]:
    """Fusion's Brier score with the best rule's as its peer, and that one by itself."""
    rules = {name: made.row(name, law).brier for name in made.methods if name != OURS}
    known = {name: value for name, value in rules.items() if value is not None}
    if ours.brier is None or not known:
        return [_result(f"fusion.brier{suffix}", None, "1", where)]
    best = min(known, key=lambda name: known[name])
    others = ", ".join(f"{name} {value:.3f}" for name, value in sorted(known.items()))
    how = f"Brier score over all hypotheses, 0 best, 2 worst; {where}. All rules: {others}"
    mine = Result(
        name=f"fusion.brier{suffix}",
        value=round(ours.brier, 4),
        unit="1",
        peer=f"{best}, tuned on training seeds",
        peer_value=round(known[best], 4),
        ratio=round(ours.brier / known[best], 3),
        goal=f"< {known[best]:.4f}",
        holds=ours.brier < known[best],
        runs=1,
        how=how,
    )
    return [
        mine,
        _result(f"fusion.brier_best_baseline{suffix}", known[best], "1", f"that of {best}; {where}"),
    ]


def _b_cubed(suffix: str, made: Score, law: str, where: str) -> Result:
    f = next(each.f for each in made.b_cubed if each.law == law)
    how = f"B-cubed F of putting detections together, false alarms as events of their own; {where}"
    return _result(
        f"fusion.b_cubed{suffix}", f, "1", how, goal=f">= {B_CUBED_LEAST:g}", holds=f >= B_CUBED_LEAST
    )


def _alerts(suffix: str, ours: Figures, where: str) -> list[Result]:
    how = f"from an act's beginning to its confirmation, never confirmed = infinitely late; {where}"
    return [
        _result(f"fusion.confirm_p50_s{suffix}", ours.time_to_confirm_p50_s, "s", how),
        _result(
            f"fusion.confirmed{suffix}", ours.confirmed, "1", f"share of acts that are confirmed; {where}"
        ),
        _result(
            f"fusion.false_confirmed_per_day{suffix}",
            ours.false_confirmed_per_day,
            "1/d",
            f"confirmed incidents on ordinary days, with nothing dangerous; {where}",
        ),
    ]
