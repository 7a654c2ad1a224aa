"""DeepLIFT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from skdeeplift.annotations import ArrayLike, NetworkLike, RandomState, ReferenceLike, RuleName, TargetLike
from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import CHECK_CONSTRAINTS, COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer

RULE_NAMES = {"rescale", "reveal_cancel", "genomics_default", "pass_through", "guided_backprop_rescale"}


class DeepLiftExplainer(BaseExplainer):
    """Explain a network's output by the difference of the input from a reference (DeepLIFT).

    A contribution is the part of ``f(x) - f(reference)`` that comes from one feature's difference from its reference. A
    row's contributions sum to this change. An activation scales contributions by ``delta_out / delta_in``, so that a
    feature keeps its contribution if the activation is saturated and the gradient zero.

    .. versionadded:: 1.0

    Parameters
    ----------
    %(estimator)s
    rule : str or dict of str to str, default="rescale"
        Rule by which an activation passes on a difference from the reference:

        - ``"rescale"`` scales it by ``delta_out / delta_in``;
        - ``"reveal_cancel"`` passes its positive and its negative part through the activation one after the other, so
          that parts that cancel each other are both seen;
        - ``"genomics_default"`` is ``"reveal_cancel"`` after dense layers and ``"rescale"`` after convolutions;
        - ``"pass_through"`` passes it on unscaled;
        - ``"guided_backprop_rescale"`` is ``"rescale"`` without negative multipliers.

        Contributions sum to ``f(x) - f(reference)`` by the first three rules, and not by the last two. A dict maps
        names of layers to the rules of these layers' activations; all other activations follow ``"rescale"``.
    %(reference)s
        The padding mask of a row also applies to its references.
    %(max_references)s
    %(reference_tol)s
    %(output)s
    %(target)s
    %(class_names)s
    %(feature_names)s
    %(pre_activation)s
    %(center_logits)s
    %(layer)s
        Contributions of an embedding layer have one entry for each dimension of a token; those of the input have one
        for each token.
    %(to_source)s
    %(max_samples)s
    unsupported : {"raise", "integrate", "secant"}, default="raise"
        Action at an operation of TensorFlow without a rule, as listed by `skdeeplift.describe`:

        - ``"raise"`` raises an error that names the choice that would help;
        - ``"integrate"`` integrates the operation's derivatives numerically along the straight path from the reference
          to the input, so that contributions sum up to the error of the quadrature;
        - ``"secant"`` shares the change of each output among all elements of all varying inputs of a row, in proportion
          to their squared differences, whether or not the output depends on them. It is the coarsest rule, needs no
          derivative, and its contributions always sum.

        Operations with a rule are not affected.
    %(check)s
        Only rules whose contributions sum are checked.
    %(batch_size)s
        Each pair of a row and a reference counts as a row.
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
    skdeeplift.references.reference_report : Number of references that is enough.
    sklearn.feature_selection.SelectFromModel : Select features by ``feature_importances_``.

    Notes
    -----
    Rules are attached to the operations of the traced TensorFlow graph, not to layers. Neither TensorFlow nor the model
    is changed. An operation without a rule raises an error by default.

    References
    ----------
    Shrikumar, A., Greenside, P., & Kundaje, A. (2017). Learning important features through propagating activation
    differences. Proceedings of ICML 34. https://arxiv.org/abs/1704.02685

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.array([[3.0, 0.5]]))
    >>> explainer.transform(np.array([[3.0, 0.5]]))
    array([[ 1.5, -0.5]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **CHECK_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "rule": [StrOptions(RULE_NAMES), dict],
        "unsupported": [StrOptions({"raise", "integrate", "secant"})],
    }

    def __init__(
        self,
        estimator: NetworkLike,
        *,
        rule: RuleName | Mapping[str, RuleName] = "rescale",
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
        unsupported: Literal["raise", "integrate", "secant"] = "raise",
        check: Literal["warn", "raise", "ignore"] = "warn",
        batch_size: int | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        random_state: RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.rule = rule
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
        self.unsupported = unsupported
        self.check = check
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @staticmethod
    def _make_method(graph, target, sources, bound):
        from skdeeplift.propagation.rulesets import rule_set_of
        from skdeeplift.propagation.streams import Streams

        rule_set = rule_set_of(bound.parameters["rule"], bound.parameters["unsupported"])
        parts = bound.layer is not None
        return Streams(graph, target, sources, rule_set, bound.owner, parts=parts)
