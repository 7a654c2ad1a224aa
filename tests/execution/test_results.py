"""Sums over references by hand, of a made-up method of one source with two features."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.execution.results import Results, Sums, concatenate_results
from skdeeplift.propagation.pairing import Mode, Pairing, Request
from skdeeplift.targets.target import Target

METHOD = SimpleNamespace(contribution_dtypes=(np.float32,), uses_references=True, draws=1)
WANTED = ("contributions", "squares")
# Contributions of two rows to one target, against each of two references.
FIRST, SECOND = np.array([[[1.0, -2.0]], [[4.0, 0.0]]]), np.array([[[3.0, 2.0]], [[4.0, 8.0]]])


def problem_of(n_rows, target="single", wanted=WANTED, method=METHOD, n_targets=1):
    return SimpleNamespace(n_rows=n_rows, n_targets=n_targets, target=Target(target), wanted=wanted, method=method)


def chunk_of(places, number, weights=(1.0,), target=None, mode=Mode.SHARED, n_equal=None):
    """Return a chunk of some rows, with its references' weights."""
    weights = np.asarray(weights)
    request = Request(Pairing(mode, number, len(weights)), None, weights)
    return SimpleNamespace(places=places, start=0, stop=number, request=request, target=target, n_equal=n_equal)


def add(sums, chunk, first_target, *arrays):
    sums.add(chunk, first_target, [[tf.constant(array) for array in arrays]])


def add_both(weights, counts=None, method=METHOD):
    """Return the results of the two references, each added as one chunk."""
    sums = Sums(problem_of(2, method=method))
    for array, weight in zip((FIRST, SECOND), weights, strict=True):
        add(sums, chunk_of(slice(None), 2, [weight]), 0, array, array**2)
    if counts is not None:
        return sums.means(np.array(counts))
    return sums.finish(np.array([2, 2]), 1 / np.sum(np.square(weights)))


def test_weighted_means_and_standard_errors():
    """Weights 1/4 and 3/4: (1 + 9) / 4 = 2.5 and so on; 1.6 references of equal weight would be as good.

    The variances are 0.75 times the weighted squared deviation: 3/16 (3 - 1)^2 = 0.75, 3, 0 and 12.
    """
    results = add_both([0.25, 0.75])
    np.testing.assert_array_equal(results.contributions[0], [[2.5, 1.0], [4.0, 6.0]])
    assert results.contributions[0].dtype == np.float32
    errors = np.sqrt(np.array([[0.75, 3], [0, 12]]) / (1.6 - 1))
    np.testing.assert_allclose(results.of_sources["standard_error"][0], errors, rtol=1e-6)
    assert "squares" not in results.of_sources


def test_means_of_references_that_are_added_one_by_one():
    """With weights of one: the usual standard error s / sqrt(2) of two numbers, half of their difference."""
    results = add_both([1, 1], counts=[2, 2])
    np.testing.assert_array_equal(results.contributions[0], [[2, 0], [4, 4]])
    np.testing.assert_allclose(results.of_sources["standard_error"][0], [[1, 2], [0, 4]], rtol=1e-6)


def test_standard_error_of_one_reference_is_unknown():
    sums = Sums(problem_of(2), one_piece=True)
    add(sums, chunk_of(slice(None), 2), 0, FIRST, FIRST**2)
    results = sums.finish(np.array([1, 1]), 1.0)
    np.testing.assert_array_equal(results.contributions[0], FIRST[:, 0])
    assert np.isnan(results.of_sources["standard_error"][0]).all()


def test_rows_targets_and_padding_of_chunks_find_their_places():
    """Chunks of one row padded to two, and of two of three targets; the second target of the last chunk is padding."""
    sums = Sums(problem_of(2, "all", ("contributions", "positive_difference"), n_targets=3))
    for row in range(2):
        for first in (0, 2):
            values = 100 * row + 10 * (first + np.arange(2))[None, :, None] + np.arange(2.0)
            padded = np.concatenate([values, np.full_like(values, 1e9)])
            add(sums, chunk_of(slice(row, row + 1), 1), first, padded, padded[:, :1])
    results = sums.finish(np.ones(2, int), 1.0)
    expected = np.array([[[0, 10, 20], [1, 11, 21]], [[100, 110, 120], [101, 111, 121]]])
    np.testing.assert_array_equal(results.contributions[0], expected)
    # Differences are the same for all targets, and are added once.
    np.testing.assert_array_equal(results.of_sources["positive_difference"][0], expected[..., 0])


def test_sums_become_double_where_one_chunk_is_not_enough():
    sums = Sums(problem_of(1, wanted=("contributions",)), one_piece=True)
    add(sums, chunk_of(slice(None), 1, [1.0, 1.0]), 0, np.array([[[2.0**24]]], np.float32))
    sums.widen()
    add(sums, chunk_of(slice(None), 1, [1.0, 1.0]), 0, np.array([[[1.0]]]))
    # In single precision 2^24 + 1 is 2^24.
    assert sums.sums[0]["contributions"].item() == 2**24 + 1


