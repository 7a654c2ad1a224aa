"""Expected gradients."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal

from skdeeplift.annotations import ArrayLike, NetworkLike, RandomState, ReferenceLike, TargetLike
from skdeeplift.compat import Interval, StrOptions
from skdeeplift.execution.schedules import Draws
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer


class ExpectedGradientsExplainer(BaseExplainer):
    r"""Explain a network's output by integrated gradients, averaged over many references.

    Each draw takes a random reference :math:`r`, and a random point on the path from this reference to the row. The
    mean over draws converges to integrated gradients, averaged over the references:

    .. math:: \phi_i = \mathbb{E}_{r, \, \alpha \sim U(0, 1)}
        \left[ (x_i - r_i) \frac{\partial f(r + \alpha (x - r))}{\partial x_i} \right]

    Standard errors estimate the distance from this limit.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(estimator)s
    n_draws : int or "auto", default=200
        Number of draws. All rows have the same draws, so that a row's contributions do not depend on the rows beside
        it. With ``"auto"``, draws are added until the standard errors are within ``reference_tol``.
    reference_tol : float, default=0.05
        Largest standard error of a row's contributions with ``n_draws="auto"``, as a fraction of their size. Both are
        roots of sums of squares over the features.
    reference : str, Reference, callable, array-like, list or dict, default="sample"
        %(reference)s
        Each draw takes one of its references. The padding mask of a row also applies along the path from the reference.
    max_references : int or "auto", default=1000
        Largest number of references to draw from. Applies to references that are sampled, such as ``"sample"`` and
        ``"shuffle"``. With ``"auto"``, it is 1024.
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
        Each draw counts as a row.
    %(n_jobs)s
    %(random_state)s
        References and points of paths are also drawn from this source.
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
    IntegratedGradientsExplainer : Many points on the path from each reference.

    Notes
    -----
    A :class:`~sklearn.exceptions.ConvergenceWarning` has one of two reasons. With ``n_draws="auto"``, the standard
    errors of some rows do not come within ``reference_tol``. With any number of draws, the draws may miss much of the
    change of the target, by more than their standard errors show. A saturated probability, for example, changes in a
    small part of the path, and no draw may lie there. Then raise ``n_draws``, or explain the logit with
    ``pre_activation=True``.

    References
    ----------
    Erion, G., Janizek, J. D., Sturmfels, P., Lundberg, S. M., & Lee, S.-I. (2021). Improving performance of deep
    learning models with axiomatic attribution priors and expected gradients. Nature Machine Intelligence 3.
    https://arxiv.org/abs/1906.10670

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import ExpectedGradientsExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([0.0])])
    >>> explainer = ExpectedGradientsExplainer(model, reference=np.array([[0.0, 0.0], [0.0, 1.0]]), random_state=0)
    >>> explainer.fit_transform(np.array([[3.0, 1.0]])).round()
    array([[ 3., -1.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "n_draws": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "reference_tol": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        estimator: NetworkLike,
        *,
        n_draws: int | Literal["auto"] = 200,
        reference_tol: float = 0.05,
        reference: ReferenceLike = "sample",
        max_references: int | Literal["auto"] = 1000,
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
        self.n_draws = n_draws
        self.reference_tol = reference_tol
        self.reference = reference
        self.max_references = max_references
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
        from skdeeplift.propagation.paths import Paths

        method = Paths(graph, target, sources, together=bound.layer is None)
        # A mean over draws sums to the change of the target only in the limit.
        method.sums_to_delta = False
        return method

    @staticmethod
    def _make_schedule(bound):
        return Draws(bound.parameters["n_draws"], bound.parameters["reference_tol"], bound.seed)
