"""Faithfulness of contributions: predictions of the change of the target when a row changes at random."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal

import numpy as np
from sklearn.utils import check_random_state

from skdeeplift.annotations import (
    ContributionsLike,
    Explainer,
    PerInput,
    RandomState,
    ReferenceLike,
    Rows,
    Score,
    TargetLike,
)
from skdeeplift.compat import Interval, StrOptions
from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics.consistency import correlation
from skdeeplift.metrics.explained_rows import ExplainedRows, check_parameters, explain_unless_given, summarize


@check_parameters(n=[Integral, Real, "array-like"], n_draws=[Interval(Integral, 2, None, closed="left")])
def sensitivity_n(
    explainer: Explainer,
    X: Rows,
    *,
    n: float | Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9),
    n_draws: int = 100,
    fill: ReferenceLike = "reference",
    axes: PerInput | None = None,
    explanation: ContributionsLike | None = None,
    target: TargetLike | None = None,
    random_state: RandomState | None = 0,
    per_row: bool = False,
) -> Score:
    r"""Measure the correlation of the contributions of ``n`` features with the loss of the target when they are erased.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
    %(X)s
    n : int, float or sequence of float, default=(0.1, 0.3, 0.5, 0.7, 0.9)
        Number of features that are erased together as an int, or their share of all features as a float; fewer than
        all. With several numbers, the result is the mean over the numbers. For the sum over all features use
        `summation_to_delta_error`.
    n_draws : int, default=100
        Number of random sets of ``n`` features. All rows use the same sets.
    %(fill)s
    %(axes)s
    %(explanation)s
    %(target)s
    %(random_state)s
    %(per_row)s

    Returns
    -------
    correlation : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Pearson's correlation over the random sets :math:`S` between the sum of the contributions of a set,
        :math:`\sum_{i \in S} C_i`, and the loss of the target when the set is erased. It is 1 for a correct explanation
        of a linear network. NaN if either is constant over the sets. Means ignore NaN.

    References
    ----------
    Ancona, M., Ceolini, E., Öztireli, C., & Gross, M. (2018). Towards better understanding of gradient-based
    attribution methods for deep neural networks. ICLR. https://arxiv.org/abs/1711.06104

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import sensitivity_n
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.set_weights([np.array([[1.0], [-2.0], [5.0]]), np.zeros(1)])
    >>> rows = np.array([[3.0, 1.0, 2.0]])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(rows)
    >>> sensitivity_n(explainer, rows, n=1)
    1.0
    >>> sensitivity_n(explainer, rows, n=1, explanation=np.array([[3.0, 2.0, 10.0]]))
    0.95
    """
    explained = ExplainedRows(explainer, X, explanation, target, axes)
    sizes = [_number_erased(each, explained.n_parts) for each in ([n] if np.ndim(n) == 0 else n)]
    if not sizes:
        raise ValueError("n= needs at least one number of features. Got none.")
    counts = np.repeat(sizes, n_draws)
    predicted, lost = _erase_random_sets(explained, explained.make_fill(fill), counts, check_random_state(random_state))
    shape = *predicted.shape[:2], len(sizes), n_draws
    correlations = correlation(predicted.reshape(shape), lost.reshape(shape))
    means = np.ma.masked_invalid(correlations).mean(-1).filled(np.nan)
    return summarize(means, per_row, explained.is_all)


@check_parameters(
    perturbation=[StrOptions({"removal", "noise"})],
    noise_scale=[Interval(Real, 0, None, closed="neither")],
    normalize=["boolean"],
)
def infidelity(
    explainer: Explainer,
    X: Rows,
    *,
    perturbation: Literal["removal", "noise"] = "removal",
    n_draws: int = 100,
    fill: ReferenceLike = "reference",
    noise_scale: float = 0.1,
    normalize: bool = False,
    axes: PerInput | None = None,
    explanation: ContributionsLike | None = None,
    target: TargetLike | None = None,
    random_state: RandomState | None = 0,
    per_row: bool = False,
) -> Score:
    r"""Measure the mean squared error of contributions as predictions of the target's change under random changes.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
    %(X)s
    perturbation : {"removal", "noise"}, default="removal"
        Change of the rows. ``"removal"`` erases a random number of random features. The target should then lose the sum
        of their contributions. ``"noise"`` subtracts normal noise from all features. The target should then lose the
        sum of the noise times the multipliers, so the explanation needs multipliers.
    n_draws : int, default=100
        Number of random changes of each row. All rows get the same changes.
    %(fill)s
    noise_scale : float, default=0.1
        Standard deviation of the noise, in the units of the features.
    normalize : bool, default=False
        Whether to divide by the mean square of the loss of the target, so that 0 is perfect and contributions that are
        all zero give 1. The result is infinite if the target never changes and contributions are not zero.
    %(axes)s
    %(explanation)s
    %(target)s
    %(random_state)s
    %(per_row)s

    Returns
    -------
    infidelity : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Mean squared error over the random changes, in squared units of the target, or without a unit if ``normalize``.
        It is 0 for a correct explanation of a linear network. For random sets :math:`S` of erased features, with the
        contributions :math:`C_i` and the row :math:`x_{\setminus S}` without the set:

        .. math::
            \mathbb{E}_S \Bigl[ \Bigl( \sum_{i \in S} C_i - \bigl( f(x) - f(x_{\setminus S}) \bigr) \Bigr)^2 \Bigr]

    Raises
    ------
    ValueError
        If ``perturbation="noise"`` and the explanation has no multipliers, or rows hold integers.

    References
    ----------
    Yeh, C.-K., Hsieh, C.-Y., Suggala, A., Inouye, D., & Ravikumar, P. (2019). On the (in)fidelity and sensitivity of
    explanations. NeurIPS 32. https://arxiv.org/abs/1901.09392

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import infidelity
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> rows = np.array([[3.0, 1.0]])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(rows)
    >>> infidelity(explainer, rows)
    0.0
    >>> infidelity(explainer, rows, explanation=np.zeros((1, 2)), normalize=True)
    1.0
    """
    random = check_random_state(random_state)
    if perturbation == "noise":
        explained, predicted, lost = _subtract_noise(
            explainer, X, explanation, target, axes, noise_scale, n_draws, random
        )
    else:
        explained = ExplainedRows(explainer, X, explanation, target, axes)
        counts = random.randint(1, explained.n_parts + 1, n_draws)
        predicted, lost = _erase_random_sets(explained, explained.make_fill(fill), counts, random)
    squares = np.square(predicted - lost).mean(-1)
    if normalize:
        size = np.square(lost).mean(-1)
        with np.errstate(divide="ignore"):
            squares = np.where(squares > 0, squares / np.where(squares > 0, size, 1), 0.0)
    return summarize(squares, per_row, explained.is_all)


def _number_erased(n, n_parts):
    """Return the number of parts that are erased together."""
    size = n if isinstance(n, Integral) else 0
    if isinstance(n, Real) and 0 < n < 1:
        # Erase at least one part and at least one part less than all, even if the rounded share says otherwise.
        size = min(max(round(n * n_parts), 1), n_parts - 1)
    if not 1 <= size < n_parts:
        raise ValueError(
            f"n= takes the number of features to erase together, of {n_parts}: an int from 1 to {n_parts - 1}, or a "
            f"fraction between 0 and 1. Got {n!r}."
        )
    return size


def _erase_random_sets(explained, references, counts, random):
    """Return sums of contributions over random sets of parts, and losses of the target when the sets are erased.

    Both arrays have the shape (n_rows, n_targets, n_draws).
    """
    orders = np.tile(np.arange(explained.n_parts, dtype=np.int32), (len(counts), 1))
    ranks = np.random.default_rng(random.randint(np.iinfo(np.int32).max)).permuted(orders, axis=1)
    values = explained.values_where_replaced(references, ranks[None], counts[None])
    lost = np.moveaxis(explained.prediction[:, None] - values, 1, 2)
    return explained.contributions @ (ranks < counts[:, None]).T.astype(np.float64), lost


def _subtract_noise(explainer, X, explanation, target, axes, scale, n_draws, random):
    """Return the rows, sums of noise times multipliers, and losses of the target when the noise is subtracted."""
    if axes is not None:
        raise ValueError(f'perturbation="noise" changes every element by itself. Pass axes=None. Got {axes!r}.')
    explanation = explain_unless_given(explainer, X, explanation, target, multipliers=True)
    if explanation.get("multipliers") is None:
        raise ValueError(
            'perturbation="noise" needs multipliers. Pass explanation=explainer.explain(X, '
            'multipliers=True), or perturbation="removal".'
        )
    of_multipliers = Explanation(**{**explanation, "contributions": explanation.multipliers})
    explained = ExplainedRows(explainer, X, of_multipliers, None if "target" in explanation else target)
    if any(kind_of(array.dtype) in "biu" for array in explained.arrays):
        raise ValueError(
            'perturbation="noise" cannot be added to integers, such as tokens. Pass perturbation="removal".'
        )
    predicted, lost = [], []
    for _ in range(n_draws):
        # Rows are rounded to their dtype. Compute the noise from the rounded rows, so that noise and rows agree.
        changed = [
            (array - random.normal(scale=scale, size=array.shape[1:])).astype(array.dtype) for array in explained.arrays
        ]
        noise = [before.astype(np.float64) - after for before, after in zip(explained.arrays, changed, strict=True)]
        noise = np.concatenate([array.reshape(explained.n_rows, -1) for array in noise], 1)
        predicted.append(np.einsum("ntp,np->nt", explained.contributions, noise))
        lost.append(explained.prediction - explained.weigh_outputs(explained.problem.outputs(changed)))
    return explained, np.stack(predicted, -1), np.stack(lost, -1)
