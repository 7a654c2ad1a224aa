"""Rules for affine ops: sums, and joins of several tensors. Operands that do not vary count as zeros."""

import tensorflow as tf

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
    first, second = op.operands(differences, _zeros)
    return [first + second * coefficient(tf.constant(-1, second.dtype))]


@JOINS.rule
def join(op, differences, coefficient):
    """Apply the op to the differences, with zeros for operands that do not vary."""
    return op.run(op.operands(differences, _zeros))


@JOINS.rule
def select(op, differences, coefficient):
    """Select among differences by a condition that is the same at the input and at the reference."""
    return join(op, differences, coefficient)


def _zeros(constant):
    return tf.zeros_like(constant) if constant.dtype.is_floating else constant
