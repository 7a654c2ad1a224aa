"""Affine ops: sums, and joins of several tensors, in which what does not vary counts as zero."""

import tensorflow as tf

from skdeeplift.propagation.rules.table import RuleTable

JOINS = RuleTable("affine join", reads_values=False)
# Of two operands.
_SUMS = frozenset({"Add", "AddV2", "BiasAdd", "Sub"})


@JOINS.rule("BiasAdd", "Add", "AddV2", "AddN", "ConcatV2", "Pack", "PadV2", "TensorScatterUpdate", "TensorScatterAdd")
@JOINS.rule("DynamicStitch", "ParallelDynamicStitch")
def joined(op, differences, coefficient):
    """Give the op its differences, and zeros for what has none."""
    if op.type in _SUMS and any(difference is None for difference in differences):
        [alone] = [difference for difference in differences if difference is not None]
        if alone.shape == op.shape(op.outputs[0]):
            return [alone]
    return op.run(op.operands(differences, _zero))


@JOINS.rule("Sub")
def subtracted(op, differences, coefficient):
    """As a sum in which the second operand has the coefficient -1."""
    if differences[1] is None:
        return joined(op, differences, coefficient)
    first, second = op.operands(differences, _zero)
    return [first + second * coefficient(tf.constant(-1, second.dtype))]


@JOINS.rule("Select", "SelectV2", varying=(1,))
@JOINS.rule("Select", "SelectV2", varying=(2,))
@JOINS.rule("Select", "SelectV2", varying=(1, 2))
def selected(op, differences, coefficient):
    """Select among differences by a condition that is the same at the input and at the reference."""
    return joined(op, differences, coefficient)


def _zero(constant):
    return tf.zeros_like(constant) if constant.dtype.is_floating else constant
