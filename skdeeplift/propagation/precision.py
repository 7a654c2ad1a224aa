"""Half precision is widened to single precision where differences are carried.

A multiplier may be larger or smaller than a network's values by any factor: in half precision it would overflow, vanish
in the range below 6e-8, or lose in each of many ops what three digits can not hold.
"""

import tensorflow as tf

_WIDER = {tf.float16: tf.float32, tf.bfloat16: tf.float32}


def widened(dtype):
    """The dtype that differences of values of a dtype are carried in."""
    return _WIDER.get(dtype, dtype)


def widened_tensor(tensor):
    """A tensor in the dtype that differences are carried in."""
    return tf.cast(tensor, widened(tensor.dtype)) if tensor.dtype in _WIDER else tensor


def widened_attribute(value):
    """An op's attribute, with the wider dtype if it is one."""
    if value.WhichOneof("value") != "type":
        return value
    return type(value)(type=widened(tf.dtypes.as_dtype(value.type)).as_datatype_enum)
