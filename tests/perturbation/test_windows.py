"""Occlusion by windows, by hand and against a slow loop of NumPy."""

from itertools import product

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from skdeeplift.perturbation.partition import Partition
from skdeeplift.perturbation.windows import OneByOne, Windows, make_covers
from skdeeplift.propagation.lookups import Source
from skdeeplift.targets.target import Target
from tests.perturbation.networks import contributions, method_of

GENERATOR = np.random.default_rng(0)


def windows_of(positions, window_shape, step):
    """List the positions in each window; windows start until all positions are covered, and are cut at the edge."""
    starts = (
        range(0, max(size - window, 0) + each, each)
        for size, window, each in zip(positions.shape, window_shape, step, strict=True)
    )
    cuts = (
        tuple(slice(first, first + size) for first, size in zip(each, window_shape, strict=True))
        for each in product(*starts)
    )
    return [positions[cut].ravel() for cut in cuts]


def by_loop(function, rows, reference, window_shape, step, by_size=False):
    """Occlusion, window by window and row by row."""
    positions = np.arange(rows[0].size).reshape(rows.shape[1:])
    total, count = np.zeros((len(rows), rows[0].size)), np.zeros(rows[0].size)
    for window in windows_of(positions, window_shape, step):
        for number, row in enumerate(rows):
            occluded = row.copy().ravel()
            occluded[window] = reference.ravel()[window]
            change = function(row[None]) - function(occluded.reshape(1, *row.shape))
            total[number, window] += change.item() / (len(window) if by_size else 1)
        count[window] += 1
    return (total / count).reshape(rows.shape)


def product_and_relu(x):
    flat = np.reshape(x, (len(x), -1))
    return np.maximum(flat @ np.sin(np.arange(flat.shape[1])), 0) + np.prod(flat[:, :3], 1)


def product_and_relu_of_tensorflow(x):
    flat = tf.reshape(x, (-1, int(np.prod(x.shape[1:]))))
    weights = tf.constant(np.sin(np.arange(flat.shape[1])))
    return tf.nn.relu(tf.linalg.matvec(flat, weights)) + tf.reduce_prod(flat[:, :3], 1)


def test_overlapping_windows_by_hand():
    """f = x0 * x1 + 3 * relu(x2 - 4), at (2, 5, 7) against (1, 0, 4): f(x) = 10 + 9 = 19.

    Windows of two: f(1, 0, 7) = 9, a change of 10; f(2, 0, 4) = 0, a change of 19. The first element has the first
    window's change, the last the second's, the middle one the mean of both, 14.5.
    """

    def function(x):
        return x[:, 0] * x[:, 1] + 3 * tf.nn.relu(x[:, 2] - 4)

    for by_size, divisor in ((False, 1), (True, 2)):
        method = method_of(
            function, [(3,)], lambda _, by_size=by_size: [OneByOne([Windows((3,), (2,), (1,), by_size)])]
        )
        got = contributions(method, [np.array([[2.0, 5.0, 7.0]])], [np.array([[1.0, 0.0, 4.0]])])
        np.testing.assert_allclose(got.contributions[0], np.array([[10, 14.5, 19]]) / divisor, rtol=1e-14)
        np.testing.assert_allclose([*got.prediction, *got.reference_value], [19, 0], atol=1e-14)


