"""Road traffic on the streets that have a loop."""

import numpy as np
from numpy.typing import NDArray

from .files import TrafficParameters

__all__ = ("Traffic",)

WANDER_S = 40.0


class Traffic:
    """Speed (streets,) in km/h wanders about a usual one; on the jammed street nothing moves.

    ``streets`` are slugs; arrays are in their order.
    """

    def __init__(
        self, streets: list[str], jam: str, parameters: TrafficParameters, rng: np.random.Generator
    ) -> None:
        self.streets = streets
        self._rng = rng
        self._jammed = np.array([street == jam for street in streets], bool)
        usual = rng.uniform(*parameters.free_kmh, len(streets))
        self._usual_kmh = np.where(self._jammed, rng.uniform(*parameters.jam_kmh, len(streets)), usual)
        self._flow_per_h = np.where(self._jammed, 0.12, 1.0) * parameters.flow_per_h
        self.speed_kmh: NDArray[np.float64] = self._usual_kmh.copy()

    @property
    def flow_per_h(self) -> NDArray[np.float64]:
        """Vehicles an hour (streets,)."""
        return self._flow_per_h * np.sqrt(self.speed_kmh / self._usual_kmh)

    def step(self, dt_s: float) -> None:
        """Move on by ``dt_s`` seconds."""
        pull = (self._usual_kmh - self.speed_kmh) * dt_s / WANDER_S
        push = (
            0.06 * self._usual_kmh * np.sqrt(2 * dt_s / WANDER_S) * self._rng.normal(size=len(self.streets))
        )
        self.speed_kmh = np.clip(self.speed_kmh + pull + push, 0.75 * self._usual_kmh, 1.35 * self._usual_kmh)
