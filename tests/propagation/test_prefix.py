"""How far networks are affine: where the cut lies, by the types of the ops that make it."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.batch_axis import batch_layouts
from skdeeplift.network.trace import trace
from skdeeplift.propagation.prefix import WIDEST, find_prefix

W = tf.constant(np.random.default_rng(0).normal(size=(4, 4)), tf.float32)


def prefix_of(function, fixed=(), shape=(4,)):
    graph, _ = trace(function, tf.TensorSpec((None, *shape), tf.float32))
    prefix = find_prefix(graph, graph.outputs[0], graph.inputs, fixed, batch_layouts(graph))
    return graph, prefix


def types_of_cut(function, **options):
    graph, prefix = prefix_of(function, **options)
    return [graph.producer[value].type if value in graph.producer else "input" for value in prefix.cut]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: tf.nn.relu(x @ W + 1.0), ["AddV2"]),
        (tf.nn.relu, ["input"]),
        (lambda x: x @ W + 1.0, ["AddV2"]),
        (lambda x: tf.nn.relu(tf.concat([x @ W, -2.0 * x], 1)), ["ConcatV2"]),
        # Two ops bend, each after another affine one.
        (lambda x: tf.tanh(x @ W) + tf.exp(3.0 * x), ["MatMul", "Mul"]),
        # The input itself is read by an op that bends, behind which an affine one follows.
        (lambda x: tf.tanh(x) @ W + x, ["input"]),
        (lambda x: x * (x @ W), ["input", "MatMul"]),
        # What is chosen depends on the input.
        (lambda x: tf.where(x > 0, x @ W, x), ["input", "MatMul"]),
        (lambda x: tf.cast(tf.cast(x @ W, tf.int32), tf.float32), ["MatMul"]),
        # Shapes are no values.
        (lambda x: tf.nn.relu(x @ W + tf.ones(tf.shape(x))), ["AddV2"]),
    ],
)
def test_where_the_cut_lies(function, expected):
    assert sorted(types_of_cut(function)) == sorted(expected)


def test_a_cut_that_is_much_wider_is_left_out():
    narrow, wide = (tf.ones((4, 4 * factor)) for factor in (WIDEST, WIDEST + 1))
    assert types_of_cut(lambda x: tf.nn.relu(x @ narrow)) == ["MatMul"]
    assert types_of_cut(lambda x: tf.nn.relu(x @ wide)) == ["input"]


def test_values_whose_rows_do_not_come_first_are_no_cut():
    assert types_of_cut(lambda x: tf.nn.relu(tf.transpose(x, [1, 0, 2])), shape=(3, 4)) == ["input"]


def test_what_lies_beside_a_layer():
    """relu(tanh(x)) * x from the tanh on: x varies, but not with it."""
    graph, _ = trace(lambda x: tf.nn.relu(2.0 * tf.tanh(x)) * x, tf.TensorSpec((None, 4), tf.float32))
    [source] = [op.outputs[0] for op in graph.ops if op.type == "Tanh"]
    prefix = find_prefix(graph, graph.outputs[0], [source], (), batch_layouts(graph))
    assert prefix.beside == graph.inputs
    assert [graph.producer[value].type for value in prefix.cut] == ["Mul"]


def types_of_last(function, shape=(4,)):
    graph, prefix = prefix_of(function, shape=shape)
    return sorted(graph.producer[value].type if value in graph.producer else "input" for value in prefix.last)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: tf.nn.relu(x @ W) @ W + 1.0, ["Relu"]),
        (lambda x: tf.nn.relu(x @ W), ["Relu"]),
        (lambda x: x @ W + 1.0, ["AddV2"]),
        # The residual's other way is affine as well, the first way is cut off at what bends.
        (lambda x: tf.nn.relu(x @ W) @ W + x, ["Relu", "input"]),
        # What bends reads it too, so that its derivative is not that of the affine way alone; but it may be an end.
        (lambda x: (lambda h: tf.tanh(h) + 2.0 * h)(tf.nn.relu(x @ W)), ["Relu", "Tanh"]),
        # Before the last that bends on any of the ways there is no affine rest.
        (lambda x: (lambda h: tf.tanh(h @ W) + h @ W)(tf.nn.relu(x @ W)), ["Relu", "Tanh"]),
        (lambda x: (lambda h: tf.tanh(h) * h)(x @ W), ["Mul"]),
        (lambda x: tf.reduce_mean(tf.nn.relu(x @ W), 1, keepdims=True), ["Relu"]),
        # Its shape is read of something before the end.
        (lambda x: (lambda h: tf.tanh(h) @ W * tf.cast(tf.shape(h)[1], tf.float32))(x @ W), ["Mul"]),
        (lambda x: tf.nn.softmax(tf.nn.relu(x @ W) @ W), ["Softmax"]),
    ],
)
def test_what_the_target_is_an_affine_function_of(function, expected):
    assert types_of_last(function) == expected


def test_values_whose_rows_do_not_come_first_are_no_end():
    transposed_twice = lambda x: tf.transpose(tf.tanh(tf.transpose(x, [1, 0, 2])), [1, 0, 2])  # noqa: E731
    assert types_of_last(transposed_twice, shape=(3, 4)) == ["Transpose"]
