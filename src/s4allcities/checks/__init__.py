"""Generic checks that every plug-in must pass, ours and third parties'."""

from .sources import check_source as check_source
from .sources import hostile_bytes as hostile_bytes
from .stages import CheckFailed as CheckFailed
from .stages import check_bad_values as check_bad_values
from .stages import check_causal as check_causal
from .stages import check_chunking as check_chunking
from .stages import check_deterministic as check_deterministic
from .stages import check_missing_data as check_missing_data
from .stages import check_snapshots as check_snapshots
from .stages import check_stage as check_stage
from .stages import run_stage as run_stage
from .stages import split_batch as split_batch
