import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.network import trace
from skdeeplift.propagation import replay


def test_run_computes_the_same_from_the_start_and_from_the_middle():
    def function(x):
        return tf.reduce_sum(tf.exp(x) * 3.0, 1)

    graph, _ = trace(function, tf.TensorSpec((None, 4)))
    exponential = next(op.outputs[0] for op in graph.ops if op.type == "Exp")

    @tf.function
    def again(x):
        [whole] = replay.run(graph, {graph.inputs[0]: x}, graph.outputs)
        [rest] = replay.run(graph, {exponential: tf.exp(x)}, graph.outputs)
        return whole, rest

    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    for result in again(x):
        np.testing.assert_array_equal(result, function(x))


def test_replay_has_no_effects():
    counter = tf.Variable(0.0)

    def function(x):
        counter.assign_add(1.0)
        return x * 2.0

    graph, _ = trace(function, tf.TensorSpec((None, 4)))
    result = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs))(tf.ones((2, 4)))
    np.testing.assert_array_equal(result[0], np.full((2, 4), 2.0))
    assert counter.numpy() == 0.0


@pytest.mark.parametrize(("rows", "n_shapes"), [(3, 0), (None, 1)])
def test_shapes_that_are_known_need_no_op(rows, n_shapes):
    def function(x):
        return tf.reshape(tf.nn.relu(x), [tf.shape(x)[0], -1])

    graph, _ = trace(function, tf.TensorSpec((None, 4, 2)))
    again = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs)[0])
    traced = again.get_concrete_function(tf.TensorSpec((rows, 4, 2)))
    assert [op.type for op in traced.graph.get_operations()].count("Shape") == n_shapes
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    np.testing.assert_array_equal(again(x), function(x))
