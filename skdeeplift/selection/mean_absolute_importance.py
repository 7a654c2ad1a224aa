"""Importances of features: mean absolute contributions over rows, computed from moments that can be merged."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skdeeplift.annotations import ArrayLike, Contributions, GroupsLike, Rows
from skdeeplift.binding.estimators import restore_on_error, with_attributes
from skdeeplift.compat import Interval, StrOptions, check_feature_names_in, fit_context, get_output_container
from skdeeplift.execution.workers import WorkerCopy, reduce_partials, ship_once
from skdeeplift.rows.dask_map import dispatch_dask, fit_and_transform, map_in_form
from skdeeplift.rows.dask_rows import LazyRows, compute_all, is_lazy
from skdeeplift.selection.contribution_layout import find_layout, split_column_names

# Maximum number of contributions that are converted to double precision at once.
BATCH_ELEMENTS = 2**22
ONLY_ZERO_WEIGHTS = "sample_weight= needs a weight above zero for at least one row. Got only zeros."


def check_weights(sample_weight, n_rows):
    """Check weights of rows and return them in double precision; all weights of a chunk may be zero.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,)
        Weights that the user passed.
    n_rows : int
        Number of rows.

    Returns
    -------
    sample_weight : ndarray of shape (n_rows,)
        Finite weights, none of them negative.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or the number of weights differs from the number of rows.
    """
    name = "sample_weight"
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, ensure_non_negative=True, input_name=name, estimator=name
    )
    if weights.shape != (n_rows,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(n_rows,)}: one weight for each row.")
    return weights


class Moments(NamedTuple):
    """Moments of some rows: sum of weights, means, and sums of squared differences from the means."""

    weight: float
    means: np.ndarray | float
    squares: np.ndarray | float


NO_MOMENTS = Moments(0.0, 0.0, 0.0)


def compute_moments(rows, weights=None):
    """Compute the moments of rows; without weights, each row has weight 1."""
    weight = len(rows) if weights is None else weights.sum()
    if weight == 0:
        return NO_MOMENTS
    means = np.average(rows, axis=0, weights=weights)
    squares = (rows - means) ** 2
    return Moments(weight, means, squares.sum(0) if weights is None else np.tensordot(weights, squares, 1))


def compute_moments_in_batches(function, X, weights=None):
    """Compute the moments of a function of rows, in double precision and batch by batch."""
    batches = gen_batches(len(X), max(1, BATCH_ELEMENTS // max(1, math.prod(X.shape[1:]))))
    return merge_moments(
        compute_moments(function(X[batch].astype(np.float64)), None if weights is None else weights[batch])
        for batch in batches
    )


def merge_moments(moments):
    """Merge the moments of several sets of rows (Chan, Golub & LeVeque 1983)."""
    weight, means, squares = NO_MOMENTS
    for other in moments:
        if other.weight > 0:
            total, change = weight + other.weight, other.means - means
            squares = squares + other.squares + change**2 * (weight * (other.weight / total))
            means = means + change * (other.weight / total)
            weight = total
    return Moments(weight, means, squares)


def _compute_absolute_of_block(estimator, X, of_rows, name_row):
    """Return the absolute contributions of a block of lazy rows, in a list of one array."""
    return [estimator.compute_absolute(X)]


def _compute_moments_of_block(copied, X, weights):
    """Return the moments of a block of lazy rows."""
    return copied.value.compute_moments(X, weights)


class MeanAbsoluteImportance(TransformerMixin, BaseEstimator):
    """Importances of features, computed as means of absolute contributions.

    The transformer takes contributions, so put it after an explainer in a pipeline. Columns that encode one feature,
    such as the columns of a one-hot encoding, can be combined before absolute values are taken. Contributions are
    additive: the sum over the columns of a one-hot encoding is the contribution of the category.

    .. versionadded:: 1.0

    Parameters
    ----------
    groups : array-like, dict or callable, default=None
        Groups of columns that encode one feature. Pass an array of one label for each column, a dict of columns to
        labels, a dict of labels to lists of columns, or a function from the name of a column to its label. A dict
        identifies columns by name or position. For contributions that are not a table, pass an array of labels in the
        shape of the features, such as the segments of an image. By default columns are not grouped.
    within : {"sum", "mean_absolute", "norm"}, default="sum"
        Absolute contribution of a group: the absolute value of the sum of its contributions (``"sum"``), the mean of
        their absolute values (``"mean_absolute"``), or their Euclidean norm (``"norm"``). The mean does not grow with
        the size of the group.
    n_classes : int, default=None
        Number of classes of the contributions. Classes are on the last axis. In a table, the columns of all classes of
        one feature follow each other, as explainers with ``target="all"`` return them. By default contributions have
        no classes.
    by_class : bool, default=False
        True to compute importances for each class, on a last axis. By default importances are means over classes.
    normalize : bool, default=False
        True to divide importances by their sum, for each class if ``by_class`` is True.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,), (n_groups,) or (*features)
        Mean absolute contributions. Groups are in the order of their first appearance. If ``by_class`` is True, the
        last axis holds the classes.
    feature_importances_std_ : ndarray
        Standard deviations of absolute contributions over the rows, in the shape of ``feature_importances_``.
    n_samples_seen_ : int
        Number of rows seen by `fit` and `partial_fit`.
    groups_ : list or None
        Labels of the groups. None without groups.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns. Only set if contributions are a DataFrame whose column names are all strings.

    See Also
    --------
    ContributionSelector : Select raw columns by contributions to a network behind an encoder.
    sklearn.feature_selection.SelectFromModel : Select features by ``feature_importances_``.

    Examples
    --------
    >>> from skdeeplift import MeanAbsoluteImportance
    >>> contributions = [[0.5, 1.0, -1.0], [-1.5, 0.0, 2.0]]
    >>> MeanAbsoluteImportance().fit(contributions).feature_importances_
    array([1. , 0.5, 1.5])
    >>> MeanAbsoluteImportance(groups=["age", "pet", "pet"]).fit(contributions).feature_importances_
    array([1., 1.])
    """

    _parameter_constraints: dict = {
        "groups": ["array-like", dict, callable, None],
        "within": [StrOptions({"sum", "mean_absolute", "norm"})],
        "n_classes": [Interval(Integral, 1, None, closed="left"), None],
        "by_class": ["boolean"],
        "normalize": ["boolean"],
    }

    def __init__(
        self,
        *,
        groups: GroupsLike | None = None,
        within: Literal["sum", "mean_absolute", "norm"] = "sum",
        n_classes: int | None = None,
        by_class: bool = False,
        normalize: bool = False,
    ) -> None:
        self.groups = groups
        self.within = within
        self.n_classes = n_classes
        self.by_class = by_class
        self.normalize = normalize

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Compute importances from the contributions of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), (n_rows, *features) or (n_rows, *features, n_classes)
            Contributions. Of a Dask collection, only the moments are loaded into memory.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows. By default all rows have the same weight.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If a column has no group, the shape does not fit the number of classes, or all weights are zero.
        """
        with restore_on_error(self):
            self._update(X, sample_weight, reset=True)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Rows, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Update importances with the contributions of more rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), (n_rows, *features) or (n_rows, *features, n_classes)
            Contributions.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows. By default all rows have the same weight.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        with restore_on_error(self):
            self._update(X, sample_weight, reset=not hasattr(self, "n_samples_seen_"))
        return self

    def transform(self, X: Rows) -> Contributions:
        """Return the absolute contributions of rows, whose means are the importances.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), (n_rows, *features) or (n_rows, *features, n_classes)
            Contributions.

        Returns
        -------
        absolute : ndarray of shape (n_rows, n_features), (n_rows, n_groups) or (n_rows, *features)
            Absolute contributions in the dtype of ``X``. If ``by_class`` is True, a table has one column for each pair
            of a feature (or group) and a class, feature by feature. Other contributions have a last axis of classes.
        """
        self._check_output()
        return self.compute_absolute(X)

    def transform_lazily(self, X: Rows) -> Any:
        """Return absolute contributions of lazy rows as a lazy collection."""
        self._check_output()
        rows = LazyRows(X)
        # Compute one row of zeros to learn the shape and the dtype of the result.
        example = self.compute_absolute(rows.like_one())
        names = self.get_feature_names_out() if self._layout.gives_table else None
        spec, copied = (example.shape[1:], example.dtype), WorkerCopy(with_attributes(self))
        [absolute] = map_in_form(self, _compute_absolute_of_block, rows, copied, None, [spec], names)
        return absolute

    def compute_absolute(self, X: Rows) -> np.ndarray:
        """Return the absolute contributions of rows, in the shape that `transform` returns."""
        return self._layout.restore(self._layout.compute_absolute(self._arrange(X)))

    def compute_moments(self, X: Rows, weights: ArrayLike | None) -> Any:
        """Return the moments of the absolute contributions of rows."""
        return compute_moments_in_batches(self._layout.compute_absolute, self._arrange(X), weights)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns. By default the names seen in `fit`.

        Returns
        -------
        feature_names_out : ndarray of str
            Names of the columns, or labels of the groups. If ``by_class`` is True, the names read ``feature__class``.

        Raises
        ------
        ValueError
            If `transform` does not return a table.
        """
        check_is_fitted(self, "feature_importances_")
        self._check_table()
        names, class_labels = self.groups_, self._layout.class_labels
        if names is None:
            names = check_feature_names_in(self, input_features, generate_names=True)
            if class_labels is not None and len(self._layout.shape) == 1:
                names, _ = split_column_names(names, len(class_labels), not hasattr(self, "feature_names_in_"))
        if self._layout.by_class:
            names = [f"{name}__{label}" for name in names for label in class_labels]
        return np.array([str(name) for name in names], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _update(self, X, sample_weight, reset):
        """Merge the moments of more rows, and set the importances."""
        if is_lazy(X):
            moments, n_rows = self._compute_moments_of_blocks(LazyRows(X), sample_weight, reset)
        else:
            X = self._arrange(X, reset)
            weights = None if sample_weight is None else check_weights(sample_weight, len(X))
            moments, n_rows = compute_moments_in_batches(self._layout.compute_absolute, X, weights), len(X)
        if reset:
            self._moments, self.n_samples_seen_ = NO_MOMENTS, 0
        self._moments = merge_moments([self._moments, moments])
        if self._moments.weight == 0:
            raise ValueError(ONLY_ZERO_WEIGHTS)
        self.n_samples_seen_ = self.n_samples_seen_ + n_rows
        self._set_importances()

    def _compute_moments_of_blocks(self, rows, sample_weight, reset):
        """Return the moments of lazy rows, merged on the cluster, and the number of rows."""
        import dask

        self._arrange(rows.like_one(), reset)
        n_rows = sum(rows.lengths)
        weights = None if sample_weight is None else check_weights(*compute_all(sample_weight), n_rows)
        copied = ship_once(WorkerCopy(with_attributes(self)))
        compute = dask.delayed(_compute_moments_of_block)
        partials = [
            compute(copied, block, None if weights is None else weights[positions])
            for block, positions in rows.take(np.arange(n_rows))
        ]
        if not partials:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required by MeanAbsoluteImportance.")
        return reduce_partials(partials, merge_moments), n_rows

    def _arrange(self, X, reset=False):
        """Return contributions with features on one axis; with ``reset``, learn their layout first."""
        X = validate_data(self, X, dtype=[np.float64, np.float32], allow_nd=True, reset=reset)
        if reset:
            # Copy the parameters: later calls use these values, even if the user changes the parameters.
            self._normalize = self.normalize
            self._layout = find_layout(
                X.shape,
                column_names=check_feature_names_in(self, generate_names=True),
                has_made_up_names=not hasattr(self, "feature_names_in_"),
                n_classes=self.n_classes,
                by_class=self.by_class,
                within=self.within,
                groups=self.groups,
            )
            self.groups_ = None if self._layout.groups is None else self._layout.groups.labels
        return self._layout.arrange(X, type(self).__name__)

    def _set_importances(self):
        """Set the importances and their standard deviations from the moments of all rows so far."""
        (weight, means, squares), scale = self._moments, 1.0
        if self._normalize:
            total = means.sum(0)
            # If all contributions are zero, return importances of zero instead of 0 / 0.
            scale = 1 / np.where(total == 0, 1, total)
        shape = means.shape if self._layout.gives_table else (*self._layout.features, *means.shape[1:])
        self.feature_importances_ = (means * scale).reshape(shape)
        self.feature_importances_std_ = (np.sqrt(squares / weight) * scale).reshape(shape)

    def _check_output(self):
        """Raise an error if not fitted, or if `set_output` asks for a table and contributions have more axes."""
        check_is_fitted(self, "feature_importances_")
        # Without this check, the wrapper of scikit-learn would raise an error that mentions only pandas.
        if get_output_container(self) != "default":
            self._check_table()

    def _check_table(self):
        """Raise an error if `transform` does not return a table."""
        if not self._layout.gives_table:
            raise ValueError(
                f"Only tables have feature names; these contributions have features of shape {self._layout.features}. "
                "Leave set_output at its default, or combine features with groups=."
            )


# Dispatch before scikit-learn's wrapper for set_output, because the wrapper would compute lazy contributions.
MeanAbsoluteImportance.transform = dispatch_dask(
    MeanAbsoluteImportance.transform, lambda estimator, X: estimator.transform_lazily(X)
)
MeanAbsoluteImportance.fit_transform = dispatch_dask(MeanAbsoluteImportance.fit_transform, fit_and_transform)
