import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer
from skdeeplift.binding.row_checks import check_weights
from tests.binding.networks import ROWS, table_network


@pytest.mark.sampled(6)
@pytest.mark.parametrize("factor", [2.0**1020, 2.0**-1060])
@pytest.mark.parametrize("reference", ["mean", "median", "kmeans"])
def test_weights_count_relative_to_each_other(factor, reference):
    """Their sum may be too large or too small for a number."""
    model, weights = table_network(), 1.0 + np.arange(30) % 4
    expected, got = (
        DeepLiftExplainer(model, reference=reference, random_state=0).fit(ROWS, sample_weight=each)
        for each in (weights, factor * weights)
    )
    np.testing.assert_allclose(got.references_.arrays[0], expected.references_.arrays[0], rtol=1e-6)
    np.testing.assert_allclose(got.feature_importances_, expected.feature_importances_, rtol=1e-6)
    assert np.isfinite(expected.feature_importances_).all()


def test_ordinary_weights_stay_as_they_are():
    for dtype in (np.float32, np.float64):
        weights = np.array([0, 0.3, 1e3], dtype)
        got = check_weights(weights, np.zeros((3, 2)))
        np.testing.assert_array_equal(got, weights)
    large = check_weights(np.full(3, 3e38, np.float32), np.zeros((3, 2), np.float32))
    assert 0 < large.sum() < 10


def test_masked_weights_are_refused():
    masked = np.ma.masked_array(np.ones(30), np.arange(30) > 3)
    explainer = DeepLiftExplainer(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))
    with pytest.raises(ValueError, match=r"sample_weight= has masked entries.*sample_weight.filled\("):
        explainer.fit(ROWS, sample_weight=masked)
    explainer.fit(ROWS, sample_weight=masked.filled(0))
    np.testing.assert_allclose(explainer.references_.arrays[0][0], ROWS[:4].mean(0), rtol=1e-5)
