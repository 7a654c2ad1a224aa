import numpy as np
import pytest

from skdeeplift.references import BackgroundFrequency

GENERATOR = np.random.default_rng(0)


def one_hot(codes):
    return np.eye(4, dtype=np.float32)[codes]


def test_frequencies_of_letters():
    """Seven letters are known: the first one four times, the second one twice and the fourth one once."""
    X = one_hot([[0, 0, 1, 3], [0, 0, 1, 2]])
    X[1, 3] = 0.25
    expected = np.array([4, 2, 0, 1]) / 7
    for axis, moved in ((2, X), (1, np.moveaxis(X, 2, 1))):
        frequency = BackgroundFrequency(axis=axis).fit(moved)
        np.testing.assert_allclose(frequency.frequencies_, expected)
        reference = frequency.sample(moved, 5)
        assert reference.shape == (1, *moved.shape[1:])
        assert reference.dtype == np.float32
        np.testing.assert_allclose(np.moveaxis(reference, axis, -1)[0], np.tile(expected, (4, 1)), rtol=1e-6)


def test_given_frequencies():
    X = one_hot(GENERATOR.integers(0, 4, (3, 20)))
    given = [0.3, 0.2, 0.2, 0.3]
    np.testing.assert_allclose(BackgroundFrequency(given).fit(X).sample(X, 1)[0, 7], given, rtol=1e-6)
    for bad in ([0.5, 0.5], [0.5, 0.5, 0.5, 0.5], [-0.5, 0.5, 0.5, 0.5]):
        with pytest.raises(ValueError, match="4 numbers that sum to one"):
            BackgroundFrequency(bad).fit(X)
    with pytest.raises(ValueError, match="takes one-hot letters"):
        BackgroundFrequency().fit(np.zeros((3, 20), int))
    with pytest.raises(ValueError, match="no known letter"):
        BackgroundFrequency(axis=2).fit(np.zeros((3, 20, 4)))
