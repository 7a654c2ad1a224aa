"""Random samples of rows that come chunk by chunk."""

import numpy as np

from skdeeplift.references.reservoir import Reservoir


def test_all_rows_are_kept_in_order_while_they_fit():
    first = Reservoir(5).add([np.arange(3), np.arange(3) * 10])
    assert first.has_all
    second = first.add([np.arange(3, 5), np.arange(3, 5) * 10])
    assert second.has_all
    np.testing.assert_array_equal(second.arrays, [np.arange(5), np.arange(5) * 10])
    # The reservoir before stays as it is.
    assert len(first.keys) == 3
    third = second.add([np.arange(5, 9), np.arange(5, 9) * 10])
    assert not third.has_all
    assert third.n_rows == 9
    kept, times_ten = third.arrays
    assert len(kept) == 5
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(times_ten, kept * 10)


def test_rows_are_copies():
    rows = np.arange(3.0)
    reservoir = Reservoir(5).add([rows])
    rows[:] = -1
    np.testing.assert_array_equal(reservoir.arrays[0], [0, 1, 2])


def test_every_row_is_drawn_as_often_whatever_its_chunk():
    """Of 40 rows in chunks of 10, ten are kept: each in a quarter of 400 samples, up to four standard deviations."""
    counts = np.zeros(40)
    for seed in range(400):
        reservoir = Reservoir(10, seed)
        for start in range(0, 40, 10):
            reservoir = reservoir.add([np.arange(start, start + 10)])
        counts[reservoir.arrays[0]] += 1
    np.testing.assert_allclose(counts, 100, atol=4 * np.sqrt(400 * 0.25 * 0.75))


def test_rows_are_drawn_by_their_weights():
    """Of two rows one is kept; the row of weight 3 in three quarters of the samples."""
    kept = [Reservoir(1, seed).add([np.array([0, 1])], np.array([1.0, 3.0])).arrays[0][0] for seed in range(400)]
    np.testing.assert_allclose(np.mean(kept), 0.75, atol=4 * np.sqrt(0.75 * 0.25 / 400))
