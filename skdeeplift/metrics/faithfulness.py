"""How well contributions predict what random changes of a row do to the target."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skdeeplift.compat import Interval, StrOptions, validate_params
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics.agreement import correlation
from skdeeplift.metrics.judged import Judged, explanation_of

_N_SAMPLES = [Interval(Integral, 1, None, closed="left")]


@validate_params(
    {
        "n": [Integral, Real, "array-like"],
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
        "per_row": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def sensitivity_n(
    explainer,
    X,
    *,
    n=(0.1, 0.3, 0.5, 0.7, 0.9),
    n_samples=100,
    fill="reference",
    axes=None,
    explanation=None,
    target=None,
    random_state=0,
    per_row=False,
):
    """Measure how the contributions of ``n`` features go with what the target loses without these.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    n : int, float or sequence of these, default=(0.1, 0.3, 0.5, 0.7, 0.9)
        How many features are erased together, or which share of all; of several numbers the result is the mean. It is
        fewer than all features: what these sum to is the matter of `summation_to_delta_error`.
    n_samples : int, default=100
        How many sets of ``n`` features are drawn, the same for all rows.
    fill : str, Reference, callable, array-like or References, default="reference"
        What stands in the place of what is erased, as in `deletion_curve`.
    axes : int, tuple of int, or list or dict of these, default=None
        Axes each of whose positions is erased as a whole, as in `deletion_curve`.
    explanation : Explanation, array-like of shape (n_rows, *features), or list or dict of these, default=None
        What is judged, as in `deletion_curve`.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainer's own ``target``.
    random_state : int, RandomState instance or None, default=0
        Where the sets come from; by default they are always the same, so that explainers can be compared.
    per_row : bool, default=False
        Whether to return a number for each row instead of their mean.

    Returns
    -------
    correlation : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Pearson's, over the sets, of the sum of their contributions and of what the target loses; 1 of a linear network
        that is rightly explained. NaN, which means leave out, where either is always the same.

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
    judged = Judged(explainer, X, explanation, target, axes)
    sizes = [_size(each, judged.n_parts) for each in ([n] if np.ndim(n) == 0 else n)]
    if not sizes:
        raise ValueError("n= has at least one number of features. Got none.")
    counts = np.repeat(sizes, n_samples)
    predicted, lost = _predicted_and_lost(judged, judged.fill(fill), counts, check_random_state(random_state))
    shape = *predicted.shape[:2], len(sizes), n_samples
    correlations = correlation(predicted.reshape(shape), lost.reshape(shape))
    known = ~np.isnan(correlations)
    number = known.sum(-1)
    means = np.where(known, correlations, 0).sum(-1) / np.maximum(number, 1)
    return judged.finish(np.where(number > 0, means, np.nan), per_row)


