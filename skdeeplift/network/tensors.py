"""Tensors of rows, references and weights, made from arrays."""

import numpy as np
import tensorflow as tf

from skdeeplift.dtypes import kind_of
from skdeeplift.network import devices

# TensorFlow reads an array in place only if its address is a multiple of this number of bytes.
ALIGNMENT = 64


def to_tensor(array, size=None):
    """Convert rows to a tensor of ``size`` rows, padded by repeats of the last row.

    TensorFlow itself copies an array twice: once to protect it from changes, and once to aligned memory. For a small
    array its conversion takes three times as long as this function.

    Parameters
    ----------
    array : ndarray of shape (n_rows, ...)
        At least one row.
    size : int, default=None
        Number of rows of the tensor. By default the number of rows of the array.

    Returns
    -------
    tensor : tensor of shape (size, ...)
        A tensor with its own memory.
    """
    size = len(array) if size is None else size
    shape = size, *array.shape[1:]
    # NumPy cannot share memory of dtypes that are not its own, such as bfloat16.
    is_shared = array.size > 0 and array.dtype.isbuiltin == 1 and kind_of(array.dtype) in "fiu"
    if not is_shared or not devices.choices().reads_in_place:
        return tf.convert_to_tensor(padded(array, size))
    n_bytes = array.nbytes // len(array) * size
    memory = np.empty(n_bytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + n_bytes].view(array.dtype).reshape(shape)
    copy[: len(array)], copy[len(array) :] = array, array[-1]
    return tf.experimental.dlpack.from_dlpack(copy.__dlpack__())


def padded(array, size, axis=0, fill=None):
    """Pad an axis to ``size`` entries with repeats of the last entry or with ``fill``."""
    missing = size - array.shape[axis]
    if missing == 0:
        return array
    last = array.take([-1] * missing, axis)
    return np.concatenate([array, last if fill is None else np.full_like(last, fill)], axis)