def test_results_of_one_chunk_belong_to_the_caller():
    """Tensors cannot be written into, and have padded rows."""
    given = tf.reshape(tf.range(6.0), (3, 1, 2))
    sums = Sums(problem_of(2, wanted=("contributions",)), one_piece=True)
    add(sums, chunk_of(slice(0, 2), 2), 0, given)
    [array] = sums.finish(np.ones(2, int), 1.0).contributions
    array += 1
    np.testing.assert_array_equal(array, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(given[:, 0], [[0, 1], [2, 3], [4, 5]])


def test_nothing_is_added_when_a_tensor_cannot_be_read():
    """The first tensor is not added before memory runs out with the second, so that the chunk can be tried again."""

    class Failing:
        def __array__(self, *_args, **_options):
            raise MemoryError

    sums = Sums(problem_of(2))
    with pytest.raises(MemoryError):
        sums.add(chunk_of(slice(None), 2), 0, [[tf.constant(FIRST), Failing()]])
    assert sums.sums == [{}]


def test_values_at_rows_and_at_references():
    """The target y1 - y2: at rows 3 and -1; at references 1 and 5, weighted 1 to 3: 4, with a deviation of sqrt(3)."""
    target, weights = Target({(0,): 1.0, (1,): -1.0}), np.array([[[1.0, -1.0]]])
    sums = Sums(problem_of(2, {(0,): 1.0, (1,): -1.0}, ("contributions",)))
    chunk = chunk_of(slice(None), 2, [0.25, 0.75], target)
    sums.add_values(chunk, np.array([[5.0, 2.0], [0.0, 1.0]]), np.array([[[1.0, 0.0], [7.0, 2.0]]]), weights)
    add(sums, chunk, 0, FIRST)
    results = sums.finish(np.array([2, 2]), 1.6)
    np.testing.assert_array_equal(results.prediction, [3, -1])
    np.testing.assert_allclose(results.reference_value, [4, 4], rtol=1e-15)
    np.testing.assert_allclose(results.reference_spread, np.sqrt([3, 3]), rtol=1e-15)
    assert results.target is None


def test_values_of_all_classes_less_their_mean():
    """Of references (1, 0) and (7, 2), weighted 1 to 3, the first output less the mean is 0.5 and 2.5, on average 2."""
    target = Target("all", centered=True)
    sums = Sums(problem_of(1, "all", ("contributions",), n_targets=2))
    chunk = chunk_of(slice(None), 1, [0.25, 0.75], target)
    weights = target.weights(np.zeros((1, 2)))
    sums.add_values(chunk, np.array([[5.0, 2.0]]), np.array([[[1.0, 0.0], [7.0, 2.0]]]), weights)
    add(sums, chunk, 0, np.zeros((1, 2, 2)))
    results = sums.finish(np.array([2]), 1.6)
    np.testing.assert_allclose(results.prediction, [[1.5, -1.5]])
    np.testing.assert_allclose(results.reference_value, [[2, -2]])


def test_relative_errors_are_those_of_the_worst_target():
    """Of means (3, 4), of size 5: errors sqrt(25 - 9) and sqrt(16 - 16), 4 / 5; the other target's is 0, of 0 inf."""
    sums = Sums(problem_of(3, n_targets=2))
    means = np.array([[[3.0, 4.0], [1.0, 1.0]], [[1.0, 1.0]] * 2, [[0.0, 0.0], [1.0, 1.0]]])
    squares = np.array([[[25.0, 16.0], [1.0, 1.0]], [[1.0, 1.0]] * 2, [[1.0, 0.0], [1.0, 1.0]]])
    for _ in range(2):
        add(sums, chunk_of(slice(None), 3), 0, means, squares)
    np.testing.assert_allclose(sums.relative_standard_errors(np.arange(3), 2), [0.8, 0, np.inf])


def test_results_are_concatenated_and_replaced():
    first, second = add_both([0.25, 0.75]), add_both([0.5, 0.5])
    both = concatenate_results([first, second])
    np.testing.assert_array_equal(
        both.contributions[0], np.concatenate([first.contributions[0], second.contributions[0]])
    )
    assert both.target is both.n_steps is None
    both.replace_rows([0, 1], second)
    np.testing.assert_array_equal(both.contributions[0][:2], second.contributions[0])
    np.testing.assert_array_equal(both.contributions[0][2:], second.contributions[0])


def test_methods_without_references_have_no_results_of_references():
    results = add_both([0.25, 0.75], method=SimpleNamespace(**{**vars(METHOD), "uses_references": False}))
    assert results.reference_value is results.reference_spread is results.n_references is None
    assert isinstance(results, Results)


@pytest.mark.parametrize("n_rows", [1, 2], ids=["all rows", "some rows"])
def test_zeros_have_no_sign(n_rows):
    sums = Sums(problem_of(n_rows, wanted=("contributions",)), one_piece=True)
    add(sums, chunk_of(slice(0, 1), 1), 0, np.array([[[-0.0, 0.0, -1.0]]], np.float32))
    [of_source] = sums.sums
    assert np.signbit(of_source["contributions"])[:1].tolist() == [[[False, False, True]]]


def test_shuffles_that_equal_their_row_are_counted():
    sums, target = Sums(problem_of(3)), Target("single")
    for places, equal in (([0, 2], [1, 0]), ([0], [2])):
        number = len(places)
        chunk = chunk_of(places, number, target=target, n_equal=np.array(equal))
        sums.add_values(chunk, np.zeros((number, 1)), np.zeros((1, 1, 1)), np.ones((1, 1, 1)))
        add(sums, chunk, 0, np.zeros((number, 1, 2)), np.zeros((number, 1, 2)))
    assert sums.finish(np.full(3, 2), 2).n_equal.tolist() == [3, 0, 0]
