"""Inputs that say which numbers of the other inputs count."""

import tensorflow as tf

from skdeeplift.network.masks import find_hidden, find_hiding_masks, only_decides
from skdeeplift.network.network import trace

SPECS = [tf.TensorSpec((None, 3)), tf.TensorSpec((None, 3), tf.int32), tf.TensorSpec((None, 3), tf.bool)]


def graph_of(function):
    return trace(lambda inputs: function(*inputs), SPECS)[0]


def test_inputs_that_only_decide():
    """A mask reaches the target through truth values; an input that also counts as a number does not only decide."""

    def decides(function):
        graph = graph_of(function)
        return [only_decides(graph, value, graph.outputs[0]) for value in graph.inputs]

    assert decides(lambda x, i, b: tf.where(b & (i > 0), x, 2 * x)) == [False, True, True]
    assert decides(lambda x, i, b: x * tf.cast(tf.cast(i, tf.bool), tf.float32)) == [False, True, False]
    assert decides(lambda x, i, b: x * tf.cast(i, tf.float32) * tf.cast(i > 0, tf.float32)) == [False, False, False]
    assert decides(lambda x, i, b: tf.where(x > 0, 1.0, tf.cast(b, tf.float32))) == [True, False, True]


def test_masks_that_hide_numbers_of_other_inputs():
    def hides(function):
        return find_hiding_masks(graph_of(function))

    def counts(b):
        return tf.cast(b, tf.float32)

    for large in (-1e9, -30000.0, float("-inf"), tf.fill([3], -1e9)):
        assert hides(lambda x, i, b, large=large: tf.nn.softmax(tf.where(i > 0, x, large))) == [False, True, False]
    assert hides(lambda x, i, b: tf.nn.softmax(x + (1 - counts(b)) * -1e9)) == [False, False, True]
    assert hides(lambda x, i, b: tf.reduce_sum(x * counts(b), 1) / tf.reduce_sum(counts(b), 1)) == [False, False, True]
    # Of zeros or other numbers in their place, a reference of False leaves something to compute with.
    assert hides(lambda x, i, b: tf.where(b, x, 0.0)) == [False, False, False]
    assert hides(lambda x, i, b: x * counts(b) + 1e9) == [False, False, False]
    assert hides(lambda x, i, b: tf.concat([x, counts(b)], 1) / 2) == [False, False, False]
    # An input that also counts as a number has a contribution.
    assert hides(lambda x, i, b: tf.where(i > 0, x, -1e9) + tf.cast(i, tf.float32)) == [False, False, False]


def test_no_input_is_left_if_all_are_masks():
    specs = [tf.TensorSpec((None, 3), tf.bool)] * 2
    graph, _ = trace(lambda inputs: tf.where(inputs[0], tf.where(inputs[1], 1.0, -1e9), -1e9), specs)
    assert find_hiding_masks(graph) == [False, False]


def test_numbers_that_a_condition_may_hide():
    """They are hidden up to the function that makes finite numbers of them, in loops as well."""

    def hidden_in(function):
        graph = graph_of(lambda x, i, b: function(x))
        hidden = find_hidden(graph)
        bodies = [*graph.bodies, *(body for each in graph.bodies for body in each.bodies)]
        return [op.type for part in (graph, *bodies) for op in part.ops if not hidden.isdisjoint(op.outputs)]

    infinity = float("inf")
    assert hidden_in(lambda x: tf.nn.softmax(tf.where(x > 0, x, -infinity) / 2)) == ["SelectV2", "RealDiv"]
    assert hidden_in(lambda x: tf.nn.softmax(tf.where(x > 0, x, -2e38) + x)) == ["SelectV2", "AddV2"]
    assert hidden_in(lambda x: tf.nn.softmax(tf.cast(x > 0, tf.float32) * -1e38)) == ["Mul"]
    assert hidden_in(lambda x: tf.nn.softmax(tf.math.log(tf.cast(x > 0, tf.float32)) + x)) == ["Log", "AddV2"]
    assert hidden_in(lambda x: tf.nn.relu(tf.reduce_max(tf.where(x > 0, x, tf.fill([3], -infinity)), 1))) == [
        "SelectV2",
        "Max",
    ]
    # Numbers no larger than this have differences of their own, and a mask that is constant hides nothing anew.
    assert not hidden_in(lambda x: tf.nn.softmax(tf.where(x > 0, x, -1e9)))
    assert not hidden_in(lambda x: tf.nn.softmax(tf.where([True, False, True], x, -infinity)))
    assert not hidden_in(lambda x: tf.nn.softmax(x + tf.constant([0.0, -infinity, 0.0])))

    def in_loop(x):
        def step(number, before, hidden):
            return number + 1, before + 1, tf.where(before > 0, hidden, -infinity)

        return tf.exp(tf.while_loop(lambda number, *_: number < 3, step, [0, x, x])[2])

    assert hidden_in(in_loop) == ["StatelessWhile", "SelectV2"]
