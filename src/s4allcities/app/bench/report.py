"""The results as a page for people: docs/benchmarks.md."""

from collections.abc import Iterator, Sequence

from .results import BenchDocument, Machine, Result

__all__ = ("report_text",)

HEAD = """# Benchmarks

This page is written by `s4 bench --report docs/benchmarks.md`, section by section when a name is given; do not edit it.

**What is measured**: the programs in this repository, with load that we made ourselves.

**What is not**: how well anything works in a real place. Data are simulated except where a figure names recordings.
Everything ran on one machine: the platform, its broker, the sensors, the peers and what measures them share its
processors, and other work may have run there too: the load average of each section tells. So the figures say what to
expect of such a machine, not of a quiet or better one, and two runs differ. Whoever writes a benchmark likes its
subject: peers ran in the same run, where a note names them, and where a goal is missed the table says so.
"""

MARKS = {True: "yes", False: "**no**", None: ""}


def report_text(documents: Sequence[BenchDocument], runs: int, page: str = "") -> str:
    """Write the page of ``documents``; sections of ``page``, an earlier one, that none of them replaces stay."""
    sections = dict(_sections(page))
    sections.update((document.bench, _bench_text(document, runs)) for document in documents)
    return "\n".join([HEAD, *sections.values()])


def _sections(page: str) -> Iterator[tuple[str, str]]:
    """Give the name and the text of each section of a page."""
    for part in page.split("\n## ")[1:]:
        yield part.partition("\n")[0], f"## {part.rstrip()}\n"


def _bench_text(document: BenchDocument, runs: int) -> str:
    rows = [_row(result) for result in document.results]
    table = ["| result | value | unit | goal | holds | runs |", "|---|---:|---|---|---|---:|", *rows]
    notes = [f"- `{result.name}`: {_note(result)}" for result in document.results]
    return "\n".join(
        [
            f"## {document.bench}",
            "",
            f"`s4 bench {document.bench} --runs {runs}`. {_machine_text(document.machine, document.version)}",
            "",
            *table,
            "",
            "Medians of the runs; how each figure was made:",
            "",
            *notes,
            "",
        ]
    )


def _machine_text(machine: Machine, version: str) -> str:
    load = ", ".join(f"{each:g}" for each in machine.load_average)
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    return (
        f"S4AllCities {version}, {machine.t}, on {machine.cores} cores of\n"
        f"{machine.cpu}, {machine.memory_gib:g} GiB, {machine.system}.\n"
        f"Load average of the last 1, 5 and 15 minutes before it began: {load}.\n"
        f"Versions: {versions}."
    )


def _row(result: Result) -> str:
    value = "not measured" if result.value is None else f"{result.value:,}"
    cells = (f"`{result.name}`", value, result.unit, result.goal or "", MARKS[result.holds], str(result.runs))
    return f"| {' | '.join(cells)} |"


def _note(result: Result) -> str:
    return ". ".join(part for part in (result.how, _peer(result)) if part) + "."


def _peer(result: Result) -> str:
    if result.peer_value is None:
        return result.reason
    return f"{result.peer} in the same run: {result.peer_value:,} {result.unit}"
