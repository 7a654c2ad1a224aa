"""Integrated gradients."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal

from skdeeplift.annotations import ArrayLike, NetworkLike, RandomState, ReferenceLike, TargetLike
from skdeeplift.compat import Interval, StrOptions
from skdeeplift.execution.schedules import METHODS, Steps, schedule_of_references
from skdeeplift.explainers.base import CHECK_CONSTRAINTS, COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer


class IntegratedGradientsExplainer(BaseExplainer):
    r"""Explain a network's output by gradients integrated along the straight path from a reference.

    A contribution is a feature's difference from its reference, times the mean derivative along the path:

    .. math:: \phi_i = (x_i - r_i) \int_0^1 \frac{\partial f(r + \alpha (x - r))}{\partial x_i} \, d\alpha

    A row's contributions sum to ``f(x) - f(reference)``, up to the error of the quadrature.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(estimator)s
    n_steps : int or "auto", default="auto"
        Number of points on the path at which the gradient is computed. By default, few points come first, and more are
        added for rows whose contributions do not sum within ``convergence_tol``, or still change with the number of
        points.
    method : {"gausslegendre", "midpoint", "trapezoid", "riemann_left", "riemann_right"}, default="gausslegendre"
        Quadrature, which chooses the points and their weights.
    convergence_tol : float, default=1e-2
        Largest difference between the sum of a row's contributions and the change of the target, as a fraction of that
        change. With ``n_steps="auto"``, a row gets no more points once its sum is within the tolerance, and the latest
        points changed its contributions by at most eight times the tolerance, as a fraction of their size.
    max_steps : int, default=400
        Largest number of points with ``n_steps="auto"``.
    %(reference)s
        The padding mask of a row also applies along the path from the reference.
    %(max_references)s
    %(reference_tol)s
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
    check : {"warn", "raise", "ignore"}, default="warn"
        Action if a row's contributions do not sum to the change of the target within ``convergence_tol``. Contributions
        are checked at the inputs, and at layers that the whole change passes through. A
        :class:`~sklearn.exceptions.ConvergenceWarning` tells if contributions of some rows still change at
        ``max_steps``.
    %(batch_size)s
        Each point of a path counts as a row.
    %(n_jobs)s
    %(random_state)s
        Random references are also drawn from this source.
    %(verbose)s

    Attributes
    ----------
    %(feature_importances_)s
    %(estimator_)s
    %(classes_)s
    %(network_)s
    %(references_)s
    %(n_features_in_)s
    %(feature_names_in_)s

    See Also
    --------
    ExpectedGradientsExplainer : Mean over many references and points at once.
    DeepLiftExplainer : Contributions that sum exactly, at the cost of one gradient.

    Notes
    -----
    The affine operations before the first nonlinear operation, such as a first dense layer, are computed once and not
    for each step. If the network is smooth, the error of ``"gausslegendre"`` falls exponentially with the number of
    steps. In a network of ``relu`` the gradient jumps along the path, and the error falls no faster than one over the
    number of steps. `DeepLiftExplainer` has no such error.

    With ``layer``, the units of the layer move on a straight line between their values at the reference and at the
    row. Values that do not depend on these units stay at those of the row.

    References
    ----------
    Sundararajan, M., Taly, A., & Yan, Q. (2017). Axiomatic attribution for deep networks. Proceedings of ICML 34.
    https://arxiv.org/abs/1703.01365

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import IntegratedGradientsExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="tanh")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([0.0])])
    >>> explainer = IntegratedGradientsExplainer(model, reference="zeros")
    >>> explanation = explainer.fit(np.array([[3.0, 1.0]])).explain(np.array([[3.0, 1.0]]))
    >>> explanation.contributions
    array([[ 2.28, -1.52]], dtype=float32)
    >>> explanation.n_steps
    array([15])
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **CHECK_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "n_steps": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions(set(METHODS))],
        "convergence_tol": [Interval(Real, 0, None, closed="neither")],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: NetworkLike,
        *,
        n_steps: int | Literal["auto"] = "auto",
        method: Literal["gausslegendre", "midpoint", "trapezoid", "riemann_left", "riemann_right"] = "gausslegendre",
        convergence_tol: float = 1e-2,
        max_steps: int = 400,
        reference: ReferenceLike = "mean",
        max_references: int | Literal["auto"] = 100,
        reference_tol: float | None = None,
        output: str | int | None = None,
        target: TargetLike = "auto",
        class_names: ArrayLike | None = None,
        feature_names: ArrayLike | None = None,
        pre_activation: bool | Literal["auto"] = "auto",
        center_logits: bool = False,
        layer: str | Sequence[str] | None = None,
        to_source: bool | Literal["auto"] = "auto",
        max_samples: int = 1000,
        check: Literal["warn", "raise", "ignore"] = "warn",
        batch_size: int | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        random_state: RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_steps = n_steps
        self.method = method
        self.convergence_tol = convergence_tol
        self.max_steps = max_steps
        self.reference = reference
        self.max_references = max_references
        self.reference_tol = reference_tol
        self.output = output
        self.target = target
        self.class_names = class_names
        self.feature_names = feature_names
        self.pre_activation = pre_activation
        self.center_logits = center_logits
        self.layer = layer
        self.to_source = to_source
        self.max_samples = max_samples
        self.check = check
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @staticmethod
    def _make_method(graph, target, sources, bound):
        from skdeeplift.propagation.paths import Paths

        return Paths(graph, target, sources, together=bound.layer is None)

    @staticmethod
    def _make_schedule(bound):
        names = ("method", "n_steps", "convergence_tol", "max_steps")
        return Steps(*(bound.parameters[name] for name in names), inner=schedule_of_references(bound))
