"""The compiled kernel says what its plain-Python twin says."""

import numpy as np
import pytest

from s4allcities.fusion import kernel, twin


@pytest.mark.parametrize("seed", range(20))
def test_kernel_equals_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, kinds, hypotheses, groups = int(rng.integers(0, 12)), 6, 5, 4
    peak = rng.exponential(1.0, rows)
    arguments = (
        rng.integers(0, kinds, rows), rng.integers(0, groups, rows), peak * rng.uniform(1, 30, rows), peak,
        rng.integers(0, 10**9, rows), rng.uniform(10, 900, rows), rng.uniform(-0.5, 1, rows),
        rng.normal(0, 2, (kinds, hypotheses)), groups, 2 * 10**9, 0.9,
    )  # fmt: skip
    assert kernel.group_evidence(*arguments) == pytest.approx(twin.group_evidence(*arguments), abs=1e-12)
    z = rng.normal(0, 8, hypotheses)
    assert kernel.softmax(z) == pytest.approx(twin.softmax(z), abs=1e-12)


def test_equal_repeats_saturate() -> None:
    """n equal repeats of L in one group read n^0.1 L."""
    one, n = np.ones(1), 10
    out = kernel.group_evidence(
        np.zeros(1, np.int64), np.zeros(1, np.int64), one * n, one, np.zeros(1, np.int64), one, one,
        np.array([[2.0, -2.0]]), 1, 0, 0.9,
    )  # fmt: skip
    assert out[0] == pytest.approx([2 * 10**0.1, -2 * 10**0.1])


def test_nothing_is_zero() -> None:
    empty = np.empty(0)
    none = np.empty(0, np.int64)
    out = kernel.group_evidence(none, none, empty, empty, none, empty, empty, np.zeros((1, 3)), 0, 0, 0.9)
    assert out.shape == (0, 3)
