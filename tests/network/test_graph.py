import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.network import trace
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
    # An exponential, a condition, zeros and a constant.
    assert [graph.varies(value) for value in graph.outputs] == [True, True, False, False]
    assert [graph.carries_difference(value) for value in graph.outputs] == [True, True, False, False]
    assert [graph.is_batch_shaped(value) for value in graph.outputs] == [False, False, True, False]


def test_layers_of_an_op_are_the_innermost_first():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Activation("exponential", name="exp")], name="inner")
    model = keras.Sequential([keras.Input((3,)), inner])
    graph, _ = trace(lambda x: model(x, training=False), tf.TensorSpec((None, 3)), [inner, *inner.layers])
    op = graph.producer[graph.outputs[0]]
    assert graph.layers_of(op) == ["exp", "inner"]
    assert "layer 'exp'" in graph.describe(op)
    assert "skdeeplift" not in graph.describe(op)


def test_graph_goes_on_from_a_value():
    graph, _ = trace(lambda x: tf.exp(tf.sin(x)), tf.TensorSpec((None, 3)))
    factor = tf.Variable(2.0)
    concrete = tf.function(lambda y: factor * y).get_concrete_function(tf.TensorSpec((None, 3)))
    sine = next(op.outputs[0] for op in graph.ops if op.type == "Sin")
    further = graph.followed_by(concrete.graph, sine)
    assert [op.type for op in further.ancestors(further.outputs)] == ["Sin", "ReadVariableOp", "Mul"]
    assert [op.type for op in graph.ops] == ["Sin", "Exp"]
    assert further.varies(further.outputs[0])
    x = tf.constant([[0.1, 0.2, 0.3]])
    [result] = tf.function(lambda x: replay.run(further, {further.inputs[0]: x}, further.outputs))(x)
    np.testing.assert_allclose(result, 2 * np.sin(x), rtol=1e-6)


def test_ancestors_stop_at_what_is_known():
    graph, _ = trace(lambda x: tf.exp(tf.sin(x)) + tf.cos(x), tf.TensorSpec((None, 3)))
    sine = next(op.outputs[0] for op in graph.ops if op.type == "Sin")
    assert [op.type for op in graph.ancestors(graph.outputs)] == ["Sin", "Exp", "Cos", "AddV2"]
    assert [op.type for op in graph.ancestors(graph.outputs, known=[sine])] == ["Exp", "Cos", "AddV2"]


def one_branch(x, chosen):
    return tf.cond(chosen, lambda: tf.sin(x), lambda: tf.exp(x))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: one_branch(x, tf.constant(True)), "Sin"),
        (lambda x: one_branch(x, tf.constant(False)), "Exp"),
        # Known in a function that is called only from what it is given.
        (lambda x: tf.function(one_branch)(x, tf.constant(False)), "Exp"),
        (lambda x: tf.switch_case(tf.constant(1), [lambda: tf.sin(x), lambda: tf.cos(x), lambda: tf.exp(x)]), "Cos"),
        (lambda x: tf.switch_case(tf.constant(9), [lambda: tf.sin(x), lambda: tf.cos(x), lambda: tf.exp(x)]), "Exp"),
    ],
)
def test_branches_that_a_constant_chooses_are_inlined(function, expected):
    graph, _ = trace(function, tf.TensorSpec((None, 3)))
    assert [op.type for op in graph.ancestors(graph.outputs)] == [expected]


def test_results_of_branches_that_the_input_chooses_are_chosen():
    graph, _ = trace(lambda x: one_branch(x, tf.reduce_sum(x) > 0), tf.TensorSpec((None, 3)))
    assert [each for each in types(graph) if each in ("Sin", "Exp", "Select")] == ["Exp", "Sin", "Select"]

    def one_of_three(x):
        ways = [lambda: tf.sin(x), lambda: tf.cos(x), lambda: tf.exp(x)]
        return tf.switch_case(tf.cast(tf.reduce_sum(x), tf.int32), ways)

    graph, _ = trace(one_of_three, tf.TensorSpec((None, 3)))
    run = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs))
    # A number beyond the branches takes the last one.
    for number, expected in ((0.0, np.sin), (1.0, np.cos), (2.0, np.exp), (7.0, np.exp), (-2.0, np.exp)):
        np.testing.assert_allclose(run(tf.constant([[number, 0.0, 0.0]]))[0], [expected([number, 0.0, 0.0])], rtol=1e-6)


def test_branches_whose_results_differ_in_shape_stay():
    def cut(x):
        return tf.cond(tf.reduce_sum(x) > 0, lambda: x[:, :2], lambda: x)

    graph, _ = trace(cut, tf.TensorSpec((None, 3)))
    assert types(graph)[-1] == "StatelessIf"


def test_loops_have_graphs_of_their_own():
    weight = tf.Variable(2.0)

    def function(x):
        return tf.while_loop(lambda number, _: number < 3, lambda number, h: (number + 1, h * weight), (0, x))[1]

    graph, _ = trace(function, tf.TensorSpec((None, 2)))
    [body] = graph.bodies
    assert "Mul" in types(body)
    assert "Mul" not in types(graph)
    [loop] = [op for op in graph.ops if op.body is body]
    assert set(body.inputs) < loop.inner
    weight.assign(3.0)
    [result] = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs))(tf.ones((1, 2)))
    np.testing.assert_array_equal(result, [[27.0, 27.0]])


def test_a_value_that_is_replaced():
    """relu(2 x) + 1 of 2 x is computed again from 3 x, and the graph itself stays as it is."""
    graph, _ = trace(lambda x: (tf.nn.relu(2 * x) + 1, 3 * x), tf.TensorSpec((None, 2)))
    output, other = graph.outputs
    double = graph.producer[graph.producer[output].inputs[0]].inputs[0]
    changed = graph.with_replaced({double: other}, output)
    assert graph.outputs == [output, other]
    assert len(changed.ops) == len(graph.ops) + 2
    x = tf.constant([[1.0, -1.0]])
    for each, expected in ((graph, [[3, 1]]), (changed, [[4, 1]])):
        [found] = tf.function(lambda x, each=each: replay.run(each, {each.inputs[0]: x}, each.outputs[:1]))(x)
        np.testing.assert_array_equal(found, expected)
    assert changed.carries_difference(changed.outputs[0])
    assert changed.layouts[changed.outputs[0]].axis == 0
