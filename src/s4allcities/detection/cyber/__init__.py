"""Detector of hostile acts on the network: scans, unauthorised writes, and alerts folded by matter."""

from ...formats.network import NetworkPolicy as NetworkPolicy
from ...formats.network import read_network_policy as read_network_policy
from .config import CyberConfig as CyberConfig
from .config import cyber_config as cyber_config
from .policy import load_policy as load_policy
from .stage import CyberStage as CyberStage
