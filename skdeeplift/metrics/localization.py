"""Localization: separation of positions with signal from positions without signal by contributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from scipy.stats import rankdata

from skdeeplift.annotations import ArrayLike, ContributionsLike, Explainer, PerInput, Rows, Score, TargetLike
from skdeeplift.metrics.explained_rows import ExplainedRows, check_parameters, summarize


@check_parameters(positions=["array-like", list, dict, callable])
def localization_auc(
    explainer: Explainer,
    X: Rows,
    positions: ArrayLike | Mapping[str, ArrayLike] | Callable[..., Any],
    *,
    absolute: bool = True,
    axes: PerInput | None = None,
    explanation: ContributionsLike | None = None,
    target: TargetLike | None = None,
    per_row: bool = False,
) -> Score:
    """Measure how well contributions separate the known positions of the signal from all other positions.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
    %(X)s
    positions : array-like of bool, list or dict of array-like, or callable
        Mask of the known positions of the signal, of shape (n_rows, *features), or (*features) for all rows. A callable
        takes ``X`` and returns the mask. Axes that ``axes`` does not name may be left out.
    absolute : bool, default=True
        Whether to rank by absolute contributions, so that the signal may raise or lower the target.
    %(axes)s
    %(explanation)s
    %(target)s
    %(per_row)s

    Returns
    -------
    auc : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Area under the ROC curve: the probability that the contribution at a position with signal is larger than the
        contribution at a position without signal. Ties count as one half. Random contributions have 0.5. NaN for rows
        with signal everywhere or nowhere. Means ignore NaN.

    Raises
    ------
    ValueError
        If ``positions`` does not fit the rows.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import localization_auc
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.set_weights([np.array([[1.0], [-2.0], [0.5]]), np.zeros(1)])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.ones((1, 3)))
    >>> localization_auc(explainer, np.ones((1, 3)), [True, False, False])
    0.5
    """
    explained = ExplainedRows(explainer, X, explanation, target, axes)
    # Copy X, because a user's function may write into its argument.
    positions = _mark_parts(explained, positions(deepcopy(X)) if callable(positions) else positions)
    contributions = np.abs(explained.contributions) if absolute else explained.contributions
    ranks = rankdata(contributions, axis=-1)
    n_inside = positions.sum(-1)
    n_outside = explained.n_parts - n_inside
    sums = (ranks * positions[:, None]).sum(-1)
    # The Mann-Whitney U statistic counts pairs of positions in the right order.
    wins, pairs = sums - (n_inside * (n_inside + 1) / 2)[:, None], (n_inside * n_outside)[:, None]
    auc = np.where(pairs > 0, wins / np.maximum(pairs, 1), np.nan)
    return summarize(auc, per_row, explained.is_all)


def _mark_parts(explained, positions):
    """Mark the parts that hold a position with signal, as booleans of shape (n_rows or 1, n_parts)."""
    raw, network = explained.bound.raw_columns, explained.bound.network
    if raw is None:
        given, labels = network.flatten(positions), explained.labels
    else:
        given, labels = [positions], [np.arange(explained.n_parts)]
    found = np.zeros((1, explained.n_parts), bool)
    for array, of_elements in zip(given, labels, strict=True):
        array, shape = np.asarray(array), of_elements.shape
        # Labels vary only along the user's ``axes``; a mask may have one entry along all other axes.
        sizes = [size if np.ptp(of_elements, axis).any() else 1 for axis, size in enumerate(shape)]
        kept = tuple(size for size in sizes if size > 1) or (1,)
        by_rows = next((rows for rows in ((), (explained.n_rows,)) if array.shape in (rows + shape, rows + kept)), None)
        if by_rows is None or not np.isin(array, (0, 1)).all():
            got = f"shape {array.shape}" if by_rows is None else f"{array.dtype}"
            raise ValueError(
                f"positions= takes an array of booleans of shape {shape} or {kept}, or with a further first axis of "
                f"{explained.n_rows} rows. Got {got}."
            )
        array = array.astype(bool).reshape(-1, *(shape if array.shape == by_rows + shape else sizes))
        of_input = np.zeros((len(array), explained.n_parts), bool)
        rows, *elements = np.nonzero(np.broadcast_to(array, (len(array), *shape)))
        of_input[rows, of_elements[tuple(elements)]] = True
        found = found | of_input
    return found
