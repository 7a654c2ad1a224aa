"""Several explainers by several metrics."""

import warnings
from functools import partial
from inspect import signature
from time import perf_counter

import numpy as np
import pandas as pd

import skdeeplift.metrics
from skdeeplift.metrics.agreement import rank_agreement
from skdeeplift.metrics.judged import check_explainer
from skdeeplift.metrics.scorers import GREATER_IS_BETTER

USUAL = (
    "summation_to_delta_error",
    "deletion_score",
    "insertion_score",
    "sensitivity_n",
    "infidelity",
    "max_sensitivity",
    "rank_agreement",
)


def compare_explainers(explainers, X, *, metrics=USUAL, fill=None, axes=None, target=None):
    """Compare explainers of one network by metrics, and by their time.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainers : list, or dict of str to BaseExplainer
        Fitted explainers of the same target; a dict names them, those of a list go by their class.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows to be explained.
    metrics : list of str, or dict of str to str or callable
        Names of functions of `skdeeplift.metrics`; a dict names the columns, and may have functions that take an
        explainer, rows and ``explanation=``, such as ``partial(deletion_score, fill="blur")``. By default all that need
        no knowledge but ``X``, without the check by random weights: ``"randomization_check"``, whose mean over layers
        is taken.
    fill : str, Reference, callable, array-like or References, default=None
        What stands in the place of what metrics erase, the same for all explainers, as in
        `skdeeplift.metrics.deletion_curve`. By default the references of the first explainer that has some, and if
        none has, ``"mean"``.
    axes : int, tuple of int, or list or dict of these, default=None
        Axes each of whose positions is erased as a whole, as in `skdeeplift.metrics.deletion_curve`.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainers' own ``target``.

    Returns
    -------
    comparison : DataFrame of shape (n_explainers, n_metrics + 1)
        One row for each explainer; NaN where a metric does not apply. ``"rank_agreement"`` is the mean of that with
        each other explainer. The last column, ``"seconds"``, is how long the explanation takes once all is compiled.

    Raises
    ------
    ValueError
        If there is no such metric, or no explainer.

    See Also
    --------
    explanation_scorer : Choose an explainer's parameters by a metric.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer, GradientExplainer
    >>> from skdeeplift.metrics import compare_explainers
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "relu")])
    >>> model.set_weights([np.array([[1.0], [-1.0], [2.0]]), np.array([-1.0])])
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> explainers = [
    ...     each.fit(rows) for each in (DeepLiftExplainer(model, reference="zeros"), GradientExplainer(model))
    ... ]
    >>> compare_explainers(explainers, rows, metrics=["deletion_score", "infidelity"]).columns.tolist()
    ['deletion_score', 'infidelity', 'seconds']
    """
    explainers = _named(explainers)
    for explainer in explainers.values():
        check_explainer(explainer)
    functions = _functions(metrics)
    if fill is None:
        of_explainers = (getattr(explainer, "references_", None) for explainer in explainers.values())
        fill = next((references for references in of_explainers if references is not None), "mean")
    explanations, seconds = {}, {}
    for name, explainer in explainers.items():
        explanations[name] = explainer.explain(X, target=target)
        with warnings.catch_warnings():
            # Of what was warned of already.
            warnings.simplefilter("ignore")
            start = perf_counter()
            explainer.explain(X, target=target)
            seconds[name] = perf_counter() - start
    common = {"fill": fill, "axes": axes}
    comparison = {}
    for column, function in functions.items():
        if function is rank_agreement:
            comparison[column] = _agreements(explanations)
            continue
        known = {} if isinstance(function, partial) else signature(function).parameters
        options = {name: value for name, value in common.items() if name in known}
        comparison[column] = {
            name: _number(function, explainer, X, explanations[name], options) for name, explainer in explainers.items()
        }
    return pd.DataFrame({**comparison, "seconds": seconds}, index=list(explainers))


def _named(explainers):
    """Explainers by names, those of the same class told apart by numbers."""
    if isinstance(explainers, dict):
        named = dict(explainers)
    else:
        classes = [type(explainer).__name__ for explainer in explainers]
        named = {
            name if classes.count(name) == 1 else f"{name}_{classes[: position + 1].count(name)}": explainer
            for position, (name, explainer) in enumerate(zip(classes, explainers, strict=True))
        }
    if not named:
        raise ValueError("explainers= has at least one fitted explainer. Got none.")
    return named


def _functions(metrics):
    """Functions by the names of columns."""
    if isinstance(metrics, str):
        metrics = [metrics]
    functions = {}
    for column, metric in metrics.items() if isinstance(metrics, dict) else zip(metrics, metrics, strict=True):
        if callable(metric):
            functions[column] = metric
        elif metric in GREATER_IS_BETTER and metric != "localization_auc":
            functions[column] = getattr(skdeeplift.metrics, metric)
        else:
            names = ", ".join(repr(name) for name in GREATER_IS_BETTER if name != "localization_auc")
            raise ValueError(
                f"metrics= takes {names}, or a dict with functions such as partial(localization_auc, positions=...). "
                f"Got {metric!r}."
            )
    return functions


def _agreements(explanations):
    """How far each agrees with the others."""
    pairs = {
        (first, second): rank_agreement(explanations[first], explanations[second])
        for first in explanations
        for second in explanations
        if first != second
    }
    return {
        name: np.mean([value for (first, _), value in pairs.items() if first == name])
        if len(explanations) > 1
        else np.nan
        for name in explanations
    }


def _number(function, explainer, X, explanation, options):
    """What a metric says, on the average over layers, where it has numbers for each."""
    without_reference = explanation.reference_value is None
    if function is skdeeplift.metrics.summation_to_delta_error and without_reference:
        return np.nan
    return np.mean(function(explainer, X, explanation=explanation, **options))
