"""From contributions of rows to importances of features."""

import math
from numbers import Integral

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skdeeplift.compat import Interval, StrOptions, check_feature_names_in, fit_context
from skdeeplift.execution.dask import carried_once, lazily, mapped_in_form, reduced
from skdeeplift.execution.worker_copy import Carried, with_attributes
from skdeeplift.explainers.unchanged import unchanged_on_error
from skdeeplift.rows.dask_rows import LazyRows, in_memory, is_lazy
from skdeeplift.selection.column_groups import find_groups
from skdeeplift.selection.moments import NO_MOMENTS, merged, moments_of

# So many numbers at once are made absolute in double precision.
BATCH_ELEMENTS = 2**22

ONLY_ZEROS = "sample_weight= must have a weight above zero for a row at least. Got only zeros."


def check_weights(sample_weight, n_rows):
    """Return weights of rows in double precision; a chunk of rows may have only zeros.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,)
        What the user gave.
    n_rows : int
        How many rows there are.

    Returns
    -------
    sample_weight : ndarray of shape (n_rows,)
        Finite and not negative.

    Raises
    ------
    ValueError
        If they are not.
    """
    name = "sample_weight"
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, ensure_non_negative=True, input_name=name, estimator=name
    )
    if weights.shape != (n_rows,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(n_rows,)}: one weight for each row.")
    return weights


def _absolute_of_block(importance, X, of_rows, name_row):
    return [importance._absolute_of_rows(X)]


def _moments_of_block(carried, X, weights):
    importance = carried.value
    return importance._moments_of(importance._check(X, reset=False), weights)


