"""Selection of raw columns by their contributions."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.feature_selection import SelectFromModel, SelectorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_random_state, get_tags, resample
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeeplift.annotations import ArrayLike, Estimator, GroupsLike, RandomState, Rows
from skdeeplift.binding.estimators import restore_on_error
from skdeeplift.compat import HasMethods, Interval, RealNotInt, StrOptions, fit_context, safe_indexing
from skdeeplift.dtypes import kind_of
from skdeeplift.rows.dask_rows import compute_all, is_lazy
from skdeeplift.selection.column_scores import fit_importances
from skdeeplift.selection.mean_absolute_importance import ONLY_ZERO_WEIGHTS, MeanAbsoluteImportance, check_weights


class ContributionSelector(SelectorMixin, MetaEstimatorMixin, BaseEstimator):
    """Selector of raw columns by their contributions to a network's output, with or without an encoder.

    The explainer may follow an encoder, as in ``make_pipeline(ColumnTransformer(...), DeepLiftExplainer(...))``. The
    selector then selects input columns of the encoder. Contributions of all encoded columns of one raw column, such as
    the columns of a one-hot encoding, are summed before absolute values are taken. Importances are in the order of the
    raw columns. `sklearn.feature_selection.SelectFromModel` would leave them in the order of the encoded columns.

    .. versionadded:: 1.0

    Parameters
    ----------
    estimator : estimator
        An explainer, a pipeline that ends in one, or any other estimator with ``feature_importances_``. A clone of the
        estimator is fitted. An untrained network is trained on the rows of `fit` only, so that selection inside
        cross-validation does not see the test rows.
    threshold : float or str, default=None
        Minimum importance of selected columns: a number, ``"mean"``, ``"median"``, or a multiple such as
        ``"1.25*mean"``. By default the mean, or no threshold if ``n_features_to_select`` is set.
    n_features_to_select : int or float, default=None
        Maximum number of columns to select; the most important columns are selected. A float is a fraction of all
        columns. By default only the threshold decides.
    groups : "auto", array-like, dict or callable, default="auto"
        Raw column of each encoded column. By default the encoder determines the raw columns. An encoder that mixes
        columns, such as a principal component analysis, requires labels in one of the forms that
        `MeanAbsoluteImportance` takes. A label is a raw column, or a tuple of raw columns that share one importance.
    within : {"sum", "mean_absolute", "norm"}, default="sum"
        Absolute contribution of the encoded columns of one raw column: the absolute value of their sum, the mean of
        their absolute values, or their Euclidean norm.
    n_resamples : int, default=0
        Number of selections on random samples of the rows, to find the columns that are selected in most samples
        (stability selection). Each sample sets new seeds for every ``random_state`` inside the estimator, so that
        networks of different samples start at random independently. With 0, columns are selected once, on all rows.
    sample_fraction : float, default=0.5
        Fraction of the rows in each sample. Rows are drawn without replacement, and their weights do not change the
        probability of a draw. Classes keep their proportions.
    min_frequency : float, default=0.6
        Minimum fraction of the samples in which a column must be selected. Ignored if ``n_features_to_select`` is set,
        because then the columns selected most often are kept.
    max_samples : int, default=1000
        Maximum number of rows for importances of groups. If each raw column has one encoded column, the explainer's own
        importances are used instead.
    n_jobs : int, default=None
        Number of samples that joblib computes at once, in threads by default. None means 1 unless in a
        `joblib.parallel_config` context.
    random_state : int, RandomState instance or None, default=None
        Source of the samples of rows and of the seeds for each sample. Pass an int to get the same selection in every
        call.

    Attributes
    ----------
    estimator_ : estimator
        Clone of the estimator, fitted on all rows.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Importances of the raw columns on all rows; zero for columns that the encoder drops.
    threshold_ : float
        Minimum importance of selected columns, computed on all rows.
    selection_frequency_ : ndarray of shape (n_features_in_,)
        Fraction of the samples in which each column was selected. Only set if ``n_resamples > 0``.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns. Only set if ``X`` is a DataFrame whose column names are all strings.

    See Also
    --------
    contribution_score : Score columns for ``SelectKBest``.
    MeanAbsoluteImportance : Importances of contributions.

    References
    ----------
    Meinshausen, N., & Bühlmann, P. (2010). Stability selection. Journal of the Royal Statistical Society B, 72(4),
    417–473. https://arxiv.org/abs/0809.2932

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from skdeeplift import ContributionSelector, DeepLiftExplainer
    >>> table = pd.DataFrame({"age": [1.0, 2.0, 3.0], "pet": ["cat", "dog", "cat"], "weight": [3.0, 1.0, 2.0]})
    >>> encoder = make_column_transformer((OneHotEncoder(), ["pet"]), remainder="passthrough")
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> model.set_weights([np.array([[3.0], [-3.0], [0.1], [0.2]]), np.zeros(1)])
    >>> selector = ContributionSelector(make_pipeline(encoder, DeepLiftExplainer(model)), n_features_to_select=1)
    >>> selector.fit(table).get_feature_names_out()
    array(['pet'], dtype=object)
    >>> selector.feature_importances_
    array([0.067, 2.667, 0.133])
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods("fit")],
        "threshold": [Interval(Real, None, None, closed="both"), str, None],
        "n_features_to_select": [
            Interval(RealNotInt, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "groups": [StrOptions({"auto"}), "array-like", dict, callable],
        "within": [StrOptions({"sum", "mean_absolute", "norm"})],
        "n_resamples": [Interval(Integral, 0, None, closed="left")],
        "sample_fraction": [Interval(Real, 0, 1, closed="right")],
        "min_frequency": [Interval(Real, 0, 1, closed="right")],
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Estimator,
        *,
        threshold: float | str | None = None,
        n_features_to_select: float | None = None,
        groups: GroupsLike = "auto",
        within: Literal["sum", "mean_absolute", "norm"] = "sum",
        n_resamples: int = 0,
        sample_fraction: float = 0.5,
        min_frequency: float = 0.6,
        max_samples: int = 1000,
        n_jobs: int | None = None,
        random_state: RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.n_features_to_select = n_features_to_select
        self.groups = groups
        self.within = within
        self.n_resamples = n_resamples
        self.sample_fraction = sample_fraction
        self.min_frequency = min_frequency
        self.max_samples = max_samples
        self.n_jobs = n_jobs
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Rows, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the explainer and select columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Raw columns of any types that the estimator accepts. Dask collections are loaded into memory.
        y : array-like of shape (n_rows,), default=None
            Target values to train the estimator. Not needed if its network is already trained.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in training and in importances. An explainer in a pipeline gets them, too. By default
            all rows have the same weight.

        Returns
        -------
        self : object
            The fitted selector.

        Raises
        ------
        ValueError
            If ``X`` has fewer columns than ``n_features_to_select``, the estimator has no importances, or encoded
            columns cannot be assigned to raw columns.
        """
        with restore_on_error(self):
            self._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        """Validate the input, compute importances, and select columns on all rows or on samples."""
        if is_lazy(X):
            # Encoders and training need all rows in memory.
            X, y, sample_weight = compute_all(X, y, sample_weight)
        if not hasattr(X, "columns"):
            X = check_array(X, dtype=None, accept_sparse="csr", ensure_all_finite=False, input_name="X", estimator=self)
        # Leave the check of values to the estimator, which may accept text or missing values.
        validate_data(self, X, skip_check_array=True)
        n_columns, n_selected = self.n_features_in_, self.n_features_to_select
        if isinstance(n_selected, Integral) and n_selected > n_columns:
            raise ValueError(
                f"n_features_to_select={n_selected} is more than the {n_columns} columns of X. Pass a smaller number, "
                "or a fraction such as 0.5."
            )
        if n_selected is not None and not isinstance(n_selected, Integral):
            n_selected = max(1, int(n_selected * n_columns))
        if sample_weight is not None:
            sample_weight = check_weights(sample_weight, X.shape[0])
            if not sample_weight.any():
                raise ValueError(ONLY_ZERO_WEIGHTS)
        random_state = check_random_state(self.random_state)
        names = getattr(self, "feature_names_in_", None)
        vars(self).pop("selection_frequency_", None)
        self.estimator_ = clone(self.estimator)
        self.feature_importances_ = fit_importances(self, self.estimator_, (X, y, sample_weight), names, random_state)
        selector = self._select_by_importance(self.feature_importances_, n_selected)
        self.threshold_, self._support = selector.threshold_, selector.get_support()
        if self.n_resamples:
            seeds = random_state.randint(np.iinfo(np.int32).max, size=self.n_resamples)
            # Use threads, because TensorFlow hangs after a fork and takes long to start in a new process.
            supports = Parallel(n_jobs=self.n_jobs, prefer="threads")(
                delayed(self._select_on_sample)(X, y, sample_weight, n_selected, seed) for seed in seeds
            )
            self.selection_frequency_ = np.mean(supports, axis=0)
            self._support = self.selection_frequency_ >= self.min_frequency
            if n_selected is not None:
                most_often = np.lexsort((-self.feature_importances_, -self.selection_frequency_))[:n_selected]
                self._support = np.isin(np.arange(n_columns), most_often) & (self.selection_frequency_ > 0)

    def _select_by_importance(self, importances, n_selected):
        """Return a fitted `SelectFromModel` that selects by the importances."""
        # The mean absolute value of a single row is the row itself, so this estimator has the importances.
        estimator = MeanAbsoluteImportance().fit(importances[None])
        threshold = -np.inf if self.threshold is None and n_selected is not None else self.threshold
        selector = SelectFromModel(estimator, prefit=True, threshold=threshold, max_features=n_selected)
        return selector.fit(importances[None])

    def _select_on_sample(self, X, y, sample_weight, n_selected, seed):
        """Return the mask of the columns selected on a sample of the rows."""
        random_state = np.random.RandomState(seed)
        sample = _sample_rows(X, y, sample_weight, self.sample_fraction, random_state)
        names = getattr(self, "feature_names_in_", None)
        importances = fit_importances(self, _reseed(clone(self.estimator), random_state), sample, names, random_state)
        return self._select_by_importance(importances, n_selected).get_support()

    def _get_support_mask(self):
        """Return the mask of the selected columns, for `SelectorMixin`."""
        check_is_fitted(self, "estimator_")
        return self._support

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.target_tags = inner.target_tags
        tags.input_tags.sparse = inner.input_tags.sparse
        # An encoder may replace missing values.
        tags.input_tags.allow_nan = inner.input_tags.allow_nan or isinstance(self.estimator, Pipeline)
        return tags


def _reseed(estimator, random_state):
    """Set every ``random_state`` in an estimator to a random seed; trained networks have none and do not change."""
    names = sorted(name for name in estimator.get_params() if name.rpartition("__")[2] == "random_state")
    return estimator.set_params(**{name: random_state.randint(np.iinfo(np.int32).max) for name in names})


def _sample_rows(X, y, sample_weight, fraction, random_state):
    """Draw a fraction of the rows without replacement; classes keep their proportions.

    Rows of weight zero are never drawn. Other weights do not change the probability of a row.
    """
    rows = np.arange(X.shape[0]) if sample_weight is None else np.flatnonzero(sample_weight)
    n_sampled, stratify = max(1, round(fraction * len(rows))), None
    if y is not None and np.ndim(y) == 1:
        labels = np.asarray(y)[rows]
        # Labels of classes repeat; values of a regression seldom do.
        if kind_of(labels.dtype) not in "iuf" or len(np.unique(labels)) <= len(labels) // 2:
            stratify = labels
    sampled = resample(rows, replace=False, n_samples=n_sampled, random_state=random_state, stratify=stratify)
    return [None if array is None else safe_indexing(array, sampled) for array in (X, y, sample_weight)]
