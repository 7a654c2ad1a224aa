import keras
import numpy as np
import tensorflow as tf

from skdeeplift.network.network import trace
from skdeeplift.propagation import replay


def test_trace_keeps_what_it_needs_alive():
    """The variables of a model outlive the caller's own reference to it."""

    def make():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="ones")])
        return trace(lambda x: model(x, training=False), tf.TensorSpec((None, 3)))[0]

    graph = make()
    result = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs)[0])(tf.ones((1, 3)))
    np.testing.assert_array_equal(result, [[3.0, 3.0]])
