"""Settings every test shares."""

import pytest
from hypothesis import HealthCheck, settings

# Numba compiles on the first call, so a deadline per example would blame the wrong one; derandomised
# examples make a red run repeatable on another machine.
settings.register_profile(
    "s4", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("s4")


@pytest.fixture
def anyio_backend() -> str:
    """The one event loop we run on."""
    return "asyncio"
