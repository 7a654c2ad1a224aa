import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.execution.run import References, run
from tests.functions import streams_of

GENERATOR = np.random.default_rng(0)
WEIGHTS = GENERATOR.normal(size=(5, 3))
ROWS, SHARED = GENERATOR.normal(size=(11, 5)), GENERATOR.normal(size=(7, 5))
EVEN = np.full(7, 1 / 7)


def network(x):
    return tf.tanh(tf.nn.relu(x @ tf.constant(WEIGHTS)))


@pytest.fixture(scope="module")
def streams():
    return streams_of(network, (5,))


def contributions(streams, references, **options):
    return run(streams, [ROWS], references, {(1,): 1.0}, **options)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 16, 64, 1000])
def test_batch_size_does_not_matter(streams, batch_size):
    expected = contributions(streams, References([SHARED], False, EVEN))
    got = contributions(streams, References([SHARED], False, EVEN), batch_size=batch_size)
    for name in ("contributions", "prediction", "reference_value"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_references_of_rows_equal_to_shared_ones(streams, batch_size):
    expected = contributions(streams, References([SHARED], False, EVEN))
    of_rows = np.broadcast_to(SHARED, (11, 7, 5)).copy()
    got = contributions(streams, References([of_rows], True, EVEN), batch_size=batch_size)
    np.testing.assert_allclose(got.contributions[0], expected.contributions[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(got.reference_value, expected.reference_value, rtol=1e-12)


def test_weights_of_references(streams):
    """Weight 3 of 4 on one reference is the mean over it three times and the other once."""
    expected = contributions(streams, References([SHARED[[0, 0, 0, 1]]], False, np.full(4, 0.25)))
    for batch_size in (1, 100):
        got = contributions(
            streams,
            References([SHARED[:2]], False, np.array([0.75, 0.25])),
            batch_size=batch_size,
            wanted=("multipliers",),
        )
        assert got.contributions is None
        got = contributions(streams, References([SHARED[:2]], False, np.array([0.75, 0.25])), batch_size=batch_size)
        np.testing.assert_allclose(got.contributions[0], expected.contributions[0], rtol=1e-12)
        np.testing.assert_allclose(got.reference_value, expected.reference_value, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 10, 1000])
def test_standard_error_is_that_of_the_mean_over_references(streams, batch_size):
    single = [
        contributions(streams, References([SHARED[[each]]], False, np.ones(1))).contributions[0] for each in range(7)
    ]
    got = contributions(
        streams, References([SHARED], False, EVEN), batch_size=batch_size, wanted=("contributions", "squares")
    )
    np.testing.assert_allclose(got.standard_error[0], np.std(single, 0, ddof=1) / np.sqrt(7), rtol=1e-8, atol=1e-12)


def test_time_major_network_is_run_pair_by_pair():
    def time_major(x):
        return tf.reduce_sum(tf.transpose(tf.nn.relu(tf.transpose(x, [1, 0, 2])), [1, 0, 2]), 2)

    streams = streams_of(time_major, (4, 3))
    rows, references = GENERATOR.normal(size=(5, 4, 3)), GENERATOR.normal(size=(3, 4, 3))
    for batch_size in (1, 6, 100):
        got = run(
            streams, [rows], References([references], False, np.full(3, 1 / 3)), {(2,): 1.0}, batch_size=batch_size
        )
        np.testing.assert_allclose(
            got.contributions[0].sum((1, 2)), got.prediction - got.reference_value, rtol=0, atol=1e-12
        )
        np.testing.assert_allclose(got.prediction, np.maximum(rows, 0)[:, 2].sum(1))


def test_only_batch_size_that_a_network_has():
    streams = streams_of(tf.nn.relu, (5,))
    got = run(streams, [ROWS], References([SHARED], False, EVEN), {(1,): 1.0}, fixed=4)
    expected = run(streams, [ROWS], References([SHARED], False, EVEN), {(1,): 1.0})
    np.testing.assert_allclose(got.contributions[0], expected.contributions[0], rtol=1e-12)
