"""Comparison of several explainers by several metrics."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from inspect import signature
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

import skdeeplift.metrics
from skdeeplift.annotations import DataFrame, Explainer, PerInput, ReferenceLike, Rows, TargetLike
from skdeeplift.metrics.consistency import rank_agreement, summation_to_delta_error
from skdeeplift.metrics.explained_rows import check_explainer, check_parameters
from skdeeplift.metrics.scorers import GREATER_IS_BETTER

DEFAULT_METRICS = (
    "summation_to_delta_error",
    "deletion_score",
    "insertion_score",
    "sensitivity_n",
    "infidelity",
    "max_sensitivity",
    "rank_agreement",
)
# Seconds before the progress bar appears.
DELAY = 2


@check_parameters(verbose=["verbose"])
def compare_explainers(
    explainers: Sequence[Explainer] | Mapping[str, Explainer],
    X: Rows,
    *,
    metrics: Sequence[str] | Mapping[str, str | Callable[..., Any]] = DEFAULT_METRICS,
    fill: ReferenceLike | None = None,
    axes: PerInput | None = None,
    target: TargetLike | None = None,
    verbose: int = 1,
) -> DataFrame:
    """Compare explainers of one network by metrics and by time.

    .. versionadded:: 1.0

    Parameters
    ----------
    explainers : list, or dict of str to BaseExplainer
        Fitted explainers of the same target. The keys of a dict name the explainers. The explainers of a list are named
        by their classes.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows to explain.
    metrics : list of str, or dict of str to str or callable
        Names of functions of `skdeeplift.metrics`. The keys of a dict name the rows of the result. The values of a dict
        may also be functions that take an explainer, rows and ``explanation=``, such as
        ``partial(deletion_score, fill="blur")``. By default all metrics that need only ``X``, except
        ``"randomization_check"``, which is slow. The result of ``"randomization_check"`` is its mean over layers.
    fill : str, Reference, callable, array-like or References, default=None
        %(fill)s
        None takes the references of the first explainer that has references, or ``"mean"`` if no explainer has them.
    %(axes)s
    target : str, int, tuple, dict, array-like or callable, default=None
        Target to measure. By default the explainers' own ``target``.
    verbose : int, default=1
        Whether to show a progress bar if the comparison takes more than two seconds.

    Returns
    -------
    comparison : DataFrame of shape (n_metrics + 1, n_explainers + 1)
        One row for each metric and one column for each explainer; NaN if a metric does not apply to an explainer. The
        first column, ``"better"``, says whether ``"higher"`` or ``"lower"`` numbers are better, and is empty for a
        user's function. ``"rank_agreement"`` is the mean agreement with the other explainers. The last row,
        ``"seconds"``, is the time of one explanation, without compilation.

    Raises
    ------
    ValueError
        If a metric does not exist, or no explainer is passed.

    See Also
    --------
    explanation_scorer : Make a scorer that chooses an explainer's parameters by a metric.

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
    >>> comparison = compare_explainers(explainers, rows, metrics=["deletion_score", "infidelity"])
    >>> comparison["better"].to_dict()
    {'deletion_score': 'higher', 'infidelity': 'lower', 'seconds': 'lower'}
    >>> comparison.columns.tolist()
    ['better', 'DeepLiftExplainer', 'GradientExplainer']
    """
    explainers = _name_explainers(explainers)
    for explainer in explainers.values():
        check_explainer(explainer)
    functions = _find_metrics(metrics)
    if fill is None:
        of_explainers = (getattr(explainer, "references_", None) for explainer in explainers.values())
        fill = next((references for references in of_explainers if references is not None), "mean")
    explanations, seconds, rows = {}, {}, {}
    begin = perf_counter()
    with tqdm(total=len(explainers) * (1 + len(functions)), delay=DELAY, disable=not verbose, leave=False) as progress:

        def announce(step):
            progress.set_description(step, refresh=perf_counter() - begin > DELAY)

        for name, explainer in explainers.items():
            announce(f"Explaining by {name}")
            explanations[name] = explainer.explain(X, target=target)
            with warnings.catch_warnings():
                # The first call already gave these warnings.
                warnings.simplefilter("ignore")
                start = perf_counter()
                explainer.explain(X, target=target)
                seconds[name] = perf_counter() - start
            progress.update()
        for label, function in functions.items():
            if function is rank_agreement:
                rows[label] = _mean_agreements(explanations)
                progress.update(len(explainers))
                continue
            known = {} if isinstance(function, partial) else signature(function).parameters
            options = {name: value for name, value in (("fill", fill), ("axes", axes)) if name in known}
            rows[label] = {}
            for name, explainer in explainers.items():
                announce(f"{label} of {name}")
                rows[label][name] = _compute_metric(function, explainer, X, explanations[name], options)
                progress.update()
    comparison = pd.DataFrame.from_dict({**rows, "seconds": seconds}, orient="index", columns=list(explainers))
    comparison.insert(0, "better", [*map(_better, functions.values()), "lower"])
    return comparison


def _better(function):
    """Return ``"higher"`` or ``"lower"``, the better numbers of a metric; empty text for a user's function."""
    function = function.func if isinstance(function, partial) else function
    name = getattr(function, "__name__", "")
    if getattr(skdeeplift.metrics, name, None) is not function:
        return ""
    return "higher" if GREATER_IS_BETTER[name] else "lower"


def _name_explainers(explainers):
    """Return a dict of explainers by name; several explainers of one class are numbered."""
    if isinstance(explainers, dict):
        named = dict(explainers)
    else:
        classes = [type(explainer).__name__ for explainer in explainers]
        named = {
            name if classes.count(name) == 1 else f"{name}_{classes[: position + 1].count(name)}": explainer
            for position, (name, explainer) in enumerate(zip(classes, explainers, strict=True))
        }
    if not named:
        raise ValueError("explainers= needs at least one fitted explainer. Got none.")
    return named


def _find_metrics(metrics):
    """Return a dict from row names to functions of metrics."""
    if isinstance(metrics, str):
        metrics = [metrics]
    # localization_auc needs the known positions of the signal, and `compare_explainers` does not have them.
    functions, known = {}, [name for name in GREATER_IS_BETTER if name != "localization_auc"]
    for column, metric in metrics.items() if isinstance(metrics, dict) else zip(metrics, metrics, strict=True):
        if callable(metric):
            functions[column] = metric
        elif metric in known:
            functions[column] = getattr(skdeeplift.metrics, metric)
        else:
            raise ValueError(
                f"metrics= takes {', '.join(map(repr, known))}, or a dict with functions such as "
                f"partial(localization_auc, positions=...). Got {metric!r}."
            )
    return functions


def _mean_agreements(explanations):
    """Return the mean agreement of each explanation with the others."""
    return {
        name: np.mean([rank_agreement(each, other) for other in explanations.values() if other is not each] or [np.nan])
        for name, each in explanations.items()
    }


def _compute_metric(function, explainer, X, explanation, options):
    """Compute a metric, averaged over layers if it returns one number per layer; NaN if it does not apply."""
    if function is summation_to_delta_error and explanation.reference_value is None:
        return np.nan
    if getattr(skdeeplift.metrics, getattr(function, "__name__", ""), None) is not function:
        # Other metrics use the same arguments, and a user's function may write into them.
        X, explanation = deepcopy((X, explanation))
    return np.mean(function(explainer, X, explanation=explanation, **options))
