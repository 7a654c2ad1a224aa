"""Ops of two varying operands: products, and other functions of two values."""

import numpy as np
import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.complex_numbers import is_finite, real_product
from skdeeplift.propagation.rules.products import Kernel
from skdeeplift.propagation.rules.rescale import derivative, divide_or, nearly_zero
from skdeeplift.propagation.rules.table import RuleTable

BILINEAR = RuleTable("bilinear")
# Ops that leave a reciprocal a reciprocal: changes of shape and dtype, bounds, and constant factors.
_RESHAPES = ops.where(hands_on=ops.COPIED) | ops.where(hands_on=ops.RESHAPED) | ops.where(hands_on=ops.BROADCAST)
_BOUNDS_AND_FACTORS = ops.where(clamp=True) | ops.types_ruled_by("multiply") | ops.types_ruled_by("negate")


@BILINEAR.rule
def split_product(op, differences, coefficient):
    """Multiply the difference of each factor by the mean of the other factor's two values.

    ``op(x_a, x_b) - op(r_a, r_b) = op(d_a, (x_b + r_b)/2) + op((x_a + r_a)/2, d_b)``: the Shapley value of two players,
    used for products in Lundberg and Lee 2017 (arXiv:1705.07874), section 4.2.
    """
    positions = [position for position, difference in enumerate(differences) if difference is not None]
    means = [coefficient(op.coefficient(_mean, op.inputs[position])) for position in positions]
    return _sum_of_products(op, differences, *means)


@BILINEAR.rule
def split_elementwise_product(op, differences, coefficient):
    """Split the change as `split_product` does, or as a quotient if a factor ``g`` is a reciprocal.

    Frameworks write normalisation as a division or as ``x * rsqrt(variance)``, so both must give the same
    contributions; see `skdeeplift.propagation.rules.two_operands.split_quotient`. In terms of ``g``, each value of a
    factor is weighted by the size of ``g`` at the other end. That gives the harmonic mean of ``g`` and ``mean(out) /
    mean(g)``.
    """
    factors = op.step.op.definition.inputs
    reciprocal = next((position for position in (1, 0) if _is_reciprocal(factors[position])), None)
    if reciprocal is None:
        return split_product(op, differences, coefficient)

    means = op.combine(_weighted_means, op.inputs[1 - reciprocal], op.inputs[reciprocal])
    mean_first, mean_second = map(coefficient, means if reciprocal == 1 else means[::-1])
    return _sum_of_products(op, differences, mean_first, mean_second)


@BILINEAR.rule
def split_squared_difference(op, differences, coefficient):
    """Split ``u^2`` with ``u = a - b`` as a product: ``u_x^2 - u_r^2 = (u_x + u_r) (d_a - d_b)``."""
    slope = coefficient(op.combine(lambda a_x, b_x, a_r, b_r: (a_x - b_x) + (a_r - b_r), *op.inputs))
    first, second = differences
    change = first + second * coefficient(tf.constant(-1, second.dtype))
    return [tf.cast(real_product(slope, change), change.dtype)]


def _sum_of_products(op, differences, mean_first, mean_second):
    first, second = (position for position, difference in enumerate(differences) if difference is not None)
    operands = op.operands(differences)
    [of_first] = op.run([mean_second if place == second else each for place, each in enumerate(operands)])
    [of_second] = op.run([mean_first if place == first else each for place, each in enumerate(operands)])
    return [of_first + of_second]


def _weighted_means(a_x, g_x, a_r, g_r):
    all_of_a, all_of_g = (tf.broadcast_static_shape(x.shape, r.shape) for x, r in ((a_x, a_r), (g_x, g_r)))
    shapes = [tf.broadcast_static_shape(all_of_a, all_of_g), all_of_g]
    return _WEIGHTED_MEANS(a_x, g_x, a_r, g_r, shapes=shapes)


def _compute_weighted_means(a_x, g_x, a_r, g_r):
    size_x, size_r = tf.abs(g_x), tf.abs(g_r)
    shares = (tf.math.divide_no_nan(size, size_x + size_r) for size in (size_x, size_r))
    share_x, share_r = (tf.cast(share, g_x.dtype) for share in shares)
    return share_x * a_x + share_r * a_r, share_r * g_x + share_x * g_r


_WEIGHTED_MEANS = Kernel(_compute_weighted_means)


def _mean(at_input, at_reference):
    return (at_input + at_reference) / 2


def _is_reciprocal(tensor):
    """Return whether a tensor is a reciprocal, apart from its shape, its bounds and constant factors."""
    op, facts = tensor.op, ops.facts_of(tensor.op.type)
    if op.type in _RESHAPES:
        return _is_reciprocal(op.inputs[0])
    if op.type in _BOUNDS_AND_FACTORS:
        varying = [operand for operand in op.inputs if not _is_constant(operand)]
        return len(varying) == 1 and _is_reciprocal(varying[0])
    if op.type == "Pow":
        exponent = tf.get_static_value(op.inputs[1])
        return exponent is not None and np.isrealobj(exponent) and bool(np.all(exponent < 0))
    is_quotient = facts.rule((0, 1)) == "split_quotient"
    return facts.reciprocal or (is_quotient and _is_constant(op.inputs[0]))


