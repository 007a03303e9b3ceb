"""The demonstration: a platform and a simulated world as separate processes, and an operator who uses the API."""

from .options import DemoOptions as DemoOptions
from .run import DemoError as DemoError
from .run import run_demo as run_demo
