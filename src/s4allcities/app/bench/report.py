"""The results as a page for people: docs/benchmarks.md."""

from collections.abc import Iterator, Sequence

from .results import BenchDocument, Machine, Result

__all__ = ("measured_table", "report_text")

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


def report_text(documents: Sequence[BenchDocument], runs: int, page: str = "", only: str = "") -> str:
    """Write the page of ``documents``; sections of ``page``, an earlier one, that none of them replaces stay.

    With ``only``, the phase that was measured alone, a section's other figures stay as well, and each of the new ones
    says when it was measured and beside what load.
    """
    sections = dict(_sections(page))
    for document in documents:
        kept = sections.get(document.bench, "") if only else ""
        sections[document.bench] = _bench_text(document, runs, kept, only)
    return "\n".join([HEAD, *sections.values()])


def measured_table(document: BenchDocument, results: Sequence[Result]) -> str:
    """Write some figures of a document as a section's text: the run, a table, and how each was made."""
    return "\n".join(
        [
            f"Written by `s4 bench {document.bench} --report docs/benchmarks.md`; do not edit what follows.",
            f"{_machine_text(document.machine, document.version)}",
            "",
            "| result | value | unit | goal | holds | runs |",
            "|---|---:|---|---|---|---:|",
            *map(_row, results),
            "",
            *(f"- `{result.name}`: {_note(result)}" for result in results),
            "",
        ]
    )


def _sections(page: str) -> Iterator[tuple[str, str]]:
    """Give the name and the text of each section of a page."""
    for part in page.split("\n## ")[1:]:
        yield part.partition("\n")[0], f"## {part.rstrip()}\n"


def _bench_text(document: BenchDocument, runs: int, kept: str, only: str) -> str:
    rows, notes = _named(kept, "| `"), _named(kept, "- `")
    rows |= {result.name: _row(result) for result in document.results}
    alone = f" Measured alone: {_moment_text(document.machine)}." if only else ""
    notes |= {result.name: f"- `{result.name}`: {_note(result)}{alone}" for result in document.results}
    command = f"`s4 bench {document.bench}{f' --only {only}' if only else ''} --runs {runs}`"
    pieces = "Measured in phases; what follows is of the last. " if only else ""
    return "\n".join(
        [
            f"## {document.bench}",
            "",
            f"{pieces}{command}. {_machine_text(document.machine, document.version)}",
            "",
            "| result | value | unit | goal | holds | runs |",
            "|---|---:|---|---|---|---:|",
            *rows.values(),
            "",
            "Medians of the runs; how each figure was made:",
            "",
            *notes.values(),
            "",
        ]
    )


def _named(section: str, mark: str) -> dict[str, str]:
    """Give the lines of a section that begin with a mark and a figure's name, by that name."""
    lines = [line for line in section.splitlines() if line.startswith(mark)]
    return {line[len(mark) :].partition("`")[0]: line for line in lines}


def _moment_text(machine: Machine) -> str:
    return f"{machine.t[:16]}Z, load average {', '.join(f'{each:g}' for each in machine.load_average)}"


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
