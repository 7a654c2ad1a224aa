"""Shapley values."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

from skdeeplift.annotations import ArrayLike, GroupsLike, NetworkLike, PerInput, RandomState, ReferenceLike, TargetLike
from skdeeplift.compat import Interval
from skdeeplift.explainers.base import CHECK_CONSTRAINTS, COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer
from skdeeplift.perturbation.perturbation import Perturbation, whole_inputs


class ShapleySamplingExplainer(BaseExplainer):
    r"""Explain a network's output by the Shapley values of its input's features.

    All :math:`d` features start at the reference, and take the row's values one after the other. Each feature gets the
    change of the output at its step. The Shapley value is the mean over all orders :math:`\pi` of the features:

    .. math:: \phi_i = \frac{1}{d!} \sum_\pi \bigl[ f(x_{P \cup \{i\}}) - f(x_P) \bigr]

    In :math:`x_P`, the features :math:`P` that come before :math:`i` in the order have the row's values, and all others
    have those of the reference. A row's contributions sum to ``f(x) - f(reference)`` exactly. For up to 12 features or
    groups, Shapley values are computed exactly, for more from a sample of orders. The network is only run, never
    differentiated, so that any network can be explained.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(estimator)s
    n_permutations : int, default=25
        Number of orders of the features that are drawn for each reference. Each order runs the network once for each
        feature. Ignored if all sets of features are run, which are at most ``2 ** 12``.
    antithetic : bool, default=True
        Whether every second order is the reverse of the order before it, which cancels much of the noise. An odd
        ``n_permutations`` is then rounded up.
    sampling_axes : int, tuple of int, list or dict, default=None
        Axes along which each position is one feature, counted with the axis of rows: ``(1, 2)`` takes all channels of a
        pixel together, and shares their value evenly among them. None makes each element a feature, and an empty tuple
        a whole input. With several inputs or layers, a list has one entry for each, and a dict one for each name.
    %(groups)s
        Each group counts as one feature.
    %(reference)s
        A mask that the network computes from tokens is computed again from the perturbed tokens.
    %(max_references)s
    %(reference_tol)s
    %(output)s
    %(target)s
        ``"all"`` needs no more runs of the network than one output.
    %(class_names)s
    %(feature_names)s
    %(pre_activation)s
    %(center_logits)s
    %(layer)s
        The network is run from the perturbed units on. Each of several layers is perturbed by itself.
    %(to_source)s
        Columns made from one raw column are perturbed together, unless axes or groups say otherwise.
    %(max_samples)s
    %(check)s
    %(batch_size)s
        Each perturbed row counts as a row.
    %(n_jobs)s
    %(random_state)s
        Random references and the orders of features are also drawn from this source. `fit` draws the orders, which are
        the same for all rows of all calls.
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
    OcclusionExplainer : Loss of the output without each feature, in far fewer runs.

    Notes
    -----
    ``explain`` returns standard errors. With one reference, they are those over orders. With several references, they
    are those over references, and each reference has its own orders.

    References
    ----------
    Castro, J., Gómez, D., & Tejada, J. (2009). Polynomial calculation of the Shapley value based on sampling. Computers
    & Operations Research, 36(5). https://doi.org/10.1016/j.cor.2008.04.004

    Mitchell, R., Cooper, J., Frank, E., & Holmes, G. (2022). Sampling permutations for Shapley value estimation. JMLR,
    23(43). https://arxiv.org/abs/2104.12199

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import ShapleySamplingExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> explainer = ShapleySamplingExplainer(model, reference="zeros").fit(np.array([[3.0, 0.5]]))
    >>> explainer.transform(np.array([[3.0, 0.5]]))
    array([[ 1.5, -0.5]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **CHECK_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "antithetic": ["boolean"],
        "sampling_axes": [Integral, tuple, list, dict, None],
        "groups": [dict, "array-like", None],
    }
    _find_sources = staticmethod(whole_inputs)

    def __init__(
        self,
        estimator: NetworkLike,
        *,
        n_permutations: int = 25,
        antithetic: bool = True,
        sampling_axes: PerInput | None = None,
        groups: GroupsLike | None = None,
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
        self.n_permutations = n_permutations
        self.antithetic = antithetic
        self.sampling_axes = sampling_axes
        self.groups = groups
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
        from skdeeplift.perturbation.permutations import make_games

        schemes = make_games(sources, bound.source_names, bound.input_columns, bound.parameters, bound.seed)
        return Perturbation(graph, target, sources, schemes, sums_to_delta=True)
