import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skdeeplift import DeepLiftExplainer, GradientExplainer
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics.explained_rows import ExplainedRows, explain_unless_given, mean_without_nan, summarize
from tests.metrics.networks import linear

ROWS = np.array([[1.0, 2.0, 3.0], [2.0, 0.0, -1.0]])


@pytest.fixture(scope="module")
def fitted():
    """f = 2 a - b + 3 c, compared with zeros."""
    return DeepLiftExplainer(linear(2, -1, 3), reference="zeros").fit(ROWS)


def test_contributions_target_and_prediction(fitted):
    explained = ExplainedRows(fitted, ROWS)
    np.testing.assert_allclose(explained.contributions, [[[2, -2, 9]], [[4, 0, -3]]], rtol=1e-6)
    np.testing.assert_allclose(explained.prediction, [[9], [1]], rtol=1e-6)
    assert (explained.n_rows, explained.n_parts, explained.is_all) == (2, 3, False)
    # The target of other rows is the same function.
    np.testing.assert_allclose(
        explained.weigh_outputs(explained.problem.outputs([np.ones((4, 3), np.float32)])), np.full((4, 1), 4)
    )


def test_parts_along_an_axis():
    import keras

    model = keras.Sequential([keras.Input((2, 2)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[1.0], [10], [100], [1000]])])
    rows = np.ones((1, 2, 2))
    explainer = DeepLiftExplainer(model, reference="zeros").fit(rows)
    for axes, expected in ((None, [1, 10, 100, 1000]), (1, [11, 1100]), (2, [101, 1010])):
        explained = ExplainedRows(explainer, rows, axes=axes)
        np.testing.assert_allclose(explained.contributions[0, 0], expected, rtol=1e-6)
        assert explained.n_parts == len(expected)


def test_fill(fitted):
    explained = ExplainedRows(fitted, ROWS)
    np.testing.assert_array_equal(explained.make_fill("reference").arrays[0], np.zeros((1, 3)))
    np.testing.assert_allclose(explained.make_fill("mean").arrays[0], [[1.5, 1, 1]])
    assert explained.make_fill("mean").arrays[0].dtype == explained.arrays[0].dtype
    single = ExplainedRows(fitted, ROWS[:1])
    with pytest.raises(ValueError, match="fill='mean' equals the rows themselves"):
        single.make_fill("mean")
    without = ExplainedRows(GradientExplainer(fitted.estimator).fit(ROWS), ROWS)
    with pytest.raises(ValueError, match="GradientExplainer compares rows with no reference"):
        without.make_fill("reference")


def test_values_where_parts_are_replaced(fitted):
    """Row (1, 2, 3) gives 2 + 9 with b replaced by zero, then 2 without c; row (2, 0, -1) gives 4 - 3, then 4."""
    explained = ExplainedRows(fitted, ROWS)
    ranks = np.tile([2, 0, 1], (2, 1, 1))
    values = explained.values_where_replaced(explained.make_fill("zeros"), ranks, np.array([[0, 1, 2, 3]]))
    np.testing.assert_allclose(np.squeeze(values), [[9, 11, 2, 0], [1, 1, 4, 0]], atol=1e-6)


def test_given_explanations(fitted):
    explained = ExplainedRows(fitted, ROWS, explanation=np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(explained.contributions[:, 0], [[0, 1, 2], [3, 4, 5]])
    given = fitted.explain(ROWS)
    assert explain_unless_given(fitted, ROWS, given, None) is given
    with pytest.raises(ValueError, match=r"holds its own target\. Pass target=None"):
        explain_unless_given(fitted, ROWS, given, 0)
    assert isinstance(explain_unless_given(fitted, ROWS, ROWS, 0), Explanation)


@pytest.mark.parametrize(
    ("explanation", "message"),
    [
        (np.zeros((2, 2)), r"finite numbers of shape \(2, 3\)\. Got shape \(2, 2\)"),
        (np.full((2, 3), np.nan), "Got NaN or infinity"),
    ],
)
def test_errors_about_contributions(fitted, explanation, message):
    with pytest.raises(ValueError, match=message):
        ExplainedRows(fitted, ROWS, explanation=explanation)


def test_errors_about_explainers(fitted):
    with pytest.raises(TypeError, match="Metrics take a fitted explainer"):
        ExplainedRows(linear(1.0), ROWS)
    with pytest.raises(NotFittedError):
        ExplainedRows(DeepLiftExplainer(fitted.estimator), ROWS)
    name = fitted.estimator.layers[0].name
    with pytest.raises(ValueError, match="fitted with layer=None"):
        ExplainedRows(DeepLiftExplainer(fitted.estimator, layer=name).fit(ROWS), ROWS)


def test_means_leave_out_nan(fitted):
    assert mean_without_nan(np.array([[1.0, np.nan], [4.0, np.nan]])) == 2.5
    assert np.isnan(mean_without_nan(np.array([np.nan])))
    assert summarize(np.array([[1.0], [np.nan]]), False, has_targets=False) == 1
    np.testing.assert_array_equal(summarize(np.array([[1.0], [3.0]]), True, has_targets=False), [1, 3])
