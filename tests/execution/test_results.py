"""Sums over references by hand, of a made-up method of one source with two features."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.execution.results import Results, Sums, dtype_of_contributions, joined
from skdeeplift.propagation.pairing import Mode, Pairing
from skdeeplift.targets.target import Target

SOURCE = SimpleNamespace(value=SimpleNamespace(dtype=tf.float32), starts=None)
METHOD = SimpleNamespace(sources=[SOURCE], target=SimpleNamespace(dtype=tf.float64), uses_references=True, draws=1)
WANTED = ("contributions", "squares")
# Of two rows and one target, what each of two references gives.
FIRST, SECOND = np.array([[[1.0, -2.0]], [[4.0, 0.0]]]), np.array([[[3.0, 2.0]], [[4.0, 8.0]]])


def added(weights, counts=None, target="single", method=METHOD):
    """What becomes of the two references, one chunk each."""
    sums = Sums(method, 2, 1, WANTED, one_piece=False)
    for array, weight in zip((FIRST, SECOND), weights, strict=True):
        sums.add(slice(None), 2, 0, [[array, array**2]], np.array([weight]))
    if counts is not None:
        sums.divide(np.array(counts))
    effective = 1 / np.sum(np.square(weights)) if counts is None else np.array(counts)
    return sums.finish(np.array([2, 2]), effective, Target(target))


def test_weighted_means_and_standard_errors():
    """Weights 1/4 and 3/4: (1 + 9) / 4 = 2.5 and so on; 1.6 references of equal weight would be as good.

    The variances are 0.75 times the weighted squared deviation: 3/16 (3 - 1)^2 = 0.75, 3, 0 and 12.
    """
    results = added([0.25, 0.75])
    np.testing.assert_array_equal(results.contributions[0], [[2.5, 1.0], [4.0, 6.0]])
    assert results.contributions[0].dtype == np.float32
    errors = np.sqrt(np.array([[0.75, 3], [0, 12]]) / (1.6 - 1))
    np.testing.assert_allclose(results.of_sources["standard_error"][0], errors, rtol=1e-6)
    assert "squares" not in results.of_sources


def test_means_of_what_was_added_one_by_one():
    """With weights of one: the usual standard error s / sqrt(2) of two numbers, half of what they differ by."""
    results = added([1, 1], counts=[2, 2])
    np.testing.assert_array_equal(results.contributions[0], [[2, 0], [4, 4]])
    np.testing.assert_allclose(results.of_sources["standard_error"][0], [[1, 2], [0, 4]], rtol=1e-6)


def test_of_one_reference_no_error_is_known():
    sums = Sums(METHOD, 2, 1, WANTED, one_piece=True)
    sums.add(slice(None), 2, 0, [[FIRST, FIRST**2]], np.ones(1))
    results = sums.finish(np.array([1, 1]), 1.0, Target("single"))
    np.testing.assert_array_equal(results.contributions[0], FIRST[:, 0])
    assert np.isnan(results.of_sources["standard_error"][0]).all()


def test_rows_targets_and_padding_of_chunks_find_their_places():
    """Chunks of one row padded to two, and of two targets at once, of which the last chunk's second is none."""
    sums = Sums(METHOD, 2, 3, ("contributions", "positive_difference"), one_piece=False)
    for row in range(2):
        for first in (0, 2):
            values = 100 * row + 10 * (first + np.arange(2))[None, :, None] + np.arange(2.0)
            padded = np.concatenate([values, np.full_like(values, 1e9)])
            sums.add(slice(row, row + 1), 1, first, [[padded, padded[:, :1]]], np.ones(1))
    results = sums.finish(np.ones(2, int), 1.0, Target("all"))
    expected = np.array([[[0, 10, 20], [1, 11, 21]], [[100, 110, 120], [101, 111, 121]]])
    np.testing.assert_array_equal(results.contributions[0], expected)
    # The same for all targets, and so added once.
    np.testing.assert_array_equal(results.of_sources["positive_difference"][0], expected[..., 0])


def test_sums_are_made_double_where_one_chunk_was_not_enough():
    sums = Sums(METHOD, 1, 1, ("contributions",), one_piece=True)
    sums.add(slice(None), 1, 0, [[np.array([[[2.0**24]]], np.float32)]], np.ones(2))
    sums.widen()
    sums.add(slice(None), 1, 0, [[np.array([[[1.0]]])]], np.ones(2))
    # In single precision 2^24 + 1 is 2^24.
    assert sums.sums[0]["contributions"].item() == 2**24 + 1


