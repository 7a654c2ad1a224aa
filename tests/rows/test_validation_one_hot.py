import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer
from skdeeplift.rows.validation import find_letters
from skdeeplift.sequences import one_hot


def sequences(length=7):
    return np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (3, length))]


def test_the_axis_is_found_wherever_it_is():
    assert find_letters(sequences(), True, "X") == 1
    assert find_letters(np.moveaxis(sequences(), 2, 1), True, "X") == 0
    assert find_letters(sequences()[:, None], True, "X") == 2


def test_letters_that_are_not_known():
    X = sequences()
    X[0, :2] = 0
    assert find_letters(X, True, "X") == 1
    X[1, :3] = 0.25
    assert find_letters(X, True, "X") == 1


def test_a_square_of_letters_needs_a_name():
    X = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    with pytest.raises(ValueError, match=r"axes \[1, 2\] may all be the one.*hypothetical=2"):
        find_letters(X, True, "X")
    assert [find_letters(X, axis, "X") for axis in (1, 2, -1)] == [0, 1, 1]


def test_few_positions_may_be_letters_too():
    X = np.zeros((1, 5, 4))
    X[0, range(4), range(4)] = 1
    with pytest.raises(ValueError, match="may all be the one"):
        find_letters(X, True, "X")


@pytest.mark.parametrize("axis", [True, 2, -1])
def test_what_is_not_one_hot(axis):
    with pytest.raises(ValueError, match=r"hypothetical=.*(exactly one entry is 1|not one-hot)"):
        find_letters(np.random.default_rng(0).normal(size=(3, 7, 4)), axis, "X")


@pytest.mark.parametrize("axis", [0, 3, -3, -4])
def test_axes_that_are_not_there(axis):
    with pytest.raises(ValueError, match=f"hypothetical={axis} is no axis of X's features"):
        find_letters(sequences(), axis, "X")


def test_letters_that_are_known_in_part():
    """A purine, A or G, as IUPAC's R."""
    X = sequences()
    X[1, 3] = [0.5, 0, 0.5, 0]
    assert find_letters(X, True, "X") == find_letters(X, 2, "X") == 1
    X[2, 5] = [0.5, 0, 0.4, 0]
    with pytest.raises(ValueError, match=r"row 2 holds \[0\.5, 0\.0, 0\.4\d*, 0\.0\] at position 5\. Expected one 1"):
        find_letters(X, 2, "X")
    with pytest.raises(ValueError, match="the entries sum to one"):
        find_letters(X, True, "X")


@pytest.mark.parametrize("rows", [["ACGT", "GGGT"], np.array(["ACGT", "GGGT"])])
def test_strings_are_told_how_to_become_letters(rows):
    network = keras.Sequential([keras.Input((4, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
    with pytest.raises(
        ValueError, match=r"holds 'ACGT' of row 0.*fit\(one_hot\(X\)\), by skdeeplift.sequences.one_hot"
    ):
        DeepLiftExplainer(network).fit(rows)
    assert DeepLiftExplainer(network).fit(one_hot(rows)).transform(one_hot(rows)).shape == (2, 4, 4)
