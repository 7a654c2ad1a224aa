import tensorflow as tf

from skdeeplift.network.trace import trace
from skdeeplift.propagation.overrides import Overrides


def steps_of(function, barriers=lambda graph: (), known=lambda graph: graph.inputs):
    """What is run to compute a function's outputs: types of ops, those of an activation in a list."""
    graph, _ = trace(function, tf.TensorSpec((None, 3)))
    overrides = Overrides(None, set(barriers(graph)))
    steps = overrides.ancestors(graph, graph.outputs, known(graph))
    assert overrides.ancestors(graph, graph.outputs, known(graph)) == steps
    steps = [step for step in steps if getattr(step, "type", None) != "Const"]
    return [[op.type for op in step.activation.ops] if hasattr(step, "activation") else step.type for step in steps]


def test_an_activation_of_several_ops_is_one():
    assert steps_of(lambda x: tf.nn.relu(x + 1.0)) == ["AddV2", ["Relu"]]
    assert steps_of(lambda x: 2 * (x * tf.sigmoid(x))) == [["Sigmoid", "Mul"], "Mul"]


def test_what_another_op_reads_too_is_an_activation_by_itself():
    def function(x):
        gate = tf.sigmoid(x)
        return x * gate, gate + 1.0

    assert steps_of(function) == [["Sigmoid"], ["Sigmoid", "Mul"], "AddV2"]


def test_nothing_is_run_that_is_known_or_that_nobody_wants():
    def function(x):
        hidden = tf.tanh(x)
        tf.exp(hidden)
        return tf.nn.relu(hidden)

    def at_tanh(graph):
        return [op.outputs[0] for op in graph.ops if op.type == "Tanh"]

    assert steps_of(function) == [["Tanh"], ["Relu"]]
    assert steps_of(function, known=at_tanh) == [["Relu"]]


def test_no_activation_reaches_across_a_barrier():
    def at_sigmoid(graph):
        return [op.outputs[0] for op in graph.ops if op.type == "Sigmoid"]

    assert steps_of(lambda x: x * tf.sigmoid(x), at_sigmoid) == [["Sigmoid"], "Mul"]


def test_what_carries_no_difference_is_run_as_it_is():
    def function(x):
        return tf.nn.relu(x) * tf.tanh(tf.cast(tf.shape(x)[0], tf.float32))

    assert ["Tanh"] not in steps_of(function)
    assert "Tanh" in steps_of(function)
