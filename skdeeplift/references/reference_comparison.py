"""Comparison of contributions under other choices and numbers of references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import DataFrame, Explainer, Rows

# Name of the explainer's own references in the report.
FITTED = "fitted"


def reference_report(
    explainer: Explainer,
    X: Rows,
    *,
    references: Sequence[Any] | Mapping[str, Any] = ("zeros", "mean", "sample"),
    n_references: Sequence[int] | None = None,
) -> DataFrame:
    """Compare contributions across choices of references and numbers of references.

    .. versionadded:: 1.0

    Parameters
    ----------
    explainer : BaseExplainer
        Fitted explainer with references.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows to explain. The other choices of references also learn from these rows.
    references : list, or dict of str, default=("zeros", "mean", "sample")
        Choices to compare with the explainer's own references. Each choice is a value of the explainer's parameter
        ``reference``. A dict maps names to choices.
    n_references : list of int, default=None
        Numbers of references in the report, up to the number of references of each choice. By default powers of two.
        The number of all references of a choice is always included.

    Returns
    -------
    report : DataFrame
        One row for each choice and number of references. The explainer's own references are called ``"fitted"``. Each
        column is a mean over the rows of ``X``:

        - ``standard_error``: Euclidean norm of the standard errors of a row's contributions, relative to the norm of
          its contributions;
        - ``change``: difference from the contributions with all references of the same choice, relative to the latter;
        - ``rank_correlation``: Spearman's correlation with the contributions with all references of the same choice;
        - ``reference_value`` and ``reference_spread``: mean and standard deviation of the target over the references;
        - ``prediction``: value of the target for the rows;
        - ``rank_correlation_with_...``: Spearman's correlation with the contributions with all references of the named
          choice.

    Raises
    ------
    NotFittedError
        If the explainer is not fitted.
    ValueError
        If a choice of references does not fit the network, or the explainer has no references.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.references import reference_report
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> rows = np.array([[1.0, 1.0], [3.0, -1.0]])
    >>> explainer = DeepLiftExplainer(model, reference=rows[:1]).fit(rows)
    >>> reference_report(explainer, rows, references=["zeros"])[["reference_value", "prediction"]]
                            reference_value  prediction
    reference n_references
    fitted    1                        -1.0         2.0
    zeros     1                         0.0         2.0
    """
    check_is_fitted(explainer)
    if getattr(explainer, "references_", None) is None:
        raise ValueError(
            f"{type(explainer).__name__} compares rows with no reference. Pass an explainer with references, such as "
            "DeepLiftExplainer."
        )
    if isinstance(references, str):
        references = [references]
    choices = references if isinstance(references, dict) else {_name_choice(choice): choice for choice in references}
    bound = explainer.bound_
    arrays = bound.arrays(bound.encoded(X, explainer), explainer)
    references_of = {name: bound.learn_references(explainer, choice, arrays) for name, choice in choices.items()}
    references_of = {FITTED: explainer.references_, **references_of}
    explanations = {name: _explain_by_number(explainer, X, each, n_references) for name, each in references_of.items()}
    final = {name: flatten_contributions([*each.values()][-1].contributions) for name, each in explanations.items()}
    final_ranks = {name: _rank(contributions) for name, contributions in final.items()}
    rows = {}
    for name, by_number in explanations.items():
        for number, explanation in by_number.items():
            contributions = flatten_contributions(explanation.contributions)
            errors = None if explanation.standard_error is None else flatten_contributions(explanation.standard_error)
            ranks = _rank(contributions)
            correlations = {other: _finite_mean((ranks * each).sum(1)) for other, each in final_ranks.items()}
            rows[name, number] = {
                "standard_error": np.nan if errors is None else mean_relative_size(errors, contributions),
                "change": mean_relative_size(contributions - final[name], final[name]),
                "rank_correlation": correlations[name],
                "reference_value": explanation.reference_value.mean(),
                "reference_spread": explanation.reference_spread.mean(),
                "prediction": explanation.prediction.mean(),
                **{f"rank_correlation_with_{other}": each for other, each in correlations.items()},
            }
    report = pd.DataFrame.from_dict(rows, orient="index")
    report.index = pd.MultiIndex.from_tuples(rows, names=["reference", "n_references"])
    return report


def _name_choice(reference):
    """Return a name for a choice of references: the string, the function's name, or the object's representation."""
    return reference if isinstance(reference, str) else getattr(reference, "__name__", None) or repr(reference)


def _explain_by_number(explainer, X, references, numbers):
    """Return explanations with the first references, by the number of references."""
    most = len(references.weights)
    if numbers is None:
        numbers = [2**power for power in range(most.bit_length())]
    numbers = sorted({number for number in numbers if 1 <= number < most} | {most})
    # Use all references that are not random, even if fewer would reach the explainer's tolerance.
    return {
        number: explainer.explain(X, reference=references.first(number)._replace(is_random=False)) for number in numbers
    }


def flatten_contributions(contributions):
    """Flatten the contributions of all inputs or layers to a vector for each row."""
    arrays = contributions.values() if isinstance(contributions, dict) else contributions
    arrays = [contributions] if isinstance(contributions, np.ndarray) else list(arrays)
    return np.concatenate([np.reshape(array, (len(array), -1)) for array in arrays], 1).astype(np.float64)


def _rank(contributions):
    """Rank the contributions of each row, scaled so that products of ranks sum to Spearman's correlation."""
    ranks = rankdata(contributions, axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    size = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, size, out=np.full_like(ranks, np.nan), where=size > 0)


def mean_relative_size(numbers, contributions):
    """Return the mean ratio of the norms of numbers and contributions, over rows with contributions."""
    sizes = np.linalg.norm(contributions, axis=1)
    return _finite_mean(np.linalg.norm(numbers, axis=1)[sizes > 0] / sizes[sizes > 0])


def _finite_mean(numbers):
    """Return the mean of the finite numbers, or NaN if no number is finite."""
    finite = numbers[np.isfinite(numbers)]
    return finite.mean() if len(finite) else np.nan
