"""Shuffles that TensorFlow makes, and that keep all pairs of neighbouring letters."""

import itertools
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.references import DinucleotideShuffle, Shuffle
from skdeeplift.references.tensor_shuffles import SHUFFLES

GENERATOR = np.random.default_rng(0)


def shuffles_of(rows, number, reference=DinucleotideShuffle, seed=0, traced=False, **parameters):
    shuffle = SHUFFLES[reference](reference(**parameters).fit(rows), seed)
    function = tf.function(shuffle) if traced else shuffle
    return function(tf.constant(rows), tf.range(number)).numpy()


def pairs_of(columns):
    """Count the pairs of neighbouring columns of a sequence."""
    names = [column.tobytes() for column in columns]
    return Counter(itertools.pairwise(names))


@pytest.mark.parametrize("axis", [1, 2])
def test_pairs_of_neighbours_stay(axis):
    """Also frequencies, unknown letters and missing letters inside; padding at the ends is not moved."""
    rows = np.eye(4, dtype=np.float32)[GENERATOR.integers(4, size=(6, 40))]
    rows[0, 5], rows[0, 9], rows[0, 20] = 0.25, [0.5, 0.5, 0, 0], 0
    rows[1, :7], rows[1, 30:] = 0, 0
    rows[2, 1:], rows[3], rows[4] = 0, 0, rows[4, :1]
    shuffled = shuffles_of(np.moveaxis(rows, 2, axis), 8, axis=axis, traced=True)
    shuffled = np.moveaxis(shuffled, axis + 1, 3)
    assert shuffled.dtype == np.float32
    for row, of_row in zip(rows, shuffled, strict=True):
        for each in of_row:
            assert pairs_of(each) == pairs_of(row)
    assert not shuffled[1, :, :7].any()
    assert not shuffled[1, :, 30:].any()
    for row in (0, 1, 5):
        assert len({each.tobytes() for each in shuffled[row]}) == 8
    np.testing.assert_array_equal(shuffled[2:5], np.repeat(rows[2:5, None], 8, 1))


def test_tokens():
    tokens = np.array([[0, 0, 3, 1, 3, 2, 3, 1, 2, 0], [4, 1, 4, 2, 4, 1, 1, 2, 4, 4]], np.int32)
    for row, of_row in zip(tokens, shuffles_of(tokens, 6, padding=0), strict=True):
        for each in of_row:
            assert pairs_of(each) == pairs_of(row)
    assert not shuffles_of(tokens, 6, padding=0)[0, :, [0, 1, 9]].any()


@pytest.mark.parametrize("text", ["ACAGA", "ABCABDBA", "AABABB"])
def test_each_shuffle_is_as_probable(text):
    """All orders with the same pairs, as the NumPy code finds them, are drawn equally often."""
    tokens = np.array([list(text.encode())], np.int32)
    drawn = Counter(each.tobytes() for each in shuffles_of(tokens, 4000)[0])
    by_numpy = Counter(each.tobytes() for each in DinucleotideShuffle().fit(tokens).sample(tokens, 4000, 1)[0])
    assert drawn.keys() == by_numpy.keys()
    expected = 4000 / len(drawn)
    assert all(abs(count - expected) < 5 * np.sqrt(expected) for count in drawn.values())


@pytest.mark.parametrize("reference", [Shuffle, DinucleotideShuffle])
def test_a_shuffle_depends_on_its_row_the_seed_and_its_number_alone(reference):
    rows = np.eye(4, dtype=np.float32)[GENERATOR.integers(4, size=(5, 30))]
    rows[4, 3] = [0.5, 0, 0.5, 0]
    every = shuffles_of(rows, 6, reference)
    shuffle = SHUFFLES[reference](reference().fit(rows), 0)
    some = shuffle(tf.constant(rows[[2, 0, 2]]), tf.constant([4, 1])).numpy()
    np.testing.assert_array_equal(some, every[[2, 0, 2]][:, [4, 1]])
    assert not np.array_equal(shuffles_of(rows, 6, reference, seed=1), every)
