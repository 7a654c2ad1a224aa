"""Arrays of a chunk as tensors: padded to the chunk's size, and copied once on the way."""

import numpy as np
import tensorflow as tf

# Where TensorFlow expects an array to begin that it reads where it lies.
ALIGNMENT = 64
# Copies of less take no time.
LARGE_BYTES = 2**18


def to_tensor(array, size):
    """Return rows as a tensor, the last of them repeated until there are ``size``.

    TensorFlow itself copies an array twice: once so that nobody changes it, once to where it can be read from.

    Parameters
    ----------
    array : ndarray of shape (n_rows, ...)
        At least one row.
    size : int
        How many rows the tensor has.

    Returns
    -------
    tensor : tensor of shape (size, ...)
        Of memory of its own.
    """
    shape = size, *array.shape[1:]
    n_bytes = array.itemsize * int(np.prod(shape))
    # Of types that NumPy does not have itself, such as bfloat16, it can not hand over memory.
    if n_bytes < LARGE_BYTES or array.dtype.kind not in "fiu":
        return tf.convert_to_tensor(padded(array, size))
    memory = np.empty(n_bytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + n_bytes].view(array.dtype).reshape(shape)
    copy[: len(array)], copy[len(array) :] = array, array[-1]
    return tf.experimental.dlpack.from_dlpack(copy.__dlpack__())


def padded(array, size, axis=0, fill=None):
    """Repeat the last entry along an axis, or ``fill``, until there are ``size``."""
    missing = size - array.shape[axis]
    if missing == 0:
        return array
    last = array.take([-1] * missing, axis)
    return np.concatenate([array, last if fill is None else np.full_like(last, fill)], axis)
