"""The reference that is the same for all rows: zeros, or the mean, median or minimum of the training rows."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeeplift.compat import StrOptions, fit_context
from skdeeplift.references.reference import Reference


def zeros(X):
    """Return one row of zeros."""
    return np.zeros((1, *X.shape[1:]), X.dtype)


def mean(X, weights=None):
    """Return the mean of the rows, computed in float64; of integers, zeros, the usual padding token."""
    if X.dtype.kind != "f":
        return zeros(X)
    if weights is None:
        return X.mean(0, keepdims=True, dtype=np.float64).astype(X.dtype)
    return np.tensordot(weights / weights.sum(), X.astype(np.float64), 1)[None].astype(X.dtype)


def median(X, weights=None):
    """Return the median of each feature over the rows; of integers, zeros, the usual padding token."""
    if X.dtype.kind != "f":
        return zeros(X)
    if weights is None:
        return np.median(X, 0, keepdims=True).astype(X.dtype)
    # The weighted median is a value with at most half of the weight below it and at most half above it. If several
    # values qualify, take the middle between the smallest and the largest.
    order = np.argsort(X, 0)
    values, cumulated = np.take_along_axis(X, order, 0), np.cumsum(weights[order], 0)
    half = weights.sum() / 2
    positions = [is_below(cumulated, half).sum(0, keepdims=True) for is_below in (np.less, np.less_equal)]
    lower, upper = (np.take_along_axis(values, np.minimum(position, len(X) - 1), 0) for position in positions)
    return ((lower.astype(np.float64) + upper) / 2).astype(X.dtype)


def minimum(X, weights=None):
    """Return the minimum of each feature over the rows; of integers, zeros, the usual padding token."""
    if X.dtype.kind != "f":
        return zeros(X)
    return X.min(0, keepdims=True)


STATISTICS = {"mean": mean, "median": median, "minimum": minimum}


class Constant(Reference):
    """The same reference for all rows.

    .. versionadded:: 0.1

    Parameters
    ----------
    value : {"zeros", "mean", "median", "minimum"}, float, int or array-like of shape (*features), default="mean"
        The reference: a statistic of each feature of the training rows, one number for all features, or a whole row.
        Integers, such as tokens, have no meaningful statistics, so their reference is 0, the usual padding token. For
        another token, such as a mask token, pass its number.

    Attributes
    ----------
    row_ : ndarray of shape (1, *features)
        The reference, in the dtype of the training rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.references import Constant
    >>> Constant("minimum").fit(np.array([[1.0, 5.0], [3.0, 2.0]])).row_
    array([[1., 2.]])
    """

    _parameter_constraints: dict = {"value": [StrOptions({"zeros", *STATISTICS}), Real, "array-like"]}

    def __init__(self, value="mean"):
        self.value = value

    @property
    def learns(self):
        """True if the value is a statistic of the training rows."""
        return isinstance(self.value, str) and self.value != "zeros"

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Compute the reference.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Training rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows. By default all rows have the same weight. Rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If the shape or the dtype of the value does not fit the rows of ``X``.
        """
        X = np.asarray(X)
        if isinstance(self.value, str):
            if not self.learns:
                self.row_ = zeros(X)
            elif sample_weight is None:
                self.row_ = STATISTICS[self.value](X)
            else:
                weights = np.asarray(sample_weight, np.float64)
                self.row_ = STATISTICS[self.value](X[weights > 0], weights[weights > 0])
            return self
        value = np.asarray(self.value)
        if value.ndim and value.shape != X.shape[1:]:
            raise ValueError(
                f"Constant takes a number or a row of shape {X.shape[1:]}, as X has. Got an array of shape "
                f"{value.shape}. Pass one number for each feature of X."
            )
        converted = np.broadcast_to(value, X.shape[1:]).astype(X.dtype)[None]
        if X.dtype.kind != "f" and not (converted == value).all():
            raise ValueError(f"Constant takes whole numbers where X holds {X.dtype}. Got {self.value!r}.")
        self.row_ = converted
        return self

    def sample(self, X, n_references, random_state=None):
        """Return the reference.

        Parameters
        ----------
        X : array-like
            Ignored; all rows have the same reference.
        n_references : int
            Ignored; there is one reference.
        random_state : None
            Ignored; nothing is drawn.

        Returns
        -------
        references : ndarray of shape (1, *features)
            The reference in the dtype of the training rows.
        """
        check_is_fitted(self)
        return self.row_.copy()
