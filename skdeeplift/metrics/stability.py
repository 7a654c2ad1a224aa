"""Stability: how far contributions move when a row moves a little."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skdeeplift.binding.problems import make_problem, run_problem
from skdeeplift.compat import Interval, validate_params
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics.agreement import flat_contributions
from skdeeplift.metrics.explained_rows import check_explainer, explain_unless_given, fix_target, mean_without_nan


@validate_params(
    {
        "radius": [Interval(Real, 0, None, closed="neither")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "per_row": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def max_sensitivity(
    explainer, X, *, radius=0.02, n_draws=10, explanation=None, target=None, random_state=0, per_row=False
):
    """Measure the largest change of the contributions when each feature moves a little.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    radius : float, default=0.02
        Largest move of each feature, in its own units.
    n_draws : int, default=10
        Number of random moves of each row. All rows have the same moves. The largest change among them is a lower bound
        of the largest change of all moves.
    explanation : Explanation, default=None
        Explanation of ``X`` by ``explainer``, if there is one already.
    target : str, int, tuple, dict, array-like or callable, default=None
        Target to measure by; by default the explainer's own ``target``. The predicted class is that of the unchanged
        row.
    random_state : int, RandomState instance or None, default=0
        Source of the moves. By default the moves are always the same, so that explainers can be compared.
    per_row : bool, default=False
        Whether to return one number for each row instead of their mean.

    Returns
    -------
    sensitivity : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Largest change of the contributions, divided by their size; both are roots of sums of squares. NaN where all
        contributions are zero; means leave NaN out.

    Raises
    ------
    ValueError
        If rows hold integers, such as tokens, which cannot move a little.

    References
    ----------
    Yeh, C.-K., Hsieh, C.-Y., Suggala, A., Inouye, D., & Ravikumar, P. (2019). On the (in)fidelity and sensitivity of
    explanations. NeurIPS 32. https://arxiv.org/abs/1901.09392

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import GradientExplainer
    >>> from skdeeplift.metrics import max_sensitivity
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> rows = np.array([[3.0, 1.0]])
    >>> explainer = GradientExplainer(model, kind="gradient").fit(rows)
    >>> max_sensitivity(explainer, rows)
    0.0
    """
    check_explainer(explainer)
    explanation = explain_unless_given(explainer, X, explanation, target)
    target = fix_target(explanation, target)
    bound = explainer.bound_
    arrays = bound.arrays(bound.encoded(X, explainer), explainer)
    if any(array.dtype.kind in "biu" for array in arrays):
        raise ValueError("max_sensitivity moves rows a little, and the network takes integers, such as tokens.")
    random = check_random_state(random_state)
    before = explanation.contributions
    if isinstance(before, dict):
        before = [before[name] for name in bound.network.input_names]
    before = flat_contributions(Explanation(**{**explanation, "contributions": before}))
    largest = np.zeros(before.shape[:2])
    for _ in range(n_draws):
        moved = [(array + random.uniform(-radius, radius, array.shape[1:])).astype(array.dtype) for array in arrays]
        # Sums are not checked here: a warning would be about moved rows, which the user does not have.
        problem, compiled = make_problem(explainer, moved, target)
        results = run_problem(explainer, problem, compiled)
        after = flat_contributions(Explanation(contributions=results.contributions, prediction=results.prediction))
        largest = np.maximum(largest, np.linalg.norm(after - before, axis=-1))
    size = np.linalg.norm(before, axis=-1)
    sensitivity = np.where(size > 0, largest / np.where(size > 0, size, 1), np.nan)
    if per_row:
        return sensitivity if problem.target.is_all else sensitivity[:, 0]
    return mean_without_nan(sensitivity)
