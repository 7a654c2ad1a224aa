"""Targets of networks that predict a profile: logits over positions, weighted by their own softmax."""

from sklearn.base import BaseEstimator


class Profile(BaseEstimator):
    """Target of a profile: the logits less their mean over positions, weighted by their softmax and summed.

    With logits ``z`` over the positions of a row, the target is ``sum(s * (z - mean(z)))``. The weights
    ``s = softmax(z)`` are held: they are those of the row, for its references too, so that contributions explain the
    logits and not the weights. This is the target of BPNet's profile head. Contributions sum to the change of the
    target with the weights held.

    ``target="profile"`` stands for ``Profile()``.

    .. versionadded:: 0.1

    Parameters
    ----------
    axis : int, tuple of int or None, default=1
        Axes of the output that one softmax is over, counted with that of the rows, which is 0. The mean is over the
        same axes. By default the first axis after the rows, so that of an output of shape ``(n_rows, length,
        n_strands)`` each strand has a softmax of its own. ``(1, 2)`` has one softmax for both strands together, and
        None one for all axes.
    task : int, tuple of int or None, default=None
        Index into the other axes: the strand or the task that is explained. By default the targets of all strands and
        tasks are added.
    weights : {"row", "mean"}, default="row"
        Softmax that weights the logits. "row" holds that of the row. "mean" holds, for each reference, the mean of the
        row's softmax and the reference's, which is what the fork of SHAP computes that ChromBPNet uses.
        ``prediction`` and ``reference_value`` of an explanation are means over these references then. It needs an
        explainer that compares rows with references.

    See Also
    --------
    skdeeplift.DeepLiftExplainer : Explainer that takes targets.

    Notes
    -----
    The logits are those under a final softmax, if the network has one, whatever ``pre_activation`` says. A head of
    log-counts is a single output, whose target is ``"auto"``.

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

    The logits are the inputs, and their softmax is (1/4, 1/2, 1/4). Each input has its weight, less the mean weight:

    >>> explainer = DeepLiftExplainer(model, reference="zeros", target=Profile()).fit(rows)
    >>> explainer.transform(rows).round(4)
    array([[-0.    ,  0.1155, -0.    ]], dtype=float32)
    >>> explainer.explain(rows).prediction.round(4)
    array([0.1155])
    """

    def __init__(self, *, axis=1, task=None, weights="row"):
        self.axis = axis
        self.task = task
        self.weights = weights


def is_profile(target):
    """Return whether a target that a user passed is a profile."""
    return isinstance(target, Profile) or (isinstance(target, str) and target == "profile")
