import numpy as np
import pytest

from skdeeplift.references import Constant
from skdeeplift.references.assembly import make_references

ROWS = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


def make(reference, arrays=(ROWS,), **options):
    names = ["X"] if len(arrays) == 1 else ["X['a']", "X['b']"]
    reference = reference if isinstance(reference, str) or len(arrays) > 1 else [reference]
    return make_references(reference, list(arrays), names, options.get("most", 5), np.random.RandomState(0))


def test_arrays_are_shared_or_of_each_row_by_their_shape():
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
        (np.zeros((8, 2, 4)), "for each of 8 rows"),
        (np.full(4, np.inf), "infinity"),
    ],
)
def test_bad_references(reference, message):
    with pytest.raises(ValueError, match=message):
        make(reference)


def test_inputs_with_different_numbers_of_references():
    with pytest.raises(ValueError, match="same number of references"):
        make([ROWS[:2], ROWS[:3, :2]], [ROWS, ROWS[:, :2]])


TWO, OF_ROWS = [ROWS, ROWS[:, :2]], np.repeat(ROWS[:, None, :2], 3, 1) + np.arange(3.0, dtype=np.float32)[:, None]


@pytest.mark.parametrize(
    ("reference", "number", "first", "second"),
    [
        (["zeros", OF_ROWS], 3, np.zeros((9, 3, 4)), OF_ROWS),
        ([ROWS[:1], OF_ROWS], 3, np.broadcast_to(ROWS[0], (9, 3, 4)), OF_ROWS),
        ([ROWS[:3], OF_ROWS[:, :1]], 3, np.broadcast_to(ROWS[:3], (9, 3, 4)), np.repeat(OF_ROWS[:, :1], 3, 1)),
        ([0.5, "held"], 1, np.full((9, 1, 4), 0.5), ROWS[:, None, :2]),
        ([lambda X: X[:, None] / 2, OF_ROWS], 3, np.repeat(ROWS[:, None] / 2, 3, 1), OF_ROWS),
        ([ROWS[:, None], OF_ROWS], 3, np.repeat(ROWS[:, None], 3, 1), OF_ROWS),
        (["held", ROWS[:2, :2]], 2, np.repeat(ROWS[:, None], 2, 1), np.broadcast_to(ROWS[:2, :2], (9, 2, 2))),
    ],
)
def test_each_input_has_references_of_its_own_kind(reference, number, first, second):
    """One reference goes with any number, and rows may be cut and put into another order."""
    made = make(reference, TWO)
    np.testing.assert_array_equal(made.weights, np.full(number, 1 / number))
    order = [5, 2, 7]
    cut = made.take(order)
    arrays = cut.of_rows([array[order] for array in TWO], 1, 3)(0, number)
    for array, expected in zip(arrays, (first, second), strict=True):
        np.testing.assert_allclose(array, expected[[2, 7]], rtol=1e-6)
    last = made.of_rows(TWO, 0, 9)(number - 1, number)
    np.testing.assert_allclose(last[1], second[:, -1:], rtol=1e-6)


def test_one_input_at_least_is_explained():
    with pytest.raises(ValueError, match=r"no other input is left\. Pass another reference for one input at least"):
        make(["held", "held"], TWO)
    with pytest.raises(ValueError, match="not explained"):
        make("held")
    assert make(["held", "zeros"], TWO).held == (0,)


def test_shuffles_are_known_as_such():
    letters = np.eye(4)[[[0, 1, 2, 3, 0]]]
    made = make(["zeros", "shuffle"], [np.zeros((1, 2)), letters])
    assert (made.held, made.shuffled) == ((), (1,))


def test_objects_cannot_change_the_rows():
    class Writing(Constant):
        def fit(self, X, y=None):
            X[:] = 0
            return self

    with pytest.raises(ValueError, match="read-only"):
        make(Writing())
