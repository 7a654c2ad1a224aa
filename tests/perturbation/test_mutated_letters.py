"""Which letters are mutated, and rows with them."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.perturbation.mutated_letters import Letters, find_entries, resolve_positions

LETTERS = Letters((5, 4), 1, (0, 1, 2, 3, 4))


def rows():
    values = np.eye(4)[[[0, 1, 2, 3, 0], [3, 3, 3, 3, 3]]]
    values[0, 2] = 0
    values[1, 4] = 0.25
    return values


def expected_mutations(values, positions):
    return {
        (row, at, letter)
        for row, at, letter in np.ndindex(values.shape)
        if at in positions and (values[row, at] != np.eye(values.shape[-1])[letter]).any()
    }


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("positions", [(0, 1, 2, 3, 4), (2,), (1, 4)])
def test_entries_are_all_mutations_that_differ(together, positions):
    for values in (rows(), np.random.default_rng(0).normal(size=(2, 5, 4))):
        entries = find_entries(values, LETTERS._replace(positions=positions), together)
        found = {
            (row, at, letter)
            for row, at, letters in zip(*(each.tolist() for each in entries), strict=True)
            for letter in letters
        }
        expected = expected_mutations(values, positions)
        if together and positions == (0, 1, 2, 3, 4):
            # Few runs do nothing, where some positions hold no letter and most do.
            assert entries.letters.size <= len(expected) + 6
        assert expected <= found
        assert together or entries.letters.size == len(expected)


def test_entries_are_cut_into_pieces_of_one_size():
    entries = find_entries(rows(), LETTERS, False)
    last = entries.padded(len(entries.rows) - 2, 5)
    np.testing.assert_array_equal(last.at, entries.at[[-2, -1, -1, -1, -1]])


@pytest.mark.parametrize(
    ("shape", "axis"), [((5, 4), 1), ((4, 5), 0), ((1, 5, 4), 2), ((4, 5, 1), 0), ((4,), 0), ((2, 3, 4), 2)]
)
def test_letters_are_moved_to_the_last_axis_and_back(shape, axis):
    letters = Letters(shape, axis, ())
    values = np.random.default_rng(0).normal(size=(3, *shape))
    last = letters.last(tf.constant(values))
    np.testing.assert_array_equal(last, letters.last(values))
    np.testing.assert_array_equal(letters.in_place(last), values)
    at, letter = letters.n_positions - 1, 1
    mutated = letters.mutate(last, tf.constant([at] * 3), tf.constant([letter] * 3)).numpy()
    moved = np.moveaxis(values, axis + 1, -1).reshape(3, -1, 4).copy()
    moved[:, at] = [0, 1, 0, 0]
    np.testing.assert_array_equal(letters.last(mutated), moved)
    shorter = letters.last(letters.shorten(last, tf.constant([0] * 3)).numpy())
    np.testing.assert_array_equal(shorter[:, :-1], letters.last(values)[:, 1:])
    assert not shorter[:, -1].any()
    assert (letters.reach is None) == (shape in ((4,), (2, 3, 4)))
    if letters.reach is not None:
        changes = letters.find_changes(last[:, at], tf.constant([[1, 2]] * 3)).numpy()
        assert changes.shape == (6, *(4 if place == axis else 1 for place in range(len(shape))))
        np.testing.assert_allclose(changes[0].ravel(), [0, 1, 0, 0] - letters.last(values)[0, at])


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, (0, 1, 2)), (slice(1, None), (1, 2)), (range(2), (0, 1)), ([2, -3, 2], (0, 2)), (np.array([1]), (1,))],
)
def test_positions_are_resolved(given, expected):
    assert resolve_positions(given, 3, "X") == expected
