"""Checks of an elementwise op whose only trace in the package is a row in the table of ops: ``Dawsn``."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer, GuidedBackpropExplainer, LRPExplainer
from skdeeplift.network.clusters import Activations, activation_at
from skdeeplift.network.input_dependence import Layout, batch_layouts
from skdeeplift.network.network import trace
from skdeeplift.propagation.lookups import input_sources
from skdeeplift.propagation.rulesets import RULES
from tests.functions import assert_sums_to_change, explain_function

dawsn = tf.math.special.dawsn
GENERATOR = np.random.default_rng(0)
ROWS, REFERENCES = GENERATOR.normal(size=(5, 3)), GENERATOR.normal(size=(2, 3))
WEIGHTS = tf.constant(GENERATOR.normal(size=(3, 3)))
SUMMING = ("rescale", "reveal_cancel", "genomics_default")
NETWORKS = {
    "alone": lambda x: dawsn(x @ WEIGHTS) @ WEIGHTS,
    "in a product": lambda x: (lambda y: y * dawsn(y))(x @ WEIGHTS) @ WEIGHTS,
    "in a quotient": lambda x: (lambda y: dawsn(y) / (1 + dawsn(y) ** 2))(x @ WEIGHTS) @ WEIGHTS,
}


def test_rules_exist():
    assert set(RULES) > set(SUMMING)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NETWORKS)
def test_rules(name, rule):
    if rule in SUMMING:
        assert_sums_to_change(NETWORKS[name], [ROWS], [REFERENCES], rule=rule)
    else:
        [contributions], _ = explain_function(NETWORKS[name], [ROWS], [REFERENCES], rule=rule)
        assert np.isfinite(contributions).all()
        assert contributions.any()


def test_a_product_is_one_activation():
    graph, _ = trace(lambda x: x * dawsn(x), tf.TensorSpec((None, 3)))
    activation = activation_at(graph, graph.producer[graph.outputs[0]], Activations(graph))
    assert activation.root is graph.inputs[0]
    assert [op.type for op in activation.ops] == ["Dawsn", "Mul"]


def test_rows_stay_in_place():
    graph, _ = trace(dawsn, tf.TensorSpec((None, 3)))
    assert batch_layouts(graph)[graph.outputs[0]] == Layout(0)


def test_lookups_see_through_it():
    def function(x):
        return tf.gather([1.0, 2.0, 3.0], tf.cast(2 * dawsn(x), tf.int32))

    graph, _ = trace(function, tf.TensorSpec((None, 2)))
    [source] = input_sources(graph, graph.outputs[0])
    [(_, elements)] = source.starts
    np.testing.assert_array_equal(elements, [0, 1])


@pytest.mark.parametrize("activation", [dawsn, lambda x: x * dawsn(x)])
def test_pre_activation_of_a_layer(activation):
    """The linear part is 2 x1 - x2 = 3 at (2, 1), and all of the change is its own."""
    model = keras.Sequential(
        [keras.Input((2,)), layers.Dense(1, activation=activation, name="h"), layers.Dense(1, use_bias=False)]
    )
    model.set_weights([np.array([[2.0], [-1.0]]), np.zeros(1), np.ones((1, 1))])
    explainer = DeepLiftExplainer(model, layer="h:pre_activation", reference="zeros").fit([[2.0, 1.0]])
    explanation = explainer.explain([[2.0, 1.0]], multipliers=True)
    change = float(activation(tf.constant(3.0)))
    np.testing.assert_allclose(explanation.contributions, [[change]], rtol=1e-5)
    np.testing.assert_allclose(explanation.multipliers, [[change / 3]], rtol=1e-5)


def test_methods_without_a_reference():
    """The network is -dawsn(x): guided backpropagation drops the multiplier -1, and deconvnet keeps its derivative."""
    model = keras.Sequential([keras.Input((1,)), layers.Activation(dawsn), layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[-1.0]])])
    x = np.array([[0.5]], np.float32)
    value = float(dawsn(tf.constant(0.5)))
    gradient = -(1 - 2 * 0.5 * value)
    explainers = {
        GradientExplainer(model, kind="gradient"): gradient,
        GuidedBackpropExplainer(model): 0.0,
        GuidedBackpropExplainer(model, rule="deconvnet"): gradient,
        LRPExplainer(model, epsilon=0.25): -0.5 * value / (0.5 + 0.25),
    }
    for explainer, expected in explainers.items():
        np.testing.assert_allclose(explainer.fit(x).transform(x), [[expected]], rtol=1e-5, atol=1e-7)
