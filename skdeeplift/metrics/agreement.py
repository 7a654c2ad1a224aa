"""Agreement of two explanations."""

from numbers import Integral, Real

import numpy as np
from scipy.stats import rankdata

from skdeeplift.compat import Interval, StrOptions, validate_params
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics.explained_rows import mean_without_nan


@validate_params(
    {
        "measure": [StrOptions({"spearman", "pearson", "top_k"})],
        "k": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "absolute": ["boolean"],
        "per_row": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def rank_agreement(first, second, *, measure="spearman", k=0.1, absolute=False, per_row=False):
    """Measure how far two explanations of the same rows agree on which features matter.

    .. versionadded:: 0.1

    Parameters
    ----------
    first, second : Explanation, array-like of shape (n_rows, *features), or list or dict of these
        Explanations, or contributions as `transform` returns them.
    measure : {"spearman", "pearson", "top_k"}, default="spearman"
        Measure of agreement: Spearman's rank correlation of a row's contributions, Pearson's correlation, or the share
        of the ``k`` largest contributions that both have in common.
    k : int or float, default=0.1
        Number of largest contributions, or share of all contributions. Only used by ``"top_k"``.
    absolute : bool, default=False
        Whether to compare absolute contributions.
    per_row : bool, default=False
        Whether to return one number for each row instead of their mean.

    Returns
    -------
    agreement : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Agreement; 1 where the two agree. A correlation is NaN for rows whose contributions are all the same in either
        explanation; means leave NaN out. For ``"top_k"``, the first of two equal contributions counts as larger.

    Raises
    ------
    ValueError
        If the two do not have the same shape.

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
            "Explanations of the same rows and targets have as many contributions. Got (rows, targets, contributions) "
            f"of {first.shape} and {second.shape}."
        )
    if absolute:
        first, second = np.abs(first), np.abs(second)
    if measure == "top_k":
        number = first.shape[-1]
        most = min(k, number) if isinstance(k, Integral) else max(1, round(k * number))
        agreement = (_mark_largest(first, most) & _mark_largest(second, most)).sum(-1) / most
    else:
        if measure == "spearman":
            first, second = rankdata(first, axis=-1), rankdata(second, axis=-1)
        agreement = correlation(first, second)
    if per_row:
        return agreement if agreement.shape[1] > 1 else agreement[:, 0]
    return mean_without_nan(agreement)


def flat_contributions(explanation):
    """Concatenate all contributions of a row to a target.

    Parameters
    ----------
    explanation : Explanation, array-like, or list or dict of array-like
        Contributions of one input or layer, or of several.

    Returns
    -------
    contributions : ndarray of shape (n_rows, n_targets, n_contributions)
        Contributions in float64.
    """
    n_targets, contributions = 1, explanation
    if isinstance(explanation, Explanation):
        contributions = explanation.contributions
        prediction = explanation.get("prediction")
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
    """Compute Pearson's correlation along the last axis, NaN where either is constant.

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
    """Return numbers with mean zero and sum of squares one along the last axis; NaN where all are equal."""
    centered = numbers - numbers.mean(-1, keepdims=True)
    norm = np.linalg.norm(centered, axis=-1, keepdims=True)
    # Equal numbers less their mean are zero up to rounding.
    known = norm > 1e-12 * np.linalg.norm(numbers, axis=-1, keepdims=True)
    return np.divide(centered, norm, out=np.full_like(centered, np.nan), where=known)


def _mark_largest(contributions, number):
    """Return whether each contribution is among the largest; the first of equal ones are."""
    order = np.argsort(-contributions, axis=-1, kind="stable")[..., :number]
    largest = np.zeros(contributions.shape, bool)
    np.put_along_axis(largest, order, True, axis=-1)
    return largest
