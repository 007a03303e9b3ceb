"""Detector over a group of sensors that depend on each other: what does not fit together, and which sensor it is."""

from .config import GroupsConfig as GroupsConfig
from .config import groups_config as groups_config
from .model import GroupError as GroupError
from .model import GroupJudged as GroupJudged
from .model import GroupModel as GroupModel
from .model import fit_group as fit_group
from .model import judge_group as judge_group
from .stage import GroupsStage as GroupsStage
