"""Scores of columns for scikit-learn's univariate selectors."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state

from skdeeplift.rows.dask_rows import compute_all, is_lazy
from skdeeplift.selection.raw_column_importances import fit_importances


def contribution_score(explainer, *, groups="auto", within="sum", max_samples=1000, random_state=None):
    """Return a function that scores columns by contributions, for ``SelectKBest`` and ``SelectPercentile``.

    Parameters
    ----------
    explainer : estimator
        An explainer, or a pipeline that ends in one. A clone of it is fitted whenever columns are scored.
    groups : "auto", array-like, dict or callable, default="auto"
        Column that each encoded column comes from, as in `ContributionSelector`. By default the encoder determines it.
    within : {"sum", "mean_absolute", "norm"}, default="sum"
        Absolute contribution of several encoded columns of one column, as in `MeanAbsoluteImportance`.
    max_samples : int, default=1000
        Largest number of rows that scores of groups are computed on. More rows are sampled at random.
    random_state : int, RandomState instance or None, default=None
        Source of the sample of rows. Pass an int to get the same scores in every call.

    Returns
    -------
    score : ContributionScore
        Function of ``X`` and ``y`` that returns a score for each column. It can be cloned and pickled. A search over
        parameters can set its parameters, such as ``score_func__explainer__rule``.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from sklearn.feature_selection import SelectKBest
    >>> from skdeeplift import DeepLiftExplainer, contribution_score
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.set_weights([np.array([[1.0], [0.0], [-3.0]]), np.zeros(1)])
    >>> selector = SelectKBest(contribution_score(DeepLiftExplainer(model)), k=1)
    >>> selector.fit([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], [0, 1]).scores_
    array([1., 0., 3.])
    """
    return ContributionScore(
        explainer, groups=groups, within=within, max_samples=max_samples, random_state=random_state
    )


class ContributionScore(BaseEstimator):
    """Score function that `contribution_score` returns.

    Parameters
    ----------
    explainer, groups, within, max_samples, random_state : object
        Parameters of `contribution_score`.
    """

    def __init__(self, explainer, *, groups="auto", within="sum", max_samples=1000, random_state=None):
        self.explainer = explainer
        self.groups = groups
        self.within = within
        self.max_samples = max_samples
        self.random_state = random_state

    def __call__(self, X, y=None):
        """Score columns.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Rows with raw columns.
        y : array-like of shape (n_rows,), default=None
            Target values for training the explainer's network. Not needed if the network is already trained.

        Returns
        -------
        scores : ndarray of shape (n_columns,)
            Mean absolute contribution of each column.
        """
        if is_lazy(X):
            X, y = compute_all(X, y)
        X = X if hasattr(X, "shape") else np.asarray(X)
        return fit_importances(
            clone(self.explainer),
            X,
            y,
            None,
            names=list(X.columns) if hasattr(X, "columns") else None,
            groups=self.groups,
            within=self.within,
            max_samples=self.max_samples,
            random_state=check_random_state(self.random_state),
        )
