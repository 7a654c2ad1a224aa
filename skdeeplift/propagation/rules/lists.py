"""Lists of tensors, in which loops keep a tensor of each step: a list's difference is the list of the differences."""

import tensorflow as tf

from skdeeplift.propagation.pairing import difference_dtype
from skdeeplift.propagation.rules.table import RuleTable

LISTS = RuleTable("list of tensors", reads_values=False)
# Operations that take all elements of a list, those that nobody has set included.
STACKS = ("TensorListGather", "TensorListStack")
# Which operand is the shape of a list's elements. The network knows it without the batch, the third stream with it, so
# that a list of which nothing is set yet counts as zeros.
_SHAPE_OPERAND = {"TensorListGetItem": 2, "TensorListGather": 2, "TensorListStack": 1}


@LISTS.rule("TensorListFromTensor", varying=(0,))
def listed(op, differences, coefficient):
    """Make a list of the differences."""
    shape = differences[0].shape[1:]
    return op.run([differences[0], shape.as_list()] if shape.is_fully_defined() else op.operands(differences))


@LISTS.rule(*_SHAPE_OPERAND, varying=(0,))
def taken(op, differences, coefficient):
    """Take differences out of a list."""
    shape, operands = op.shape(op.outputs[0]), op.operands(differences)
    element_shape = shape if op.type == "TensorListGetItem" else shape[1:]
    if element_shape.is_fully_defined():
        operands[_SHAPE_OPERAND[op.type]] = tf.constant(element_shape.as_list(), tf.int32)
    elif op.is_at_pair_size and op.is_read(op.outputs[0]):
        operands[_SHAPE_OPERAND[op.type]] = tf.shape(op.at_input(op.outputs[0]))[1:]
    [output] = op.run(operands)
    output.set_shape(shape)
    return [output]


@LISTS.rule("TensorListSetItem", "TensorListPushBack")
def put(op, differences, coefficient):
    """Put a difference into the list; what does not vary counts as zero."""

    def zero(constant):
        if constant.dtype == tf.variant:
            return zero_list(constant, op.attribute("element_dtype"))
        return tf.zeros_like(constant) if constant.dtype.is_floating else constant

    return op.run(op.operands(differences, zero))


def zero_list(constant, element_dtype):
    """A list as long as one that does not vary, of which nothing is set, so that all of it counts as zeros."""
    return tf.raw_ops.TensorListReserve(
        element_shape=tf.raw_ops.TensorListElementShape(input_handle=constant, shape_type=tf.int32),
        num_elements=tf.raw_ops.TensorListLength(input_handle=constant),
        element_dtype=difference_dtype(element_dtype),
    )
