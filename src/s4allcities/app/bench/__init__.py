"""Benchmarks of what exists, for `s4 bench`: they run from a source checkout and say how each figure was made."""

from .benches import BENCHES as BENCHES
from .benches import run_bench as run_bench
from .checkout import BenchError as BenchError
from .checkout import source_root as source_root
from .detector_pages import write_pages as write_pages
from .report import report_text as report_text
from .results import BenchDocument as BenchDocument
from .results import Result as Result
