"""References that TensorFlow makes of rows."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.references import Blur, Held, NearestOther, Shuffle
from skdeeplift.references.assembly import make_references
from skdeeplift.references.tensor_references import as_tensors

GENERATOR = np.random.default_rng(0)
LETTERS = GENERATOR.integers(0, 4, size=(5, 12))
ONE_HOT = np.eye(4, dtype=np.float32)[LETTERS]
# Padding at both ends, and a column of frequencies.
ONE_HOT[0, :2], ONE_HOT[0, 9:], ONE_HOT[1, 3] = 0, 0, [0.5, 0.5, 0, 0]


def in_tensors(entries, arrays, number=6, seed=0):
    names = [f"input {place}" for place in range(len(arrays))]
    references = make_references(entries, arrays, names, number, seed, classes=lambda: np.arange(len(arrays[0])) % 2)
    return as_tensors(references, names), references


def made(references, arrays, numbers=None):
    numbers = references.numbers if numbers is None else numbers
    return [
        np.broadcast_to(array, (len(rows), *array.shape))
        if maker is None
        else maker(tf.constant(rows), numbers).numpy()
        for array, maker, rows in zip(references.arrays, references.makers, arrays, strict=True)
    ]


def test_references_that_all_rows_share():
    references, _ = in_tensors([np.arange(8.0).reshape(2, 4)], [np.zeros((3, 4))])
    np.testing.assert_array_equal(references.arrays[0], np.arange(8.0).reshape(2, 4))
    assert references.makers == [None]


@pytest.mark.parametrize("mode", ["nearest", "reflect", "mirror", "wrap", "constant"])
def test_blur_and_held_are_what_python_makes(mode):
    images, others = GENERATOR.normal(size=(3, 6, 5, 2)), GENERATOR.normal(size=(3, 4))
    constants = GENERATOR.normal(size=(3, 2, 4))[0]
    arrays = [images, others, others]
    references, own = in_tensors([Blur((1.5, 0.5), mode=mode), Held(), constants], arrays)
    expected = own.source(arrays)(0, 2)
    for found, of_input in zip(made(references, arrays), expected, strict=True):
        np.testing.assert_allclose(found, of_input, rtol=1e-12, atol=1e-14)
    assert references.held == (1,)


@pytest.mark.parametrize("axis", [1, 2])
def test_shuffles_of_one_hot_letters(axis):
    rows = np.moveaxis(ONE_HOT, 2, axis)
    references, _ = in_tensors([Shuffle(axis=axis)], [rows])
    [shuffled] = made(references, [rows])
    assert shuffled.shape == (5, 6, *rows.shape[1:])
    shuffled = np.moveaxis(shuffled, axis + 1, 3)
    # Padding stays, and the other columns are the row's own.
    assert not shuffled[0, :, :2].any()
    assert not shuffled[0, :, 9:].any()
    for row, own in zip(shuffled, ONE_HOT, strict=True):
        for each in row:
            np.testing.assert_array_equal(np.sort(each, 0), np.sort(own, 0))
            assert sorted(map(tuple, each)) == sorted(map(tuple, own))
            assert not np.array_equal(each, own)
    assert len({each.tobytes() for each in shuffled[2]}) == 6


def test_shuffles_depend_on_the_row_the_seed_and_the_number_alone():
    references, _ = in_tensors([Shuffle()], [ONE_HOT])
    [shuffled] = made(references, [ONE_HOT])
    [of_some] = made(references, [ONE_HOT[[3, 1, 3]]], np.array([4, 2], np.int32))
    np.testing.assert_array_equal(of_some, shuffled[[3, 1, 3]][:, [4, 2]])
    [others] = made(in_tensors([Shuffle()], [ONE_HOT], seed=1)[0], [ONE_HOT])
    assert not np.array_equal(others, shuffled)


def test_shuffles_of_tokens_leave_padding():
    tokens = np.array([[0, 0, 3, 1, 2, 3, 5, 0], [4, 1, 2, 3, 5, 6, 7, 8]], np.int32)
    references, _ = in_tensors([Shuffle(padding=0)], [tokens])
    [shuffled] = made(references, [tokens])
    assert shuffled.dtype == np.int32
    np.testing.assert_array_equal(np.sort(shuffled[0, :, 2:7], 1), [[1, 2, 3, 3, 5]] * 6)
    assert not shuffled[0][:, [0, 1, 7]].any()


def test_each_order_is_as_probable():
    """Of three letters there are six orders; each has a sixth of 6000 within five standard errors."""
    row = np.eye(3, dtype=np.float32)[None]
    references, _ = in_tensors([Shuffle(axis=2)], [row], number=6000)
    [shuffled] = made(references, [row])
    _, counts = np.unique(shuffled[0].argmax(-1), axis=0, return_counts=True)
    assert len(counts) == 6
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(6000 * 5 / 36)


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        (NearestOther(), "NearestOther"),
        (lambda X: X[:, None], "A function"),
    ],
)
def test_references_that_python_makes(reference, name):
    with pytest.raises(ValueError, match=f"{name} makes the references of input 0 in Python"):
        in_tensors(reference, [ONE_HOT])


def test_references_of_given_rows():
    with pytest.raises(ValueError, match="belong to the 3 rows of fit"):
        in_tensors([np.zeros((3, 2, 4))], [np.zeros((3, 4))])
