"""Evacuation plans for the command line: files in, the whole answer out."""

from .answer import PlanAnswer as PlanAnswer
from .answer import make_plan as make_plan
from .inputs import InputError as InputError
from .inputs import read_closed as read_closed
from .inputs import read_hazards as read_hazards
from .inputs import read_occupancy as read_occupancy
from .plot import draw_plan as draw_plan
from .plot import plot_format as plot_format
