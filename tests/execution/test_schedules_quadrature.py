import numpy as np
import pytest

from skdeeplift.execution.schedules import METHODS


@pytest.mark.parametrize(
    ("method", "positions", "weights"),
    [
        ("gausslegendre", [0.5 - 1 / 12**0.5, 0.5 + 1 / 12**0.5], [1 / 2, 1 / 2]),
        ("midpoint", [1 / 4, 3 / 4], [1 / 2, 1 / 2]),
        ("trapezoid", [0, 1], [1 / 2, 1 / 2]),
        ("riemann_left", [0, 1 / 2], [1 / 2, 1 / 2]),
        ("riemann_right", [1 / 2, 1], [1 / 2, 1 / 2]),
    ],
)
def test_two_points_have_the_weights_of_each_method(method, positions, weights):
    np.testing.assert_allclose(METHODS[method](2), [positions, weights], atol=1e-15)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_steps", [1, 2, 7, 50])
def test_integrates_constants_and_converges(method, n_steps):
    positions, weights = METHODS[method](n_steps)
    assert len(positions) == n_steps
    np.testing.assert_allclose(weights.sum(), 1)
    assert abs(weights @ positions**2 - 1 / 3) <= 1 / n_steps
