"""Class labels in the place of indices."""

import numpy as np
import pytest

from skdeeplift.targets.target import as_indices

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
def test_labels_become_indices(target, labels, expected):
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
def test_labels_of_rows_become_indices(target, labels, expected):
    result = as_indices(target, labels)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("target", ["daisy", {"daisy": 1.0}, np.array(["rose", "daisy"])])
def test_unknown_labels(target):
    with pytest.raises(ValueError, match=r"'daisy'.*none of \['rose', 'tulip', 'aster'\]"):
        as_indices(target, WORDS)
    with pytest.raises(ValueError, match=r"names the class 40, which is none of \[10, 30, 20\]"):
        as_indices(40, NUMBERS)
