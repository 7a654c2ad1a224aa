"""Properties that perturbations share: where the network is run from, and networks that cannot be run anyhow."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.perturbation.partition import partition_by_axes
from skdeeplift.perturbation.permutations import AllCoalitions
from skdeeplift.perturbation.windows import OneByOne, Windows
from skdeeplift.propagation import replay
from skdeeplift.targets.target import Target
from tests.perturbation.networks import contributions, method_of

GENERATOR = np.random.default_rng(0)
ROWS, REFERENCES = GENERATOR.normal(size=(5, 4, 3)), GENERATOR.normal(size=(2, 4, 3))


def one_by_one(shape):
    return lambda _: [OneByOne([Windows(shape, (1,) * len(shape), (1,) * len(shape))])]


def by_loop(function, rows, references):
    """Occlusion element by element, averaged over references."""
    total = np.zeros(rows.shape)
    for reference in references:
        for position in np.ndindex(*rows.shape[1:]):
            occluded = rows.copy()
            occluded[(slice(None), *position)] = reference[position]
            total[(slice(None), *position)] += function(rows) - function(occluded)
    return total / len(references)


def time_major(x):
    return tf.reduce_sum(tf.transpose(tf.nn.relu(tf.transpose(x, [1, 0, 2])), [1, 0, 2]) ** 2, [1, 2])


def folded(x):
    hidden = tf.nn.relu(tf.reshape(x, (-1, 3)) @ tf.constant([[1.0], [-2.0], [0.5]], x.dtype))
    return tf.reduce_prod(tf.reshape(hidden, (-1, 4)) + 1, 1)


def loop(x):
    _, state = tf.while_loop(
        lambda step, state: step < 4,
        lambda step, state: (step + 1, tf.tanh(state * 0.5 + tf.reduce_sum(x[:, step], 1))),
        (tf.constant(0), tf.zeros_like(x[:, 0, 0])),
    )
    return state


def with_shapes(x):
    """Reads the batch's size at run time, as layers with states do."""
    start = tf.zeros(tf.concat([tf.shape(x)[:1], [2]], 0), x.dtype)
    return tf.reduce_sum(tf.concat([start, tf.reduce_sum(x**3, 2)], 1), 1) * x[:, 0, 0]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("function", [time_major, folded, loop, with_shapes])
@pytest.mark.parametrize("batch_size", [1, 9, 1000])
def test_networks_whose_batch_moves(function, batch_size):
    method = method_of(function, [(4, 3)], one_by_one((4, 3)))
    got = contributions(method, [ROWS], [REFERENCES], batch_size=batch_size)
    expected = by_loop(lambda x: function(tf.constant(x)).numpy(), ROWS, REFERENCES)
    np.testing.assert_allclose(got.contributions[0], expected, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_values_that_have_to_be_run_pair_by_pair():
    """A target whose rows are not its first axis in the trace is still the target of each row."""

    def function(x):
        return tf.transpose(tf.transpose(tf.reduce_sum(tf.nn.relu(x), 2)))

    method = method_of(function, [(4, 3)], one_by_one((4, 3)))
    method.needs_pair_size = True
    expected = method_of(function, [(4, 3)], one_by_one((4, 3)))
    for target in (Target("all"), Target({(2,): 1.0})):
        got, other = (contributions(each, [ROWS], [REFERENCES], target, batch_size=7) for each in (method, expected))
        np.testing.assert_allclose(got.contributions[0], other.contributions[0], rtol=0, atol=1e-13)
        assert np.abs(other.contributions[0]).max() > 0.1


def test_only_batch_size_that_a_network_has():
    method = method_of(time_major, [(4, 3)], one_by_one((4, 3)))
    got = contributions(method, [ROWS], [REFERENCES], fixed=4)
    expected = by_loop(lambda x: time_major(tf.constant(x)).numpy(), ROWS, REFERENCES)
    np.testing.assert_allclose(got.contributions[0], expected, rtol=0, atol=1e-12)


def hidden_and_past_it(x):
    """Units that are relu of the sum of each row of x, and a connection that passes them."""
    hidden = tf.reduce_sum(x, 2) - 0.1
    return tf.reduce_prod(tf.nn.relu(hidden) + 1, 1) + tf.reduce_sum(x[:, 0], 1) ** 3


def test_units_of_a_layer():
    """Without a unit is with its value at the reference; what passes the layer keeps the row's values."""
    method = method_of(hidden_and_past_it, [(4, 3)], one_by_one((4,)), layer_before="Relu")
    got = contributions(method, [ROWS], [REFERENCES]).contributions[0]
    units, references = ROWS.sum(2) - 0.1, REFERENCES.sum(2) - 0.1
    expected = by_loop(lambda hidden: np.prod(np.maximum(hidden, 0) + 1, 1), units, references)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)

    method = method_of(
        hidden_and_past_it,
        [(4, 3)],
        lambda _: [AllCoalitions(partition_by_axes([None], [(4,)], ["x"]))],
        layer_before="Relu",
    )
    got = contributions(method, [ROWS], [REFERENCES]).contributions[0]
    change = np.prod(np.maximum(units, 0) + 1, 1) - np.prod(np.maximum(references, 0) + 1, 1).mean()
    np.testing.assert_allclose(got.sum(1), change, rtol=0, atol=1e-12)


def test_a_layer_with_several_entries_for_each_row():
    method = method_of(folded, [(4, 3)], one_by_one((1,)), layer_before="Relu")
    with pytest.raises(ValueError, match="has several entries on its first axis for each row"):
        contributions(method, [ROWS], [REFERENCES])


def test_rows_are_run_in_chunks_of_the_batch_size():
    """However many windows there are, the network never sees more rows at once."""
    seen = []

    def note(rows):
        seen.append(len(rows))
        return np.float64(0)

    def function(x):
        zero = tf.numpy_function(note, [x], tf.float64, stateful=False)
        return time_major(x) + tf.ensure_shape(zero, [])

    method = method_of(function, [(4, 3)], one_by_one((4, 3)))
    contributions(method, [ROWS], [REFERENCES[:1]], batch_size=8)
    assert max(seen) <= 8
    assert sum(seen) >= 5 * 13


def test_half_precision_keeps_its_differences():
    method = method_of(lambda x: tf.reduce_sum(x * x, [1, 2]), [(4, 3)], one_by_one((4, 3)), dtype=tf.float16)
    got = contributions(method, [ROWS.astype(np.float16)], [np.zeros((1, 4, 3), np.float16)])
    assert got.contributions[0].dtype == np.float16
    np.testing.assert_allclose(got.contributions[0], ROWS**2, atol=2e-2)


def test_sizes_seen_before_are_not_traced_again(monkeypatch):
    method = method_of(time_major, [(4, 3)], one_by_one((4, 3)))
    rows = GENERATOR.normal(size=(100, 4, 3))
    sizes = (100, 37, 64, 5, 1, 99)
    first = [contributions(method, [rows[:size]], [REFERENCES]).contributions[0] for size in sizes]

    def create(*arguments, **options):
        raise AssertionError("An op was created again.")

    monkeypatch.setattr(replay, "create", create)
    again = [contributions(method, [rows[:size]], [REFERENCES]).contributions[0] for size in sizes]
    for before, after in zip(first, again, strict=True):
        np.testing.assert_array_equal(before, after)