@validate_params(
    {
        "perturbation": [StrOptions({"removal", "noise"})],
        "n_samples": _N_SAMPLES,
        "noise_scale": [Interval(Real, 0, None, closed="neither")],
        "normalize": ["boolean"],
        "random_state": ["random_state"],
        "per_row": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def infidelity(
    explainer,
    X,
    *,
    perturbation="removal",
    n_samples=100,
    fill="reference",
    noise_scale=0.1,
    normalize=False,
    axes=None,
    explanation=None,
    target=None,
    random_state=0,
    per_row=False,
):
    """Measure how far contributions are from what random changes of a row do to the target, as a mean square.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    perturbation : {"removal", "noise"}, default="removal"
        How rows are changed. ``"removal"`` erases a random number of random features; what the target loses should be
        the sum of their contributions. ``"noise"`` takes normal noise from all features; what the target loses should
        be the sum of the noise times the multipliers, which the explanation then needs.
    n_samples : int, default=100
        How often each row is changed; all rows in the same way.
    fill : str, Reference, callable, array-like or References, default="reference"
        What stands in the place of what is erased, as in `deletion_curve`.
    noise_scale : float, default=0.1
        The standard deviation of the noise, in units of the features.
    normalize : bool, default=False
        Whether to divide by the mean square of what the target loses, so that 0 is perfect and all contributions being
        zero gives 1. As with any error of a sum, it is infinite where the target never changes.
    axes : int, tuple of int, or list or dict of these, default=None
        Axes each of whose positions is erased as a whole, as in `deletion_curve`.
    explanation : Explanation, array-like of shape (n_rows, *features), or list or dict of these, default=None
        What is judged, as in `deletion_curve`.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainer's own ``target``.
    random_state : int, RandomState instance or None, default=0
        Where changes come from; by default they are always the same, so that explainers can be compared.
    per_row : bool, default=False
        Whether to return a number for each row instead of their mean.

    Returns
    -------
    infidelity : float, or ndarray of shape (n_rows,) or (n_rows, n_targets)
        Mean square over the changes; 0 of a linear network that is rightly explained. In squared units of the target
        unless it is normalised.

    Raises
    ------
    ValueError
        If noise has no multipliers to be multiplied by, or can not be added to integers.

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
        judged, predicted, lost = _under_noise(explainer, X, explanation, target, axes, noise_scale, n_samples, random)
    else:
        judged = Judged(explainer, X, explanation, target, axes)
        counts = random.randint(1, judged.n_parts + 1, n_samples)
        predicted, lost = _predicted_and_lost(judged, judged.fill(fill), counts, random)
    squares = np.square(predicted - lost).mean(-1)
    if normalize:
        size = np.square(lost).mean(-1)
        with np.errstate(divide="ignore"):
            squares = np.where(squares > 0, squares / np.where(squares > 0, size, 1), 0.0)
    return judged.finish(squares, per_row)


def _size(n, n_parts):
    """How many of the parts are erased."""
    size = n if isinstance(n, Integral) else round(n * n_parts) if isinstance(n, Real) else 0
    # A share stays one, however few parts there are.
    size = min(max(size, 1), n_parts - 1) if isinstance(n, Real) and not isinstance(n, Integral) and 0 < n < 1 else size
    if not 1 <= size < n_parts:
        raise ValueError(
            f"n= says how many of the {n_parts} features are erased together: an int from 1 to {n_parts - 1}, or a "
            f"share between 0 and 1. Got {n!r}."
        )
    return size


def _predicted_and_lost(judged, references, counts, random):
    """For random sets of parts, the sum of their contributions and what the target loses without them.

    Both of shape (n_rows, n_targets, n_samples).
    """
    orders = np.tile(np.arange(judged.n_parts, dtype=np.int32), (len(counts), 1))
    ranks = np.random.default_rng(random.randint(np.iinfo(np.int32).max)).permuted(orders, axis=1)
    values = judged.values(references, ranks[None], counts[None])
    lost = np.moveaxis(judged.prediction[:, None] - values, 1, 2)
    return judged.contributions @ (ranks < counts[:, None]).T.astype(np.float64), lost


def _under_noise(explainer, X, explanation, target, axes, scale, n_samples, random):
    """The same for noise that is taken from the rows, which multipliers go with."""
    if axes is not None:
        raise ValueError(f'perturbation="noise" changes every element by itself. Pass axes=None. Got {axes!r}.')
    explanation = explanation_of(explainer, X, explanation, target, multipliers=True)
    if explanation.get("multipliers") is None:
        raise ValueError(
            'perturbation="noise" is multiplied by multipliers. Pass explanation=explainer.explain(X, '
            'multipliers=True), or perturbation="removal".'
        )
    of_multipliers = Explanation(**{**explanation, "contributions": explanation.multipliers})
    judged = Judged(explainer, X, of_multipliers, None if "target" in explanation else target)
    if any(array.dtype.kind in "biu" for array in judged.arrays):
        raise ValueError(
            'perturbation="noise" can not be added to integers, such as tokens. Pass perturbation="removal".'
        )
    predicted, lost = [], []
    for _ in range(n_samples):
        # In the rows' dtype, so that what is multiplied is what was taken.
        changed = [
            (array - random.normal(scale=scale, size=array.shape[1:])).astype(array.dtype) for array in judged.arrays
        ]
        noise = [before.astype(np.float64) - after for before, after in zip(judged.arrays, changed, strict=True)]
        noise = np.concatenate([array.reshape(judged.n_rows, -1) for array in noise], 1)
        predicted.append(np.einsum("ntp,np->nt", judged.contributions, noise))
        lost.append(judged.prediction - judged.weigh(judged.outputs(changed)))
    return judged, np.stack(predicted, -1), np.stack(lost, -1)