def test_what_one_chunk_gives_of_all_rows_belongs_to_the_caller():
    """Tensors are for reading only, and have padded rows."""
    given = tf.reshape(tf.range(6.0), (3, 1, 2))
    sums = Sums(METHOD, 2, 1, ("contributions",), one_piece=True)
    sums.add(slice(0, 2), 2, 0, [[given]], np.ones(1))
    [array] = sums.finish(np.ones(2, int), 1.0, Target(0)).contributions
    array += 1
    np.testing.assert_array_equal(array, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(given[:, 0], [[0, 1], [2, 3], [4, 5]])


def test_values_at_rows_and_at_references():
    """The target y1 - y2: of rows 3 and -1; of references 1 and 5, weighted 1 to 3, 4 with a deviation of sqrt(3)."""
    target, weights = Target({(0,): 1.0, (1,): -1.0}), np.array([[[1.0, -1.0]]])
    sums = Sums(METHOD, 2, 1, ("contributions",), one_piece=False)
    chunk = SimpleNamespace(
        places=slice(None), number=2, pairing=Pairing(Mode.SHARED, 2, 2), target=target, weights=np.array([0.25, 0.75])
    )
    sums.add_values(chunk, np.array([[5.0, 2.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [7.0, 2.0]]), weights)
    sums.add(slice(None), 2, 0, [[FIRST]], np.ones(2))
    results = sums.finish(np.array([2, 2]), 1.6, target)
    np.testing.assert_array_equal(results.prediction, [3, -1])
    np.testing.assert_allclose(results.reference_value, [4, 4], rtol=1e-15)
    np.testing.assert_allclose(results.reference_spread, np.sqrt([3, 3]), rtol=1e-15)
    assert results.target is None


def test_relative_errors_are_those_of_the_worst_target():
    """Of means (3, 4), of size 5: errors sqrt(25 - 9) and sqrt(16 - 16), 4 / 5; the other target's is 0, of 0 inf."""
    sums = Sums(METHOD, 3, 2, WANTED, one_piece=False)
    means = np.array([[[3.0, 4.0], [1.0, 1.0]], [[1.0, 1.0]] * 2, [[0.0, 0.0], [1.0, 1.0]]])
    squares = np.array([[[25.0, 16.0], [1.0, 1.0]], [[1.0, 1.0]] * 2, [[1.0, 0.0], [1.0, 1.0]]])
    for _ in range(2):
        sums.add(slice(None), 3, 0, [[means, squares]], np.ones(1))
    np.testing.assert_allclose(sums.relative_standard_errors(np.arange(3), 2), [0.8, 0, np.inf])


def test_parts_of_rows_are_joined_chosen_and_replaced():
    first, second = added([0.25, 0.75]), added([0.5, 0.5])
    both = joined([first, second])
    np.testing.assert_array_equal(
        both.contributions[0], np.concatenate([first.contributions[0], second.contributions[0]])
    )
    assert both.target is both.n_steps is None
    np.testing.assert_array_equal(both.of_rows([3]).prediction, second.prediction[[1]])
    both.replace_rows([0, 1], second)
    np.testing.assert_array_equal(both.contributions[0][:2], second.contributions[0])
    np.testing.assert_array_equal(both.contributions[0][2:], second.contributions[0])


def test_without_references_nothing_is_said_of_them():
    results = added([0.25, 0.75], method=SimpleNamespace(**{**vars(METHOD), "uses_references": False}))
    assert results.reference_value is results.reference_spread is results.n_references is None
    assert isinstance(results, Results)


def test_contributions_of_integers_have_the_dtype_of_the_output():
    assert dtype_of_contributions(SOURCE, METHOD) == np.float32
    assert dtype_of_contributions(SimpleNamespace(value=None, starts=[()]), METHOD) == np.float64


@pytest.mark.parametrize("n_rows", [1, 2], ids=["all rows", "some rows"])
def test_zeros_have_no_sign(n_rows):
    sums = Sums(METHOD, n_rows, 1, ("contributions",), one_piece=True)
    sums.add(slice(0, 1), 1, 0, [(np.array([[[-0.0, 0.0, -1.0]]], np.float32),)], np.ones(1))
    [of_source] = sums.sums
    assert np.signbit(of_source["contributions"])[:1].tolist() == [[[False, False, True]]]
