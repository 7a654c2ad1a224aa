"""What all objects that make references have in common."""

from abc import abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted


class Reference(BaseEstimator):
    """Base of all objects that make references; derive from it for one of your own.

    .. versionadded:: 0.1

    Attributes
    ----------
    per_row : bool
        Whether references are made of the row that is explained. They are made when needed, chunk by chunk.
    is_random : bool
        Whether they are drawn at random, so that more of them make means more precise.
    learns : bool
        Whether `fit` learns more of the training rows than how they are laid out.

    See Also
    --------
    Constant : The same reference for all rows.
    TrainingSample : Rows of the training data.

    Examples
    --------
    The half of each row that is explained:

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
    def fit(self, X, y=None):
        """Learn what references are made of.

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
    def sample(self, X, n_references, random_state=None):
        """Make references for rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows that are explained.
        n_references : int
            How many references at the most.
        random_state : int, RandomState instance or None, default=None
            Where what is random comes from.

        Returns
        -------
        references : ndarray of shape (n, *features), or (n_rows, n, *features)
            The latter if ``per_row``.
        """

    def sample_range(self, X, start, stop, seed):
        """Make references for rows, without the first ``start`` of ``stop`` references.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows that are explained.
        start, stop : int
            Which references.
        seed : int
            Where what is random comes from.

        Returns
        -------
        references : ndarray of shape (stop - start, *features), or (n_rows, stop - start, *features)
            The latter if ``per_row``.
        """
        references = self.sample(X, stop, seed)
        return references[:, start:] if self.per_row else references[start:]


class RowChooser(Reference):
    """Base of references that are training rows, the same ones of all inputs of a network.

    Attributes
    ----------
    needs_classes : bool
        Whether the classes that the network predicts are needed.
    """

    needs_classes = False

    @abstractmethod
    def choose(self, X, n_references, random_state=None, y=None):
        """Choose training rows by their position.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows that are explained.
        n_references : int
            How many at the most.
        random_state : int, RandomState instance or None, default=None
            Where draws come from.
        y : array-like of shape (n_rows,), default=None
            Predicted classes of the rows, where they are needed.

        Returns
        -------
        positions : ndarray of int of shape (n,), or (n_rows, n)
            The latter if ``per_row``.
        weights : ndarray of shape (n,)
            What each counts in a mean; they sum to one.
        """

    def sample(self, X, n_references, random_state=None, y=None):
        """Return training rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows that are explained.
        n_references : int
            How many references at the most.
        random_state : int, RandomState instance or None, default=None
            Where draws come from.
        y : array-like of shape (n_rows,), default=None
            Predicted classes of the rows, where they are needed.

        Returns
        -------
        references : ndarray of shape (n, *features), or (n_rows, n, *features)
            The latter if ``per_row``. What each counts, if not the same, is what `choose` returns.
        """
        check_is_fitted(self)
        positions, _ = self.choose(X, n_references, random_state, y)
        return self.rows_[positions]


def seed_from(random_state):
    """An int stays what it is; of others one is drawn."""
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
