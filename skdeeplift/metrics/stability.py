"""How far contributions move when a row hardly does."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skdeeplift.compat import Interval, validate_params
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics.agreement import flat_contributions
from skdeeplift.metrics.judged import check_explainer, explanation_of, mean_of_known, target_of


@validate_params(
    {
        "radius": [Interval(Real, 0, None, closed="neither")],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "per_row": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def max_sensitivity(
    explainer, X, *, radius=0.02, n_samples=10, explanation=None, target=None, random_state=0, per_row=False
):
    """Measure how far contributions move at the most when each feature moves by a little.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    radius : float, default=0.02
        How far each feature moves at the most, in its own units.
    n_samples : int, default=10
        How often rows are moved, all by the same random numbers. The largest change of so many is a bound from below.
    explanation : Explanation, default=None
        What ``explainer`` says of ``X``, where that is known.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainer's own ``target``. The predicted class is that of the row
        as it is.
    random_state : int, RandomState instance or None, default=0
        Where the moves come from; by default they are always the same, so that explainers can be compared.
    per_row : bool, default=False
        Whether to return a number for each row instead of their mean.

    Returns
    -------
    sensitivity : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        The largest change of the contributions beside these, each as the root of the sum of squares. NaN, which means
        leave out, where all contributions are zero.

    Raises
    ------
    ValueError
        If rows hold integers, such as tokens, which can not move by a little.

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
    explanation = explanation_of(explainer, X, explanation, target)
    target = target_of(explainer, explanation, target)
    arrays = explainer._rows(explainer._transformed(X))
    if any(array.dtype.kind in "biu" for array in arrays):
        raise ValueError("max_sensitivity moves rows by a little, and the network takes integers, such as tokens.")
    random = check_random_state(random_state)
    explained = explainer._explained(target, len(arrays[0]))
    before = explanation.contributions
    if isinstance(before, dict):
        before = [before[name] for name in explainer.network_.input_names]
    before = flat_contributions(Explanation(**{**explanation, "contributions": before}))
    largest = np.zeros(before.shape[:2])
    for _ in range(n_samples):
        moved = [(array + random.uniform(-radius, radius, array.shape[1:])).astype(array.dtype) for array in arrays]
        # Not checked: whether contributions add up is said of the rows as they are.
        references = explainer._references_for(moved, explained)
        results = explainer._compute(moved, references, explained, ("contributions",), None)
        if explainer._raw_sources is not None:
            results = explainer._over_raw_columns(results)
        after = flat_contributions(Explanation(contributions=results.contributions, prediction=results.prediction))
        largest = np.maximum(largest, np.linalg.norm(after - before, axis=-1))
    size = np.linalg.norm(before, axis=-1)
    sensitivity = np.where(size > 0, largest / np.where(size > 0, size, 1), np.nan)
    if per_row:
        return sensitivity if explained.target.is_all else sensitivity[:, 0]
    return mean_of_known(sensitivity)