class MeanAbsoluteImportance(TransformerMixin, BaseEstimator):
    """Make importances of features of the contributions of many rows: mean absolute contributions.

    It goes behind an explainer, whose contributions it takes. Columns that stand for one feature, such as those of a
    one-hot encoding, can be put together before their absolute values are taken: contributions add up, and the sum of
    those of a one-hot encoding's columns is the contribution of the category.

    .. versionadded:: 0.1

    Parameters
    ----------
    groups : array-like, dict or callable, default=None
        Which columns make up one feature: one label for each column, and for anything but a table an array of labels of
        the shape of its features, such as the segments of an image; a dict of columns to labels, or of labels to lists
        of columns; or a function of a column's name that returns the label. Columns are their names or positions. By
        default each stands for itself.
    within : {"sum", "mean_absolute", "norm"}, default="sum"
        What becomes of the contributions within a group: the absolute value of their sum; the mean of their absolute
        values, by which a group does not gain from its size; or their Euclidean norm.
    n_classes : int, default=None
        How many classes the contributions have, if they have a last axis of classes, or a table with a column for each
        feature and class, feature by feature, as explainers with ``target="all"`` return.
    by_class : bool, default=False
        Whether each class has importances of its own, on a last axis. Otherwise they are means over classes.
    normalize : bool, default=False
        Whether to divide importances by their sum; those of each class by theirs.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,), (n_groups,) or (*features)
        Mean absolute contributions, in the order in which groups first appear; with ``by_class`` with a last axis of
        classes.
    feature_importances_std_ : ndarray
        The standard deviation over rows of what ``feature_importances_`` is the mean of.
    n_samples_seen_ : int
        How many rows there were.
    groups_ : list or None
        The groups' labels.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns, where contributions are a DataFrame whose column names are all strings.

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

    def __init__(self, *, groups=None, within="sum", n_classes=None, by_class=False, normalize=False):
        self.groups = groups
        self.within = within
        self.n_classes = n_classes
        self.by_class = by_class
        self.normalize = normalize

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Compute importances of the contributions of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), (n_rows, *features) or (n_rows, *features, n_classes)
            Contributions; those of Dask are not gathered, only their moments are.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts; all the same by default.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If groups miss a column, or there are no classes where there should be.
        """
        with unchanged_on_error(self):
            self._update(X, sample_weight, reset=True)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on with the contributions of more rows; importances are those of all rows so far.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), (n_rows, *features) or (n_rows, *features, n_classes)
            Contributions.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts; all the same by default.

        Returns
        -------
        self : object
            The transformer itself.
        """
        with unchanged_on_error(self):
            self._update(X, sample_weight, reset=not hasattr(self, "n_samples_seen_"))
        return self

    def transform(self, X):
        """Return the absolute contributions of rows, whose means are importances.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), (n_rows, *features) or (n_rows, *features, n_classes)
            Contributions.

        Returns
        -------
        absolute : ndarray of shape (n_rows, n_features), (n_rows, n_groups) or (n_rows, *features)
            In single precision for contributions in single precision. With ``by_class`` there is a column for each
            feature or group and class, feature by feature, or a last axis of classes where ``X`` is no table.
        """
        check_is_fitted(self, "feature_importances_")
        return self._absolute_of_rows(X)

    def _absolute_of_rows(self, X):
        absolute = self._absolute(self._check(X, reset=False))
        if self._gives_table():
            return absolute.reshape(len(absolute), -1)
        # Not public, but what scikit-learn wraps by; without a table its own error speaks of pandas.
        output = getattr(self, "_sklearn_output_config", {}).get("transform", get_config()["transform_output"])
        if output != "default":
            self._check_table()
        return absolute.reshape(len(absolute), *self.feature_importances_.shape)

    def _transform_lazily(self, X):
        """The same of lazy contributions, of which nothing is computed yet."""
        check_is_fitted(self, "feature_importances_")
        rows = LazyRows(X)
        # A row of zeros tells what comes of it.
        of_zeros = self._absolute_of_rows(rows.like_one())
        names = self.get_feature_names_out() if self._gives_table() else None
        spec = of_zeros.shape[1:], of_zeros.dtype
        return mapped_in_form(self, _absolute_of_block, rows, Carried(with_attributes(self)), None, spec, names)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns; by default those seen in `fit`.

        Returns
        -------
        feature_names_out : ndarray of str
            The columns' names or the groups' labels; with ``by_class`` ``feature__class``.

        Raises
        ------
        ValueError
            If what `transform` returns is no table.
        """
        check_is_fitted(self, "feature_importances_")
        self._check_table()
        names = self.groups_
        if names is None:
            names = self._names(check_feature_names_in(self, input_features, generate_names=True))[0]
        if self._by_class:
            names = [f"{name}__{label}" for name in names for label in self._class_labels]
        return np.array([str(name) for name in names], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _update(self, X, sample_weight, reset):
        if is_lazy(X):
            moments, number = self._moments_of_blocks(LazyRows(X), sample_weight, reset)
        else:
            X = self._check(X, reset)
            weights = None if sample_weight is None else check_weights(sample_weight, len(X))
            moments, number = self._moments_of(X, weights), len(X)
        if reset:
            self._moments, self.n_samples_seen_ = NO_MOMENTS, 0
        self._moments = merged([self._moments, moments])
        if self._moments.weight == 0:
            raise ValueError(ONLY_ZEROS)
        self.n_samples_seen_ = self.n_samples_seen_ + number
        self._conclude()

    def _moments_of(self, X, weights):
        """Moments of checked contributions."""
        batches = gen_batches(len(X), max(1, BATCH_ELEMENTS // max(1, math.prod(X.shape[1:]))))
        return merged(
            moments_of(self._absolute(X[rows].astype(np.float64)), None if weights is None else weights[rows])
            for rows in batches
        )

    def _moments_of_blocks(self, rows, sample_weight, reset):
        """Moments of lazy contributions, merged where they are; and how many rows there are."""
        import dask

        self._check(rows.like_one(), reset)
        lengths = rows.lengths()
        weights = None if sample_weight is None else check_weights(*in_memory(sample_weight), sum(lengths))
        carried, compute = carried_once(Carried(with_attributes(self))), dask.delayed(_moments_of_block)
        partials = [
            compute(carried, block, None if weights is None else weights[chosen])
            for block, _, chosen in rows.take(np.arange(sum(lengths)), lengths)
        ]
        if not partials:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required by MeanAbsoluteImportance.")
        return reduced(partials, merged), sum(lengths)

    def _conclude(self):
        (weight, means, squares), scale = self._moments, 1.0
        if self._normalize:
            total = means.sum(0)
            # Where nothing contributes, nothing is important.
            scale = 1 / np.where(total == 0, 1, total)
        shape = means.shape if self._gives_table() else (*self._features, *means.shape[1:])
        self.feature_importances_ = (means * scale).reshape(shape)
        self.feature_importances_std_ = (np.sqrt(squares / weight) * scale).reshape(shape)

    def _check(self, X, reset):
        """Return contributions of shape (n_rows, n_features) or (n_rows, n_features, n_classes)."""
        X = validate_data(self, X, dtype=[np.float64, np.float32], allow_nd=True, reset=reset)
        if reset:
            self._learn(X.shape)
        elif X.shape[1:] != self._shape:
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}, but {type(self).__name__} was fitted with contributions of shape "
                f"{self._shape}."
            )
        n_classes = () if self._class_labels is None else (len(self._class_labels),)
        return X.reshape(len(X), math.prod(self._features), *n_classes)

    def _learn(self, shape):
        """Find features, classes and groups. What later calls go by is kept, whatever is set in the meantime."""
        n_classes, self._shape = self.n_classes, shape[1:]
        self._by_class, self._within, self._normalize = self.by_class, self.within, self.normalize
        if n_classes is None:
            if self.by_class:
                raise ValueError(
                    "by_class=True needs contributions to several classes. Pass n_classes= how many there are: on the "
                    f"last axis, or as columns feature by feature. Got contributions of shape {shape}."
                )
            self._features = shape[1:]
        elif shape[-1] % n_classes if len(shape) == 2 else shape[-1] != n_classes:
            expected = f"a number of columns that is a multiple of {n_classes}, or a last axis of {n_classes}"
            raise ValueError(f"n_classes={n_classes} needs {expected}. Got contributions of shape {shape}.")
        else:
            self._features = (shape[1] // n_classes,) if len(shape) == 2 else shape[1:-1]
        names, self._class_labels = None, None if n_classes is None else list(range(n_classes))
        if len(self._features) == 1:
            names, labels = self._names(check_feature_names_in(self, generate_names=True))
            self._class_labels = self._class_labels and labels
        self.groups_, self._order, self._starts, self._sizes = None, None, None, None
        if self.groups is not None:
            labels = find_groups(self.groups, names, self._features)
            self.groups_ = list(dict.fromkeys(labels))
            positions = {label: position for position, label in enumerate(self.groups_)}
            group_of = np.array([positions[label] for label in labels])
            self._order, self._sizes = np.argsort(group_of, kind="stable"), np.bincount(group_of)
            self._starts = np.cumsum(self._sizes) - self._sizes

    def _names(self, columns):
        """Names of a table's features, and labels of the classes, from names of its columns."""
        n_classes = 1 if len(self._shape) > 1 or self._class_labels is None else len(self._class_labels)
        if n_classes == 1:
            return list(columns), self._class_labels
        if not hasattr(self, "feature_names_in_") and list(columns) == [f"x{i}" for i in range(len(columns))]:
            return [f"x{i}" for i in range(len(columns) // n_classes)], list(range(n_classes))
        pairs = np.array([str(name).rpartition("__")[::2] for name in columns], dtype=object)
        pairs = pairs.reshape(-1, n_classes, 2)
        if (pairs[:, :, 0] != pairs[:, :1, 0]).any() or (pairs[:, :, 1] != pairs[:1, :, 1]).any():
            raise ValueError(
                f"n_classes={n_classes} needs columns feature by feature, named 'feature__class'. Got "
                f"{', '.join(map(repr, columns[: 2 * n_classes]))} ..."
            )
        return pairs[:, 0, 0].tolist(), pairs[0, :, 1].tolist()

    def _absolute(self, X):
        """Absolute contributions of features or groups, of each class or their means."""
        if self._order is None:
            absolute = np.abs(X)
        elif self._within == "sum":
            absolute = np.abs(np.add.reduceat(X[:, self._order], self._starts, axis=1))
        elif self._within == "norm":
            absolute = np.sqrt(np.add.reduceat(X[:, self._order] ** 2, self._starts, axis=1))
        else:
            sizes = self._sizes.reshape(-1, *[1] * (X.ndim - 2)).astype(X.dtype)
            absolute = np.add.reduceat(np.abs(X[:, self._order]), self._starts, axis=1) / sizes
        return absolute.mean(2) if absolute.ndim == 3 and not self._by_class else absolute

    def _check_table(self):
        if not self._gives_table():
            raise ValueError(
                f"Only tables have feature names; these contributions have features of shape {self._features}. Leave "
                "set_output at its default, or put features together with groups=."
            )

    def _gives_table(self):
        return len(self._features) == 1 or self.groups_ is not None


# Around what scikit-learn makes of them for set_output, which would compute what is lazy.
MeanAbsoluteImportance.transform = lazily(MeanAbsoluteImportance.transform)
MeanAbsoluteImportance.fit_transform = lazily(MeanAbsoluteImportance.fit_transform)
