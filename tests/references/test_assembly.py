import numpy as np
import pytest

from skdeeplift.references.assembly import make_references

ROWS = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


def make(reference, arrays=(ROWS,), **options):
    names = ["X"] if len(arrays) == 1 else ["X['a']", "X['b']"]
    reference = reference if isinstance(reference, str) or len(arrays) > 1 else [reference]
    return make_references(reference, list(arrays), names, options.get("most", 5), np.random.RandomState(0))


def test_three_shapes():
    for reference, per_row, number in [
        (ROWS[0], False, 1),
        (ROWS[:3], False, 3),
        (np.repeat(ROWS[:, None], 2, 1), True, 2),
    ]:
        made = make(reference)
        assert made.per_row is per_row
        assert made.arrays[0].dtype == np.float32
        np.testing.assert_array_equal(made.weights, np.full(number, 1 / number))


def test_several_inputs_draw_the_same_rows():
    made = make("sample", [ROWS, ROWS[:, :2] * 10])
    np.testing.assert_array_equal(made.arrays[1], made.arrays[0][:, :2] * 10)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("unknown", "takes 'mean', 'median', 'zeros', 'minimum', 'sample', .* or an array"),
        (np.zeros((0, 4)), "at least one reference"),
        (np.zeros((2, 3)), r"shape \(2, 3\)"),
        (np.zeros((8, 2, 4)), "for 8 rows"),
        (np.full(4, np.inf), "infinity"),
    ],
)
def test_bad_references(reference, message):
    with pytest.raises(ValueError, match=message):
        make(reference)


def test_inputs_with_different_numbers_of_references():
    with pytest.raises(ValueError, match="same number of references"):
        make([ROWS[:2], ROWS[:3, :2]], [ROWS, ROWS[:, :2]])
