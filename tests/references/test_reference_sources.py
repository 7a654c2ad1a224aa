from functools import partial

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer
from skdeeplift.references.reference import Reference
from skdeeplift.references.reference_sources import (
    ChosenReferences,
    FunctionReferences,
    ReferenceSource,
    SampledReferences,
    SharedReferences,
    infer_n_references,
    join_inputs,
)

ROWS = np.array([[1.0, 2.0], [3.0, 4.0]])


class Multiples(Reference):
    """The row times 1, 2, 3 ..."""

    per_row = True

    def fit(self, X, y=None):
        return self

    def sample(self, X, n_references, random_state=None):
        return X[:, None] * np.arange(1.0, min(n_references, 4) + 1)[:, None]


class Opposite:
    """Chooses the rows from the last to the first, for those of class 1 from the first to the last."""

    n_neighbors = 2

    def choose(self, X, n_references, random_state=None, y=None):
        order = np.arange(n_references)
        return np.where(y[:, None] == 1, order, 2 - order), None


def test_by_an_object():
    maker = SampledReferences(Multiples(), 0, "reference=", is_random=False)
    assert maker.count([ROWS], 100) == 4
    assert maker._replace(is_random=True).count([ROWS], 100) == 100
    np.testing.assert_array_equal(maker.prepare([ROWS], None, 4)(1, 3), [[[[2, 4], [3, 6]], [[6, 8], [9, 12]]]])


def test_by_a_choice_of_the_same_rows_of_all_inputs():
    maker = ChosenReferences(Opposite(), [np.array([[0.0], [1], [2]]), np.array([[5], [6], [7]])])
    assert maker.count([ROWS], 100) == 2
    assert maker.count([ROWS], 1) == 1
    first, second = maker.prepare([ROWS, ROWS], np.array([0, 1]), 2)(0, 2)
    np.testing.assert_array_equal(first, [[[2], [1]], [[0], [1]]])
    np.testing.assert_array_equal(second, [[[7], [6]], [[5], [6]]])


def test_by_a_function_that_gets_the_same_random_numbers_for_the_same_rows():
    def noisy(X, random_state):
        return X[:, None] + random_state.normal(size=(len(X), 3, 2))

    maker = FunctionReferences(noisy, 7, ["reference="])
    assert maker.count([ROWS], 100) == 3
    [once], [again] = (maker.prepare([ROWS.copy()], None, 3)(0, 3) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(maker.prepare([ROWS], None, 3)(1, 2), [once[:, 1:2]])
    for other in (maker._replace(seed=8).prepare([ROWS], None, 3), maker.prepare([ROWS + 1], None, 3)):
        assert np.abs(other(0, 3)[0] - once).min() > 1e-6


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda X, _: X[0], "takes and returns a list of 2 arrays. Got one ndarray"),
        (lambda X, _: [X[0]], "takes and returns a list of 2 arrays. Got 1 arrays"),
        (lambda X, _: X, r"one returns an array of shape \(2, 2\) for rows of shape \(2, 2\)\. Expected \(2, 1, 2\)"),
        (lambda X, _: [each[:, None] * np.nan for each in X], "one returns NaN or infinity"),
        (lambda X, _: [[["a"]], [["b"]]], "one is no array of numbers"),
    ],
)
def test_what_a_function_may_not_return(function, message):
    with pytest.raises(ValueError, match=message):
        FunctionReferences(function, 0, ["one", "other"]).prepare([ROWS, ROWS], None, 1)


def test_how_many_there_are():
    assert infer_n_references(np.zeros((2, 7, 2)), ROWS, "it") == 7
    for wrong in (np.zeros((2, 2)), np.zeros((2, 0, 2)), np.zeros((5, 7, 2))):
        with pytest.raises(
            ValueError, match=r"Expected \(2, n_references, 2\): the same number of references, one or more"
        ):
            infer_n_references(wrong, ROWS, "it")


