"""Scorers that let scikit-learn choose among explainers."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

import skdeeplift.metrics

# Names of metrics, with True if a greater number is better.
GREATER_IS_BETTER = {
    "deletion_score": True,
    "infidelity": False,
    "insertion_score": True,
    "localization_auc": True,
    "log_odds_change": True,
    "max_sensitivity": False,
    "randomization_check": False,
    "rank_agreement": True,
    "sensitivity_n": True,
    "summation_to_delta_error": False,
}


def explanation_scorer(metric: str | Callable[..., Any], **options: Any) -> ExplanationScorer:
    """Make a scorer for ``GridSearchCV``, to choose the rule and the reference that explain best.

    .. versionadded:: 1.0

    Parameters
    ----------
    metric : str or callable
        Name of a function of `skdeeplift.metrics`, or another function that takes a fitted explainer and rows and
        returns a number. A greater number of such a function is better.
    **options : object
        Further arguments of the metric. By default ``fill`` is ``"mean"``, learned from the scored rows, so that
        explainers with different references get the same values. The metric ``rank_agreement`` needs ``other=``, a
        fitted explainer to agree with. The metric ``localization_auc`` uses ``y`` as ``positions``, unless
        ``positions`` is passed. A bound network learns nothing from ``y``.

    Returns
    -------
    scorer : ExplanationScorer
        Function that takes a fitted explainer, or a pipeline that ends in one, with ``X`` and ``y``, and returns a
        score. A greater score is better: errors are negated, and so is the mean of `randomization_check` over layers.

    Raises
    ------
    ValueError
        If the metric does not exist, or does not take an option.

    See Also
    --------
    compare_explainers : Compare several explainers by several metrics.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import explanation_scorer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "relu")])
    >>> model.set_weights([np.array([[1.0], [-1.0]]), np.array([1.0])])
    >>> rows = np.random.default_rng(0).normal(size=(40, 2))
    >>> scorer = explanation_scorer("infidelity", fill="zeros")
    >>> search = GridSearchCV(DeepLiftExplainer(model), {"reference": ["mean", "zeros", 3.0]}, scoring=scorer, cv=2)
    >>> search.fit(rows).best_params_
    {'reference': 'zeros'}
    """
    scorer = ExplanationScorer(metric, options)
    scorer.metric_function()
    return scorer


class ExplanationScorer(BaseEstimator):
    """Scorer of explainers by one metric.

    Parameters
    ----------
    metric : str or callable
        Metric, as in `explanation_scorer`.
    options : dict
        Further arguments of the metric.
    """

    def __init__(self, metric, options):
        self.metric = metric
        self.options = options

    def __call__(self, estimator, X, y=None):
        """Score an explainer.

        Parameters
        ----------
        estimator : BaseExplainer or Pipeline
            Fitted explainer, or a fitted pipeline that ends in one.
        X : array-like of shape (n_rows, *features), or list or dict of array-like
            Rows to explain.
        y : array-like, default=None
            Known positions for `localization_auc`; ignored by other metrics.

        Returns
        -------
        score : float
            Score; greater is better.
        """
        metric, greater_is_better = self.metric_function(), GREATER_IS_BETTER.get(self.metric, True)
        if isinstance(estimator, Pipeline):
            if len(estimator.steps) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator.steps[-1][1]
        arguments = [y] if self.metric == "localization_auc" and "positions" not in self.options else []
        # Take the mean, because `randomization_check` returns one number for each layer.
        # Copy X, because a user's function may write into its argument.
        score = np.mean(metric(estimator, deepcopy(X) if callable(self.metric) else X, *arguments))
        return float(score if greater_is_better else -score)

    def metric_function(self):
        """Return the metric as a function of an explainer and rows, or raise an error if it does not exist."""
        if callable(self.metric):
            return partial(self.metric, **self.options)
        if self.metric not in GREATER_IS_BETTER:
            raise ValueError(
                f"metric= takes {', '.join(map(repr, GREATER_IS_BETTER))}, or a function. Got {self.metric!r}."
            )
        # rank_agreement takes two explanations instead of an explainer and rows.
        is_agreement = self.metric == "rank_agreement"
        function = _compute_agreement if is_agreement else getattr(skdeeplift.metrics, self.metric)
        known = [name for name in signature(function).parameters if name not in ("explainer", "X", "per_row")]
        unknown = [name for name in self.options if name not in known]
        if unknown or (is_agreement and "other" not in self.options):
            wrong = f"Got {unknown[0]!r}." if unknown else "other= is missing, an explainer to agree with."
            raise ValueError(f"{self.metric} takes the options {', '.join(known)}. {wrong}")
        common = {"fill": "mean"} if "fill" in known else {}
        return partial(function, **{**common, **self.options})


def _compute_agreement(explainer, X, other, *, measure="spearman", k=0.1, absolute=False, target=None):
    """Compute the agreement of an explainer with another one."""
    explanations = [each.explain(X, target=target) for each in (explainer, other)]
    return skdeeplift.metrics.rank_agreement(*explanations, measure=measure, k=k, absolute=absolute)
