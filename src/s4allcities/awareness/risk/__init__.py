"""Risk: threat x vulnerability x impact of each affected zone, with its band and main reasons."""

from .model import Threat as Threat
from .model import load_threats as load_threats
from .stage import RiskStage as RiskStage
from .stage import RiskState as RiskState
from .zones import ZoneFacts as ZoneFacts
from .zones import zones_of as zones_of