def test_a_smaller_window_covers_what_whole_windows_leave():
    """Windows of two elements, two apart, start at 0, 2 and 4 of five elements; the last holds one."""
    rows, reference = [np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])], [np.zeros((1, 5))]
    for by_size, expected in ((False, [3, 3, 7, 7, 5]), (True, [1.5, 1.5, 3.5, 3.5, 5])):
        windows = Windows((5,), (2,), (2,), by_size)
        method = method_of(lambda x: tf.reduce_sum(x, 1), [(5,)], lambda _, windows=windows: [OneByOne([windows])])
        got = contributions(method, rows, reference).contributions[0]
        np.testing.assert_allclose(got, [expected], rtol=1e-14)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("shape", "window_shape", "step"),
    [
        ((7,), (1,), (1,)),
        ((7,), (3,), (2,)),
        ((7,), (3,), (3,)),
        ((5, 6), (2, 3), (1, 2)),
        ((5, 6), (5, 6), (1, 1)),
        ((5, 6), (5, 4), (9, 3)),
        ((4, 5, 2), (3, 3, 2), (1, 1, 1)),
        ((4, 5, 2), (2, 2, 1), (2, 2, 1)),
        ((3, 2, 2, 2), (2, 1, 2, 1), (1, 1, 1, 1)),
    ],
)
def test_windows_equal_a_slow_loop(shape, window_shape, step):
    rows, reference = GENERATOR.normal(size=(3, *shape)), GENERATOR.normal(size=(1, *shape))
    for by_size in (False, True):
        method = method_of(
            product_and_relu_of_tensorflow,
            [shape],
            lambda _, by_size=by_size: [OneByOne([Windows(shape, window_shape, step, by_size)])],
        )
        got = contributions(method, [rows], [reference]).contributions[0]
        expected = by_loop(product_and_relu, rows, reference[0], window_shape, step, by_size)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_every_window_covers_what_a_slice_holds(data):
    axes = range(data.draw(st.integers(1, 3)))
    shape = tuple(data.draw(st.integers(1, 6)) for _ in axes)
    window_shape = tuple(data.draw(st.integers(1, size)) for size in shape)
    step = tuple(data.draw(st.integers(1, size)) for size in window_shape)
    windows = Windows(shape, window_shape, step)
    views = windows_of(np.arange(np.prod(shape)).reshape(shape), window_shape, step)
    covered = windows.find_covered(tf.range(-1, windows.number + 1)).numpy().reshape(windows.number + 2, -1)
    # What is before the first window and behind the last covers nothing: it belongs to other inputs.
    assert not covered[[0, -1]].any()
    assert [np.flatnonzero(row).tolist() for row in covered[1:-1]] == [view.tolist() for view in views]
    changes = np.random.default_rng(0).normal(size=(2, windows.number))
    expected = np.zeros((2, int(np.prod(shape))))
    for element in range(expected.shape[1]):
        expected[:, element] = changes[:, [element in view for view in views]].mean(1)
    got = windows.share_out(tf.constant(changes)).numpy()
    np.testing.assert_allclose(got, expected.reshape(2, *shape), rtol=0, atol=1e-13)


def test_windows_that_change_nothing_contribute_exactly_nothing():
    changes = np.zeros((1, 6))
    changes[0, :2] = 1 / 3, -1e9 / 7
    got = Windows((8,), (3,), (1,)).share_out(tf.constant(changes)).numpy()
    np.testing.assert_array_equal(got[0, 4:], 0)


def test_windows_over_one_of_several_inputs_at_a_time():
    def function(a, b):
        return tf.reduce_sum(a, 1) * tf.reduce_sum(b, [1, 2])

    method = method_of(
        function, [(3,), (2, 2)], lambda _: [OneByOne([Windows((3,), (2,), (1,)), Windows((2, 2), (1, 2), (1, 1))])]
    )
    a, b = np.array([[1.0, 2.0, 4.0]]), np.array([[[1.0, 2.0], [3.0, 5.0]]])
    got = contributions(method, [a, b], [np.zeros((1, 3)), np.zeros((1, 2, 2))]).contributions
    # f = 7 * 11; without a0 and a1, 4 * 11; without a1 and a2, 1 * 11; without a row of b, 7 * 8 or 7 * 3.
    np.testing.assert_allclose(got[0], [[33, 49.5, 66]])
    np.testing.assert_allclose(got[1], [[[21, 21], [56, 56]]])


def test_groups_share_their_change_evenly():
    """f = x0 * x2 + x1 at (2, 3, 4) against zero: without columns 0 and 2 a change of 8, without column 1 of 3."""
    method = method_of(
        lambda x: x[:, 0] * x[:, 2] + x[:, 1], [(3,)], lambda _: [OneByOne([Partition(np.array([0, 1, 0]), 2)])]
    )
    got = contributions(method, [np.array([[2.0, 3.0, 4.0]])], [np.zeros((1, 3))]).contributions[0]
    np.testing.assert_allclose(got, [[4, 3, 4]], rtol=1e-14)


