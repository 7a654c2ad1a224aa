import numpy as np
import tensorflow as tf

from skdeeplift.network.trace import trace
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
