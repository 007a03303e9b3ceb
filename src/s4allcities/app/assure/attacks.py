"""What is done to a sensor's readings to see whether anybody notices: six kinds, each at three sizes."""

from math import pi

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.domain import US_PER_S

__all__ = ("AMOUNTS", "KINDS", "LENGTHS_S", "Kind", "alter", "noise_of", "noises")

_F8 = NDArray[np.float64]
_I8 = NDArray[np.int64]

AMOUNTS = (4.0, 8.0, 16.0)
"""Sizes of what is added, in the noise that is ordinary for such a sensor on this site."""
LENGTHS_S = (3 * 3600.0, 6 * 3600.0, 12 * 3600.0)
"""Sizes of what replaces readings: for how long."""
REPLAYED_FROM_S = 86_400.0
SPIKE_READINGS = 3
RHYTHM_READINGS = 12


class Kind(Struct, frozen=True):
    """One kind of attack or fault: ``lasts_s`` is for how long, 0 where its size is its length."""

    name: str
    what: str
    lasts_s: float = 0.0

    def sizes(self) -> tuple[float, ...]:
        """Give the sizes, smallest first."""
        return AMOUNTS if self.lasts_s else LENGTHS_S

    def length_s(self, size: float) -> float:
        """Give for how long readings are altered."""
        return self.lasts_s or size

    def shown(self, size: float) -> str:
        """Say a size in words."""
        return f"{size:g} times its kind's noise" if self.lasts_s else f"{size / 3600:g} h"


KINDS = (
    Kind("spike", "three readings that stand out", 1.0),
    Kind("drift", "a calibration that wanders off over a day", 86_400.0),
    Kind("slow-ramp", "a value that is led away over three hours", 3 * 3600.0),
    Kind("pattern-change", "a rhythm that was not there, for six hours", 6 * 3600.0),
    Kind("replay", "readings of the day before in the place of today's"),
    Kind("freeze", "one and the same reading, again and again"),
)
"""All kinds."""


def alter(kind: Kind, size: float, noise: float, t_us: _I8, value: _F8, begin: int, earlier: _F8) -> _F8:
    """Give a copy of ``value`` (n,) as an attack from row ``begin`` on would make it.

    ``noise`` is the unit of `AMOUNTS`; ``earlier`` (n,) holds what was read a day before each row, NaN where nothing
    was. What is added is never negative, so that counts stay counts.

    >>> t_us, calm = np.arange(6, dtype=np.int64) * 60_000_000, np.ones(6)
    >>> alter(KINDS[0], 4.0, 0.5, t_us, calm, 2, calm).tolist()
    [1.0, 1.0, 3.0, 3.0, 3.0, 1.0]
    """
    out = value.copy()
    along = (t_us[begin:] - t_us[begin]) / US_PER_S / kind.length_s(size)
    rows = begin + np.flatnonzero(along <= 1.0)
    if kind.name == "spike":
        rows = np.arange(begin, min(begin + SPIKE_READINGS, len(value)))
        out[rows] += size * noise
    elif kind.name in ("drift", "slow-ramp"):
        out[rows] += size * noise * along[rows - begin]
    elif kind.name == "pattern-change":
        out[rows] += size * noise * (1 - np.cos(2 * pi * (rows - begin) / RHYTHM_READINGS)) / 2
    elif kind.name == "replay":
        out[rows] = np.where(np.isfinite(earlier[rows]), earlier[rows], value[rows])
    else:
        out[rows] = value[begin]
    return out


def noise_of(value: _F8) -> tuple[float, float, bool]:
    """Give a series' noise from reading to reading (one sigma, robust), its mean, and whether all are whole numbers.

    >>> noise_of(np.array([5.0, 5.0, 5.0, 5.0]))
    (0.0, 5.0, True)
    """
    usable = value[np.isfinite(value)]
    if len(usable) < 2:
        return 0.0, 0.0, False
    steps = np.diff(usable)
    robust = 1.4826 * float(np.median(np.abs(steps))) / 2**0.5
    whole = bool(np.all(usable == np.round(usable)))
    return robust or float(np.std(steps)) / 2**0.5, float(np.mean(usable)), whole


def noises(quantity: list[str], value: list[_F8]) -> list[float]:
    """Give the noise that is ordinary for each series: the median over the series of its quantity.

    The noise of counts grows with them: with their root where people come one by one, as they do where they come in
    crowds. The power is taken from the sensors themselves, and noise compared after dividing by that. A sensor that is
    noisier than others of its kind is therefore attacked no harder than they are. 0 where a quantity never moves.
    """
    found = [noise_of(each) for each in value]
    out = [0.0] * len(value)
    for name in sorted(set(quantity)):
        rows = [i for i, each in enumerate(quantity) if each == name]
        moving = [i for i in rows if found[i][0] > 0]
        power = 0.0
        if moving and all(found[i][2] for i in rows):
            power = _power([max(found[i][1], 0.0) + 1 for i in moving], [found[i][0] for i in moving])
        scale = {i: (max(found[i][1], 0.0) + 1) ** power for i in rows}
        for i in rows if moving else ():
            out[i] = float(np.median([found[j][0] / scale[j] for j in moving])) * scale[i]
    return out


def _power(mean: list[float], noise: list[float]) -> float:
    """Give the power of its mean with which noise grows over sensors: the median slope of pairs, 0.5 to 1."""
    x, y = np.log(mean), np.log(noise)
    first, second = np.triu_indices(len(x), 1)
    apart = np.abs(x[first] - x[second]) > 0.5
    if not apart.any():
        return 0.5
    slopes = (y[first] - y[second])[apart] / (x[first] - x[second])[apart]
    return float(np.clip(np.median(slopes), 0.5, 1.0))
