import keras
import pytest
import tensorflow as tf

from skdeeplift.network.clusters import Activations
from skdeeplift.network.trace import trace


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


def test_smallest_region():
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
def test_no_cluster(function):
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
