"""Occlusion."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

from skdeeplift.annotations import ArrayLike, GroupsLike, NetworkLike, PerInput, RandomState, ReferenceLike, TargetLike
from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer
from skdeeplift.perturbation.perturbation import Perturbation, whole_inputs


class OcclusionExplainer(BaseExplainer):
    """Explain a network's output by its loss when parts of the input are taken from a reference.

    A window slides over the input, or features are taken one by one or in groups. The contribution of the covered
    elements is ``f(x) - f(x with the window from the reference)``. The network is only run, never differentiated, so
    that any network can be explained. Contributions do not sum to ``f(x) - f(reference)``: a change that needs several
    windows together counts in none of them, or in each.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(estimator)s
    window_shape : int, tuple of int, list or dict, default=1
        Size of the window along each axis of a row, channels included, or one size for all axes, as in scikit-image's
        ``view_as_windows``. With several inputs or layers, a list has one entry for each, and a dict one for each name.
        A window lies in one input or layer at a time.
    step : int, tuple of int, list or dict, default=1
        Distance between the starts of neighbouring windows, along each axis. It is at most the window's size, so that
        each element lies in a window. A last, smaller window covers the rest at the end of an axis.
    %(groups)s
        Groups take the place of windows.
    normalize : {"window_size"} or None, default=None
        Further division of changes. An element's contribution is the mean of the changes of all windows that cover it.
        With ``"window_size"``, this mean is also divided by the number of elements of a window, as in DeepExplain. The
        change of a group is shared among its columns in any case.
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
        Columns made from one raw column are perturbed together, unless windows or groups say otherwise.
    %(max_samples)s
    %(batch_size)s
        Each perturbed row counts as a row.
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
    ShapleySamplingExplainer : Contributions that share the joint effect of features among them.

    References
    ----------
    Zeiler, M. D., & Fergus, R. (2014). Visualizing and understanding convolutional networks. ECCV 2014.
    https://arxiv.org/abs/1311.2901

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import OcclusionExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> explainer = OcclusionExplainer(model, reference="zeros").fit(np.array([[3.0, 0.5]]))
    >>> explainer.transform(np.array([[3.0, 0.5]]))
    array([[ 1., -1.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "window_shape": [Integral, tuple, list, dict],
        "step": [Integral, tuple, list, dict],
        "groups": [dict, "array-like", None],
        "normalize": [StrOptions({"window_size"}), None],
    }
    _find_sources = staticmethod(whole_inputs)

    def __init__(
        self,
        estimator: NetworkLike,
        *,
        window_shape: PerInput = 1,
        step: PerInput = 1,
        groups: GroupsLike | None = None,
        normalize: Literal["window_size"] | None = None,
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
        batch_size: int | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        random_state: RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.window_shape = window_shape
        self.step = step
        self.groups = groups
        self.normalize = normalize
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
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @staticmethod
    def _make_method(graph, target, sources, bound):
        from skdeeplift.perturbation.windows import OneByOne, make_covers

        covers = make_covers(sources, bound.source_names, bound.input_columns, bound.parameters)
        schemes = [OneByOne(covers)] if bound.layer is None else [OneByOne([cover]) for cover in covers]
        return Perturbation(graph, target, sources, schemes)
