import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.execution.problem import Problem
from skdeeplift.execution.references import References
from skdeeplift.execution.run import count_equal, outputs_at, run_once
from skdeeplift.targets.target import Target
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


def explain(method, rows, references, choice, **options):
    return run_once(Problem(method, [rows], Target(choice), references, **options))


def contributions(streams, references, **options):
    return explain(streams, ROWS, references, {(1,): 1.0}, **options)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("batch_size", [1, 2, 5, 16, 64, 1000])
def test_batch_size_does_not_matter(streams, batch_size):
    expected = contributions(streams, References([SHARED], False, EVEN))
    got = contributions(streams, References([SHARED], False, EVEN), batch_size=batch_size)
    for name in ("contributions", "prediction", "reference_value"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), rtol=1e-12, atol=1e-15)


@pytest.mark.sampled(3)
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
        assert set(got.of_sources) == {"multipliers"}
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
    np.testing.assert_allclose(
        got.of_sources["standard_error"][0], np.std(single, 0, ddof=1) / np.sqrt(7), rtol=1e-8, atol=1e-12
    )


def test_time_major_network_is_run_pair_by_pair():
    def time_major(x):
        return tf.reduce_sum(tf.transpose(tf.nn.relu(tf.transpose(x, [1, 0, 2])), [1, 0, 2]), 2)

    streams = streams_of(time_major, (4, 3))
    rows, references = GENERATOR.normal(size=(5, 4, 3)), GENERATOR.normal(size=(3, 4, 3))
    for batch_size in (1, 6, 100):
        shared = References([references], False, np.full(3, 1 / 3))
        got = explain(streams, rows, shared, {(2,): 1.0}, batch_size=batch_size)
        np.testing.assert_allclose(
            got.contributions[0].sum((1, 2)), got.prediction - got.reference_value, rtol=0, atol=1e-12
        )
        np.testing.assert_allclose(got.prediction, np.maximum(rows, 0)[:, 2].sum(1))


def test_only_batch_size_that_a_network_has():
    streams = streams_of(tf.nn.relu, (5,))
    got = contributions(streams, References([SHARED], False, EVEN), fixed=4)
    expected = contributions(streams, References([SHARED], False, EVEN))
    np.testing.assert_allclose(got.contributions[0], expected.contributions[0], rtol=1e-12)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("batch_size", [1, 2, 7, 20, 1000])
@pytest.mark.parametrize("of_rows", [False, True])
def test_all_targets_at_once_equal_one_after_the_other(streams, batch_size, of_rows):
    references = np.broadcast_to(SHARED, (11, 7, 5)).copy() if of_rows else SHARED
    references = References([references], of_rows, EVEN)
    wanted = ("contributions", "squares", "multipliers")
    together = explain(streams, ROWS, references, "all", batch_size=batch_size, wanted=wanted)
    assert together.prediction.shape == together.reference_value.shape == (11, 3)
    for target in range(3):
        alone = explain(streams, ROWS, references, {(target,): 1.0}, wanted=wanted)
        for name in ("contributions", "standard_error", "multipliers"):
            np.testing.assert_allclose(
                together.of_sources[name][0][..., target], alone.of_sources[name][0], rtol=1e-8, atol=1e-12
            )
        np.testing.assert_allclose(together.prediction[:, target], alone.prediction)
        np.testing.assert_allclose(together.reference_value[:, target], alone.reference_value)


def test_all_targets_of_a_time_major_network():
    def time_major(x):
        return tf.reduce_sum(tf.transpose(tf.nn.relu(tf.transpose(x, [1, 0, 2])), [1, 0, 2]), 2)

    streams = streams_of(time_major, (4, 3))
    rows, references = GENERATOR.normal(size=(5, 4, 3)), GENERATOR.normal(size=(3, 4, 3))
    got = explain(streams, rows, References([references], False, np.full(3, 1 / 3)), "all")
    assert got.contributions[0].shape == (5, 4, 3, 4)
    np.testing.assert_allclose(
        got.contributions[0].sum((1, 2)), got.prediction - got.reference_value, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_outputs_at_rows(streams, batch_size):
    expected = np.tanh(np.maximum(ROWS @ WEIGHTS, 0))
    np.testing.assert_allclose(outputs_at(streams, [ROWS], batch_size), expected, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 10, 1000])
def test_standard_error_of_weighted_references(streams, batch_size):
    """The error is the root of the sum of squared weights times the variance.

    A weighted mean square underestimates the variance by a factor of one minus the sum of squared weights.
    """
    weights = np.array([0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05])
    single = np.array(
        [contributions(streams, References([SHARED[[each]]], False, np.ones(1))).contributions[0] for each in range(7)]
    )
    got = contributions(
        streams, References([SHARED], False, weights), batch_size=batch_size, wanted=("contributions", "squares")
    )
    mean = np.tensordot(weights, single, 1)
    variance = np.tensordot(weights, (single - mean) ** 2, 1) / (1 - np.sum(weights**2))
    np.testing.assert_allclose(got.of_sources["standard_error"][0], np.sqrt(variance * np.sum(weights**2)), rtol=1e-7)
    np.testing.assert_allclose(got.contributions[0], mean, rtol=1e-12)
    values = np.tanh(np.maximum(SHARED @ WEIGHTS, 0))[:, 1]
    np.testing.assert_allclose(got.reference_value, weights @ values, rtol=1e-12)
    spread = np.sqrt(weights @ (values - weights @ values) ** 2)
    np.testing.assert_allclose(got.reference_spread, spread, rtol=1e-7)


def test_rows_are_run_once_for_all_references_of_their_own(streams, monkeypatch):
    calls = []
    forward = streams.forward
    monkeypatch.setattr(streams.runs, "forward", lambda rows: calls.append(len(rows[0])) or forward(rows))
    of_rows = np.broadcast_to(SHARED, (11, 7, 5)).copy()
    contributions(streams, References([of_rows], True, EVEN), batch_size=2)
    # Chunks of one row and two references, of which four make up seven, and the row once.
    assert sorted(calls) == [1] * 11 + [2] * 44


def test_references_that_equal_their_row():
    rows = np.array([[1, 2], [3, 4]])
    references = np.array([[[1, 2], [1, 3], [1, 2]], [[4, 3], [0, 0], [3, 0]]])
    assert count_equal([(references, rows)]).tolist() == [2, 0]
    other = np.array([[[5], [5], [6]]] * 2), np.array([[5], [5]])
    assert count_equal([(references, rows), other]).tolist() == [1, 0]
