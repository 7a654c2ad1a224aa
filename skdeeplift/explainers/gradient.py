"""Gradients: plain, absolute, and times the input."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal

from skdeeplift.annotations import ArrayLike, NetworkLike, RandomState, TargetLike
from skdeeplift.compat import Interval, StrOptions
from skdeeplift.execution.schedules import ONCE, Noise
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer


class GradientExplainer(BaseExplainer):
    """Explain a network's output by its derivatives.

    A derivative tells how much the output changes with a small change of a feature. It is zero if an activation is
    saturated, no matter how much the feature did to saturate it.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(estimator)s
    kind : {"gradient_x_input", "gradient", "saliency"}, default="gradient_x_input"
        Quantity to return: the derivative itself for ``"gradient"``, its absolute value for ``"saliency"``, or its
        product with the feature for ``"gradient_x_input"``.
    noise_scale : float, default=0.0
        Standard deviation of normal noise, in the unit of ``X``. The result is then the mean of ``kind`` over noisy
        copies of each row (SmoothGrad). A tenth to a fifth of the range of ``X`` is usual; 0 adds no noise.
    n_draws : int, default=50
        Number of noisy copies of each row, if ``noise_scale`` is positive. All rows get the same noise, so that a row's
        result does not depend on the rows beside it.
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
        Each noisy copy of a row counts as a row.
    %(n_jobs)s
    %(random_state)s
        The noise is also drawn from this source.
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
    IntegratedGradientsExplainer : Mean derivatives along the path from a reference.
    DeepLiftExplainer : Differences from a reference, which saturation does not hide.

    Notes
    -----
    The derivative is that of the function that the network computes. ``tf.stop_gradient`` and custom gradients are
    ignored, since they are meant for training.

    References
    ----------
    Simonyan, K., Vedaldi, A., & Zisserman, A. (2014). Deep inside convolutional networks: Visualising image
    classification models and saliency maps. https://arxiv.org/abs/1312.6034

    Smilkov, D., Thorat, N., Kim, B., Viégas, F., & Wattenberg, M. (2017). SmoothGrad: removing noise by adding noise.
    https://arxiv.org/abs/1706.03825

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import GradientExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> GradientExplainer(model).fit_transform(np.array([[4.0, 0.5]]))
    array([[ 4., -1.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        "kind": [StrOptions({"gradient", "saliency", "gradient_x_input"})],
        "noise_scale": [Interval(Real, 0, None, closed="left")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: NetworkLike,
        *,
        kind: Literal["gradient_x_input", "gradient", "saliency"] = "gradient_x_input",
        noise_scale: float = 0.0,
        n_draws: int = 50,
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
        self.kind = kind
        self.noise_scale = noise_scale
        self.n_draws = n_draws
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
        from skdeeplift.propagation.gradients import Gradients

        return Gradients(graph, target, sources, bound.parameters["kind"])

    @staticmethod
    def _make_schedule(bound):
        scale = bound.parameters["noise_scale"]
        return ONCE if scale == 0 else Noise(scale, bound.parameters["n_draws"], bound.seed)
