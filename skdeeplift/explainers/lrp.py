"""Layer-wise relevance propagation."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Literal

from skdeeplift.annotations import ArrayLike, NetworkLike, RandomState, TargetLike
from skdeeplift.compat import Interval
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer


class LRPExplainer(BaseExplainer):
    """Explain a network's output by epsilon-LRP, as a modified gradient times the input.

    The derivative of each activation ``f`` is replaced by its slope as seen from zero,
    ``f(x) / (x + epsilon * sign(x))``.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(estimator)s
    epsilon : float, default=1e-4
        Positive number that keeps the quotient finite where ``x`` is nearly zero. The sign of ``x = 0`` is positive.
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
    GradientExplainer : The unchanged gradient, times the input.
    DeepLiftExplainer : Slopes as seen from any reference.

    Notes
    -----
    As ``epsilon`` goes to zero, contributions converge to the gradient times the input for networks of ``relu``. For
    networks without biases, whose activations are zero at zero, they converge to the rescale rule of DeepLIFT with a
    reference of zeros. An activation that is not zero at zero, such as the sigmoid, has a slope as large as
    ``1 / epsilon`` near zero.

    References
    ----------
    Bach, S., Binder, A., Montavon, G., Klauschen, F., Müller, K.-R., & Samek, W. (2015). On pixel-wise explanations for
    non-linear classifier decisions by layer-wise relevance propagation. PLOS ONE 10(7).
    https://doi.org/10.1371/journal.pone.0130140

    Ancona, M., Ceolini, E., Öztireli, C., & Gross, M. (2018). Towards better understanding of gradient-based
    attribution methods for deep neural networks. ICLR. https://arxiv.org/abs/1711.06104

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import LRPExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> LRPExplainer(model, epsilon=1.0).fit_transform(np.array([[4.0, 0.5]]))
    array([[ 2.67, -0.67]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        "epsilon": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        estimator: NetworkLike,
        *,
        epsilon: float = 1e-4,
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
        self.epsilon = epsilon
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
        from skdeeplift.propagation.gradients import EpsilonLRP, Gradients

        return Gradients(graph, target, sources, "gradient_x_input", EpsilonLRP(bound.parameters["epsilon"]))
