"""Functions that treat real and complex tensors alike.

TensorFlow's gradient of a real number by a complex one is ``d/d(real part) + i d/d(imaginary part)``. A change of the
complex number therefore contributes ``Re(conj(gradient) * change)``.
"""

import tensorflow as tf


def convert(tensor, dtype):
    """Cast a tensor; a complex number becomes its real part.

    TensorFlow's own cast of a complex number logs a warning, and so does the gradient of a cast to a complex number.
    """
    if tensor.dtype.is_complex and not dtype.is_complex:
        tensor = tf.math.real(tensor)
    elif dtype.is_complex and not tensor.dtype.is_complex:
        real = tf.cast(tensor, dtype.real_dtype)
        return tf.complex(real, tf.zeros_like(real))
    return tf.cast(tensor, dtype)


def is_finite(tensor):
    """Test whether each number is finite; of a complex number, whether both parts are finite."""
    return tf.math.is_finite(tf.abs(tensor) if tensor.dtype.is_complex else tensor)


def real_product(gradient, change):
    """Multiply a change by a gradient; for complex numbers, compute ``Re(conj(gradient) * change)``."""
    if not change.dtype.is_complex:
        return gradient * change
    return tf.math.real(tf.math.conj(gradient) * change)
