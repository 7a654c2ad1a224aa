"""Scores of columns, as scikit-learn's univariate selectors take them."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state

from skdeeplift.rows.dask_rows import in_memory, is_lazy
from skdeeplift.selection.raw_column_importances import fit_importances


def contribution_score(explainer, *, groups="auto", within="sum", max_samples=1000, random_state=None):
    """Score columns by contributions: a score function for ``SelectKBest`` and ``SelectPercentile``.

    Parameters
    ----------
    explainer : estimator
        An explainer, or a pipeline that ends in one. It is cloned and fitted whenever columns are scored.
    groups : "auto", array-like, dict or callable, default="auto"
        Which column each encoded one comes from, as in `ContributionSelector`.
    within : {"sum", "mean_absolute", "norm"}, default="sum"
        What becomes of the contributions of several encoded columns, as in `MeanAbsoluteImportance`.
    max_samples : int, default=1000
        On how many rows scores of groups are computed at the most.
    random_state : int, RandomState instance or None, default=None
        Where the draw of these comes from.

    Returns
    -------
    score : ContributionScore
        A function of ``X`` and ``y`` that returns a score for each column; it can be cloned and pickled, and has
        parameters to be searched over, such as ``score_func__explainer__rule``.

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
    """What `contribution_score` returns.

    Parameters
    ----------
    explainer, groups, within, max_samples, random_state : object
        As `contribution_score` takes them.
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
            Rows.
        y : array-like of shape (n_rows,), default=None
            What the explainer's estimator learns, if it learns.

        Returns
        -------
        scores : ndarray of shape (n_columns,)
            Mean absolute contributions.
        """
        if is_lazy(X):
            X, y = in_memory(X, y)
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
