"""`s4 bench`: benchmarks, from a source checkout."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

__all__ = ("app", "bench")

app = App(name="bench", help="Benchmarks; needs a source checkout.")


@app.default
def bench(
    name: str = "",
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
    report: Annotated[
        Path | None,
        Parameter(
            help="Write the results as a page to this file; with NAME, its section; with --only, its lines."
        ),
    ] = None,
    only: Annotated[
        str, Parameter(help="Measure only this phase of NAME; ingest has phases, a wrong name lists them.")
    ] = "",
    runs: Annotated[int, Parameter(help="How often each figure is measured; the median counts.")] = 3,
) -> int:
    """Measure one benchmark, or all; they say how each figure was made, and on what machine.

    The load is made here: figures say nothing about how well anything works in a real place. With --json and without
    NAME the document holds a list of benches.

    Example: s4 bench evacuation --json
    """
    from s4allcities.app.bench import BENCHES, BenchError, report_text, run_bench, source_root, write_pages
    from s4allcities.app.logs import set_up_logs

    set_up_logs()
    if name and name not in BENCHES:
        return _refuse(f"there is no benchmark {name!r}; allowed are {', '.join(BENCHES)}, or none for all")
    if not 1 <= runs <= 100:
        return _refuse(f"--runs is {runs}; allowed are 1 to 100")
    if only and not name:
        return _refuse("--only needs a NAME")
    if report is not None and not report.resolve().parent.is_dir():
        return _refuse(f"--report {report}: there is no such folder")
    try:
        root = source_root()
    except BenchError as error:
        return _refuse(str(error))
    try:
        documents = [run_bench(each, root, runs, _say, only) for each in ([name] if name else BENCHES)]
    except BenchError as error:
        print(f"s4 bench: {error}", file=sys.stderr)
        return 1
    if report is not None:
        page = report.read_text(encoding="utf-8") if name and report.is_file() else ""
        report.write_text(report_text(documents, runs, page, only), encoding="utf-8")
        for each in documents:
            if each.bench == "detectors":
                write_pages(report.parent / "reference" / "detectors", each)
    if as_json:
        document = documents[0] if name else {"benches": documents}
        print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return 0
    for found in documents:
        for result in found.results:
            value = (
                f"not measured: {result.reason}"
                if result.value is None
                else f"{result.value:,} {result.unit}"
            )
            missed = f"   goal missed: {result.goal}" if result.holds is False else ""
            print(f"{result.name:34} {value}{missed}")
    return 0


def _refuse(text: str) -> int:
    print(f"s4 bench: {text}", file=sys.stderr)
    return 2


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
