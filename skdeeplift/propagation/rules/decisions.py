"""Hard decisions: comparisons, logic, rounding, and choices by a condition.

A gradient does not see a step. A difference does: between the reference and the row the step was taken or it was not.
Differences of truth values and of whole numbers are carried in double precision.
"""

import tensorflow as tf

from skdeeplift.network.complex_numbers import convert, real_product
from skdeeplift.network.masks import is_shown
from skdeeplift.propagation.pairing import difference_dtype
from skdeeplift.propagation.rules.table import RuleTable
from skdeeplift.propagation.rules.two_operands import changes_of_operands, sum_by_slopes

DECISIONS = RuleTable("decision")


@DECISIONS.rule
def take_step(op, differences, coefficient):
    """Multiply the difference by ``delta_out / delta_in``; where no step is taken the slope is zero."""
    position = next(number for number, difference in enumerate(differences) if difference is not None)
    slope = op.combine(lambda x, out_x, r, out_r: _slope(out_x - out_r, x - r), op.inputs[position], op.outputs[0])
    return [_to_output(op, real_product(coefficient(slope), _widen(op, differences[position])))]


@DECISIONS.rule
def take_step_of_difference(op, differences, coefficient):
    """Carry a comparison of two values as a step of their difference ``z = a - b``, with slope ``delta_out / delta_z``.

    The second operand has the slope of ``z`` with the opposite sign.
    """

    def slope_of(a_x, b_x, out_x, a_r, b_r, out_r):
        return _slope(out_x - out_r, (a_x - b_x) - (a_r - b_r))

    slope = op.combine(slope_of, *op.inputs, op.outputs[0])
    first, second = (_widen(op, difference) for difference in differences)
    return [_to_output(op, real_product(coefficient(slope), first) + real_product(coefficient(-slope), second))]


@DECISIONS.rule
def split_decision(op, differences, coefficient):
    """Split the change of a function of two truth values or whole numbers: the Shapley values of two players.

    Lundberg and Lee 2017 (arXiv:1705.07874), section 4.2; Shapley 1953.
    """

    def function(first, second):
        [result] = op.run([tf.cast(each, value.dtype) for each, value in zip((first, second), op.inputs, strict=True)])
        return tf.cast(result, first.dtype)

    def slopes(first_x, second_x, first_r, second_r):
        of_first, of_second = changes_of_operands(function, first_x, second_x, first_r, second_r)
        return _slope(of_first, first_x - first_r), _slope(of_second, second_x - second_r)

    return sum_by_slopes(op.combine(slopes, *op.inputs), differences, coefficient)


@DECISIONS.rule
def choose(op, differences, coefficient):
    """Split the change of a choice ``c a + (1 - c) b`` as that of its two products.

    ``delta_out = delta_c (mean(a) - mean(b)) + mean(c) delta_a + (1 - mean(c)) delta_b``. If the condition is the same
    at the row and at the reference, the branch that is not taken has no part in it. If the condition changes and one
    of the branches is infinite, or as good as, the condition receives all of the change.
    """
    (c_x, c_r), (a_x, a_r), (b_x, b_r) = (_at_both_ends(op, value, place) for place, value in enumerate(op.inputs))
    out_x, out_r = _at_both_ends(op, op.outputs[0])
    means, share = ((a_x + a_r) / 2, (b_x + b_r) / 2), (c_x + c_r) / 2
    are_finite, changes = is_shown(means[0]) & is_shown(means[1]), c_x != c_r
    of_condition = tf.where(are_finite, means[0] - means[1], _slope(out_x - out_r, c_x - c_r))
    keeps, zero = are_finite | ~changes, tf.zeros_like(out_x)
    factors = tf.where(changes, of_condition, zero), tf.where(keeps, share, zero), tf.where(keeps, 1 - share, zero)
    terms = [
        coefficient(factor) * _align(op, convert(difference, factor.dtype), place)
        for place, (factor, difference) in enumerate(zip(factors, differences, strict=True))
        if difference is not None
    ]
    return [sum(terms)]


def _at_both_ends(op, value, place=None):
    """Return an operand at the row and at the reference of each pair, in the dtype of the result's difference."""
    ends = op.at_both_ends(value) if value in op.at_input else [op.constant(place)] * 2
    return [_align(op, tf.cast(end, difference_dtype(op.outputs[0].dtype)), place) for end in ends]


def _align(op, tensor, place):
    """Give the condition of an old ``Select``, a vector, as many axes as the branches."""
    missing = op.outputs[0].shape.rank - tensor.shape.rank if op.type == "Select" and place == 0 else 0
    return tf.reshape(tensor, (*tensor.shape, *[1] * missing))


def _slope(change, delta):
    """Return the slope of a step, which is zero where nothing changed."""
    changes = (change != 0) & (delta != 0)
    delta = tf.where(changes, delta, tf.ones_like(delta))
    slope = (
        convert(change, delta.dtype) / tf.math.conj(delta)
        if delta.dtype.is_complex
        else change / tf.cast(delta, change.dtype)
    )
    return tf.where(changes, slope, tf.zeros_like(slope))


def _widen(op, difference):
    is_wider = difference_dtype(op.outputs[0].dtype) == tf.float64 and not difference.dtype.is_complex
    return tf.cast(difference, tf.float64) if is_wider else difference


def _to_output(op, difference):
    return tf.cast(difference, difference_dtype(op.outputs[0].dtype))
