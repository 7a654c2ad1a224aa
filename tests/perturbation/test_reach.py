"""Reaches of mutations, against sets of positions."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.perturbation.reach import Reach, cut_windows, find_inside, join, place

LENGTH = 12
START = Reach(1, np.arange(LENGTH), 1, LENGTH)


@pytest.mark.parametrize("left", [-2, 0, 3])
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_sliding_covers_what_reads_a_window(left, size, stride):
    length = (LENGTH + 2 * left - size) // stride + 1
    found = START.slide(1, LENGTH, left=1, size=3).slide(1, length, left=left, size=size, stride=stride)
    before = START.slide(1, LENGTH, left=1, size=3)
    read = before.read_by(found, left=left, size=size, stride=stride)
    for at in range(LENGTH):
        changed = set(range(at - 1, at + 2))
        expected = [
            each for each in range(length) if changed & set(range(each * stride - left, each * stride - left + size))
        ]
        window = range(found.first[at], found.first[at] + found.width)
        assert set(expected) <= set(window)
        # The first position of the window reads no earlier than its inputs begin.
        assert read.first[at] == window[0] * stride - left
        assert read.first[at] + read.width == window[-1] * stride - left + size
    if stride == 1:
        assert found.width == size + 2


def test_joined_windows_cover_both():
    wider, shifted = START.slide(1, LENGTH, left=2, size=5), START.slide(1, LENGTH, left=-1)
    joined = join([START, wider, shifted])
    assert joined.width == 5
    np.testing.assert_array_equal(joined.first, wider.first)
    assert join([START]) is START
    assert START.is_inside
    assert not wider.is_inside


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
def test_windows_are_placed_and_cut(axis, stride):
    own = Reach(axis, np.arange(LENGTH) // stride - 1, 3, LENGTH)
    at = np.array([0, 5, 11, 4])
    shape = [8, 2, 2]
    shape[axis] = 3
    changes = np.random.default_rng(0).normal(size=shape)
    wholes = place(tf.constant(changes), own, own.whole, tf.constant(at), 2).numpy()
    wider = Reach(axis, np.arange(LENGTH) // stride - 3, 8, LENGTH)
    placed = place(tf.constant(changes), own, wider, tf.constant(at), 2).numpy()
    for number, (window, whole, moved) in enumerate(zip(changes, wholes, placed, strict=True)):
        first = own.first[at[number // 2]]
        window, whole, moved = (np.moveaxis(each, axis - 1, 0) for each in (window, whole, moved))
        expected = np.zeros((LENGTH, 2))
        for offset in range(3):
            if 0 <= first + offset < LENGTH:
                expected[first + offset] = window[offset]
        np.testing.assert_array_equal(whole, expected)
        np.testing.assert_array_equal(moved[2:5], window)
        assert not moved[:2].any()
        assert not moved[5:].any()


@pytest.mark.parametrize("shape", [(3, LENGTH, 2), (3, 1, LENGTH, 2), (3, 4, LENGTH), (3, 4, LENGTH, 2)])
def test_cut_windows(shape):
    axis = shape.index(LENGTH)
    reach = Reach(axis, np.arange(LENGTH) - 2, 4, LENGTH)
    rows, at = np.array([0, 2, 1, 2]), np.array([0, 6, 11, 3])
    values = np.random.default_rng(0).normal(size=shape)
    windows = cut_windows(tf.constant(values), reach, tf.constant(rows, tf.int32), tf.constant(at)).numpy()
    inside = find_inside(reach, tf.constant(at), len(shape)).numpy()
    for number, (row, position) in enumerate(zip(rows, at, strict=True)):
        places = position - 2 + np.arange(4)
        expected = values[row].take(places.clip(0, LENGTH - 1), axis - 1)
        np.testing.assert_array_equal(windows[number], expected)
        np.testing.assert_array_equal(inside[number].ravel(), (places >= 0) & (places < LENGTH))
