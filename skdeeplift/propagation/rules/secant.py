"""The secant of an op without a rule: the coarsest of all rules that keep the sum."""

import tensorflow as tf

from skdeeplift.network.complex_numbers import convert
from skdeeplift.propagation.pairing import difference_dtype
from skdeeplift.propagation.rules.table import Rule


def apply_secant(op, differences, coefficient):
    """Map differences by the linear map of least norm that takes those of a row to the op's own change.

    ``delta_out * (delta_in . d) / |delta_in|^2``, over all elements of all varying inputs of one row. Each element
    receives the same share of every output, whether the output depends on it or not.
    """
    positions = [position for position, difference in enumerate(differences) if difference is not None]
    deltas = [_rows(op, op.inputs[each], _delta(op, op.inputs[each])) for each in positions]
    norm = tf.add_n([tf.reduce_sum(delta**2, 1, keepdims=True) for delta in deltas])
    shares = tf.add_n(
        [
            tf.reduce_sum(
                coefficient(tf.math.divide_no_nan(delta, norm)) * _rows(op, op.inputs[each], _widen(differences[each])),
                1,
            )
            for each, delta in zip(positions, deltas, strict=True)
        ]
    )
    return [
        _scale(coefficient(_delta(op, value)), _over_value(op, value, shares), difference_dtype(value.dtype))
        if value in op.at_input
        else None
        for value in op.outputs
    ]


def _scale(delta, share, dtype):
    return tf.cast(delta * convert(share, delta.dtype), dtype)


def _widen(tensor):
    return tf.cast(tensor, tf.complex128 if tensor.dtype.is_complex else tf.float64)


SECANT = Rule(apply_secant, "secant", True)


def _delta(op, value):
    at_input, at_reference = op.at_both_ends(value)
    return _widen(at_input) - _widen(at_reference)


def _rows(op, value, tensor):
    """Reshape a value to one line for each pair; a value of a loop over rows belongs to one pair.

    A complex number is two elements, its real and its imaginary part.
    """
    if tensor.dtype.is_complex:
        return tf.concat([_rows(op, value, part) for part in (tf.math.real(tensor), tf.math.imag(tensor))], 1)
    layout = op.streams.layouts.get(value)
    if layout is None:
        return tf.reshape(tensor, (1, -1))
    axes = [layout.axis, *(axis for axis in range(tensor.shape.rank) if axis != layout.axis)]
    return tf.reshape(tf.transpose(tensor, axes) if layout.axis else tensor, (op.pairing.size, -1))


def _over_value(op, value, shares):
    """Give one number for each pair the axes of a value."""
    layout = op.streams.layouts.get(value)
    if layout is None:
        return shares[0]
    shares = tf.repeat(shares, layout.fold) if layout.fold > 1 else shares
    return tf.reshape(shares, [-1 if axis == layout.axis else 1 for axis in range(value.shape.rank)])
