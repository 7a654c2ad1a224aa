"""Base classes of the objects that make references."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import ArrayLike, RandomState, Rows


class Reference(BaseEstimator):
    """Base class of all objects that make references. Derive your own class from it.

    .. versionadded:: 1.0

    Attributes
    ----------
    per_row : bool
        True if references depend on the row to explain. Such references are made chunk by chunk, when needed.
    is_random : bool
        True if references are drawn at random, so that means over more references are more precise.
    learns : bool
        True if `fit` learns more from the training rows than their shape and dtype.

    See Also
    --------
    Constant : The same reference for all rows.
    TrainingSample : Rows of the training data.

    Examples
    --------
    A reference that is half of each row:

    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.references import Reference
    >>> class Halved(Reference):
    ...     per_row, learns = True, False
    ...
    ...     def fit(self, X, y=None):
    ...         return self
    ...
    ...     def sample(self, X, n_references, random_state=None):
    ...         return np.asarray(X)[:, None] / 2
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([0.0])])
    >>> rows = np.array([[2.0, 2.0], [4.0, 0.0]])
    >>> DeepLiftExplainer(model, reference=Halved()).fit(rows).transform(rows)
    array([[ 1., -2.],
           [ 2.,  0.]], dtype=float32)
    """

    per_row = False
    is_random = False
    learns = True

    @abstractmethod
    def fit(self, X: Rows, y: Any = None) -> Self:
        """Learn from the training rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Training rows.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted object.
        """

    @abstractmethod
    def sample(self, X: Rows, n_references: int, random_state: RandomState | None = None) -> np.ndarray:
        """Make references for rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows to explain.
        n_references : int
            Largest number of references.
        random_state : int, RandomState instance or None, default=None
            Source of random numbers. Pass an int to get the same references in every call.

        Returns
        -------
        references : ndarray of shape (n, *features), or (n_rows, n, *features)
            References that all rows share, or references of each row if ``per_row`` is True.
        """

    def sample_range(self, X: Rows, start: int, stop: int, seed: int) -> np.ndarray:
        """Make the references from ``start`` to ``stop``.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows to explain.
        start, stop : int
            Position of the first reference, and one more than the position of the last reference.
        seed : int
            Seed of random numbers.

        Returns
        -------
        references : ndarray of shape (stop - start, *features), or (n_rows, stop - start, *features)
            References that all rows share, or references of each row if ``per_row`` is True.
        """
        references = self.sample(X, stop, seed)
        return references[:, start:] if self.per_row else references[start:]


class RowChooser(Reference):
    """Base class of references that are training rows, the same rows for all inputs of a network.

    Attributes
    ----------
    needs_classes : bool
        True if `choose` needs the classes that the network predicts.
    """

    needs_classes = False

    @abstractmethod
    def choose(
        self, X: Rows, n_references: int, random_state: RandomState | None = None, y: ArrayLike | None = None
    ) -> np.ndarray:
        """Choose training rows by their position.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows to explain.
        n_references : int
            Largest number of references.
        random_state : int, RandomState instance or None, default=None
            Source of random numbers. Pass an int to get the same references in every call.
        y : array-like of shape (n_rows,), default=None
            Predicted classes of the rows. Only required if ``needs_classes`` is True.

        Returns
        -------
        positions : ndarray of int of shape (n,), or (n_rows, n)
            Positions that all rows share, or positions for each row if ``per_row`` is True.
        weights : ndarray of shape (n,)
            Weights of the references in a mean; they sum to one.
        """

    def sample(
        self, X: Rows, n_references: int, random_state: RandomState | None = None, y: ArrayLike | None = None
    ) -> np.ndarray:
        """Return the chosen training rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows to explain.
        n_references : int
            Largest number of references.
        random_state : int, RandomState instance or None, default=None
            Source of random numbers. Pass an int to get the same references in every call.
        y : array-like of shape (n_rows,), default=None
            Predicted classes of the rows. Only required if ``needs_classes`` is True.

        Returns
        -------
        references : ndarray of shape (n, *features), or (n_rows, n, *features)
            References that all rows share, or references of each row if ``per_row`` is True. `choose` returns the
            weights of the references, which may be unequal.
        """
        check_is_fitted(self)
        positions, _ = self.choose(X, n_references, random_state, y)
        return self.rows_[positions]


def drop_weightless(rows, sample_weight):
    """Return the rows of weight above zero with their weights in float64, or with None if all weights are equal."""
    if sample_weight is None:
        return rows, None
    weights = np.asarray(sample_weight, np.float64)
    return rows[weights > 0], weights[weights > 0]


def draw_seed(random_state):
    """Draw a seed from a random state."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def seed_of_explainer(random_state):
    """Return the seed of the references of an explainer with one input and the same random state."""
    # The explainer draws one seed for all its random numbers, and from this seed one for its first input.
    return draw_seed(draw_seed(random_state))
