"""Lookups and scatters at computed places: values by hand, and against Shapley values of numbers and places."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function, streams_of

RULES = ("rescale", "reveal_cancel")
GENERATOR = np.random.default_rng(0)
TABLE, GRID = tf.constant(GENERATOR.normal(size=(3, 2))), tf.constant(GENERATOR.normal(size=(4, 3, 5)))


def whole(x):
    """Round down; a sum over an axis of one element hides that each place comes from one number, as a token does."""
    return tf.cast(tf.floor(tf.cumsum(x[..., None], -1)[..., 0]), tf.int32)


def with_rows(places):
    """Put the number of the row before places."""
    rows = tf.range(tf.shape(places)[0])
    return tf.stack(
        [tf.broadcast_to(tf.reshape(rows, (-1, *[1] * (places.shape.rank - 1))), tf.shape(places)), places], -1
    )


@pytest.mark.sampled(6)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("function", "mode"),
    [
        (lambda x: tf.gather(x[:, :3], whole(x[:, 3:]), batch_dims=1), Mode.SHARED),
        (lambda x: tf.gather_nd(x[:, :3], with_rows(whole(x[:, 3:]))), Mode.PAIR_SIZE),
        (
            lambda x: tf.gather(tf.reshape(x[:, :3], [-1]), whole(x[:, 3]) + 3 * tf.range(tf.shape(x)[0]))[:, None],
            Mode.PAIR_SIZE,
        ),
        (lambda x: tf.map_fn(lambda row: row[whole(row[3])], x)[:, None], Mode.PAIR_SIZE),
        (lambda x: tf.map_fn(lambda row: tf.slice(row, [whole(row[3])], [1]), x), Mode.PAIR_SIZE),
    ],
)
def test_numbers_and_places_are_two_players(function, mode, rule):
    """Place 0 becomes 2: numbers 2, -, 7 at the row and 1, -, 3 at the reference.

    The numbers have ½((2 - 1) + (7 - 3)), the place has ½((7 - 2) + (3 - 1)).
    """
    [found], change = explain_function(function, [[[2.0, 9, 7, 2]]], [[[1.0, 5, 3, 0]]], rule=rule, mode=mode)
    np.testing.assert_allclose(found, [[0.5, 0, 2, 3.5]], rtol=1e-12)
    np.testing.assert_allclose(change, [6])


@pytest.mark.parametrize("rule", RULES)
def test_rows_and_columns_change_one_after_the_other(rule):
    """The Shapley values of two players: the mean over the two orders."""
    grid = tf.constant([[0.0, 1, 2], [3, 5, 8], [13, 21, 34]], tf.float64)
    [found], _ = explain_function(
        lambda x: tf.gather_nd(grid, whole(x))[:, None], [[[2.5, 1.5]]], [[[0.0, 0.0]]], rule=rule
    )
    np.testing.assert_allclose(found, [[(13 + 20) / 2, (1 + 8) / 2]], rtol=1e-12)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.scatter_nd(with_rows(whole(x[:, 1:])), x[:, :1], tf.stack([tf.shape(x)[0], 3])),
        lambda x: tf.tensor_scatter_nd_add(tf.ones((tf.shape(x)[0], 3), x.dtype), with_rows(whole(x[:, 1:])), x[:, :1]),
        lambda x: tf.reshape(
            tf.math.unsorted_segment_sum(x[:, 0], whole(x[:, 1]) + 3 * tf.range(tf.shape(x)[0]), 3 * tf.shape(x)[0]),
            (-1, 3),
        ),
        # In one-hot rows, the number that is put in the place of a zero.
        lambda x: tf.tensor_scatter_nd_update(
            tf.zeros((tf.shape(x)[0], 3), x.dtype), with_rows(whole(x[:, 1:])), x[:, :1]
        ),
    ],
)
def test_a_number_that_moves_by_hand(function, rule):
    """4 at place 2 instead of 1 at place 0, weighed by 1, 10, 100: the number has ½(3 + 300), the place 2.5 * 99."""

    def weighed(x):
        return function(x) * tf.constant([1.0, 10.0, 100.0], tf.float64)

    [found], _ = explain_function(weighed, [[[4.0, 2.0]]], [[[1.0, 0.0]]], rule=rule, mode=Mode.PAIR_SIZE)
    np.testing.assert_allclose(found, [[3 * 101 / 2, 2.5 * 99]], rtol=1e-12)


def test_a_number_that_is_replaced_comes_back():
    """Place 0 of (5, 6, 7) is replaced by 1 at the reference, place 2 by 1 at the row; weights 1, 10, 100.

    The place has (1 - 7) * 100 - (1 - 5) * 1.
    """

    def weighed(x):
        onto = tf.constant([[5.0, 6.0, 7.0]], tf.float64) + 0.0 * x[:, :1]
        updated = tf.tensor_scatter_nd_update(onto, with_rows(whole(x[:, 1:])), x[:, :1])
        return updated * tf.constant([1.0, 10.0, 100.0], tf.float64)

    [found], change = explain_function(weighed, [[[1.0, 2.0]]], [[[1.0, 0.0]]], mode=Mode.PAIR_SIZE)
    np.testing.assert_allclose(found, [[0, -596]], rtol=1e-12)
    np.testing.assert_allclose(change, [-596])


@pytest.mark.parametrize("rule", RULES)
def test_infinite_numbers_that_are_not_read(rule):
    """A masked score is read at neither end; the place receives the change between the two that are."""

    def best_of_open(x):
        scores = tf.where(x[:, 3:6] > 0, x[:, :3], tf.constant(-np.inf, x.dtype))
        return tf.gather(scores, whole(x[:, 6:]), batch_dims=1)

    row, reference = [3.0, 2, 1, -1, 1, 1, 1], [3.0, 2, 1, 1, 1, -1, 0]
    [found], change = explain_function(best_of_open, [[row]], [[reference]], rule=rule)
    np.testing.assert_allclose(change, [-1])
    np.testing.assert_allclose(found[0, 6], -1)


FUNCTIONS = {
    "columns of a table": (lambda x: tf.gather(TABLE, whole(x) % 3, axis=0) * x[..., None], (4,)),
    "one axis of the batch": (lambda x: tf.gather(tf.tanh(x[..., :3]), whole(x[..., 3]) % 5, batch_dims=1), (5, 4)),
    "inner axis": (lambda x: tf.gather(tf.tanh(x), whole(x[:, 0, :2]) % 4, axis=2, batch_dims=1), (5, 4)),
    "two axes of the batch": (lambda x: tf.gather(tf.tanh(x), whole(x[..., :2]) % 4, batch_dims=2), (5, 4)),
    "one-hot axis": (lambda x: tf.one_hot(whole(x) % 4, 4, axis=1, dtype=x.dtype) * x[:, None], (2,)),
    "on and off": (lambda x: tf.one_hot(whole(x) % 4, 4, x.dtype.as_numpy_dtype(3), -1.0, dtype=x.dtype), (2,)),
    "three columns": (lambda x: tf.gather_nd(GRID, whole(tf.abs(x)) % [4, 3, 5]), (2, 3)),
    "rows of a grid": (lambda x: tf.gather_nd(GRID, whole(tf.abs(x)) % [4, 3]), (3, 2)),
    "whole numbers": (lambda x: tf.cast(tf.gather(tf.range(9) ** 2, whole(x) % 9), x.dtype), (3,)),
    "one of two": (lambda x: tf.gather(x, tf.argmax(x[:, :2], 1), batch_dims=1)[:, None], (3,)),
}


@pytest.mark.sampled(15)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_sums_to_the_change(name, mode):
    function, shape = FUNCTIONS[name]
    number = 2 if mode is Mode.SHARED else 6
    rows, references = 3 * GENERATOR.normal(size=(3, *shape)), 3 * GENERATOR.normal(size=(number, *shape))
    for rule in RULES:
        assert_sums_to_change(function, [rows], [references], mode=mode, rule=rule)


SCATTERS = {
    "segments": lambda x: tf.reshape(
        tf.math.unsorted_segment_sum(
            tf.reshape(tf.tanh(x), (-1, 2)),
            tf.reshape(whole(3 * x[..., 0]) % 3 + 3 * tf.range(tf.shape(x)[0])[:, None], [-1]),
            3 * tf.shape(x)[0],
        ),
        (-1, 6),
    ),
    "columns": lambda x: tf.scatter_nd(
        tf.stack([with_rows(whole(3 * x[..., 0]) % 4)[..., 0], whole(3 * x[..., 0]) % 4, whole(2 * x[..., 1]) % 3], -1),
        tf.tanh(x),
        tf.stack([tf.shape(x)[0], 4, 3, 2]),
    ),
    "updates": lambda x: tf.tensor_scatter_nd_update(
        tf.square(x), with_rows(tf.argsort(x[..., 0])[:, :2]), tf.tanh(x[:, 2:4])
    ),
    "additions": lambda x: tf.tensor_scatter_nd_add(
        tf.square(x), with_rows(whole(3 * x[:, :2, 0]) % 4), tf.tanh(x[:, 2:4])
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", SCATTERS)
def test_scatters_sum_to_the_change(name):
    rows, references = GENERATOR.normal(size=(3, 4, 2)), GENERATOR.normal(size=(6, 4, 2))
    for rule in RULES:
        assert_sums_to_change(SCATTERS[name], [rows], [references], mode=Mode.PAIR_SIZE, rule=rule)


def test_rows_and_references_run_pair_by_pair_where_places_count_rows():
    def function(x):
        flat = tf.reshape(x, [-1])
        return tf.gather(flat, tf.argmax(x, 1, output_type=tf.int32) + 4 * tf.range(tf.shape(x)[0]))[:, None]

    streams = streams_of(function, (4,))
    assert streams.needs_pair_size
    assert not streams_of(lambda x: tf.gather(x, tf.argmax(x, 1), batch_dims=1)[:, None], (4,)).needs_pair_size


@pytest.mark.parametrize("rule", RULES)
def test_places_of_a_network_in_single_precision(rule):
    """Keras counts places below zero from the end, so places pass a condition, which a rounded part may not take."""
    keras.utils.set_random_seed(0)
    rows = np.random.default_rng(0).normal(size=(16, 12, 4)).astype(np.float32)
    table = np.random.default_rng(1).normal(size=12).astype(np.float32)
    x = keras.Input((12, 4))
    places = keras.ops.cast(keras.ops.floor(keras.ops.abs(keras.layers.Dense(4)(x))), "int32")
    model = keras.Model(
        x, keras.ops.sum(keras.ops.take(keras.ops.convert_to_tensor(table), places, axis=0), (1, 2))[:, None]
    )
    explanation = DeepLiftExplainer(model, rule=rule, check="raise").fit(rows).explain(rows)
    change = explanation.prediction - explanation.reference_value
    assert np.abs(explanation.convergence_delta).max() < 1e-4 * np.abs(change).max()
