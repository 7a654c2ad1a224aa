import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.clusters import Activations, activation_at
from skdeeplift.network.network import trace


def activation_at_the_end(function, barrier=None):
    graph, _ = trace(function, tf.TensorSpec((None, 3)))
    barriers = [op.outputs[0] for op in graph.ops if op.type == barrier]
    found = Activations(graph, barriers).ending_at(graph.producer[graph.outputs[0]])
    return None if found is None else (found.root, [op.type for op in found.ops], graph)


@pytest.mark.parametrize(
    "name", ["gelu", "silu", "mish", "celu", "hard_silu", "soft_shrink", "sparse_plus", "hard_shrink"]
)
def test_activations_of_several_ops(name):
    activation = keras.activations.get(name)
    root, _, graph = activation_at_the_end(activation)
    assert root is graph.inputs[0]


def test_gelu_by_the_tanh_formula_with_a_sum_inside():
    root, types, graph = activation_at_the_end(lambda x: keras.activations.gelu(x, approximate=True))
    assert root is graph.inputs[0]
    assert "Tanh" in types


def test_an_activation_is_the_smallest_region():
    root, types, _ = activation_at_the_end(lambda x: (lambda y: y * tf.sigmoid(y))(tf.exp(x)))
    assert types == ["Sigmoid", "Mul"]
    assert root.name.startswith("Exp")


def test_square_by_multiplication():
    _, types, _ = activation_at_the_end(lambda x: x * x)
    assert types == ["Mul"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + tf.nn.relu(x),
        lambda x: 2.0 * x + 3.0 * x,
        lambda x: x * tf.reduce_sum(x, 1, keepdims=True),
        tf.nn.relu,
    ],
)
def test_sums_and_single_ops_are_no_cluster(function):
    assert activation_at_the_end(function) is None


def test_linear_join_of_two_layers_is_no_activation():
    def function(x):
        with tf.name_scope("one"):
            first = tf.nn.relu(x)
        with tf.name_scope("two"):
            return first - 0.1 * tf.nn.relu(-x)

    assert activation_at_the_end(function) is None

    def in_one_layer(x):
        with tf.name_scope("one"):
            return tf.nn.relu(x) - 0.1 * tf.nn.relu(-x)

    assert activation_at_the_end(in_one_layer) is not None


def test_no_activation_reaches_across_a_barrier():
    def function(x):
        return x * tf.sigmoid(tf.sin(x))

    assert activation_at_the_end(function) is not None
    assert activation_at_the_end(function, barrier="Sin") is None


def test_activation_may_end_at_a_barrier():
    def prelu(x):
        return tf.nn.relu(x) - 0.1 * tf.nn.relu(-x)

    assert activation_at_the_end(prelu, barrier="Sub") is not None
    # But none begins before it.
    assert activation_at_the_end(lambda x: (lambda y: y * tf.sigmoid(y))(tf.sin(x)), barrier="Sin")[1] == [
        "Sigmoid",
        "Mul",
    ]


def test_zeros_of_another_tensor_are_an_operand():
    def function(x):
        other = tf.reduce_sum(x, 1, keepdims=True) * tf.ones((1, 3))
        return tf.where(x > 0, x, tf.zeros_like(other))

    root, types, graph = activation_at_the_end(function)
    assert root is graph.inputs[0]
    assert types == ["Greater", "SelectV2"]


W = tf.constant(np.eye(3), tf.float32)


def all_activations(function, barriers=lambda graph: ()):
    """Types of the ops of each activation, in the order of the ops that they end at."""
    graph, _ = trace(function, tf.TensorSpec((None, 3), tf.float32))
    barriers = barriers(graph)
    activations = Activations(graph, barriers)
    ending = (activation_at(graph, op, activations, barriers) for op in graph.ops if op.inputs)
    return [[op.type for op in each.ops] for each in ending if each is not None]


def test_single_ops_and_clusters():
    assert all_activations(lambda x: tf.nn.relu6(x @ W)) == [["Relu6"]]
    # The sigmoid is an activation by itself for other readers, and the product is one too.
    assert all_activations(lambda x: x * tf.sigmoid(x)) == [["Sigmoid"], ["Sigmoid", "Mul"]]
    assert all_activations(lambda x: x @ W + 1.0) == []


def test_the_inputs_that_vary_decide():
    """A quotient is linear in its numerator, and an activation of its denominator."""
    assert all_activations(lambda x: x / 2.0) == []
    assert all_activations(lambda x: 2.0 / x) == [["RealDiv"]]
    assert all_activations(lambda x: x / (x @ W)) == []


def test_a_pole_and_its_clamp_are_one():
    assert all_activations(lambda x: tf.maximum(tf.math.log(x), -9.0))[-1] == ["Log", "Maximum"]


def test_no_pole_with_its_clamp_reaches_across_a_barrier():
    def at_log(graph):
        return {op.outputs[0] for op in graph.ops if op.type == "Log"}

    assert all_activations(lambda x: tf.maximum(tf.math.log(x), -9.0), at_log) == [["Log"], ["Maximum"]]
