"""Targets of each row as tensors, for explanations that run without this package."""

import math

import numpy as np
import tensorflow as tf

from skdeeplift.dtypes import kind_of
from skdeeplift.targets.target import Target, check_classes


class TensorTargets:
    """Function from one index, tuple of indices or class label for each row to weights of the target's elements.

    Parameters
    ----------
    tensor : TargetTensor
        The elements to choose from.
    labels : ndarray of shape (n_classes,) or None
        Labels of the classes, which replace indices. A single logit has two labels.
    centered : bool
        Whether to subtract the mean over classes.

    Attributes
    ----------
    example : ndarray of shape (1,) or (1, n_axes)
        Targets of one row.
    spec : TensorSpec
        Targets of any number of rows.
    target : Target
        The target of the problem, with ``example`` for its only row.
    """

    def __init__(self, tensor, labels, centered):
        if centered:
            check_classes(tensor)
        self.shape, self.centered, self.labels = tensor.shape, centered, labels
        self.of_two = labels is not None and math.prod(self.shape) == 1
        if labels is not None:
            is_number = kind_of(labels.dtype) in "biuf"
            self.labels = labels if is_number else labels.astype(str)
            self.example = self.labels[:1]
            dtype = tf.dtypes.as_dtype(labels.dtype) if is_number else tf.string
        else:
            self.example, dtype = np.zeros((1, *self._lead), np.int64), tf.int64
        self.spec = tf.TensorSpec([None, *self.example.shape[1:]], dtype, "target")
        self.target = Target(np.zeros((1, *self._lead), np.int64), centered, self.of_two)

    @property
    def _lead(self):
        return () if len(self.shape) == 1 or self.labels is not None else (len(self.shape),)

    def weights(self, targets, dtype):
        """Return weights of shape ``(n_rows, *shape)``.

        Parameters
        ----------
        targets : tensor of shape (n_rows,) or (n_rows, n_axes)
            The target of each row.
        dtype : DType
            Dtype of the weights.

        Returns
        -------
        weights : tensor
            The weights. An index out of range, or a label that does not exist, raises an error when they are computed.
        """
        targets = tf.cast(targets, self.spec.dtype)
        if self.labels is not None:
            is_label = targets[:, None] == tf.constant(self.labels)
            exists, expected = tf.reduce_any(is_label, 1), f"one of {', '.join(map(str, self.labels))}"
            index = tf.argmax(tf.cast(is_label, tf.int32), 1)
        else:
            sizes = tf.constant(self.shape, tf.int64)
            of_axes = tf.reshape(targets, (-1, len(self.shape)))
            exists, expected = tf.reduce_all((of_axes >= 0) & (of_axes < sizes), 1), _describe(self.shape)
            # The position of the element in the flattened output.
            steps = [math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))]
            index = tf.reduce_sum(of_axes * tf.constant(steps, tf.int64), 1)
        check = tf.debugging.Assert(
            tf.reduce_all(exists), [f"The target of each row is {expected}. Got", tf.boolean_mask(targets, ~exists)]
        )
        with tf.control_dependencies([check]):
            index = tf.identity(index)
        if self.of_two:
            weights = tf.cast(2 * index - 1, dtype)
        else:
            weights = tf.one_hot(index, math.prod(self.shape), dtype=dtype)
        weights = tf.reshape(weights, (-1, *self.shape))
        return weights - tf.reduce_mean(weights, -1, keepdims=True) if self.centered else weights


def _describe(shape):
    return f"an index from 0 to {shape[0] - 1}" if len(shape) == 1 else f"a tuple of indices below {shape}"
