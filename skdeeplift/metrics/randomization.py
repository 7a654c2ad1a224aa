"""Randomization: agreement of an explanation with explanations of the network with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skdeeplift.annotations import DataFrame, Explainer, Explanation, RandomState, Rows, Series, TargetLike
from skdeeplift.binding.estimators import with_attributes
from skdeeplift.compat import StrOptions
from skdeeplift.metrics.consistency import rank_agreement
from skdeeplift.metrics.explained_rows import (
    check_explainer,
    check_parameters,
    explain_unless_given,
    fix_target,
    mean_without_nan,
)


@check_parameters(mode=[StrOptions({"cascading", "independent"})], layers=["array-like", None])
def randomization_check(
    explainer: Explainer,
    X: Rows,
    *,
    mode: Literal["cascading", "independent"] = "cascading",
    layers: Sequence[str] | None = None,
    measure: Literal["spearman", "pearson", "top_k"] = "spearman",
    absolute: bool = False,
    explanation: Explanation | None = None,
    target: TargetLike | None = None,
    random_state: RandomState | None = 0,
    per_row: bool = False,
) -> Series | DataFrame:
    """Measure how similar an explanation stays when layers of the network get random weights.

    An explanation that hardly changes depends more on the input than on the network.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(explainer)s
        Random weights are set in a copy of its network.
    %(X)s
    mode : {"cascading", "independent"}, default="cascading"
        Order of randomization. ``"cascading"`` randomizes one layer after the other and keeps their random weights.
        ``"independent"`` randomizes one layer at a time.
    layers : list of str, default=None
        Names of the layers, in order. By default all layers with weights, from the output to the input. In a network
        without layers, the scopes at the start of the variables' names count as layers.
    measure : {"spearman", "pearson", "top_k"}, default="spearman"
        Measure of agreement, as in `rank_agreement`.
    absolute : bool, default=False
        Whether to compare absolute contributions.
    explanation : Explanation, default=None
        Explanation of ``X`` by ``explainer``. By default ``explainer`` computes the explanation.
    %(target)s
        The unchanged network predicts this class.
    %(random_state)s
    %(per_row)s

    Returns
    -------
    agreement : Series of shape (n_layers,), or DataFrame of shape (n_rows, n_layers)
        Agreement of the explanation after randomization of each layer with the original explanation; 1 if nothing
        changed. At the last layer of ``"cascading"`` the agreement should be near 0.

    Raises
    ------
    ValueError
        If a layer does not exist, or no layer has weights.

    Notes
    -----
    Kernels and other weights of several axes are drawn from a normal distribution with mean zero. Its standard
    deviation is the root mean square of the learned weights. Biases, scales and moving statistics are shuffled, so that
    variances stay positive.

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
    from skdeeplift.network.network import with_own_weights

    check_explainer(explainer)
    explanation = explain_unless_given(explainer, X, explanation, target)
    target = fix_target(explanation, target)
    network, weights = with_own_weights(explainer.network_)
    names = list(weights) if layers is None else list(layers)
    unknown = [name for name in names if name not in weights]
    if unknown or not names:
        raise ValueError(
            f"layers= takes names of layers that have weights: {', '.join(map(repr, weights))}. Got {names}."
        )
    # Skip the check of the sums: random weights can make contributions of any size.
    randomized = with_attributes(explainer, bound_=explainer.bound_.copy(network=network), check="ignore")
    random, agreement = check_random_state(random_state), {}
    for name in names:
        learned = [variable.numpy() for variable in weights[name]]
        for variable, array in zip(weights[name], learned, strict=True):
            variable.assign(_randomize(array, random))
        agreement[name] = rank_agreement(
            explanation, randomized.explain(X, target=target), measure=measure, absolute=absolute, per_row=True
        )
        if mode == "independent":
            for variable, array in zip(weights[name], learned, strict=True):
                variable.assign(array)
    if per_row:
        index = getattr(X, "index", None) if hasattr(X, "columns") else None
        of_layers = {name: each if each.ndim == 1 else each.mean(1) for name, each in agreement.items()}
        return pd.DataFrame(of_layers, index=index)
    return pd.Series({name: mean_without_nan(each) for name, each in agreement.items()}, name=measure)


def _randomize(array, random):
    """Return random numbers of the same size: an array of one axis is shuffled, all others are drawn."""
    if array.ndim < 2:
        return random.permutation(array)
    size = np.sqrt(np.mean(np.square(array.astype(np.float64))))
    return random.normal(scale=size, size=array.shape).astype(array.dtype)
