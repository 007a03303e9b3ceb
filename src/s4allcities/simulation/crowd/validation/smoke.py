"""Smoke: ISO 20414's tables 21 (speed) and 22 (dose), as far as they are public, and the relations' check values."""

from collections.abc import Iterator

import numpy as np
import shapely

from ..crowd import Crowd, People
from ..smoke_effect import SmokeLaw, dose_rate_per_min, speed_factor
from .rig import Case, Check, room

__all__ = ("smoke_cases",)

_LAWS: tuple[SmokeLaw, ...] = ("lund", "fridolf-reflecting", "fridolf-lit")
_KS = (0.5, 1.0, 3.0, 7.5, 10.0)


def smoke_cases() -> Iterator[tuple[str, Check]]:
    """All of them."""
    yield "ISO 20414 table 21", _table_21
    yield "ISO 20414 table 22", _table_22
    yield "smoke relations", _relations


def _walk_s(factor: float) -> float:
    ground, goals = room([shapely.box(0, 0, 101.5, 2)], [shapely.box(101, 0, 101.5, 2)])
    crowd = Crowd(ground, People.at(np.array([[1.0, 1.0]]), free_mps=1.25), goals)
    crowd.pace[:] = np.float32(factor)
    crowd.run(2000.0)
    return float(crowd.out_s[0])


def _table_21() -> Case:
    worst, shown = 0.0, [f"no smoke: {_walk_s(1.0):.1f} s"]
    for law in _LAWS:
        for k in _KS:
            factor = float(speed_factor(k, law))
            worst = max(worst, abs(_walk_s(factor) / (100 / (1.25 * factor)) - 1))
    shown.append(f"at most {worst:.2%} off over {len(_LAWS)} relations and K = 0.5 to 10 per metre")
    return Case(
        case="ISO 20414 table 21", what="one person at 1.25 m/s along 100 m of smoke",
        criterion="length / (speed x factor) within 2 %; 80 s without smoke", found="; ".join(shown), holds=worst <=
        0.02,
    )  # fmt: skip


def _table_22() -> Case:
    gases = {"co_ppm": 2000.0, "hcn_ppm": 80.0, "co2_percent": 3.0}
    step_s, stay_s = 0.05, 300.0
    dose = sum(dose_rate_per_min(**gases) * step_s / 60 for _ in range(round(stay_s / step_s)))
    wanted = stay_s / 60 * (2000 / 35_000 + np.exp(80 / 43) / 220) * np.exp(3 / 5)
    return Case(
        case="ISO 20414 table 22", what="one person stays 300 s in constant CO, HCN and CO2",
        criterion="dose by ISO 13571 within 1 %", found=f"{dose:.4f}, formula {wanted:.4f}",
        holds=bool(abs(dose / wanted - 1) <= 0.01),
    )  # fmt: skip


def _relations() -> Case:
    lund, fridolf = float(speed_factor(3.0, "lund")), float(speed_factor(3.0, "fridolf-reflecting"))
    return Case(
        case="smoke relations", what="factor of speed at K = 3 per metre", criterion="Lund 0.7578, Fridolf 0.3333",
        found=f"{lund:.4f}, {fridolf:.4f}", holds=abs(lund - 0.7578) < 1e-4 and abs(fridolf - 0.3333) < 1e-4,
    )  # fmt: skip
