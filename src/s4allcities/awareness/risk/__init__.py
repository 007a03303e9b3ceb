"""Risk: threat x vulnerability x impact of every zone, with its band and main reasons."""

from .model import Threat as Threat
from .model import factors_of as factors_of
from .model import load_threats as load_threats
from .stage import RiskStage as RiskStage
from .state import RiskState as RiskState
from .survey import load_checklist as load_checklist
from .zones import ZoneFacts as ZoneFacts
from .zones import zones_of as zones_of
