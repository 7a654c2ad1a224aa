"""Sums over blocks of rows are the same however the rows are cut."""

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer
from skdeeplift.binding.dask_blocks import (
    columns_of_block,
    contributions_of_block,
    importances_of_block,
    merge_statistics,
    merge_sums,
    statistics_of_block,
)
from skdeeplift.binding.dask_calls import copy_for_workers
from skdeeplift.references.computed_references import median

ROWS = np.array([[1.0, -2.0], [3.0, 0.0], [-1.0, 5.0]])
WEIGHTS = np.array([2.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def copied():
    """Explain f = 2 a - b, compared with zeros: contributions (2, 2), (6, 0) and (-2, -5)."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[2.0], [-1.0]])])
    explainer = DeepLiftExplainer(model, reference="zeros").fit(ROWS)
    return copy_for_workers(explainer)


def test_a_block_has_the_contributions_of_its_rows(copied):
    [array] = contributions_of_block({}, copied.value, ROWS, None, "row {}".format)
    np.testing.assert_allclose(array, [[2, 2], [6, 0], [-2, -5]], rtol=1e-6)


def test_importances_add_up(copied):
    """Weighted sums of sizes 2 * 2 + 2 and 2 * 2 + 5, of weights 3."""
    parts = [importances_of_block({}, copied, ROWS[rows], WEIGHTS[rows], None, rows) for rows in ([0], [1, 2])]
    [sums], total = merge_sums(parts)
    np.testing.assert_allclose(sums, [6, 9], rtol=1e-6)
    assert total == 3


@pytest.mark.parametrize(("kind", "expected"), [("mean", [1, 1]), ("minimum", [-1, -2])])
def test_statistics_leave_out_rows_of_no_weight(copied, kind, expected):
    """The sums are 2 - 1 and -4 + 5; of the smallest, that of the second row does not count."""
    kinds = {0: kind}
    parts = [statistics_of_block(copied, ROWS[part], WEIGHTS[part], kinds) for part in ([0, 1], [2])]
    values, total = merge_statistics(kinds, parts)
    np.testing.assert_array_equal(values[0], expected)
    assert total == 3
    unweighted, total = statistics_of_block(copied, ROWS, None, kinds)
    np.testing.assert_array_equal(unweighted[0], ROWS.sum(0) if kind == "mean" else ROWS.min(0))
    assert total == 3


def test_the_median_of_columns(copied):
    """The median of 1 with weight 2 and -1 with weight 1 is 1, that of -2 and 5 is -2."""
    columns = columns_of_block(copied, ROWS, WEIGHTS, 0)
    np.testing.assert_array_equal(columns, ROWS[[0, 2]])
    np.testing.assert_array_equal(median(columns, WEIGHTS[[0, 2]]), [[1, -2]])
    np.testing.assert_array_equal(median(ROWS, None), [[1, 0]])
