"""Targets of networks that predict a profile: logits over positions, weighted by their own softmax."""

from __future__ import annotations

from typing import Literal

from sklearn.base import BaseEstimator


class Profile(BaseEstimator):
    r"""Target of a profile: the logits minus their mean over positions, weighted by their softmax and summed.

    With logits :math:`z_i` at the positions :math:`i` of a row, the target is

    .. math::
        t = \sum_i s_i (z_i - \bar z), \quad s = \operatorname{softmax}(z)

    The weights :math:`s` are constant: the weights of the row also apply to its references, so that contributions
    explain the logits and not the weights. Contributions sum to the change of the target with constant weights. BPNet's
    profile head uses this target.

    ``target="profile"`` means ``Profile()``.

    .. versionadded:: 1.0

    Parameters
    ----------
    axis : int, tuple of int or None, default=1
        Axes of the output to take the softmax and the mean over. Axis 0 is the axis of rows. By default the first axis
        after the rows. In an output of shape ``(n_rows, length, n_strands)``, each strand then has its own softmax.
        ``(1, 2)`` means one softmax for both strands together, and None one softmax over all axes.
    task : int, tuple of int or None, default=None
        Index into the other axes: the strand or task to explain. By default the targets of all strands and tasks are
        summed.
    weights : {"row", "mean"}, default="row"
        Softmax that weights the logits: ``"row"`` takes the softmax of the row. With ``"mean"``, each reference has its
        own weights, the mean of the row's softmax and the reference's softmax, as in the fork of SHAP that ChromBPNet
        uses. The explainer then needs references, and ``prediction`` and ``reference_value`` of an explanation are
        means over the references.

    See Also
    --------
    skdeeplift.DeepLiftExplainer : Explainer that takes targets.

    Notes
    -----
    If the network ends in a softmax, the logits are the inputs of this softmax, for any value of ``pre_activation``. A
    head of log-counts is a single output; explain it with ``target="auto"``.

    References
    ----------
    Avsec, Ž., et al. (2021). Base-resolution models of transcription-factor binding reveal soft motif syntax. Nature
    Genetics 53. https://doi.org/10.1038/s41588-021-00782-6

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.targets import Profile
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    >>> model.set_weights([np.eye(3), np.zeros(3)])
    >>> rows = np.log([[1.0, 2.0, 1.0]])

    The logits are the inputs, with the softmax (1/4, 1/2, 1/4). The multiplier of each input is its weight minus the
    mean weight:

    >>> explainer = DeepLiftExplainer(model, reference="zeros", target=Profile()).fit(rows)
    >>> explainer.transform(rows).round(4)
    array([[-0.    ,  0.1155, -0.    ]], dtype=float32)
    >>> explainer.explain(rows).prediction.round(4)
    array([0.1155])
    """

    def __init__(
        self,
        *,
        axis: int | tuple[int, ...] | None = 1,
        task: int | tuple[int, ...] | None = None,
        weights: Literal["row", "mean"] = "row",
    ) -> None:
        self.axis = axis
        self.task = task
        self.weights = weights


def is_profile(target):
    """Test whether a user's target is a profile."""
    return isinstance(target, Profile) or (isinstance(target, str) and target == "profile")