@pytest.mark.slow
def test_batch_size_does_not_matter():
    weights = tf.constant(GENERATOR.normal(size=(12, 3)))
    shapes, windows = [(4, 3)], Windows((4, 3), (2, 2), (1, 1))
    method = method_of(lambda x: tf.tanh(tf.reshape(x, (-1, 12)) @ weights), shapes, lambda _: [OneByOne([windows])])
    rows, references = GENERATOR.normal(size=(7, 4, 3)), GENERATOR.normal(size=(5, 4, 3))
    given, wanted = np.array([0.1, 0.2, 0.3, 0.15, 0.25]), ("contributions", "squares")
    for target in (Target({(1,): 1.0}), Target("all"), Target("predicted"), Target(np.array([0, 1, 2, 0, 1, 2, 0]))):
        expected = contributions(method, [rows], [references], target, given, wanted=wanted)
        for batch_size in (1, 8, 50):
            got = contributions(method, [rows], [references], target, given, wanted=wanted, batch_size=batch_size)
            for name in ("contributions", "standard_error"):
                np.testing.assert_allclose(got.of_sources[name][0], expected.of_sources[name][0], rtol=1e-9, atol=1e-12)
        single = [contributions(method, [rows], [references[[each]]], target).contributions[0] for each in range(5)]
        np.testing.assert_allclose(expected.contributions[0], np.tensordot(given, single, 1), rtol=0, atol=1e-12)


NAMES = ["numbers", "image"]


def sources_of(*shapes):
    class Value:
        def __init__(self, shape):
            self.shape = tf.TensorShape((None, *shape))

    return [Source(Value(shape)) for shape in shapes]


def covers(shapes, names=None, columns=None, **parameters):
    parameters = {"window_shape": 1, "step": 1, "groups": None, "normalize": None, "layer": None} | parameters
    names = names or NAMES[: len(shapes)]
    return make_covers(sources_of(*shapes), names, columns, parameters)


def test_windows_of_each_input():
    for window_shape in ({"numbers": 3, "image": (2, 2)}, [3, (2, 2)]):
        first, second = covers([(5,), (4, 4)], window_shape=window_shape, step={"numbers": 1, "image": 2})
        assert (first.window_shape, first.step) == ((3,), (1,))
        assert (second.window_shape, second.step) == ((2, 2), (2, 2))
    assert covers([(4, 4)], window_shape=[2, 3])[0].window_shape == (2, 3)
    # A window that covers its axis needs no second one, however far away it would be.
    assert covers([(4, 4)], window_shape=[4, 3], step=[5, 3])[0].number == 2
    assert covers([(4, 4)], window_shape=np.int64(2))[0].window_shape == (2, 2)


@pytest.mark.parametrize(
    ("shapes", "parameters", "message"),
    [
        (
            [(4, 4, 1)],
            {"window_shape": 3},
            r"window_shape= \(3, 3, 3\) is larger than a row .* \(4, 4, 1\).*\(3, 3, 1\)",
        ),
        ([(4,)], {"window_shape": 5}, r"window_shape= \(5,\) is larger than a row of 'numbers'.* up to these"),
        ([(4, 4)], {"window_shape": (2, 2, 1)}, r"window_shape= has 3 entries, and a row of 'numbers' has 2 axes"),
        ([(4, 4)], {"step": (2,)}, r"step= has 1 entries, and a row of 'numbers' has 2 axes"),
        ([(4,)], {"step": 0}, r"step= takes whole numbers of at least 1 for 'numbers'. Got 0"),
        ([(4,)], {"window_shape": 2, "step": 3}, r"step= \(3,\) is larger than window_shape= \(2,\) for 'numbers'"),
        ([(4,)], {"window_shape": -1}, r"window_shape= takes whole numbers of at least 1"),
        ([(4,)], {"window_shape": (1.5,)}, r"window_shape= takes whole numbers of at least 1 .*1\.5"),
        ([(4,)], {"window_shape": (True,)}, r"window_shape= takes whole numbers"),
        (
            [(4,), (3, 3)],
            {"window_shape": {"numbers": 1}},
            r"window_shape= as a dict needs one entry for each of 'numbers'",
        ),
        ([(4,), (3, 3)], {"window_shape": [1, 1, 1]}, r"window_shape= as a list needs one entry for each.*Got 3"),
        ([(4,)], {"groups": [0, 0, 1, 1], "step": 2}, r"Pass groups= or windows, not both"),
        (
            [(4,), (3, 3)],
            {"groups": [0, 0, 1, 1]},
            r"groups= takes the columns of one input or layer, and this explainer has 2: 'numbers', 'image'",
        ),
        ([(4, None)], {}, r"'numbers' has shape \(None, 4, None\), and perturbed arrays need axes of known size"),
    ],
)
def test_windows_that_do_not_fit(shapes, parameters, message):
    with pytest.raises(ValueError, match=message):
        covers(shapes, **parameters)