def _is_constant(tensor):
    op = tensor.op
    return ops.facts_of(op.type).constant or (op.type in _RESHAPES and _is_constant(op.inputs[0]))


TWO_VARIABLE = RuleTable("two-variable")


@TWO_VARIABLE.rule
def split_quotient(op, differences, coefficient):
    """Split the change so that quotient times denominator gives the numerator by the rule for products.

    From ``d_a = mean(out) d_b + mean(b) d_out`` follows ``d_out = (d_a - mean(out) d_b) / mean(b)``. The rule
    `split_change` would divide the numerator at the input by the denominator at the reference. If that denominator is
    nearly zero, as in ``x / (std + 1e-8)`` of equal elements, huge contributions would cancel, and float32 would lose
    them. Denominators of different sign are replaced by their sizes, so that no pole lies between them. Of complex
    denominators, the sign is a number of size one.
    """

    def slopes(b_x, out_x, b_r, out_r):
        size = tf.cast(tf.abs(b_x) + tf.abs(b_r), out_x.dtype)
        sign_x, sign_r = tf.math.conj(tf.sign(b_x)), tf.math.conj(tf.sign(b_r))
        return (sign_x + sign_r) / size, -(sign_r * out_x + sign_x * out_r) / size

    def finite_slopes(*values):
        """Return slopes that are zero where the quotient is not finite, such as in a branch that is not taken."""
        return tuple(tf.where(is_finite(slope), slope, tf.zeros_like(slope)) for slope in slopes(*values))

    return sum_by_slopes(op.combine(finite_slopes, op.inputs[1], op.outputs[0]), differences, coefficient)


@TWO_VARIABLE.rule
def split_change(op, differences, coefficient):
    """Split the change between the operands by the mean over the two orders in which they may change.

    Lundberg and Lee 2017 (arXiv:1705.07874), section 4.2; Shapley 1953. An operand whose difference is nearly zero has
    the slope of its partial derivative, averaged over the two values of the other operand.
    """
    return _split_by(lambda first, second: op.run([first, second])[0], op, differences, coefficient)


@TWO_VARIABLE.rule
def split_change_of_derivative(op, differences, coefficient):
    """Split the change as `split_change` does. TensorFlow's derivatives of ops take tensors of the same shape only."""

    def function(first, second):
        shape = tf.broadcast_dynamic_shape(tf.shape(first), tf.shape(second))
        return op.run([tf.broadcast_to(first, shape), tf.broadcast_to(second, shape)])[0]

    return _split_by(function, op, differences, coefficient)


def _split_by(function, op, differences, coefficient):
    are_small = tuple(map(op.is_small, op.inputs))
    slopes = op.combine(lambda *values: slopes_of_operands(function, *values, are_small), *op.inputs)
    return sum_by_slopes(slopes, differences, coefficient)


def slopes_of_operands(function, first_x, second_x, first_r, second_r, are_small=(False, False)):
    """Compute the slope of a function of two values by each of them; see `split_change`."""
    change_of_first, change_of_second = changes_of_operands(function, first_x, second_x, first_r, second_r)

    def of_first(value):
        return (function(value, second_x) + function(value, second_r)) / 2

    def of_second(value):
        return (function(first_x, value) + function(first_r, value)) / 2

    ends = (change_of_first, first_x, first_r, of_first), (change_of_second, second_x, second_r, of_second)
    return tuple(_slope(*each, is_small) for each, is_small in zip(ends, are_small, strict=True))


def changes_of_operands(function, first_x, second_x, first_r, second_r):
    """Compute the Shapley values of two operands: the mean change by each over the two orders of change."""
    both, neither = function(first_x, second_x), function(first_r, second_r)
    only_first, only_second = function(first_x, second_r), function(first_r, second_x)
    # Each change is exactly the part that the other operand does not explain, so the two add up to all of it.
    return ((both - only_second) + (only_first - neither)) / 2, ((both - only_first) + (only_second - neither)) / 2


def sum_by_slopes(slopes, differences, coefficient):
    """Add the differences of two operands, each times its slope."""
    [first, second] = slopes
    return [coefficient(first) * differences[0] + coefficient(second) * differences[1]]


def _slope(change, at_input, at_reference, function, is_small):
    delta = at_input - at_reference
    partial = derivative(function, at_reference, side=-1)
    return divide_or(partial, tf.abs(delta) < nearly_zero(at_reference, is_small=is_small), change, delta)
