import numpy as np
import tensorflow as tf

from skdeeplift.network.clusters import Activations
from skdeeplift.network.trace import trace
from skdeeplift.propagation.activations import activation_at

W = tf.constant(np.eye(3), tf.float32)


def found(function, barriers=lambda graph: ()):
    """Types of the ops of each activation, by those that they end at."""
    graph, _ = trace(function, tf.TensorSpec((None, 3), tf.float32))
    barriers = barriers(graph)
    activations = Activations(graph, barriers)
    ending = (activation_at(graph, op, activations, barriers) for op in graph.ops if op.inputs)
    return [[op.type for op in each.ops] for each in ending if each is not None]


def test_single_ops_and_clusters():
    assert found(lambda x: tf.nn.relu6(x @ W)) == [["Relu6"]]
    # The sigmoid by itself, for whoever else reads it, and the whole.
    assert found(lambda x: x * tf.sigmoid(x)) == [["Sigmoid"], ["Sigmoid", "Mul"]]
    assert found(lambda x: x @ W + 1.0) == []


def test_a_pole_and_its_clamp_are_one():
    assert found(lambda x: tf.maximum(tf.math.log(x), -9.0))[-1] == ["Log", "Maximum"]


def test_none_reaches_across_a_barrier():
    def at_log(graph):
        return {op.outputs[0] for op in graph.ops if op.type == "Log"}

    assert found(lambda x: tf.maximum(tf.math.log(x), -9.0), at_log) == [["Log"], ["Maximum"]]
