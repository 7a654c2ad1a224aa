"""Consistency of contributions: with the change they explain, with another explanation, under small moves of a row."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Literal

import numpy as np
from scipy.stats import rankdata
from sklearn.utils import check_random_state

from skdeeplift.annotations import ContributionsLike, Explainer, RandomState, Rows, Score, TargetLike
from skdeeplift.binding.problems import make_problem, run_problem
from skdeeplift.compat import Interval
from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics.explained_rows import (
    check_explainer,
    check_parameters,
    explain_unless_given,
    fix_target,
    mean_without_nan,
    rank_parts,
    summarize,
)


@check_parameters()
def summation_to_delta_error(
    explainer: Explainer,
    X: Rows,
    *,
    explanation: ContributionsLike | None = None,
    target: TargetLike | None = None,
    per_row: bool = False,
) -> Score:
    r"""Measure how far contributions are from summing to ``f(x) - f(reference)``.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
        It compares rows with references.
    %(X)s
    %(explanation)s
    %(target)s
    %(per_row)s

    Returns
    -------
    error : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Relative error of the sum of the contributions :math:`C_i`, from 0 (exact) to 2:

        .. math::
            \frac{|\sum_i C_i - \Delta t|}{\max(|\Delta t|, \sum_i |C_i|)}, \quad \Delta t = f(x) - f(x^0)

    Raises
    ------
    ValueError
        If the explainer has no references.

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
    # Contributions from another source lack the target's values at the rows and at the references.
    values = explained if isinstance(explanation, Explanation | None) else explainer.explain(X, target=target)
    if values.reference_value is None:
        raise ValueError(
            f"summation_to_delta_error needs contributions against a reference, and {type(explainer).__name__} "
            "compares rows with no reference. Pass an explainer such as DeepLiftExplainer."
        )
    change = values.prediction - values.reference_value
    contributions = flat_contributions(explained.contributions, change).reshape(*change.shape, -1)
    size = np.maximum(np.abs(change), np.abs(contributions).sum(-1))
    error = np.abs(change - contributions.sum(-1)) / np.where(size > 0, size, 1)
    return error if per_row else mean_without_nan(error)


@check_parameters(k=[Interval(Integral, 1, None, closed="left"), Interval(Real, 0, 1, closed="neither")])
def rank_agreement(
    first: ContributionsLike,
    second: ContributionsLike,
    *,
    measure: Literal["spearman", "pearson", "top_k"] = "spearman",
    k: float = 0.1,
    absolute: bool = False,
    per_row: bool = False,
) -> Score:
    """Measure how far two explanations of the same rows agree on which features matter.

    .. versionadded:: 1.0

    Parameters
    ----------
    first, second : Explanation, array-like of shape (n_rows, *features), or list or dict of array-like
        Explanations, or contributions as `transform` returns them.
    measure : {"spearman", "pearson", "top_k"}, default="spearman"
        Measure of agreement between the contributions of a row: Spearman's rank correlation, Pearson's correlation, or
        the share of the ``k`` largest contributions that both explanations have in common.
    k : int or float, default=0.1
        Number of largest contributions as an int, or their share of all contributions as a float. Only used by
        ``"top_k"``.
    absolute : bool, default=False
        Whether to compare absolute contributions.
    %(per_row)s

    Returns
    -------
    agreement : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Agreement; 1 is perfect. The correlation of a row is NaN if its contributions are all equal in either
        explanation. Means ignore NaN. For ``"top_k"``, the first of two equal contributions counts as larger.

    Raises
    ------
    ValueError
        If the explanations differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.metrics import rank_agreement
    >>> first = np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]])
    >>> second = np.array([[0.3, 0.1, 0.2], [0.3, 0.2, 0.1]])
    >>> rank_agreement(first, second, per_row=True)
    array([ 1., -1.])
    """
    first, second = flat_contributions(first), flat_contributions(second)
    if first.shape != second.shape:
        raise ValueError(
            f"Both explanations need the same numbers of rows, targets and contributions. Got {first.shape} and "
            f"{second.shape}."
        )
    if absolute:
        first, second = np.abs(first), np.abs(second)
    if measure == "top_k":
        number = first.shape[-1]
        most = min(k, number) if isinstance(k, Integral) else max(1, round(k * number))
        agreement = ((rank_parts(first) < most) & (rank_parts(second) < most)).sum(-1) / most
    else:
        if measure == "spearman":
            first, second = rankdata(first, axis=-1), rankdata(second, axis=-1)
        agreement = correlation(first, second)
    return summarize(agreement, per_row, agreement.shape[1] > 1)


