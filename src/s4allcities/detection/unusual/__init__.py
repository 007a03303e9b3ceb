"""Detector that tells unusual from usual in any numeric series, calibrated by the series itself."""

from .config import Expected as Expected
from .config import UnusualConfig as UnusualConfig
from .config import unusual_config as unusual_config
from .series import Judged as Judged
from .series import judge_series as judge_series
from .series import reason_text as reason_text
from .stage import UnusualStage as UnusualStage
