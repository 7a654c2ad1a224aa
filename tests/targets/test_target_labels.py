"""Class labels in the place of indices."""

import numpy as np
import pandas as pd
import pytest

from skdeeplift.targets.target import as_indices, has_entry_per_row

WORDS = np.array(["rose", "tulip", "aster"])
NUMBERS = np.array([10, 30, 20])


@pytest.mark.parametrize(
    ("target", "labels", "expected"),
    [
        ("tulip", WORDS, 1),
        (2, WORDS, 2),
        ("predicted", WORDS, "predicted"),
        ((1, 2), WORDS, (1, 2)),
        ({"aster": 1.0, "rose": -1.0}, WORDS, {2: 1.0, 0: -1.0}),
        (30, NUMBERS, 1),
        ({20: 2.0}, NUMBERS, {2: 2.0}),
    ],
)
def test_targets(target, labels, expected):
    assert as_indices(target, labels) == expected


@pytest.mark.parametrize(
    ("target", "labels", "expected"),
    [
        (["aster", "aster", "rose"], WORDS, [2, 2, 0]),
        (np.array([20, 10]), NUMBERS, [2, 0]),
        (np.array([2, 0]), WORDS, [2, 0]),
        (np.array([0.5, 0.5, -1.0]), NUMBERS, [0.5, 0.5, -1.0]),
        (np.array([1.0, 0.0]), np.array([0.0, 1.0]), [1, 0]),
    ],
)
def test_arrays(target, labels, expected):
    result = as_indices(target, labels)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("target", ["daisy", {"daisy": 1.0}, np.array(["rose", "daisy"])])
def test_unknown_labels(target):
    with pytest.raises(ValueError, match=r"'daisy'.*none of \['rose', 'tulip', 'aster'\]"):
        as_indices(target, WORDS)
    with pytest.raises(ValueError, match=r"names the class 40, which is none of \[10, 30, 20\]"):
        as_indices(40, NUMBERS)


@pytest.mark.parametrize(
    ("target", "labels", "expected"),
    [
        (None, None, False),
        ("all", WORDS, False),
        ("rose", WORDS, False),
        (1, NUMBERS, False),
        ((0, 1), None, False),
        ({0: 1.0}, None, False),
        (len, None, False),
        ([[1], [1, 2]], None, False),
        (np.zeros((2, 3), int), None, True),
        (np.zeros((2, 3)), None, True),
        (np.zeros((2, 3, 1)), None, False),
        ([(0, 1), (1, 2)], None, True),
        ([0, 1], None, True),
        (np.array([0, 1], np.uint8), WORDS, True),
        (["rose", "aster"], WORDS, True),
        (pd.Series(["rose", "aster"]), WORDS, True),
        ([0.5, 0.5], None, False),
        (np.array([1.0, 0.0]), NUMBERS, False),
        (np.array([1.0, 0.0]), WORDS, False),
        (np.array([1.0, 0.0]), np.array([0.0, 1.0]), True),
        (pd.Series([1.0, 0.0]), np.array([0.0, 1.0]), True),
        ([1.0, 0.0], [np.array([0.0, 1.0])] * 2, False),
    ],
)
def test_entries_of_rows(target, labels, expected):
    """An array of floats holds weights, unless the labels of the classes are floats too."""
    assert has_entry_per_row(target, labels, (5,)) is expected


def test_entries_of_lazy_rows():
    da = pytest.importorskip("dask.array")
    labels = np.array([0.0, 1.0])
    assert has_entry_per_row(da.zeros(3, dtype=int), None, (3,))
    assert not has_entry_per_row(da.zeros(3), None, (3,))
    assert has_entry_per_row(da.zeros(3), labels, (3,))
    assert has_entry_per_row(da.zeros((3, 2), dtype=int), None, (3, 4))
    assert has_entry_per_row(da.zeros((3, 2)), None, (2,))
    assert not has_entry_per_row(da.zeros((3, 2)), None, (3, 2))
