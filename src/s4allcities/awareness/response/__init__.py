"""From an incident to what can be done about it: playbooks, the plan stage and what they know of the situation."""

from .evacuate import EvacuatePlaybook as EvacuatePlaybook
from .exits import ExitPatrol as ExitPatrol
from .situation import Situation as Situation
from .stage import PlanStage as PlanStage
