"""How far two explanations agree."""

from numbers import Integral, Real

import numpy as np
from scipy.stats import rankdata

from skdeeplift.compat import Interval, StrOptions, validate_params
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics.judged import mean_of_known


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
        What `explain` or `transform` returned.
    measure : {"spearman", "pearson", "top_k"}, default="spearman"
        Spearman's rank correlation of a row's contributions, Pearson's correlation, or which share of the ``k``
        largest contributions are the same.
    k : int or float, default=0.1
        How many contributions are the largest, or which share of all; only looked at by ``"top_k"``.
    absolute : bool, default=False
        Whether to compare absolute contributions.
    per_row : bool, default=False
        Whether to return a number for each row instead of their mean.

    Returns
    -------
    agreement : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        1 where they agree. NaN, which means leave out, of rows whose contributions are all the same in either; by
        ``"top_k"`` of contributions of the same size the first one counts as larger.

    Raises
    ------
    ValueError
        If the two have not the same shape.

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
        agreement = (_largest(first, most) & _largest(second, most)).sum(-1) / most
    else:
        if measure == "spearman":
            first, second = rankdata(first, axis=-1), rankdata(second, axis=-1)
        agreement = correlation(first, second)
    if per_row:
        return agreement if agreement.shape[1] > 1 else agreement[:, 0]
    return mean_of_known(agreement)


def flat_contributions(explanation):
    """Put all contributions of a row to a target side by side.

    Parameters
    ----------
    explanation : Explanation, array-like, or list or dict of array-like
        Of several inputs or layers, or of one.

    Returns
    -------
    contributions : ndarray of shape (n_rows, n_targets, n_contributions)
        In float64.
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
        The numbers.

    Returns
    -------
    correlation : ndarray of shape (...,)
        From -1 to 1.
    """
    first, second = (_standardized(each) for each in (first, second))
    return np.clip((first * second).sum(-1), -1, 1)


def _standardized(numbers):
    """Numbers whose squares sum to one along the last axis, and whose mean is zero."""
    centered = numbers - numbers.mean(-1, keepdims=True)
    norm = np.linalg.norm(centered, axis=-1, keepdims=True)
    # What is left of equal numbers is rounding.
    known = norm > 1e-12 * np.linalg.norm(numbers, axis=-1, keepdims=True)
    return np.divide(centered, norm, out=np.full_like(centered, np.nan), where=known)


def _largest(contributions, number):
    """Which are the largest, of equal ones the first."""
    order = np.argsort(-contributions, axis=-1, kind="stable")[..., :number]
    largest = np.zeros(contributions.shape, bool)
    np.put_along_axis(largest, order, True, axis=-1)
    return largest
