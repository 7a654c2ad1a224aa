"""Values that a target function holds constant, by ``tf.stop_gradient``: those of the row, for its references too."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
)

ROWS = np.array([[3.0, 1.0], [2.0, 2.0]], np.float32)
# Against the reference (1, 1), of the sum of held(y) * y.
CHANGES = [[3 * (3 - 1), 1 * (1 - 1)], [2 * (2 - 1), 2 * (2 - 1)]]


def of_held(outputs):
    """Multiply the outputs by themselves, held constant."""
    return tf.reduce_sum(tf.stop_gradient(outputs) * outputs, 1)


@pytest.fixture(scope="module")
def identity():
    return keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "explainer",
    [
        DeepLiftExplainer,
        lambda *arguments, **parameters: DeepLiftExplainer(*arguments, rule="reveal_cancel", **parameters),
        IntegratedGradientsExplainer,
        ExpectedGradientsExplainer,
        OcclusionExplainer,
        ShapleySamplingExplainer,
    ],
)
def test_a_reference_has_the_values_of_its_row(identity, explainer):
    fitted = explainer(identity, target=of_held, reference=[1.0, 1.0]).fit(ROWS)
    explanation = fitted.explain(ROWS)
    np.testing.assert_allclose(explanation.contributions, CHANGES, rtol=1e-6)
    np.testing.assert_allclose(explanation.reference_value, [3 + 1, 2 + 2])
    np.testing.assert_allclose(fitted.transform(ROWS[1:]), CHANGES[1:], rtol=1e-6)


def test_held_values_are_the_rows_beside_several_references(identity):
    references = np.array([[1.0, 1.0], [0.0, 0.0]])
    explainer = DeepLiftExplainer(identity, target=of_held, reference=references, check="raise").fit(ROWS)
    np.testing.assert_allclose(explainer.transform(ROWS), [[3 * 2.5, 1 * 0.5], [2 * 1.5, 2 * 1.5]], rtol=1e-6)


def test_methods_without_a_reference_differentiate_what_is_not_held(identity):
    gradients = GradientExplainer(identity, target=of_held, kind="gradient").fit(ROWS)
    np.testing.assert_allclose(gradients.transform(ROWS), ROWS)
    np.testing.assert_allclose(LRPExplainer(identity, target=of_held).fit(ROWS).transform(ROWS), ROWS**2, rtol=1e-6)


def test_a_network_holds_nothing():
    """There it only stops training."""
    network = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: tf.stop_gradient(x) * x)])
    explainer = DeepLiftExplainer(network, target={0: 1.0, 1: 1.0}, reference=[1.0, 1.0]).fit(ROWS)
    np.testing.assert_allclose(explainer.transform(ROWS), [[8, 0], [3, 3]], rtol=1e-6)
