"""What the target loses as the features that are said to speak for it are erased, and gains as they come in."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch

from skdeeplift.compat import Interval, validate_params
from skdeeplift.metrics.judged import Judged

_CONSTRAINTS = {
    "n_steps": [Interval(Integral, 1, None, closed="left")],
    "absolute": ["boolean"],
}


@validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
def deletion_curve(
    explainer, X, *, fill="reference", n_steps=20, absolute=False, axes=None, explanation=None, target=None
):
    """Follow the target as features are erased, those of the largest contributions first.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    fill : str, Reference, callable, array-like or References, default="reference"
        What stands in the place of what is erased: ``"reference"``, the explainer's own; or whatever an explainer
        takes as ``reference``, such as ``"zeros"``, ``"blur"``, or ``"mean"``, which is learned from ``X``. Where there
        are several, values of the target are means over them. To compare explainers take the same for each.
    n_steps : int, default=20
        In how many steps features are erased; fewer where there are fewer features.
    absolute : bool, default=False
        Whether the largest absolute contributions come first.
    axes : int, tuple of int, or list or dict of these, default=None
        Axes, counted with that of the rows, each of whose positions is erased as a whole, with the sum of its
        contributions: ``(1, 2)`` for the pixels of images whatever their channels, 1 for the positions of one-hot
        sequences. By default each element by itself. Of several inputs a list or dict has one entry for each.
    explanation : Explanation, array-like of shape (n_rows, *features), or list or dict of these, default=None
        What is judged: an explanation of ``X``, or contributions from elsewhere to the target of ``explainer``. By
        default what ``explainer`` says.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainer's own ``target``.

    Returns
    -------
    curve : Bunch
        ``fraction`` of shape (n_steps + 1,), which share of the features is erased, from 0 to 1; and ``value`` of
        shape (n_rows, n_steps + 1), the target then, with a last axis of targets where there are several. Each row's
        predicted class stays that of the whole row.

    See Also
    --------
    deletion_score : The area above the curve.

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
    judged = Judged(explainer, X, explanation, target, axes)
    return _curve(judged, fill, n_steps, absolute, inserted=False)


@validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
def insertion_curve(
    explainer, X, *, fill="reference", n_steps=20, absolute=False, axes=None, explanation=None, target=None
):
    """Follow the target as features come in where there were none, those of the largest contributions first.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    fill : str, Reference, callable, array-like or References, default="reference"
        What features come into, as in `deletion_curve`.
    n_steps : int, default=20
        In how many steps features come in; fewer where there are fewer features.
    absolute : bool, default=False
        Whether the largest absolute contributions come first.
    axes : int, tuple of int, or list or dict of these, default=None
        Axes each of whose positions comes in as a whole, as in `deletion_curve`.
    explanation : Explanation, array-like of shape (n_rows, *features), or list or dict of these, default=None
        What is judged, as in `deletion_curve`.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainer's own ``target``.

    Returns
    -------
    curve : Bunch
        ``fraction`` and ``value`` as `deletion_curve` returns them, with the share of features that came in.

    See Also
    --------
    insertion_score : The area under the curve.

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
    judged = Judged(explainer, X, explanation, target, axes)
    return _curve(judged, fill, n_steps, absolute, inserted=True)


@validate_params({**_CONSTRAINTS, "per_row": ["boolean"]}, prefer_skip_nested_validation=True)
def deletion_score(
    explainer,
    X,
    *,
    fill="reference",
    n_steps=20,
    absolute=False,
    axes=None,
    explanation=None,
    target=None,
    per_row=False,
):
    """Measure how fast the target falls as features are erased, those of the largest contributions first.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    fill : str, Reference, callable, array-like or References, default="reference"
        What stands in the place of what is erased, as in `deletion_curve`.
    n_steps : int, default=20
        In how many steps features are erased; fewer where there are fewer features.
    absolute : bool, default=False
        Whether the largest absolute contributions come first.
    axes : int, tuple of int, or list or dict of these, default=None
        Axes each of whose positions is erased as a whole, as in `deletion_curve`.
    explanation : Explanation, array-like of shape (n_rows, *features), or list or dict of these, default=None
        What is judged, as in `deletion_curve`.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainer's own ``target``.
    per_row : bool, default=False
        Whether to return a number for each row instead of their mean.

    Returns
    -------
    score : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        The area between the target at the row and `deletion_curve`: how much less the target is, as a mean over all
        shares of features. Greater is better; in the units of the target.

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
    judged = Judged(explainer, X, explanation, target, axes)
    curve = _curve(judged, fill, n_steps, absolute, inserted=False)
    return _finished(judged, curve, curve.value[:, :1] - curve.value, per_row)


