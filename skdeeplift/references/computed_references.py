"""Computed references: statistics of the training rows, blurred rows and unchanged rows."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import ArrayLike, RandomState, Rows
from skdeeplift.compat import Interval, StrOptions, fit_context, get_feature_names
from skdeeplift.dtypes import kind_of
from skdeeplift.references.reference import Reference, drop_weightless


def mean(X, weights=None):
    """Return the mean of the rows, computed in float64."""
    if weights is None:
        return X.mean(0, keepdims=True, dtype=np.float64).astype(X.dtype)
    return np.tensordot(weights / weights.sum(), X.astype(np.float64), 1)[None].astype(X.dtype)


def median(X, weights=None):
    """Return the median of each feature over the rows."""
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
    """Return the minimum of each feature over the rows."""
    return X.min(0, keepdims=True)


def align_series(series, names, label):
    """Return the numbers of a pandas Series in the order of the columns that its index names.

    Parameters
    ----------
    series : Series
        One number for each column. With a default ``RangeIndex``, the numbers are in the order of the columns.
    names : ndarray of str or None
        Names of the columns, if they have names.
    label : str
        Name of the Series in an error.

    Returns
    -------
    values : ndarray
        The numbers without the index.

    Raises
    ------
    ValueError
        If the index does not hold the names of the columns.
    """
    labels = series.index
    if isinstance(labels, pd.RangeIndex) and labels.equals(pd.RangeIndex(len(labels))):
        return series.to_numpy()
    if names is None or len(labels) != len(names) or set(labels) != set(names):
        expected = f"the names of the columns {list(names)}" if names is not None else "no index, as X has no names"
        raise ValueError(
            f"{label} is a Series, whose index must name the columns. Expected {expected}. Got {list(labels)}. Pass "
            "the numbers alone, in the order of the columns, as with series.to_numpy()."
        )
    return series[list(names)].to_numpy()


STATISTICS = {"mean": mean, "median": median, "minimum": minimum}


class Constant(Reference):
    """The same reference for all rows.

    .. versionadded:: 1.0

    Parameters
    ----------
    value : {"zeros", "mean", "median", "minimum"}, float, int or array-like of shape (*features), default="mean"
        The reference: a statistic of each feature of the training rows, one number for all features, or a whole row.
        The index of a pandas Series names the columns; a default ``RangeIndex`` means the order of the columns.
        Integers, such as tokens, have no meaningful statistics, so their reference is 0, the usual padding token. To
        use another token, such as a mask token, pass its number.

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

    def __init__(self, value: str | ArrayLike = "mean") -> None:
        self.value = value

    @property
    def learns(self):
        """True if the value is a statistic of the training rows."""
        return isinstance(self.value, str) and self.value != "zeros"

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
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
        vars(self).pop("_totals", None)
        names, X = get_feature_names(X), np.asarray(X)
        if isinstance(self.value, str):
            # Integers, such as tokens, have no meaningful statistics; zero is the usual padding token.
            if self.learns and kind_of(X.dtype) == "f":
                self.row_ = STATISTICS[self.value](*drop_weightless(X, sample_weight))
            else:
                self.row_ = np.zeros((1, *X.shape[1:]), X.dtype)
            return self
        is_series = isinstance(self.value, pd.Series)
        value = np.asarray(align_series(self.value, names, "value=") if is_series else self.value)
        if value.ndim and value.shape != X.shape[1:]:
            raise ValueError(
                f"Constant takes a number or a row of shape {X.shape[1:]}, as X has. Got an array of shape "
                f"{value.shape}. Pass one number for each feature of X."
            )
        converted = np.broadcast_to(value, X.shape[1:]).astype(X.dtype)[None]
        if kind_of(X.dtype) != "f" and not (converted == value).all():
            raise ValueError(f"Constant takes whole numbers where X holds {X.dtype}. Got {self.value!r}.")
        self.row_ = converted
        return self

    @available_if(lambda self: not (isinstance(self.value, str) and self.value == "median"))
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Rows, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Compute the reference from the rows of all calls so far.

        `fit` and the first call after `fit` start anew. A median is not available, because it needs all rows at once.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Some of the training rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows, as in `fit`.

        Returns
        -------
        self : object
            The fitted object.
        """
        before = getattr(self, "_totals", None)
        self.fit(X, sample_weight=sample_weight)
        rows = np.asarray(X)
        if not (self.learns and kind_of(rows.dtype) == "f"):
            return self
        if self.value == "mean":
            weights = np.ones(len(rows)) if sample_weight is None else np.asarray(sample_weight, np.float64)
            total, sums = weights.sum(), np.tensordot(weights, rows.astype(np.float64), 1)[None]
            if before is not None:
                total, sums = before[0] + total, before[1] + sums
            row, self._totals = sums / total, (total, sums)
        else:
            row = self.row_ if before is None else np.minimum(self.row_, before[1])
            self._totals = None, row
        self.row_ = row.astype(rows.dtype)
        return self

    def sample(self, X: Rows, n_references: int, random_state: RandomState | None = None) -> np.ndarray:
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


class Blur(Reference):
    """The row to explain, blurred by a Gaussian.

    Contributions then show which details matter, such as edges and peaks. A black image as the reference would treat
    dark pixels as "no signal" instead.

    .. versionadded:: 1.0

    Parameters
    ----------
    sigma : float or tuple of float, default=10.0
        Standard deviation of the Gaussian in pixels or steps. A tuple has one number for each axis in ``axes``.
    axes : int or tuple of int, default=None
        Axes to blur. Axis 0 is the axis of rows. By default all axes but the last one, which holds channels: ``(1, 2)``
        for images ``(n_rows, height, width, channels)``, and 1 for series ``(n_rows, length, channels)``. Required for
        rows with a single axis, because columns of a table have no neighbours.
    mode : {"nearest", "reflect", "mirror", "wrap", "constant"}, default="nearest"
        Values assumed beyond the edges, as in `scipy.ndimage.gaussian_filter`.

    Attributes
    ----------
    sigma_ : tuple of float
        Standard deviation on each axis of a row; 0 on axes that are not blurred.

    References
    ----------
    Fong, R. C., & Vedaldi, A. (2017). Interpretable explanations of black boxes by meaningful perturbation. Proceedings
    of ICCV. https://arxiv.org/abs/1704.03296

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.references import Blur
    >>> series = np.array([[0.0, 0.0, 1.0, 0.0, 0.0]])[:, :, None]
    >>> Blur(0.5).fit(series).sample(series, 1)[0, 0, :, 0]
    array([0.0003, 0.1065, 0.7866, 0.1065, 0.0003])
    """

    per_row = True
    learns = False

    _parameter_constraints: dict = {
        "sigma": [Interval(Real, 0, None, closed="left"), tuple, list],
        "axes": [Integral, tuple, list, None],
        "mode": [StrOptions({"nearest", "reflect", "mirror", "wrap", "constant"})],
    }

    def __init__(
        self,
        sigma: float | Sequence[float] = 10.0,
        *,
        axes: int | Sequence[int] | None = None,
        mode: Literal["nearest", "reflect", "mirror", "wrap", "constant"] = "nearest",
    ) -> None:
        self.sigma = sigma
        self.axes = axes
        self.mode = mode

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: Any = None) -> Self:
        """Determine the axes to blur.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows of floating-point numbers.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If ``X`` holds integers, or does not have the axes in ``axes``.
        """
        X = np.asarray(X)
        if kind_of(X.dtype) != "f":
            raise ValueError(f"Blur takes floating-point numbers; integers such as tokens have no mean. Got {X.dtype}.")
        if self.axes is None:
            if X.ndim < 3:
                raise ValueError(
                    f"Blur takes images or series, with channels last. Got an array of shape {X.shape}, whose columns "
                    "have no neighbours. If the columns are steps of a series, pass axes=1."
                )
            axes = tuple(range(1, X.ndim - 1))
        else:
            axes = (self.axes,) if isinstance(self.axes, Integral) else tuple(self.axes)
            if not all(isinstance(axis, Integral) and -X.ndim < axis < X.ndim and axis % X.ndim for axis in axes):
                raise ValueError(
                    f"axes={self.axes!r} are no axes of X's features. X has shape {X.shape}; axis 0 holds the rows."
                )
        sigmas = [self.sigma] * len(axes) if isinstance(self.sigma, Real) else list(self.sigma)
        if len(sigmas) != len(axes) or not all(isinstance(sigma, Real) and sigma >= 0 for sigma in sigmas):
            raise ValueError(f"sigma= takes a number, or one for each of the axes {axes}. Got {self.sigma!r}.")
        sigma_of_axis = dict(zip((axis % X.ndim for axis in axes), sigmas, strict=True))
        self.sigma_ = tuple(float(sigma_of_axis.get(axis, 0)) for axis in range(1, X.ndim))
        return self

    def sample(self, X: Rows, n_references: int, random_state: RandomState | None = None) -> np.ndarray:
        """Blur rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows like those in `fit`.
        n_references : int
            Ignored; each row has one reference.
        random_state : None
            Ignored; nothing is drawn.

        Returns
        -------
        references : ndarray of shape (n_rows, 1, *features)
            Blurred rows in the dtype of ``X``.
        """
        check_is_fitted(self)
        return gaussian_filter(np.asarray(X), (0, *self.sigma_), mode=self.mode)[:, None]


class Held(Reference):
    """The row's own values, for an input that is not to be explained.

    Use it for inputs such as control tracks, masks, lengths and identifiers. The input has the same values in the row
    and in its reference, so it contributes exactly zero. The other inputs are explained at these values. At least one
    other input needs another reference.

    .. versionadded:: 1.0

    See Also
    --------
    Constant : The same reference for all rows.

    Examples
    --------
    Hold the second factor of a product of two inputs:

    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> inputs = [keras.Input((1,), name="signal"), keras.Input((1,), name="control")]
    >>> model = keras.Model(inputs, inputs[0] * inputs[1])
    >>> rows = {"signal": np.array([[2.0]]), "control": np.array([[3.0]])}
    >>> explainer = DeepLiftExplainer(model, reference={"signal": "zeros", "control": "held"}).fit(rows)
    >>> explainer.transform(rows)
    {'signal': array([[6.]], dtype=float32), 'control': array([[0.]], dtype=float32)}
    """

    per_row = True
    learns = False

    def fit(self, X: Rows, y: Any = None) -> Self:
        """Return the object, because there is nothing to learn.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Ignored.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The object.
        """
        return self

    def sample(self, X: Rows, n_references: int, random_state: RandomState | None = None) -> np.ndarray:
        """Return the rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows to explain.
        n_references : int
            Ignored; each row has one reference.
        random_state : None
            Ignored; nothing is drawn.

        Returns
        -------
        references : ndarray of shape (n_rows, 1, *features)
            The rows.
        """
        return np.asarray(X)[:, None]
