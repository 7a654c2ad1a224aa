"""Random bits against the published generator, trees against all that there are, paths by hand."""

from collections import Counter

import numpy as np
from scipy.stats import chisquare

from skdeeplift.references.random_paths import (
    COUNTER_STEP,
    draw_bits,
    draw_trees,
    encode_sequences,
    hash_rows,
    mix_bits,
    walk_paths,
)


def test_random_bits_are_those_of_splitmix64():
    """The first numbers of the generator, as published with it, for the seeds 0 and 1234567."""
    expected = [
        [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F],
        [6457827717110365317, 3203168211198807973, 9817491932198370423],
    ]
    got = draw_bits(np.array([0, 1234567], np.uint64), 3)
    np.testing.assert_array_equal(got, np.array(expected, np.uint64))
    np.testing.assert_array_equal(mix_bits(np.array([COUNTER_STEP])), got[0, :1])
    # In pieces, of which each has as many keys as stay in cache.
    many = draw_bits(np.arange(100, dtype=np.uint64), 1000)
    np.testing.assert_array_equal(many[57], draw_bits(np.array([57], np.uint64), 1000)[0])


def test_keys_are_those_of_letters_and_seed():
    coded = encode_sequences(np.array(["ACA", "ACA", "CAC", "ACC"]), None, None, "It")
    keys = hash_rows(coded, 3)
    assert keys[0] == keys[1]
    assert len(set(keys.tolist())) == 3
    assert not set(keys.tolist()) & set(hash_rows(coded, 4).tolist())
    np.testing.assert_array_equal(hash_rows(coded._replace(codes=coded.codes[2:]), 3), keys[2:])


def test_trees_are_as_frequent_as_their_edges():
    """In 0 1 0 2 1 2, 0 goes on to 1 or 2, and 1 to 0 or 2; all but the circle 0 -> 1 -> 0 are trees towards 2."""
    codes, number = np.array([[0, 1, 0, 2, 1, 2]]), 30_000
    edges, has_edge = draw_trees(codes, 3, np.zeros(number, int), np.arange(number, dtype=np.uint64))
    np.testing.assert_array_equal(has_edge, [[True, True, False]] * number)
    successors = codes[0, edges[:, :2] + 1]
    counts = Counter(map(tuple, successors.tolist()))
    assert set(counts) == {(1, 2), (2, 0), (2, 2)}
    assert chisquare(list(counts.values())).pvalue > 1e-4


def test_a_walk_takes_each_letters_successors_in_order():
    """After 0 come 1 and then 2, after 1 comes 0, after 2 nothing: 0 1 0 2; in the other order 0 2 ... ends wrong."""
    starts = np.array([[0, 2, 3]])
    letters = walk_paths(np.array([[1, 2, 0], [1, 2, 0]]), starts, np.array([0]), np.array([0, 0]))
    np.testing.assert_array_equal(letters, [[0, 1, 0, 2]] * 2)
    of_two = walk_paths(
        np.array([[1, 2, 0], [2, 0, 1]]), np.array([[0, 2, 3], [0, 1, 2]]), np.array([0, 1]), np.array([0, 1])
    )
    np.testing.assert_array_equal(of_two, [[0, 1, 0, 2], [1, 0, 2, 1]])
