"""Deletion and insertion: change of the target as features are erased or inserted in the order of contributions."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch

from skdeeplift.annotations import ContributionsLike, Explainer, PerInput, ReferenceLike, Rows, Score, TargetLike
from skdeeplift.compat import Interval
from skdeeplift.metrics.explained_rows import ExplainedRows, check_parameters, mean_without_nan, rank_parts, summarize


@check_parameters()
def deletion_curve(
    explainer: Explainer,
    X: Rows,
    *,
    fill: ReferenceLike = "reference",
    n_steps: int = 20,
    absolute: bool = False,
    axes: PerInput | None = None,
    explanation: ContributionsLike | None = None,
    target: TargetLike | None = None,
) -> Bunch:
    """Compute the target as features are erased, largest contributions first.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
    %(X)s
    %(fill)s
    %(n_steps)s
    %(absolute)s
    %(axes)s
    %(explanation)s
    %(target)s

    Returns
    -------
    curve : Bunch
        ``fraction``, of shape (n_steps + 1,), is the share of erased features, from 0 to 1. ``value``, of shape
        (n_rows, n_steps + 1), is the target of the changed rows. With several targets, ``value`` has a last axis of
        targets. If the target is the predicted class, the class predicted for the unchanged row is used.

    See Also
    --------
    deletion_score : Compute the area above the curve.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import deletion_curve
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.array([[3.0, 1.0]]))
    >>> deletion_curve(explainer, np.array([[3.0, 1.0]])).value
    array([[ 1., -2.,  0.]])
    """
    rows = ExplainedRows(explainer, X, explanation, target, axes)
    return _compute_curve(rows, fill, n_steps, absolute, inserted=False)


@check_parameters()
def insertion_curve(
    explainer: Explainer,
    X: Rows,
    *,
    fill: ReferenceLike = "reference",
    n_steps: int = 20,
    absolute: bool = False,
    axes: PerInput | None = None,
    explanation: ContributionsLike | None = None,
    target: TargetLike | None = None,
) -> Bunch:
    """Compute the target as features are inserted into a reference, largest contributions first.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
    %(X)s
    %(fill)s
        Features that are not inserted yet have these values.
    %(n_steps)s
    %(absolute)s
    %(axes)s
    %(explanation)s
    %(target)s

    Returns
    -------
    curve : Bunch
        ``fraction`` is the share of inserted features, from 0 to 1. ``value`` is the target, as in `deletion_curve`.

    See Also
    --------
    insertion_score : Compute the area under the curve.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import insertion_curve
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.array([[3.0, 1.0]]))
    >>> insertion_curve(explainer, np.array([[3.0, 1.0]])).value
    array([[0., 3., 1.]])
    """
    rows = ExplainedRows(explainer, X, explanation, target, axes)
    return _compute_curve(rows, fill, n_steps, absolute, inserted=True)


@check_parameters()
def deletion_score(
    explainer: Explainer,
    X: Rows,
    *,
    fill: ReferenceLike = "reference",
    n_steps: int = 20,
    absolute: bool = False,
    axes: PerInput | None = None,
    explanation: ContributionsLike | None = None,
    target: TargetLike | None = None,
    per_row: bool = False,
) -> Score:
    """Measure how fast the target falls as features are erased, largest contributions first.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
    %(X)s
    %(fill)s
    %(n_steps)s
    %(absolute)s
    %(axes)s
    %(explanation)s
    %(target)s
    %(per_row)s

    Returns
    -------
    score : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Area between the target at the unchanged row and the `deletion_curve`. This area is the loss of the target,
        averaged over all shares of erased features, in the units of the target. Greater is better.

    References
    ----------
    Petsiuk, V., Das, A., & Saenko, K. (2018). RISE: Randomized input sampling for explanation of black-box models.
    BMVC. https://arxiv.org/abs/1806.07421

    Samek, W., Binder, A., Montavon, G., Lapuschkin, S., & Müller, K.-R. (2017). Evaluating the visualization of what a
    deep neural network has learned. IEEE TNNLS 28. https://arxiv.org/abs/1509.06321

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import deletion_score
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.array([[3.0, 1.0]]))
    >>> deletion_score(explainer, np.array([[3.0, 1.0]]))
    1.75
    """
    explained = ExplainedRows(explainer, X, explanation, target, axes)
    curve = _compute_curve(explained, fill, n_steps, absolute, inserted=False)
    return _compute_area(curve, curve.value[:, :1] - curve.value, per_row)


@check_parameters()
def insertion_score(
    explainer: Explainer,
    X: Rows,
    *,
    fill: ReferenceLike = "reference",
    n_steps: int = 20,
    absolute: bool = False,
    axes: PerInput | None = None,
    explanation: ContributionsLike | None = None,
    target: TargetLike | None = None,
    per_row: bool = False,
) -> Score:
    """Measure how fast the target rises as features are inserted, largest contributions first.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
    %(X)s
    %(fill)s
        Features that are not inserted yet have these values.
    %(n_steps)s
    %(absolute)s
    %(axes)s
    %(explanation)s
    %(target)s
    %(per_row)s

    Returns
    -------
    score : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Area between the `insertion_curve` and the target at ``fill``. This area is the gain of the target, averaged
        over all shares of inserted features, in the units of the target. Greater is better.

    References
    ----------
    Petsiuk, V., Das, A., & Saenko, K. (2018). RISE: Randomized input sampling for explanation of black-box models.
    BMVC. https://arxiv.org/abs/1806.07421

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import insertion_score
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.array([[3.0, 1.0]]))
    >>> insertion_score(explainer, np.array([[3.0, 1.0]]))
    1.75
    """
    explained = ExplainedRows(explainer, X, explanation, target, axes)
    curve = _compute_curve(explained, fill, n_steps, absolute, inserted=True)
    return _compute_area(curve, curve.value - curve.value[:, :1], per_row)


@check_parameters(n_erased=[Interval(Integral, 1, None, closed="left"), Interval(Real, 0, 1, closed="right")])
def log_odds_change(
    explainer: Explainer,
    X: Rows,
    *,
    fill: ReferenceLike = "reference",
    n_erased: float = 0.2,
    axes: PerInput | None = None,
    explanation: ContributionsLike | None = None,
    target: TargetLike | None = None,
    per_row: bool = False,
) -> Score:
    """Measure how far the target falls when the features with the largest contributions are erased.

    With ``target={a: 1, b: -1}`` and a network that ends in a softmax, the target is the log-odds of class a against
    class b. The DeepLIFT paper does this experiment in section 4.1 and figure 4.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
    %(X)s
    %(fill)s
    n_erased : int or float, default=0.2
        Maximum number of erased features as an int, or maximum share of all features as a float. Only features with
        positive contributions are erased.
    %(axes)s
    %(explanation)s
    %(target)s
    %(per_row)s

    Returns
    -------
    change : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Target at the unchanged row minus the target at the row with erased features. Greater is better.

    References
    ----------
    Shrikumar, A., Greenside, P., & Kundaje, A. (2017). Learning important features through propagating activation
    differences. Proceedings of ICML 34. https://arxiv.org/abs/1704.02685

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import log_odds_change
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False), keras.layers.Softmax()])
    >>> model.set_weights([np.array([[1.0, 0.0], [0.0, 2.0], [4.0, 3.0]])])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.array([[3.0, 1.0, 2.0]]))
    >>> log_odds_change(explainer, np.array([[3.0, 1.0, 2.0]]), target={0: 1, 1: -1}, n_erased=1)
    3.0
    """
    explained = ExplainedRows(explainer, X, explanation, target, axes)
    # Round as in the paper, where a fifth of 784 pixels is 157.
    most = n_erased if isinstance(n_erased, Integral) else max(1, round(n_erased * explained.n_parts))
    n_positive = (explained.contributions > 0).sum(-1)
    counts = np.stack([np.zeros_like(n_positive), np.minimum(most, n_positive)], -1)
    values = _replace_parts(explained, fill, rank_parts(explained.contributions), counts)
    return summarize(values[:, 0] - values[:, 1], per_row, explained.is_all)


def _compute_curve(explained, fill, n_steps, absolute, inserted):
    """Compute the target at each step of erasing or inserting features."""
    ranks = rank_parts(np.abs(explained.contributions) if absolute else explained.contributions)
    n_parts, n_steps = explained.n_parts, min(n_steps, explained.n_parts)
    counts = np.round(np.arange(n_steps + 1) * n_parts / n_steps).astype(int)
    fraction = counts / n_parts
    if inserted:
        # The erased features are those not inserted yet, at the end of the order.
        ranks, counts = n_parts - 1 - ranks, n_parts - counts
    values = _replace_parts(explained, fill, ranks, np.broadcast_to(counts, (1, ranks.shape[1], n_steps + 1)))
    return Bunch(fraction=fraction, value=values if explained.is_all else values[..., 0])


def _compute_area(curve, changes, per_row):
    """Compute the area under changes of the target."""
    areas = np.trapezoid(changes, curve.fraction, axis=1)
    return areas if per_row else mean_without_nan(areas)


def _replace_parts(explained, fill, ranks, counts):
    """Compute the target after the parts of lowest rank are replaced, of shape (n_rows, n_counts, n_targets).

    ``ranks`` has the shape (n_rows, n_targets, n_parts), and ``counts`` the shape (n_rows or 1, n_targets, n_counts).
    """
    references = explained.make_fill(fill)
    values = [
        explained.values_where_replaced(references, ranks[:, each, None], counts[:, each], slice(each, each + 1))
        for each in range(ranks.shape[1])
    ]
    return np.concatenate(values, 2)
