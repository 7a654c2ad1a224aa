"""Selection of raw columns."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.feature_selection import SelectFromModel, SelectorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_random_state, get_tags
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeeplift.compat import HasMethods, Interval, RealNotInt, StrOptions, fit_context
from skdeeplift.explainers.unchanged import unchanged_on_error
from skdeeplift.rows.dask_rows import in_memory, is_lazy
from skdeeplift.selection.mean_absolute_importance import ONLY_ZEROS, MeanAbsoluteImportance, check_weights
from skdeeplift.selection.raw_column_importances import draw, fit_importances


class ContributionSelector(SelectorMixin, MetaEstimatorMixin, BaseEstimator):
    """Select columns by contributions to a network's output, also columns that are encoded first.

    The network may stand behind an encoder, as in ``make_pipeline(ColumnTransformer(...), DeepLiftExplainer(...))``.
    What is selected are the columns that the encoder is given: contributions of all columns made of one raw column,
    such as those of a one-hot encoding, are added up before their absolute values are taken, and importances are
    brought into the order of the raw columns. `sklearn.feature_selection.SelectFromModel` would apply them in the order
    in which the encoder returns columns.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : estimator
        An explainer, a pipeline that ends in one, or anything else with ``feature_importances_``. It is cloned; a
        network that is not yet trained is trained on the rows of `fit` alone, so that selection inside cross-validation
        stays honest.
    threshold : float or str, default=None
        The least importance of columns that are selected: a number, ``"mean"``, ``"median"``, or a multiple such as
        ``"1.25*mean"``. By default the mean, or none with ``n_features_to_select``.
    n_features_to_select : int or float, default=None
        How many columns to select at the most, the most important first; a float is a fraction of all.
    groups : "auto", array-like, dict or callable, default="auto"
        Which raw column each encoded one comes from. By default the encoder tells. Where it mixes columns, as a
        principal component analysis does: labels as `MeanAbsoluteImportance` takes them, which are raw columns or
        tuples of raw columns. Those of a tuple have the same importance.
    within : {"sum", "mean_absolute", "norm"}, default="sum"
        What becomes of the contributions of several encoded columns, as in `MeanAbsoluteImportance`.
    n_resamples : int, default=0
        How often to select on part of the rows, to see which columns are selected again and again (stability
        selection). With 0, columns are selected once, on all rows.
    sample_fraction : float, default=0.5
        Which part of the rows is drawn each time, without replacement, whatever their weights, and of classes each in
        its proportion.
    min_frequency : float, default=0.6
        In which part of the resamples a column must be selected. With ``n_features_to_select`` it is those that are
        selected most often instead.
    max_samples : int, default=1000
        On how many rows importances of groups are computed at the most. Those of columns that are encoded one by one
        are the explainer's own.
    n_jobs : int, default=None
        How many resamples are computed at once, by joblib; threads by default.
    random_state : int, RandomState instance or None, default=None
        Where draws of rows come from.

    Attributes
    ----------
    estimator_ : estimator
        The clone, fitted on all rows.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Importances of raw columns on all rows; zero for those that the encoder drops.
    threshold_ : float
        The least importance, on all rows.
    selection_frequency_ : ndarray of shape (n_features_in_,)
        In which part of the resamples each column was selected, where there are resamples.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns, where ``X`` is a DataFrame whose column names are all strings.

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
        estimator,
        *,
        threshold=None,
        n_features_to_select=None,
        groups="auto",
        within="sum",
        n_resamples=0,
        sample_fraction=0.5,
        min_frequency=0.6,
        max_samples=1000,
        n_jobs=None,
        random_state=None,
    ):
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
    def fit(self, X, y=None, sample_weight=None):
        """Fit the explainer, and select columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Raw columns, of any types that the estimator takes; what is lazy is computed.
        y : array-like of shape (n_rows,), default=None
            What the estimator learns, if it learns.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts, in training and in importances; an explainer in a pipeline is given it too.

        Returns
        -------
        self : object
            The fitted selector.

        Raises
        ------
        ValueError
            If there are fewer columns than are to be selected, importances can not be brought back to raw columns, or
            the estimator has none.
        """
        with unchanged_on_error(self):
            self._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        if is_lazy(X):
            # Encoders, and what is trained, need all rows.
            X, y, sample_weight = in_memory(X, y, sample_weight)
        if not hasattr(X, "columns"):
            X = check_array(X, dtype=None, accept_sparse="csr", ensure_all_finite=False, input_name="X", estimator=self)
        # What the columns hold is for the estimator to check.
        validate_data(self, X, skip_check_array=True)
        n_columns, n_selected = self.n_features_in_, self.n_features_to_select
        if isinstance(n_selected, Integral) and n_selected > n_columns:
            raise ValueError(f"n_features_to_select={n_selected} is more than the {n_columns} columns of X.")
        if n_selected is not None and not isinstance(n_selected, Integral):
            n_selected = max(1, int(n_selected * n_columns))
        if sample_weight is not None:
            sample_weight = check_weights(sample_weight, X.shape[0])
            if not sample_weight.any():
                raise ValueError(ONLY_ZEROS)
        random_state = check_random_state(self.random_state)
        vars(self).pop("selection_frequency_", None)
        self.estimator_ = clone(self.estimator)
        self.feature_importances_ = self._importances(self.estimator_, X, y, sample_weight, random_state)
        by_importance = self._by_importance(self.feature_importances_, n_selected)
        self.threshold_, self._support = by_importance.threshold_, by_importance.get_support()
        if self.n_resamples:
            seeds = random_state.randint(np.iinfo(np.int32).max, size=self.n_resamples)
            # TensorFlow does not survive a fork, and takes long to start in a new process.
            supports = Parallel(n_jobs=self.n_jobs, prefer="threads")(
                delayed(self._resampled)(X, y, sample_weight, n_selected, seed) for seed in seeds
            )
            self.selection_frequency_ = np.mean(supports, axis=0)
            self._support = self.selection_frequency_ >= self.min_frequency
            if n_selected is not None:
                most_often = np.lexsort((-self.feature_importances_, -self.selection_frequency_))[:n_selected]
                self._support = np.isin(np.arange(n_columns), most_often) & (self.selection_frequency_ > 0)

    def _importances(self, estimator, X, y, sample_weight, random_state):
        return fit_importances(
            estimator,
            X,
            y,
            sample_weight,
            names=getattr(self, "feature_names_in_", None),
            groups=self.groups,
            within=self.within,
            max_samples=self.max_samples,
            random_state=random_state,
        )

    def _by_importance(self, importances, n_selected):
        """scikit-learn's own selection, of given importances."""
        # Importances of one row are its absolute values.
        given = MeanAbsoluteImportance().fit(importances[None])
        threshold = -np.inf if self.threshold is None and n_selected is not None else self.threshold
        selector = SelectFromModel(given, prefit=True, threshold=threshold, max_features=n_selected)
        return selector.fit(importances[None])

    def _resampled(self, X, y, sample_weight, n_selected, seed):
        random_state = np.random.RandomState(seed)
        drawn = draw(X, y, sample_weight, self.sample_fraction, random_state)
        importances = self._importances(clone(self.estimator), *drawn, random_state)
        return self._by_importance(importances, n_selected).get_support()

    def _get_support_mask(self):
        check_is_fitted(self, "estimator_")
        return self._support

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.target_tags = inner.target_tags
        tags.input_tags.sparse = inner.input_tags.sparse
        # What an encoder makes of missing values is its own affair.
        tags.input_tags.allow_nan = inner.input_tags.allow_nan or isinstance(self.estimator, Pipeline)
        return tags
