"""Facts about zones, exits, streets and sensors, made from readings; and the graph of what people know beside them."""

from .calendar import CalendarStage as CalendarStage
from .config import ContextConfig as ContextConfig
from .config import context_config as context_config
from .entries import ENTRY_TYPES as ENTRY_TYPES
from .entries import Entry as Entry
from .errors import ContextError as ContextError
from .files import check_names as check_names
from .files import entry_from as entry_from
from .files import entry_to as entry_to
from .files import load_context as load_context
from .files import read_context as read_context
from .graph import ENTRY as ENTRY
from .graph import ContextGraph as ContextGraph
from .graph import statement as statement
from .stage import ContextStage as ContextStage
