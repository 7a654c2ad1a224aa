"""Runs of a network at rows and at references: shared by methods, cut where each value has its batch."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.network import trace
from skdeeplift.propagation.forward import find_runs
from skdeeplift.propagation.pairing import Mode, Pairing
from tests.functions import streams_of

RANDOM = np.random.default_rng(0)
N_ROWS, N_REFERENCES = 4, 3
ROWS, REFERENCES = (tf.constant(RANDOM.normal(size=(n, 6))) for n in (N_ROWS, N_REFERENCES))
SQUARE, NARROW = (tf.constant(RANDOM.normal(size=(6, size)) / 3) for size in (6, 2))


def graph_of(function, shape=(6,)):
    return trace(function, tf.TensorSpec((None, *shape), tf.float64))[0]


def shown_of(graph, number=2):
    """The output, and values that come before it."""
    varying = [value for value in graph.values if graph.varies(value) and value.dtype == tf.float64]
    return [graph.outputs[0], *varying[:number]]


def assert_cut(graph, shown, rows=ROWS, references=REFERENCES):
    """Each value at rows and references that were run as one batch is that of a run of its own."""
    runs = find_runs(graph, shown, [])
    both = runs.forward_both([rows], [references])
    for found, given in zip(both, (rows, references), strict=True):
        for value, expected in zip(found, runs.forward([given]), strict=True):
            assert value.shape == expected.shape
            np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_methods_that_read_the_same_values_share_their_runs():
    graph = graph_of(lambda x: tf.tanh(x @ SQUARE) @ NARROW)
    shown = shown_of(graph)
    runs = find_runs(graph, shown, [])
    assert find_runs(graph, tuple(shown), ()) is runs
    assert find_runs(graph, shown[:1], []) is not runs
    assert find_runs(graph, shown, shown[1:2]) is not runs
    other = graph_of(lambda x: tf.tanh(x @ SQUARE) @ NARROW)
    assert find_runs(other, shown_of(other), []) is not runs


def test_a_run_returns_the_shown_values_in_their_order():
    graph = graph_of(lambda x: tf.tanh(x @ SQUARE) @ NARROW)
    product = next(op.outputs[0] for op in graph.ops if op.type == "MatMul" and graph.inputs[0] in op.inputs)
    for shown in ([product, graph.outputs[0]], [graph.outputs[0], product]):
        found = dict(zip(shown, find_runs(graph, shown, []).forward([ROWS]), strict=True))
        np.testing.assert_allclose(found[product], ROWS @ SQUARE, rtol=1e-12)
        np.testing.assert_allclose(found[graph.outputs[0]], tf.tanh(ROWS @ SQUARE) @ NARROW, rtol=1e-12)


def folded(x):
    """Each row has three entries, next to each other."""
    return tf.reshape(tf.tanh(tf.reshape(x, (-1, 2)) * [1.0, 2.0]), (-1, 6))


def turned(x):
    """The rows are on the second axis."""
    return tf.transpose(tf.tanh(tf.transpose(x)) ** 2)


def stepped(x):
    """Each value inside of the loop has an axis of steps in front."""
    return tf.while_loop(lambda step, _: step < 3, lambda step, x: (step + 1, tf.tanh(x @ SQUARE)), (0, x))[1]


@pytest.mark.parametrize("function", [lambda x: tf.tanh(x @ SQUARE), folded])
def test_values_of_both_are_cut_after_the_entries_of_all_rows(function):
    graph = graph_of(function)
    assert_cut(graph, shown_of(graph, number=4))


def test_values_inside_of_loops_are_cut_behind_their_steps():
    graph = graph_of(stepped)
    [body] = graph.bodies
    inner = next(value for value in body.values if value.name.rpartition("/")[2].lower().startswith("tanh"))
    assert_cut(graph, [graph.outputs[0], inner])
    [at_rows, at_references] = find_runs(graph, [graph.outputs[0], inner], []).forward_both([ROWS], [REFERENCES])
    assert (at_rows[1].shape, at_references[1].shape) == ((3, N_ROWS, 6), (3, N_REFERENCES, 6))


def test_steps_of_a_loop_are_not_taken_for_rows():
    """The network does not say how many entries a row has, so that the values themselves tell."""
    graph = graph_of(lambda x: stepped(tf.reshape(x, [-1, 6])), shape=(None,))
    [body] = graph.bodies
    assert_cut(graph, [graph.outputs[0], *(value for value in body.values if value.name.lower().endswith("tanh"))])


def test_rows_on_another_axis_are_run_pair_by_pair():
    """Their batch is not the first axis, so that no cut is right."""
    assert not streams_of(folded, (6,)).needs_pair_size
    graph = graph_of(turned)
    value = next(value for value in graph.values if graph.varies(value) and value.shape[0] == 6)
    assert value not in graph.layouts or graph.layouts[value].axis > 0


def masked(x):
    """A mask with an entry for each number, of which an average takes those above zero."""
    mask = tf.cast(x > 0, tf.float64)
    return tf.reduce_sum(tf.sin(x) * mask, 1, keepdims=True)


def by_two(x):
    """The same with two entries for each row, next to each other."""
    mask = tf.cast(tf.reshape(x, (-1, 3)) > 0, tf.float64)
    return tf.reduce_sum(tf.reshape(tf.sin(tf.reshape(x, (-1, 3))) * mask, (-1, 6)), 1, keepdims=True)


@pytest.mark.parametrize("mode", [Mode.PER_ROW, Mode.PAIR_SIZE])
@pytest.mark.parametrize("function", [masked, by_two])
def test_references_have_the_masks_of_their_rows(function, mode):
    graph = graph_of(function)
    [mask] = [op.outputs[0] for op in graph.ops if op.type == "Cast"]
    runs = find_runs(graph, [graph.outputs[0], mask], [mask])
    pairs = tf.constant(RANDOM.normal(size=(N_ROWS * N_REFERENCES, 6)))
    of_pairs = tf.repeat(ROWS, N_REFERENCES, 0)
    at_input = runs.forward([of_pairs if mode is Mode.PAIR_SIZE else ROWS])
    found, of_mask = runs.forward_references([pairs], at_input, Pairing(mode, N_ROWS, N_REFERENCES))
    expected = tf.reduce_sum(tf.where(of_pairs > 0, tf.sin(pairs), 0), 1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(tf.reshape(of_mask, (-1, 6)), tf.cast(of_pairs > 0, tf.float64))
    # Without masks, references decide for themselves.
    alone = find_runs(graph, [graph.outputs[0]], [])
    [found] = alone.forward_references([pairs], alone.forward([ROWS]), Pairing(mode, N_ROWS, N_REFERENCES))
    np.testing.assert_allclose(found, tf.reduce_sum(tf.where(pairs > 0, tf.sin(pairs), 0), 1, keepdims=True))
