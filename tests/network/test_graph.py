import numpy as np
import tensorflow as tf

from skdeeplift.network.trace import trace
from skdeeplift.propagation import replay


def types(graph):
    return [op.type for op in graph.ops if op.type != "Const"]


def test_calls_are_inlined():
    """This fails where TensorFlow's private way from a call to its graph is gone."""

    @tf.function(jit_compile=True)
    def inner(x, y):
        return tf.exp(x) * y, x + 1.0

    @tf.function
    def outer(x):
        product, total = inner(x, tf.sin(x))
        return product - total

    graph, _ = trace(outer, tf.TensorSpec((None, 3)))
    assert "PartitionedCall" not in types(graph)
    assert sorted(types(graph)) == ["AddV2", "Exp", "Mul", "Sin", "Sub"]
    x = np.ones((2, 3), np.float32)
    [result] = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs))(x)
    np.testing.assert_allclose(result, np.e * np.sin(1) * x - 2, rtol=1e-6)


def test_aliases_are_resolved():
    graph, _ = trace(lambda x: tf.stop_gradient(tf.identity(tf.nn.silu(x))), tf.TensorSpec((None, 3)))
    assert types(graph) == ["Mul", "Sigmoid", "Mul"] or types(graph) == ["Sigmoid", "Mul"]


def test_captured_variables_are_kept():
    variable = tf.Variable([2.0])
    graph, _ = trace(lambda x: x * variable, tf.TensorSpec((None, 1)))
    assert len(graph.captures) == 1
    assert len(graph.inputs) == 1
    evaluate = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs)[0])
    assert evaluate(tf.ones((1, 1))).numpy().item() == 2.0
    variable.assign([5.0])
    assert evaluate(tf.ones((1, 1))).numpy().item() == 5.0


def test_structures_are_flattened_in_order():
    specs = {"b": tf.TensorSpec((None, 2)), "a": [tf.TensorSpec((None, 3)), tf.TensorSpec((None, 4))]}
    graph, structure = trace(lambda x: {"z": x["b"], "y": tf.concat(x["a"], 1)}, specs)
    assert [value.shape[1] for value in graph.inputs] == [3, 4, 2]
    assert [value.shape[1] for value in graph.outputs] == [7, 2]
    assert set(structure) == {"y", "z"}


def test_what_varies_and_what_carries_a_difference():
    def function(x):
        mask = tf.cast(x > 0, tf.float32)
        zeros = tf.zeros([tf.shape(x)[0], 3])
        return tf.exp(x), mask, zeros, tf.constant([1.0]) + 1.0

    graph, _ = trace(function, tf.TensorSpec((None, 3)))
    # An exponential, a mask, zeros and a constant.
    assert [graph.varies(value) for value in graph.outputs] == [True, True, False, False]
    assert [graph.carries_difference(value) for value in graph.outputs] == [True, False, False, False]
    assert [graph.is_batch_shaped(value) for value in graph.outputs] == [False, False, True, False]


def test_layer_of_takes_the_innermost_and_forgives_numbers():
    def function(x):
        with tf.name_scope("outer_1"), tf.name_scope("dense_2_1"):
            return tf.exp(x)

    graph, _ = trace(function, tf.TensorSpec((None, 3)), ["outer", "dense_2"])
    assert graph.layer_of(graph.producer[graph.outputs[0]]) == "dense_2"


def test_ancestors_stop_at_what_is_known():
    graph, _ = trace(lambda x: tf.exp(tf.sin(x)) + tf.cos(x), tf.TensorSpec((None, 3)))
    sine = next(op.outputs[0] for op in graph.ops if op.type == "Sin")
    assert [op.type for op in graph.ancestors(graph.outputs)] == ["Sin", "Exp", "Cos", "AddV2"]
    assert [op.type for op in graph.ancestors(graph.outputs, known=[sine])] == ["Exp", "Cos", "AddV2"]
