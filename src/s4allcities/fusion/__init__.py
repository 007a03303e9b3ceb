"""Twin 2: weak detections in, few explained incidents out."""

from .hypotheses import Hypotheses as Hypotheses
from .hypotheses import HypothesesError as HypothesesError
from .hypotheses import load_hypotheses as load_hypotheses
from .stage import FusionStage as FusionStage
from .state import FusionState as FusionState
from .topology import SensorPlace as SensorPlace
from .topology import Topology as Topology
from .topology import ZonePlace as ZonePlace
from .topology import topology_of as topology_of
