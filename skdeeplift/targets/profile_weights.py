"""Weights of a profile's logits: their softmax as a constant, for each row or each pair of a row and a reference."""

import math
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from skdeeplift.targets.profile import Profile


def check_profile(target, shape, is_competing=False, centered=False):
    """Check a profile against the outputs of a network.

    Parameters
    ----------
    target : Profile or "profile"
        The user's choice.
    shape : tuple of int
        Shape of the logits without the rows.
    is_competing : bool, default=False
        Whether the network has a softmax over the last axis of these logits.
    centered : bool, default=False
        Whether the user asked to subtract the mean over classes from each output.

    Returns
    -------
    weights : HeldWeights

    Raises
    ------
    ValueError
        If the outputs lack an axis or have too few positions, or a parameter has an unknown value.
    """
    profile, rank = target if isinstance(target, Profile) else Profile(), len(shape)
    if profile.weights not in ("row", "mean"):
        raise ValueError(f"Profile takes weights='row' or weights='mean'. Got {profile.weights!r}.")
    if centered:
        raise ValueError("A profile subtracts the mean over its positions itself. Pass center_logits=False.")
    given = range(1, rank + 1) if profile.axis is None else profile.axis
    given = (given,) if isinstance(given, Integral) else tuple(given)
    axes = tuple(sorted({axis + rank if axis < 0 else axis - 1 for axis in given}))
    if not axes or len(axes) < len(given) or not all(0 <= axis < rank for axis in axes):
        raise ValueError(
            f"Profile takes each axis of the output once, from 1 to {rank}; the output has the shape "
            f"{('n_rows', *shape)}. Got axis={profile.axis!r}."
        )
    size = math.prod(shape[axis] for axis in axes)
    if size < 2:
        raise ValueError(
            f"A profile has logits of several positions, and this output has {size} along axis={profile.axis!r}: its "
            f"shape is {('n_rows', *shape)}. Pass output= to choose the profile of a network with several outputs, "
            "axis= to choose its positions, or target='auto' to explain a single output such as the log-counts."
        )
    if is_competing and rank - 1 not in axes:
        raise ValueError(
            f"The network has a softmax over its last axis, of size {shape[-1]}, and Profile has axis="
            f"{profile.axis!r}. Pass axis={rank}, the axis that the positions of one softmax are on."
        )
    others = tuple(shape[axis] for axis in range(rank) if axis not in axes)
    task = profile.task
    if task is not None:
        task = (task,) if isinstance(task, Integral) else tuple(task)
        fits = len(task) == len(others) and all(
            isinstance(each, Integral) and -n <= each < n for each, n in zip(task, others, strict=True)
        )
        if not fits:
            raise ValueError(
                f"Profile takes task= as an index into the axes that no softmax is over, of shape {others}. Got "
                f"task={profile.task!r}."
            )
    return HeldWeights(tuple(axis - rank for axis in axes), shape, task, profile.weights == "mean")


@dataclass(frozen=True)
class HeldWeights:
    """Weights of logits, computed from the logits and then treated as constants.

    Parameters
    ----------
    axes : tuple of int
        Axes of the softmax, counted from the end.
    shape : tuple of int
        Shape of the logits without the rows.
    task : tuple of int or None
        Index into the other axes; None for all tasks.
    is_pairwise : bool
        Whether each pair has its own weights: the mean of the row's weights and the reference's weights.
    scale : float, default=1.0
        Factor of all weights. 0.5 if the logits have an axis of two strands after the axis of rows.
    """

    axes: tuple
    shape: tuple
    task: tuple | None
    is_pairwise: bool
    scale: float = 1.0

    def for_pairs(self, at_rows, at_references=None):
        """Compute the weights of each row, or of each pair of a row and a reference.

        Parameters
        ----------
        at_rows : tensor or ndarray of shape (rows, *shape)
            Logits at the rows.
        at_references : tensor or ndarray of shape (rows or 1, references, *shape), default=None
            Logits at the references. Only read if each pair has its own weights.

        Returns
        -------
        weights : tensor of shape (rows, 1, *shape) or (rows, references, 1, *shape)
            Weights; the axis of size one is the axis of targets.

        Raises
        ------
        ValueError
            If each pair has its own weights and no references are passed.
        """
        own = self._of_logits(at_rows)
        if not self.is_pairwise:
            return own[:, None]
        if at_references is None:
            raise ValueError(
                "Profile(weights='mean') computes weights from each row and its references, and this explainer "
                "compares rows with no reference. Pass Profile(weights='row'), which computes weights from the row "
                "alone."
            )
        return ((own[:, None] + self._of_logits(at_references)) / 2)[:, :, None]

    def _of_logits(self, logits):
        r"""Compute the softmax minus its mean: :math:`\sum_i s_i (z_i - \bar z) = \sum_i (s_i - \bar s) z_i`."""
        # Import TensorFlow here, because plots read names of targets without TensorFlow.
        import tensorflow as tf

        logits = tf.convert_to_tensor(logits)
        if logits.dtype.size < 4:
            logits = tf.cast(logits, tf.float32)
        exponentials = tf.exp(logits - tf.reduce_max(logits, self.axes, keepdims=True))
        softmax = exponentials / tf.reduce_sum(exponentials, self.axes, keepdims=True)
        weights = softmax - tf.reduce_mean(softmax, self.axes, keepdims=True)
        return weights * tf.constant(self._factors(), weights.dtype)

    def _factors(self):
        """Return the factor of each logit; zero for tasks that are not explained."""
        if self.task is None:
            return np.full(self.shape, self.scale)
        places, others = np.zeros(self.shape), iter(self.task)
        rank = len(self.shape)
        places[tuple(slice(None) if axis - rank in self.axes else next(others) for axis in range(rank))] = self.scale
        return places
