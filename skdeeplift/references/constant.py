"""References that are one point: zeros, or the training data's mean, median or minimum."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeeplift.compat import StrOptions, fit_context
from skdeeplift.references.reference import Reference


def zeros(X):
    """One row of zeros."""
    return np.zeros((1, *X.shape[1:]), X.dtype)


def mean(X, weights=None):
    """The mean of the rows, computed in float64; zeros, the usual padding token, where integers have none."""
    if X.dtype.kind != "f":
        return zeros(X)
    if weights is None:
        return X.mean(0, keepdims=True, dtype=np.float64).astype(X.dtype)
    return np.tensordot(weights / weights.sum(), X.astype(np.float64), 1)[None].astype(X.dtype)


def median(X, weights=None):
    """The median of the rows, feature by feature; zeros, the usual padding token, where integers have none."""
    if X.dtype.kind != "f":
        return zeros(X)
    if weights is None:
        return np.median(X, 0, keepdims=True).astype(X.dtype)
    # The middle of where the weights of smaller and of larger values are both at most half of all.
    order = np.argsort(X, 0)
    values, cumulated = np.take_along_axis(X, order, 0), np.cumsum(weights[order], 0)
    half = weights.sum() / 2
    lower, upper = ((each(cumulated, half)).sum(0, keepdims=True) for each in (np.less, np.less_equal))
    ends = [np.take_along_axis(values, np.minimum(place, len(X) - 1), 0) for place in (lower, upper)]
    return ((ends[0].astype(np.float64) + ends[1]) / 2).astype(X.dtype)


def minimum(X, weights=None):
    """The minimum of the rows, feature by feature; zeros, the usual padding token, where integers have no order."""
    if X.dtype.kind != "f":
        return zeros(X)
    return X.min(0, keepdims=True)


LEARNED = {"mean": mean, "median": median, "minimum": minimum}


class Constant(Reference):
    """The same reference for all rows.

    .. versionadded:: 0.1

    Parameters
    ----------
    value : {"zeros", "mean", "median", "minimum"}, float, int or array-like of shape (*features), default="mean"
        What it is: of the training rows feature by feature, one number everywhere, or a whole row. Integers, such as
        tokens, have no mean, median or minimum: theirs is 0, the usual padding token. A mask token is its number.

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

    _parameter_constraints: dict = {"value": [StrOptions({"zeros", *LEARNED}), Real, "array-like"]}

    def __init__(self, value="mean"):
        self.value = value

    @property
    def learns(self):
        """Whether the value is that of the training rows."""
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
            What each row counts; rows of weight zero are as if they were not there.

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If the value is no row like those of ``X``.
        """
        X = np.asarray(X)
        if isinstance(self.value, str):
            if not self.learns:
                self.row_ = zeros(X)
            elif sample_weight is None:
                self.row_ = LEARNED[self.value](X)
            else:
                weights = np.asarray(sample_weight, np.float64)
                self.row_ = LEARNED[self.value](X[weights > 0], weights[weights > 0])
            return self
        value = np.asarray(self.value)
        if value.ndim and value.shape != X.shape[1:]:
            raise ValueError(
                f"Constant takes a number or a row of shape {X.shape[1:]}, as X has. Got an array of shape "
                f"{value.shape}."
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
            Ignored; there is one.
        random_state : None
            Ignored; nothing is drawn.

        Returns
        -------
        references : ndarray of shape (1, *features)
            In the dtype of the training rows.
        """
        check_is_fitted(self)
        return self.row_.copy()
