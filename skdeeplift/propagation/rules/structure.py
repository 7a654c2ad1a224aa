"""Ops that join tensors and lists of tensors."""

import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.propagation.pairing import difference_dtype
from skdeeplift.propagation.rules.table import RuleTable

JOINS = RuleTable("affine join", reads_values=False)


@JOINS.rule
def add(op, differences, coefficient):
    """Add the differences of two operands; a single difference of the right shape is the result."""
    if any(difference is None for difference in differences):
        [alone] = [difference for difference in differences if difference is not None]
        if alone.shape == op.shape(op.outputs[0]):
            return [alone]
    return join(op, differences, coefficient)


@JOINS.rule
def subtract(op, differences, coefficient):
    """Add the differences, the second with the coefficient -1."""
    if differences[1] is None:
        return add(op, differences, coefficient)
    first, second = op.operands(differences, tf.zeros_like)
    return [first + second * coefficient(tf.constant(-1, second.dtype))]


@JOINS.rule
def join(op, differences, coefficient):
    """Apply the op to the differences, with zeros for operands that do not vary."""
    return op.run(op.operands(differences, tf.zeros_like))


@JOINS.rule
def select(op, differences, coefficient):
    """Select among differences by a condition that is the same at the input and at the reference."""
    return join(op, differences, coefficient)


LISTS = RuleTable("list of tensors", reads_values=False)
# Ops that read several elements of a list at once, including elements that were never set.
STACKS = ops.where(list_task=ops.GATHERED) | ops.where(list_task=ops.STACKED)


@LISTS.rule
def make_list(op, differences, coefficient):
    """Make a list of the differences."""
    shape = differences[0].shape[1:]
    return op.run([differences[0], shape.as_list()] if shape.is_fully_defined() else op.operands(differences))


@LISTS.rule
def take_items(op, differences, coefficient):
    """Take differences out of a list."""
    shape, operands = op.shape(op.outputs[0]), op.operands(differences)
    # The network gives the shape of an element with an unknown batch size. The third stream needs the size, so that
    # elements that were never set are zeros.
    position = ops.facts_of(op.type).element_shape
    element_shape = shape[1:] if op.type in STACKS else shape
    if element_shape.is_fully_defined():
        operands[position] = tf.constant(element_shape.as_list(), tf.int32)
    elif op.is_at_pair_size and op.is_read(op.outputs[0]):
        operands[position] = tf.shape(op.at_input(op.outputs[0]))[1:]
    [output] = op.run(operands)
    output.set_shape(shape)
    return [output]


@LISTS.rule
def set_item(op, differences, coefficient):
    """Set an element of the list to its difference; a list or element that does not vary counts as zeros."""

    def zero(constant):
        is_list = constant.dtype == tf.variant
        return zero_list(constant, op.attribute("element_dtype")) if is_list else tf.zeros_like(constant)

    return op.run(op.operands(differences, zero))


def zero_list(constant, element_dtype):
    """Return a list of the same length; its elements are not set, and read as zeros."""
    return tf.raw_ops.TensorListReserve(
        element_shape=tf.raw_ops.TensorListElementShape(input_handle=constant, shape_type=tf.int32),
        num_elements=tf.raw_ops.TensorListLength(input_handle=constant),
        element_dtype=difference_dtype(element_dtype),
    )
