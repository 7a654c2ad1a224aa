"""Rules for elementwise functions of two varying tensors: the Shapley value of two players."""

import tensorflow as tf

from skdeeplift.propagation.rules.activation import derivative, nearly_zero
from skdeeplift.propagation.rules.table import RuleTable

TWO_VARIABLE = RuleTable("two-variable")


@TWO_VARIABLE.rule
def split_quotient(op, differences, coefficient):
    """Split the change so that quotient times denominator gives the numerator by the rule for products.

    From ``d_a = mean(out) d_b + mean(b) d_out`` follows ``d_out = (d_a - mean(out) d_b) / mean(b)``. The rule
    `split_change` would divide the numerator at the input by the denominator at the reference. If that denominator is
    nearly zero, as in ``x / (std + 1e-8)`` of equal elements, huge contributions would cancel, and float32 would lose
    them. Denominators of different sign are replaced by their sizes, so that no pole lies between them.
    """

    def slopes(b_x, out_x, b_r, out_r):
        size = tf.abs(b_x) + tf.abs(b_r)
        sign_x, sign_r = tf.sign(b_x), tf.sign(b_r)
        return (sign_x + sign_r) / size, -(sign_r * out_x + sign_x * out_r) / size

    slope_of_first, slope_of_second = op.combine(slopes, op.inputs[1], op.outputs[0])
    return [coefficient(slope_of_first) * differences[0] + coefficient(slope_of_second) * differences[1]]


@TWO_VARIABLE.rule
def split_change(op, differences, coefficient):
    """Split the change between the operands by the mean over the two orders in which they may change.

    Lundberg and Lee 2017 (arXiv:1705.07874), section 4.2; Shapley 1953. An operand whose difference is nearly zero has
    the slope of its partial derivative, averaged over the two values of the other operand.
    """

    def function(first, second):
        return op.run([first, second])[0]

    def slopes(first_x, second_x, first_r, second_r):
        both, neither = function(first_x, second_x), function(first_r, second_r)
        only_first, only_second = function(first_x, second_r), function(first_r, second_x)
        # Each change is exactly the part that the other operand does not explain, so the two add up to all of it.
        change_of_first = ((both - only_second) + (only_first - neither)) / 2
        change_of_second = ((both - only_first) + (only_second - neither)) / 2
        slope_of_first = _slope(
            change_of_first, first_x, first_r, lambda value: (function(value, second_x) + function(value, second_r)) / 2
        )
        slope_of_second = _slope(
            change_of_second,
            second_x,
            second_r,
            lambda value: (function(first_x, value) + function(first_r, value)) / 2,
        )
        return slope_of_first, slope_of_second

    slope_of_first, slope_of_second = op.combine(slopes, *op.inputs)
    return [coefficient(slope_of_first) * differences[0] + coefficient(slope_of_second) * differences[1]]


def _slope(change, at_input, at_reference, function):
    delta = at_input - at_reference
    partial = derivative(function, at_reference, side=-1)
    return tf.where(tf.abs(delta) < nearly_zero(at_reference), partial, change / delta)