def test_makers_of_several_inputs_meet():
    """The first input's four are made of the row, the second's all rows share, the third has one for all."""
    shared = SharedReferences([np.array([[10.0], [20], [30], [40]])], is_random=False)
    makers = [(SampledReferences(Multiples(), 0, "a", False), [0], 4), (shared, [2], 4)]
    single = SharedReferences([np.array([[0.5]])], is_random=False)
    checked = []
    source = ReferenceSource([*makers, (single, [1], 1)], ["a", "b", "c"], 4, check=checked.append)
    rows = [ROWS, np.zeros((2, 1)), np.zeros((2, 1))]
    made = source(rows)(2, 4)
    np.testing.assert_array_equal(made[0], [[[3, 6], [4, 8]], [[9, 12], [12, 16]]])
    np.testing.assert_array_equal(made[1], np.full((2, 2, 1), 0.5))
    np.testing.assert_array_equal(made[2], [[[30], [40]]] * 2)
    assert checked[0] is made


def test_whole_numbers_stay_whole():
    tokens = np.array([[1, 2]])
    source = ReferenceSource([(FunctionReferences(lambda X, _: X[:, None] + 0.5, 0, ["it"]), [0], 1)], ["it"], 1)
    with pytest.raises(ValueError, match="it "):
        source([tokens])
    assert join_inputs([tokens]) is tokens
    np.testing.assert_array_equal(join_inputs([tokens, np.array([[[3.5], [4]]])]), [[1, 2, 3.5, 4]])


def test_rows_stay_as_they_are_where_references_write():
    rows = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    given = rows.copy()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])

    def write(X, random_state):
        X[:, 0] = 0
        return X[:, None]

    explainer = DeepLiftExplainer(model, reference=write).fit(given)
    contributions = explainer.transform(given)
    np.testing.assert_array_equal(given, rows)
    np.testing.assert_array_equal(contributions[:, 1:], 0)
    assert contributions[:, 0].all()

    class Writing(Reference):
        per_row, learns = True, False

        def fit(self, X, y=None):
            return self

        def sample(self, X, n_references, random_state=None):
            return write(X, random_state)

    with pytest.raises(ValueError, match="read-only"):
        DeepLiftExplainer(model, reference=Writing()).fit(given)
    np.testing.assert_array_equal(given, rows)


def test_a_function_may_take_rows_alone():
    """So do functions that were written for the package shap."""
    for function in (lambda X: X[:, None], lambda X, random_state: X[:, None], partial(np.expand_dims, axis=1)):
        np.testing.assert_array_equal(
            FunctionReferences(function, 0, ["it"]).prepare([ROWS], None, 1)(0, 1)[0], ROWS[:, None]
        )
    for function in (lambda: ROWS, lambda X, random_state, more: X, lambda X, *, rng: X):
        with pytest.raises(ValueError, match=r"takes \(X, random_state\), or X alone. Got one that takes \("):
            FunctionReferences(function, 0, ["it"]).count([ROWS], 1)


def test_a_function_of_one_row():
    """The message's advice makes a function of all rows of it."""

    def function(row):
        return np.stack([row * 0, row / 2, row])

    def of_rows(X):
        return np.stack([X * 0, X / 2, X])

    for wrong in (function, of_rows):
        with pytest.raises(ValueError, match=r"pass lambda X: np\.stack"):
            FunctionReferences(wrong, 0, ["it"]).count([ROWS[:1]], 10)
    maker = FunctionReferences(lambda X: np.stack([function(row) for row in X]), 0, ["it"])
    assert maker.count([ROWS[:1]], 10) == 3
    np.testing.assert_array_equal(maker.prepare([ROWS], None, 3)(1, 2)[0], ROWS[:, None] / 2)


def test_what_a_function_does_to_its_argument_does_not_reach_the_rows():
    def in_place(X, random_state):
        X[:] = 0
        return X[:, None]

    rows = ROWS.copy()
    maker = FunctionReferences(in_place, 0, ["it"])
    assert maker.count([rows], 1) == 1
    np.testing.assert_array_equal(maker.prepare([rows], None, 1)(0, 1)[0], np.zeros((2, 1, 2)))
    FunctionReferences(lambda X: [in_place(each, None) for each in X], 0, ["a", "b"]).prepare([rows, rows], None, 1)
    np.testing.assert_array_equal(rows, ROWS)

    class Writing(Multiples):
        def sample(self, X, n_references, random_state=None):
            X[:] = 0

    with pytest.raises(ValueError, match="read-only"):
        SampledReferences(Writing(), 0, "it", is_random=False).count([rows], 1)
