import numpy as np
import pytest

from skdeeplift.references.random_paths import are_letters, encode_sequences, find_letter_axis

# A, C, none, a letter that is not known, and G of an alphabet of three.
COLUMNS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0, 0, 1]], np.float32)


def test_what_is_a_letter():
    others = np.array([[1, 1, 0], [2, 0, 0], [-1, 0, 0], [0.5, 0.5, 0], [0.3, 0.3, 0.3]])
    assert are_letters(COLUMNS, 1).all()
    assert not are_letters(others, 1).any()


@pytest.mark.parametrize("axis", [1, 2])
def test_the_axis_of_letters_is_found(axis):
    X = np.moveaxis(COLUMNS[None], 2, axis)
    assert all(find_letter_axis(X, parameter, "It") == axis for parameter in (None, axis - 3, axis))
    assert find_letter_axis(X[:, :, None], None, "It") == (axis if axis == 1 else axis + 1)


def test_tokens_and_text_have_no_axis():
    assert find_letter_axis(np.array([[3, 5]]), None, "It") is None
    assert find_letter_axis(np.array(["AC"]), None, "It") is None
    assert find_letter_axis(np.array(["AC", "A"], object), None, "It") is None
    with pytest.raises(ValueError, match=r"It takes one-hot letters\. Got an array of shape \(1, 2\)"):
        find_letter_axis(np.array([[3, 5]]), None, "It", one_hot_only=True)


@pytest.mark.parametrize("axis", [0, 3, -3])
def test_no_such_axis(axis):
    with pytest.raises(ValueError, match=f"It with axis={axis} takes sequences with their letters on that axis"):
        find_letter_axis(COLUMNS[None], axis, "It")


def references_of(coded):
    """Each sequence as its own only reference."""
    return coded.decode(coded.codes[:, None])[:, 0]


def test_one_hot_letters_and_back():
    """Codes of three letters are 0 to 2, of none 3, of one that is not known 4; none at an end is padding."""
    X = np.stack([COLUMNS, np.roll(COLUMNS, 2, 0), np.zeros_like(COLUMNS)])
    coded = encode_sequences(X, 2, None, "It")
    np.testing.assert_array_equal(coded.codes, [[0, 1, 3, 4, 2], [4, 2, 0, 1, 3], [3] * 5])
    assert coded.n_letters == 5
    np.testing.assert_array_equal(coded.starts, [0, 0, 0])
    np.testing.assert_array_equal(coded.lengths, [5, 4, 0])
    np.testing.assert_array_equal(references_of(coded), X)
    moved = encode_sequences(np.moveaxis(X, 2, 1), 1, None, "It")
    np.testing.assert_array_equal(moved.codes, coded.codes)
    np.testing.assert_array_equal(references_of(moved), np.moveaxis(X, 2, 1))


def test_tokens_are_numbered_within_their_row():
    tokens = np.array([[0, 70, 5, 70, 0], [9, 9, 0, 9, 0]])
    coded = encode_sequences(tokens, None, 0, "It")
    np.testing.assert_array_equal(coded.codes, [[0, 2, 1, 2, 0], [1, 1, 0, 1, 0]])
    assert coded.n_letters == 3
    np.testing.assert_array_equal(coded.starts, [1, 0])
    np.testing.assert_array_equal(coded.lengths, [3, 4])
    np.testing.assert_array_equal(references_of(coded), tokens)


def test_text_of_different_lengths():
    coded = encode_sequences(np.array(["-AB-A", "CC"]), None, "-", "It")
    np.testing.assert_array_equal(coded.starts, [1, 0])
    np.testing.assert_array_equal(coded.lengths, [4, 2])
    assert references_of(coded).tolist() == ["-AB-A", "CC"]


@pytest.mark.parametrize(
    ("X", "padding", "message"),
    [
        (np.array([[1, 2]]), "A", "padding= takes an integer, as X does. Got 'A'"),
        (np.array(["AB"]), 0, "padding= takes one character, as X does. Got 0"),
        (np.array(["AB"]), "AB", "padding= takes one character"),
    ],
)
def test_padding_of_another_kind(X, padding, message):
    with pytest.raises(ValueError, match=message):
        encode_sequences(X, None, padding, "It")


def test_the_first_position_that_is_no_letter_is_named():
    X = np.eye(4)[[[0, 1, 2, 3, 0], [1, 1, 1, 2, 3]]]
    X[1, 3] = [0.5, 0, 0.25, 0]
    message = r"row 1 holds \[0\.5, 0\.0, 0\.25, 0\.0\] at position 3"
    for axis in (None, 2):
        with pytest.raises(ValueError, match=f"Along axis 2, {message}"):
            find_letter_axis(X, axis, "It")
    with pytest.raises(ValueError, match=message):
        encode_sequences(X, 2, None, "It")
    image = np.zeros((1, 2, 3, 4))
    image[0, 1, 2] = 2
    with pytest.raises(ValueError, match=r"row 0 holds \[2\.0, 2\.0, 2\.0, 2\.0\] at position \(1, 2\)"):
        find_letter_axis(image, 3, "It")


def test_columns_of_frequencies_are_letters_of_their_own():
    """Their codes do not depend on other rows, and letters have the codes that they have without such columns."""
    X = np.eye(4)[[[0, 1, 2, 3, 0, 1], [1, 1, 1, 2, 3, 0], [2, 2, 1, 0, 0, 0]]]
    X[1, 3], X[1, 5], X[1, 0] = [0.5, 0, 0.5, 0], [0.5, 0, 0.5, 0], [0, 0.1, 0.2, 0.7]
    X[2, 1], X[2, 2] = 0.25, 0
    assert find_letter_axis(X, None, "It") == 2
    coded = encode_sequences(X, 2, None, "It")
    np.testing.assert_array_equal(coded.codes, [[0, 1, 2, 3, 0, 1], [6, 1, 1, 7, 3, 7], [2, 5, 4, 0, 0, 0]])
    np.testing.assert_array_equal(references_of(coded), X)
    alone = encode_sequences(X[1:2], 2, None, "It")
    np.testing.assert_array_equal(alone.codes, coded.codes[1:2])
    first = np.moveaxis(X, 2, 1)
    np.testing.assert_array_equal(references_of(encode_sequences(first, 1, None, "It")), first)
