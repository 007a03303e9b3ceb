"""Alarms: one alert per confirmed incident, its level, its three lines, its life cycle."""

from .level import Stakes as Stakes
from .level import level_of as level_of
from .lifecycle import SUPERVISED as SUPERVISED
from .lifecycle import allowed_verbs as allowed_verbs
from .lifecycle import apply_action as apply_action
from .names import Names as Names
from .names import ZoneName as ZoneName
from .names import names_of as names_of
from .settings import AlarmSettings as AlarmSettings
from .settings import alarm_settings as alarm_settings
from .stage import AlarmStage as AlarmStage
from .state import AlarmState as AlarmState
