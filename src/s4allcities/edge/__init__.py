"""Twin 1: devices and legacy systems in, validated and anonymised observations out."""

from .ingest import EdgeNode as EdgeNode
from .ingest import EdgeStatus as EdgeStatus
from .intake import Intake as Intake
