"""Whether an explanation depends on what the network learned."""

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skdeeplift.compat import StrOptions, validate_params
from skdeeplift.metrics.agreement import rank_agreement
from skdeeplift.metrics.judged import check_explainer, explanation_of, mean_of_known, target_of


@validate_params(
    {
        "mode": [StrOptions({"cascading", "independent"})],
        "layers": ["array-like", None],
        "measure": [StrOptions({"spearman", "pearson", "top_k"})],
        "absolute": ["boolean"],
        "random_state": ["random_state"],
        "per_row": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def randomization_check(
    explainer,
    X,
    *,
    mode="cascading",
    layers=None,
    measure="spearman",
    absolute=False,
    explanation=None,
    target=None,
    random_state=0,
    per_row=False,
):
    """Measure how far an explanation stays the same when layers of the network forget what they learned.

    An explanation that hardly changes depends on the input more than on the network.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer. Its network is not touched: what is changed is a copy of the weights.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows as the network takes them.
    mode : {"cascading", "independent"}, default="cascading"
        Whether layers forget one after the other, from the output to the input, or each by itself.
    layers : list of str, default=None
        Which layers, in this order. By default all that have weights, from the output to the input. Of a network
        without layers they are the scopes that variables' names begin with.
    measure : {"spearman", "pearson", "top_k"}, default="spearman"
        How explanations are compared, as in `rank_agreement`.
    absolute : bool, default=False
        Whether to compare absolute contributions.
    explanation : Explanation, default=None
        What ``explainer`` says of ``X``, where that is known.
    target : str, int, tuple, dict, array-like or callable, default=None
        What is explained, where it differs from the explainer's own ``target``. The predicted class is that by the
        network as it is.
    random_state : int, RandomState instance or None, default=0
        Where the weights come from; by default they are always the same, so that explainers can be compared.
    per_row : bool, default=False
        Whether to return a number for each row instead of their mean.

    Returns
    -------
    agreement : Series of shape (n_layers,), or DataFrame of shape (n_rows, n_layers)
        How far the explanation agrees with the one of the network as it is, by layers; near 0 as it should be by the
        last of ``"cascading"``, 1 where nothing changed.

    Raises
    ------
    ValueError
        If there is no such layer, or no layer has weights.

    Notes
    -----
    Kernels and other arrays of several axes are drawn from a normal distribution with the root mean square that they
    have; biases, scales and moving statistics are shuffled, so that variances stay positive.

    References
    ----------
    Adebayo, J., Gilmer, J., Muelly, M., Goodfellow, I., Hardt, M., & Kim, B. (2018). Sanity checks for saliency maps.
    NeurIPS 31. https://arxiv.org/abs/1810.03292

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.metrics import randomization_check
    >>> layers = [keras.layers.Dense(8, "relu", name="hidden"), keras.layers.Dense(1, name="last")]
    >>> model = keras.Sequential([keras.Input((5,)), *layers])
    >>> rows = np.random.default_rng(0).normal(size=(20, 5))
    >>> explainer = DeepLiftExplainer(model).fit(rows)
    >>> randomization_check(explainer, rows).index.tolist()
    ['last', 'hidden']
    """
    from skdeeplift.network.own_weights import with_own_weights

    check_explainer(explainer)
    explanation = explanation_of(explainer, X, explanation, target)
    target = target_of(explainer, explanation, target)
    network, weights = with_own_weights(explainer.network_)
    names = list(weights) if layers is None else list(layers)
    unknown = [name for name in names if name not in weights]
    if unknown or not names:
        raise ValueError(
            f"layers= takes names of layers that have weights: {', '.join(map(repr, weights))}. Got {names}."
        )
    twin = explainer._on_network(network)
    random, learned = check_random_state(random_state), {name: _arrays(weights[name]) for name in names}
    agreement = {}
    for name in names:
        for variable, array in zip(weights[name], learned[name], strict=True):
            variable.assign(_forgotten(array, random))
        agreement[name] = rank_agreement(
            explanation, twin.explain(X, target=target), measure=measure, absolute=absolute, per_row=True
        )
        if mode == "independent":
            for variable, array in zip(weights[name], learned[name], strict=True):
                variable.assign(array)
    if per_row:
        index = getattr(X, "index", None) if hasattr(X, "columns") else None
        of_layers = {name: each if each.ndim == 1 else each.mean(1) for name, each in agreement.items()}
        return pd.DataFrame(of_layers, index=index)
    return pd.Series({name: mean_of_known(each) for name, each in agreement.items()}, name=measure)


def _arrays(variables):
    return [variable.numpy() for variable in variables]


def _forgotten(array, random):
    """Numbers of the same size that know nothing."""
    if array.ndim < 2:
        return random.permutation(array)
    size = np.sqrt(np.mean(np.square(array.astype(np.float64))))
    return random.normal(scale=size, size=array.shape).astype(array.dtype)