@validate_params({**_CONSTRAINTS, "per_row": ["boolean"]}, prefer_skip_nested_validation=True)
def insertion_score(
    explainer,
    X,
    *,
    fill="reference",
    n_steps=20,
    absolute=False,
    axes=None,
    explanation=None,
    target=None,
    per_row=False,
):
    """Measure how fast the target rises as features come in, those of the largest contributions first.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    fill : str, Reference, callable, array-like or References, default="reference"
        What features come into, as in `deletion_curve`.
    n_steps : int, default=20
        In how many steps features come in; fewer where there are fewer features.
    absolute : bool, default=False
        Whether the largest absolute contributions come first.
    axes : int, tuple of int, or list or dict of these, default=None
        Axes each of whose positions comes in as a whole, as in `deletion_curve`.
    explanation : Explanation, array-like of shape (n_rows, *features), or list or dict of these, default=None
        What is judged, as in `deletion_curve`.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainer's own ``target``.
    per_row : bool, default=False
        Whether to return a number for each row instead of their mean.

    Returns
    -------
    score : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        The area between `insertion_curve` and the target at ``fill``: how much more the target is, as a mean over all
        shares of features. Greater is better; in the units of the target.

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
    judged = Judged(explainer, X, explanation, target, axes)
    curve = _curve(judged, fill, n_steps, absolute, inserted=True)
    return _finished(judged, curve, curve.value - curve.value[:, :1], per_row)


@validate_params(
    {
        "n_erased": [Interval(Integral, 1, None, closed="left"), Interval(Real, 0, 1, closed="right")],
        "per_row": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def log_odds_change(
    explainer, X, *, fill="reference", n_erased=0.2, axes=None, explanation=None, target=None, per_row=False
):
    """Measure how far the target falls when the features that speak most for it are erased.

    With ``target={a: 1, b: -1}`` of logits that a softmax follows, the target is the log-odds of class a against
    class b, and this is the experiment of the DeepLIFT paper's section 4.1 and figure 4.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    fill : str, Reference, callable, array-like or References, default="reference"
        What stands in the place of what is erased, as in `deletion_curve`.
    n_erased : int or float, default=0.2
        How many features are erased at the most, or which share of all; only those of positive contributions are.
    axes : int, tuple of int, or list or dict of these, default=None
        Axes each of whose positions is erased as a whole, as in `deletion_curve`.
    explanation : Explanation, array-like of shape (n_rows, *features), or list or dict of these, default=None
        What is judged, as in `deletion_curve`.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainer's own ``target``.
    per_row : bool, default=False
        Whether to return a number for each row instead of their mean.

    Returns
    -------
    change : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        The target at the row minus that where features are erased. Greater is better.

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
    judged = Judged(explainer, X, explanation, target, axes)
    references, ranks = judged.fill(fill), _ranks(judged.contributions)
    # Rounded, so that a fifth of 784 pixels is 157, as in the paper.
    most = n_erased if isinstance(n_erased, Integral) else max(1, round(n_erased * judged.n_parts))
    n_positive = (judged.contributions > 0).sum(-1)
    changes = []
    for position in range(ranks.shape[1]):
        counts = np.stack([np.zeros(judged.n_rows), np.minimum(most, n_positive[:, position])], 1)
        values = judged.values(references, ranks[:, position, None], counts, slice(position, position + 1))
        changes.append(values[:, 0] - values[:, 1])
    return judged.finish(np.concatenate(changes, 1), per_row)


def _curve(judged, fill, n_steps, absolute, inserted):
    """The target as features are erased, or come in."""
    references = judged.fill(fill)
    ranks = _ranks(np.abs(judged.contributions) if absolute else judged.contributions)
    n_parts, n_steps = judged.n_parts, min(n_steps, judged.n_parts)
    counts = np.round(np.arange(n_steps + 1) * n_parts / n_steps).astype(int)
    fraction = counts / n_parts
    if inserted:
        # What is not in yet is erased: the last ones of the order.
        ranks, counts = n_parts - 1 - ranks, n_parts - counts
    values = [
        judged.values(references, ranks[:, position, None], counts[None], slice(position, position + 1))
        for position in range(ranks.shape[1])
    ]
    values = np.concatenate(values, 2)
    return Bunch(fraction=fraction, value=values if judged.is_all else values[..., 0])


def _finished(judged, curve, changes, per_row):
    areas = np.trapezoid(changes, curve.fraction, axis=1)
    return judged.finish(areas.reshape(judged.n_rows, -1), per_row)


def _ranks(contributions):
    """The place of each part, those of large contributions first, of equal ones the first."""
    order = np.argsort(-contributions, axis=-1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(order.shape[-1])[(None,) * (order.ndim - 1)], axis=-1)
    return ranks
