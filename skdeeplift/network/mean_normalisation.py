"""Mean-normalised weights of a first layer for one-hot sequences."""

from __future__ import annotations

import numpy as np

from skdeeplift.annotations import ArrayLike


def mean_normalise_weights_for_sequence_convolution(
    weights: ArrayLike, bias: ArrayLike, axis_of_normalisation: int = -2
) -> tuple[np.ndarray, np.ndarray]:
    r"""Centre a first layer's weights over the letters of a one-hot sequence, with the same output of the layer.

    At each position :math:`i` of a window exactly one letter :math:`l` is 1. The mean of the weights over the letters
    can therefore move into the bias:

    .. math::
        w'_{il} = w_{il} - \bar w_i, \quad b' = b + \sum_i \bar w_i

    The output does not change. Contributions no longer depend on a common offset of the weights.

    .. versionadded:: 1.0

    Parameters
    ----------
    weights : array-like of shape (..., n_letters, n_filters)
        Kernel in Keras's layout: ``(length, n_letters, n_filters)`` of a ``Conv1D``, or
        ``(1, length, n_letters, n_filters)`` of a ``Conv2D``.
    bias : array-like of shape (n_filters,)
        Bias of the layer.
    axis_of_normalisation : int, default=-2
        Axis of the letters. Any axis but the last one.

    Returns
    -------
    weights : ndarray of shape (..., n_letters, n_filters)
        Weights with mean zero over the letters.
    bias : ndarray of shape (n_filters,)
        Bias plus the mean weights of all positions of the window.

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or the axis has size one.

    Notes
    -----
    The output is the same only if every position of a window holds a letter. It differs at the ends of a sequence that
    is padded with zeros (``padding="same"``), and at unknown letters.

    References
    ----------
    Shrikumar, A., Greenside, P., & Kundaje, A. (2017). Learning important features through propagating activation
    differences. Proceedings of ICML 34. https://arxiv.org/abs/1704.02685

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift import mean_normalise_weights_for_sequence_convolution
    >>> kernel = np.array([[[1.0], [3.0]], [[0.0], [4.0]]])  # two positions, two letters, one filter
    >>> weights, bias = mean_normalise_weights_for_sequence_convolution(kernel, np.zeros(1))
    >>> weights.ravel()
    array([-1.,  1., -2.,  2.])
    >>> bias
    array([4.])
    """
    weights, bias = np.asarray(weights), np.asarray(bias)
    rank = weights.ndim
    if rank < 2 or bias.shape != weights.shape[-1:]:
        raise ValueError(
            f"Expected weights of shape (..., n_letters, n_filters) and a bias of shape (n_filters,). Got shapes "
            f"{weights.shape} and {bias.shape}."
        )
    if not -rank <= axis_of_normalisation < rank or axis_of_normalisation % rank == rank - 1:
        raise ValueError(
            f"axis_of_normalisation= takes the axis of the letters, one of {rank} axes but not the last. Got "
            f"{axis_of_normalisation} for weights of shape {weights.shape}."
        )
    if weights.shape[axis_of_normalisation] == 1:
        axes = [f"{axis} (of size {size})" for axis, size in enumerate(weights.shape[:-1]) if size > 1]
        raise ValueError(
            f"axis_of_normalisation={axis_of_normalisation} is an axis of size 1 of weights of shape {weights.shape}, "
            "and the mean over a single letter is the weight itself. Pass the axis of the letters: "
            f"axis_of_normalisation={' or '.join(axes) or 'an axis of size 2 or more'}."
        )
    means = weights.mean(axis_of_normalisation, keepdims=True)
    return weights - means, bias + means.sum(tuple(range(rank - 1)))
