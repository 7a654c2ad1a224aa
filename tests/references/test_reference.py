import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skdeeplift.references.reference import Reference, RowChooser, draw_seed, seed_of_explainer


class Shifted(Reference):
    """The row, moved by 1, 2, 3 ... times a number."""

    per_row = True

    def fit(self, X, y=None):
        return self

    def sample(self, X, n_references, random_state=None):
        return X[:, None] + np.arange(1, n_references + 1)[:, None]


class First(Reference):
    """The first training rows."""

    def fit(self, X, y=None):
        self.rows_ = X
        return self

    def sample(self, X, n_references, random_state=None):
        return self.rows_[:n_references]


class Nearest(RowChooser):
    """The training row whose only feature is nearest, and the last one."""

    per_row = True

    def fit(self, X, y=None):
        self.rows_ = X
        return self

    def choose(self, X, n_references, random_state=None, y=None):
        nearest = np.abs(X - self.rows_.T).argmin(1)
        return np.stack([nearest, np.full(len(X), len(self.rows_) - 1)], 1)[:, :n_references], np.full(2, 0.5)


ROWS = np.array([[0.0], [10.0], [20.0]])


def test_a_range_of_references_is_that_of_all():
    np.testing.assert_array_equal(
        Shifted().fit(ROWS).sample_range(ROWS, 1, 3, 0), [[[2], [3]], [[12], [13]], [[22], [23]]]
    )
    np.testing.assert_array_equal(First().fit(ROWS).sample_range(ROWS, 1, 2, 0), [[10]])


def test_chosen_rows_are_training_rows():
    chooser = Nearest()
    with pytest.raises(NotFittedError):
        chooser.sample(ROWS, 1)
    np.testing.assert_array_equal(chooser.fit(ROWS).sample(np.array([[11.0], [-3.0]]), 2), [[[10], [20]], [[0], [20]]])
    np.testing.assert_array_equal(chooser.sample_range(np.array([[11.0]]), 1, 2, 0), [[[20]]])


def test_seeds_are_those_of_the_random_state():
    for make in (draw_seed, seed_of_explainer):
        assert make(3) == make(np.int64(3)) == make(np.random.RandomState(3)) >= 0
        assert make(None) != make(None)