@check_parameters(radius=[Interval(Real, 0, None, closed="neither")])
def max_sensitivity(
    explainer: Explainer,
    X: Rows,
    *,
    radius: float = 0.02,
    n_draws: int = 10,
    explanation: Explanation | None = None,
    target: TargetLike | None = None,
    random_state: RandomState | None = 0,
    per_row: bool = False,
) -> Score:
    r"""Measure the largest change of the contributions when each feature moves a little.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
    %(X)s
    radius : float, default=0.02
        Largest move of each feature, in its own units.
    n_draws : int, default=10
        Number of random moves of each row. All rows get the same moves. The largest change over the random moves is a
        lower bound of the largest change over all possible moves.
    explanation : Explanation, default=None
        Explanation of ``X`` by ``explainer``. By default ``explainer`` computes the explanation.
    %(target)s
    %(random_state)s
    %(per_row)s

    Returns
    -------
    sensitivity : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Largest Euclidean norm of the change of the contributions :math:`C`, divided by the norm of the contributions.
        NaN if all contributions of a row are zero. Means ignore NaN.

        .. math::
            \max_{|\delta_i| \le \text{radius}} \frac{\| C(x + \delta) - C(x) \|}{\| C(x) \|}

    Raises
    ------
    ValueError
        If rows hold integers, such as tokens, because integers cannot move a little.

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
    if any(kind_of(array.dtype) in "biu" for array in arrays):
        raise ValueError(
            "max_sensitivity adds small changes to rows, and this network takes integers, such as tokens, which have "
            "no small changes."
        )
    random = check_random_state(random_state)
    before = explanation.contributions
    if isinstance(before, dict):
        before = [before[name] for name in bound.network.input_names]
    before = flat_contributions(before, explanation.get("prediction"))
    largest = np.zeros(before.shape[:2])
    for _ in range(n_draws):
        moved = [(array + random.uniform(-radius, radius, array.shape[1:])).astype(array.dtype) for array in arrays]
        # Skip the check of the sums: a warning would be about moved rows, and the user never sees these rows.
        problem, compiled = make_problem(explainer, moved, target)
        results = run_problem(explainer, problem, compiled)
        after = flat_contributions(results.contributions, results.prediction)
        largest = np.maximum(largest, np.linalg.norm(after - before, axis=-1))
    size = np.linalg.norm(before, axis=-1)
    sensitivity = np.where(size > 0, largest / np.where(size > 0, size, 1), np.nan)
    return summarize(sensitivity, per_row, problem.target.is_all)


def flat_contributions(contributions, prediction=None):
    """Concatenate all contributions of a row to a target.

    Parameters
    ----------
    contributions : Explanation, array-like, or list or dict of array-like
        Contributions of one input or layer, or of several.
    prediction : ndarray of shape (n_rows,) or (n_rows, n_targets), default=None
        Target at the rows; the shape gives the number of targets. Pass None for one target, or if ``contributions`` is
        an explanation, because an explanation holds its own prediction.

    Returns
    -------
    contributions : ndarray of shape (n_rows, n_targets, n_contributions)
        Contributions in float64.
    """
    if isinstance(contributions, Explanation):
        contributions, prediction = contributions.contributions, contributions.get("prediction")
    n_targets = prediction.shape[1] if np.ndim(prediction) == 2 else 1
    if isinstance(contributions, dict):
        arrays = [contributions[name] for name in sorted(contributions)]
    else:
        several = isinstance(contributions, (list, tuple)) and hasattr(contributions[0], "shape")
        arrays = list(contributions) if several else [contributions]
    arrays = [np.asarray(array, np.float64) for array in arrays]
    arrays = [array.reshape(len(array), -1, n_targets) for array in arrays]
    return np.moveaxis(np.concatenate(arrays, 1), 2, 1)


def correlation(first, second):
    """Compute Pearson's correlation along the last axis, or NaN if either argument is constant along this axis.

    Parameters
    ----------
    first, second : ndarray of shape (..., n)
        Numbers to compare.

    Returns
    -------
    correlation : ndarray of shape (...,)
        Correlations, from -1 to 1.
    """
    first, second = (_standardize(each) for each in (first, second))
    return np.clip((first * second).sum(-1), -1, 1)


def _standardize(numbers):
    """Shift and scale numbers to mean 0 and sum of squares 1 along the last axis; NaN if all are equal."""
    centered = numbers - numbers.mean(-1, keepdims=True)
    norm = np.linalg.norm(centered, axis=-1, keepdims=True)
    # After subtraction of the mean, equal numbers differ from zero by rounding errors.
    known = norm > 1e-12 * np.linalg.norm(numbers, axis=-1, keepdims=True)
    return np.divide(centered, norm, out=np.full_like(centered, np.nan), where=known)
