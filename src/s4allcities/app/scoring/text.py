"""The score as text: tables for people, on a terminal or as a page of the documents."""

from collections.abc import Iterable, Iterator, Sequence

from .score import Row, Score

__all__ = ("report_page", "score_text")

COLUMNS: Sequence[tuple[str, str, int]] = (
    ("brier", "Brier", 3),
    ("ece", "ECE", 3),
    ("log_loss", "log loss", 3),
    ("auc", "AUC", 3),
    ("top1", "first choice right", 3),
    ("alerted", "alerted", 2),
    ("time_to_alert_p50_s", "p50 s", 0),
    ("time_to_alert_p95_s", "p95 s", 0),
    ("false_per_day_at_95_recall", "false a day at 95 % recall", 1),
    ("twins_alerted", "twins alerted", 2),
)
CONFIRMED: Sequence[tuple[str, str, int]] = (
    ("confirmed", "confirmed", 2),
    ("time_to_confirm_p50_s", "p50 s", 0),
    ("time_to_confirm_p95_s", "p95 s", 0),
    ("false_confirmed_per_day", "false confirmed a day", 1),
)


def score_text(score: Score) -> str:
    """Give the score as tables in Markdown."""
    return "\n".join(_lines(score)) + "\n"


def report_page(score: Score, command: str) -> str:
    """Give the score as a page of the documents that names the command it was made by."""
    head = [
        "# The score of fusion",
        "",
        f"Written by `{command}`; do not edit. **All figures are from simulated worlds**, see",
        "[generated worlds](generated-worlds.md); how to read them and how truth is kept apart from tuning:",
        "[scores](../explanation/scores.md). Intervals are not given: figures of few seeds move by some hundredths.",
        "",
    ]
    return "\n".join([*head, *_lines(score)]) + "\n"


def _lines(score: Score) -> Iterator[str]:
    seeds = "; ".join(f"{name} {_span(found)}" for name, found in score.seeds.items())
    yield f"Site {score.site}, version {score.version}, hypotheses {score.table}, seeds: {seeds}. Simulated."
    yield ""
    yield "## All worlds, by law of error"
    yield ""
    yield from _table(("law", "method"), ((r.law, r.method, r) for r in score.overall), COLUMNS)
    yield ""
    yield "`p50 s`, `p95 s`: from the beginning of an act to its alert, at the threshold that 95 % of the training acts"
    yield "reach; a dash: so many were never alerted that there is no such figure, or the recall is out of reach."
    yield ""
    yield "## What operators would see: fusion's own confirmation"
    yield ""
    ours = [row for row in score.overall if row.method == score.methods[0]]
    yield from _table(("law", "method"), ((r.law, r.method, r) for r in ours), CONFIRMED)
    yield ""
    yield "## Putting detections together (B-cubed)"
    yield ""
    yield "| law | precision | recall | F |"
    yield "|---|---|---|---|"
    for each in score.b_cubed:
        yield f"| {each.law} | {each.precision:.3f} | {each.recall:.3f} | {each.f:.3f} |"
    for law in dict.fromkeys(row.law for row in score.hypotheses):
        yield ""
        yield f"## By hypothesis: acts and their twins, {law}"
        yield ""
        rows = ((r.part, r.method, r) for r in score.hypotheses if r.law == law)
        yield from _table(("hypothesis", "method"), rows, COLUMNS)
    yield ""
    yield "## What tuning chose for the rules, on the training seeds"
    yield ""
    yield "| method | table | time s | scale | offset | log loss | threshold |"
    yield "|---|---|---|---|---|---|---|"
    for rule in score.tuned[1:]:
        yield (
            f"| {rule.method} | {rule.knowledge} | {rule.time_s:g} | {rule.scale:.2f} | {rule.offset:.2f} | "
            f"{rule.train_log_loss:.3f} | {rule.threshold:.3f} |"
        )
    yield ""
    yield f"Threshold of {score.tuned[0].method}: {score.tuned[0].threshold:.3f}."


def _span(seeds: Sequence[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]}"


def _table(
    heads: Sequence[str], rows: Iterable[tuple[str, str, Row]], columns: Sequence[tuple[str, str, int]]
) -> Iterator[str]:
    yield "| " + " | ".join([*heads, *(title for _, title, _ in columns)]) + " |"
    yield "|" + "---|" * (len(heads) + len(columns))
    for first, second, row in rows:
        cells = [_cell(getattr(row.figures, name), digits) for name, _, digits in columns]
        yield "| " + " | ".join([first, second, *cells]) + " |"


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
