"""Where the source checkout is that benchmarks need: its site files are what is measured."""

from pathlib import Path

__all__ = ("SITE", "BenchError", "source_root")

SITE = "sites/helsinki-station"


class BenchError(RuntimeError):
    """A benchmark could not be run; the message says what to do."""


def source_root(start: Path = Path(__file__)) -> Path:
    """Give the checkout that this code runs from.

    :raises BenchError: the code was installed without one.
    """
    for folder in start.resolve().parents:
        if (folder / "pyproject.toml").is_file() and (folder / SITE / "manifest.json").is_file():
            return folder
    raise BenchError(
        "benchmarks need a source checkout, with sites/ beside src/; this is an installed package"
    )
