"""Summation-to-delta: how far contributions are from adding up."""

import numpy as np

from skdeeplift.compat import validate_params
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics.agreement import flat_contributions
from skdeeplift.metrics.explained_rows import check_explainer, explain_unless_given, mean_without_nan


@validate_params({"per_row": ["boolean"]}, prefer_skip_nested_validation=True)
def summation_to_delta_error(explainer, X, *, explanation=None, target=None, per_row=False):
    """Measure how far contributions are from summing to ``f(x) - f(reference)``.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer that compares rows with references.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    explanation : Explanation, array-like of shape (n_rows, *features), or list or dict of these, default=None
        Explanation of ``X`` to measure, or contributions to the target of ``explainer`` from another source. By default
        the explanation is made by ``explainer``.
    target : str, int, tuple, dict, array-like or callable, default=None
        Target to measure by; by default the explainer's own ``target``.
    per_row : bool, default=False
        Whether to return one number for each row instead of their mean.

    Returns
    -------
    error : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Absolute difference between the sum of the contributions and ``f(x) - f(reference)``, divided by the larger of
        the absolute ``f(x) - f(reference)`` and the sum of absolute contributions. It is 0 where contributions add up,
        and at most 2.

    Raises
    ------
    ValueError
        If the explainer compares rows with no reference.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import summation_to_delta_error
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> rows = np.array([[3.0, 1.0]])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(rows)
    >>> summation_to_delta_error(explainer, rows)
    0.0
    >>> summation_to_delta_error(explainer, rows, explanation=np.array([[3.0, 0.0]]))
    0.67
    """
    check_explainer(explainer)
    explained = explain_unless_given(explainer, X, explanation, target)
    # Contributions alone come without the target's values at the rows and at the references.
    values = explained if isinstance(explanation, Explanation | None) else explainer.explain(X, target=target)
    if values.reference_value is None:
        raise ValueError(
            f"summation_to_delta_error is for contributions against a reference, and {type(explainer).__name__} "
            "compares rows with none."
        )
    change = values.prediction - values.reference_value
    contributions = flat_contributions(Explanation(contributions=explained.contributions, prediction=change))
    contributions = contributions.reshape(*change.shape, -1)
    size = np.maximum(np.abs(change), np.abs(contributions).sum(-1))
    error = np.abs(change - contributions.sum(-1)) / np.where(size > 0, size, 1)
    return error if per_row else mean_without_nan(error)
