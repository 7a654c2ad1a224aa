import numpy as np
import pytest

from skdeeplift.selection import mean_absolute_importance
from skdeeplift.selection.mean_absolute_importance import (
    NO_MOMENTS,
    compute_moments,
    compute_moments_in_batches,
    merge_moments,
)

ROWS = np.array([[1.0, 0.0], [2.0, 4.0], [6.0, 8.0]])


def assert_same(result, weight, means, squares):
    assert result.weight == weight
    np.testing.assert_allclose(result.means, means, rtol=1e-15)
    np.testing.assert_allclose(result.squares, squares, rtol=1e-15)


def test_of_rows_by_hand():
    """Means 3 and 4; squares (-2)^2 + (-1)^2 + 3^2 = 14 and 16 + 0 + 16 = 32."""
    assert_same(compute_moments(ROWS), 3, [3, 4], [14, 32])


def test_of_weighted_rows_by_hand():
    """Weights 3, 0 and 1: means 9 / 4 and 8 / 4, squares 3 * 1.25^2 + 3.75^2 = 18.75 and 3 * 4 + 36 = 48."""
    assert_same(compute_moments(ROWS, np.array([3.0, 0.0, 1.0])), 4, [2.25, 2], [18.75, 48])


@pytest.mark.parametrize("weights", [None, np.array([2.0, 1.0, 0.5])])
def test_merging_equals_all_at_once(weights):
    parts = [compute_moments(ROWS[part], None if weights is None else weights[part]) for part in ([0], [1, 2])]
    assert_same(merge_moments([NO_MOMENTS, *parts, NO_MOMENTS]), *compute_moments(ROWS, weights))
    assert_same(merge_moments(parts[::-1]), *compute_moments(ROWS, weights))


def test_no_rows_have_no_moments():
    assert merge_moments([]) == compute_moments(ROWS[:0]) == compute_moments(ROWS, np.zeros(3)) == NO_MOMENTS


def test_no_digits_are_lost_far_from_zero():
    """The mean of squares minus the squared mean would have no digit left at 2^27 + (0, 1, 0, 1)."""
    far = 2.0**27 + np.array([[0.0], [1.0], [0.0], [1.0]])
    assert_same(merge_moments([compute_moments(far[:2]), compute_moments(far[2:])]), 4, [2.0**27 + 0.5], [1])


def test_batches_do_not_matter(monkeypatch):
    """Moments of (2 x)^2 in batches of one row are those of all rows."""
    monkeypatch.setattr(mean_absolute_importance, "BATCH_ELEMENTS", 1)
    in_batches = compute_moments_in_batches(lambda rows: (2 * rows) ** 2, ROWS.astype(np.float32))
    assert_same(in_batches, *compute_moments((2 * ROWS) ** 2))
    weights = np.array([1.0, 0.0, 3.0])
    assert_same(compute_moments_in_batches(np.abs, ROWS, weights), *compute_moments(ROWS, weights))
