import numpy as np
import pytest

from skdeeplift.selection.moments import NO_MOMENTS, merged, moments_of

ROWS = np.array([[1.0, 0.0], [2.0, 4.0], [6.0, 8.0]])


def assert_same(moments, weight, means, squares):
    assert moments.weight == weight
    np.testing.assert_allclose(moments.means, means, rtol=1e-15)
    np.testing.assert_allclose(moments.squares, squares, rtol=1e-15)


def test_of_rows_by_hand():
    """Means 3 and 4; squares (-2)^2 + (-1)^2 + 3^2 = 14 and 16 + 0 + 16 = 32."""
    assert_same(moments_of(ROWS), 3, [3, 4], [14, 32])


def test_of_weighted_rows_by_hand():
    """Weights 3, 0 and 1: means 9 / 4 and 8 / 4, squares 3 * 1.25^2 + 3.75^2 = 18.75 and 3 * 4 + 36 = 48."""
    assert_same(moments_of(ROWS, np.array([3.0, 0.0, 1.0])), 4, [2.25, 2], [18.75, 48])


@pytest.mark.parametrize("weights", [None, np.array([2.0, 1.0, 0.5])])
def test_merging_equals_all_at_once(weights):
    parts = [moments_of(ROWS[part], None if weights is None else weights[part]) for part in ([0], [1, 2])]
    assert_same(merged([NO_MOMENTS, *parts, NO_MOMENTS]), *moments_of(ROWS, weights))
    assert_same(merged(parts[::-1]), *moments_of(ROWS, weights))


def test_no_rows_have_no_moments():
    assert merged([]) == moments_of(ROWS[:0]) == moments_of(ROWS, np.zeros(3)) == NO_MOMENTS


def test_no_digits_are_lost_far_from_zero():
    """Of 2^27 + (0, 1, 0, 1) the mean of the squares minus the square of the mean would have no digit left."""
    far = 2.0**27 + np.array([[0.0], [1.0], [0.0], [1.0]])
    assert_same(merged([moments_of(far[:2]), moments_of(far[2:])]), 4, [2.0**27 + 0.5], [1])
