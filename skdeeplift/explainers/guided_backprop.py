"""Guided backpropagation and the deconvolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from skdeeplift.annotations import ArrayLike, NetworkLike, RandomState, TargetLike
from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer


class GuidedBackpropExplainer(BaseExplainer):
    """Explain a network's output by a backward pass that keeps positive evidence only.

    Both rules change the backward pass at activations, and give sharper pictures than the gradient. The pictures show
    the input more than the network: with random weights, they look much the same.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(estimator)s
    rule : {"guided_backprop", "deconvnet"}, default="guided_backprop"
        Rule by which an activation passes on the gradient that comes back to it:

        - ``"guided_backprop"`` drops negative gradients, and multiplies by the derivative;
        - ``"deconvnet"`` applies the activation itself to the gradient, so that ``relu`` drops negative gradients and
          ignores its own input.

        The rule ``"deconvnet"`` applies rectifiers, such as ``relu``, ``elu``, ``gelu`` and ``prelu``, and also
        ``tanh`` and ``sigmoid``, as in the original implementation. Other functions, such as squares, ``log`` and
        ``exp``, keep their derivative. The cap of ``relu6`` does not cap the gradient.
    multiply_by_input : bool, default=False
        Whether to multiply the result by the input.
    %(output)s
    %(target)s
    %(class_names)s
    %(feature_names)s
    %(pre_activation)s
    %(center_logits)s
    %(layer)s
        Integer inputs, such as tokens, have no gradient: name the layer that embeds them.
    %(to_source)s
    %(max_samples)s
    %(batch_size)s
    %(n_jobs)s
    %(random_state)s
    %(verbose)s

    Attributes
    ----------
    %(feature_importances_)s
    %(estimator_)s
    %(classes_)s
    %(network_)s
    %(n_features_in_)s
    %(feature_names_in_)s

    See Also
    --------
    GradientExplainer : The unchanged gradient.
    DeepLiftExplainer : Guided backpropagation of differences, with ``rule="guided_backprop_rescale"``.

    Notes
    -----
    Activations are found in the traced graph, so that any layer or function may contain them. An activation of several
    operations, such as GELU, counts as one. Activations inside recurrent layers follow the rule like all others.
    Adebayo, J., et al. (2018), Sanity checks for saliency maps, https://arxiv.org/abs/1810.03292, show the limits of
    such results.

    References
    ----------
    Springenberg, J. T., Dosovitskiy, A., Brox, T., & Riedmiller, M. (2015). Striving for simplicity: The all
    convolutional net. https://arxiv.org/abs/1412.6806

    Zeiler, M. D., & Fergus, R. (2014). Visualizing and understanding convolutional networks. ECCV.
    https://arxiv.org/abs/1311.2901

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import GuidedBackpropExplainer
    >>> layers = [keras.layers.Dense(2, activation="relu"), keras.layers.Dense(1)]
    >>> model = keras.Sequential([keras.Input((2,)), *layers])
    >>> model.set_weights([np.eye(2), np.zeros(2), np.array([[3.0], [-2.0]]), np.zeros(1)])
    >>> GuidedBackpropExplainer(model).fit_transform(np.array([[1.0, 1.0]]))
    array([[3., 0.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        "rule": [StrOptions({"guided_backprop", "deconvnet"})],
        "multiply_by_input": ["boolean"],
    }

    def __init__(
        self,
        estimator: NetworkLike,
        *,
        rule: Literal["guided_backprop", "deconvnet"] = "guided_backprop",
        multiply_by_input: bool = False,
        output: str | int | None = None,
        target: TargetLike = "auto",
        class_names: ArrayLike | None = None,
        feature_names: ArrayLike | None = None,
        pre_activation: bool | Literal["auto"] = "auto",
        center_logits: bool = False,
        layer: str | Sequence[str] | None = None,
        to_source: bool | Literal["auto"] = "auto",
        max_samples: int = 1000,
        batch_size: int | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        random_state: RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.rule = rule
        self.multiply_by_input = multiply_by_input
        self.output = output
        self.target = target
        self.class_names = class_names
        self.feature_names = feature_names
        self.pre_activation = pre_activation
        self.center_logits = center_logits
        self.layer = layer
        self.to_source = to_source
        self.max_samples = max_samples
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @staticmethod
    def _make_method(graph, target, sources, bound):
        from skdeeplift.propagation import gradients

        form = "gradient_x_input" if bound.parameters["multiply_by_input"] else "gradient"
        return gradients.Gradients(graph, target, sources, form, getattr(gradients, bound.parameters["rule"]))
