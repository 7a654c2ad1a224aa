"""Products of two varying tensors: exact and symmetric."""

import numpy as np
import tensorflow as tf

from skdeeplift.propagation.rules.products import Kernel
from skdeeplift.propagation.rules.table import SEVERAL, RuleTable

BILINEAR = RuleTable("bilinear")
_RECIPROCALS = frozenset({"Inv", "Reciprocal", "Rsqrt"})
# What keeps a reciprocal one: other shapes and dtypes, bounds and constant factors.
_RESHAPES = frozenset({"BroadcastTo", "Cast", "ExpandDims", "Identity", "Reshape", "Squeeze"})
_BOUNDS_AND_FACTORS = frozenset({"ClipByValue", "Maximum", "Minimum", "Mul", "Neg"})
_CONSTANTS = frozenset({"Const", "ReadVariableOp"})


@BILINEAR.rule("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", varying=SEVERAL)
def product(op, differences, coefficient):
    """Give each factor's difference times the mean of the other factor's two values.

    ``op(x_a, x_b) - op(r_a, r_b) = op(d_a, (x_b + r_b)/2) + op((x_a + r_a)/2, d_b)``: the Shapley value of two players,
    used for products in Lundberg and Lee 2017 (arXiv:1705.07874), section 4.2.
    """
    first, second = op.inputs
    return _sum_of_products(op, differences, *(coefficient(op.coefficient(_mean, value)) for value in (first, second)))


@BILINEAR.rule("Mul", "MulNoNan", varying=SEVERAL)
def elementwise_product(op, differences, coefficient):
    """As any product, unless a factor ``g`` is a reciprocal: then as a quotient.

    See `skdeeplift.propagation.rules.two_variable.quotient`: normalisation is spelt as a division or as ``x *
    rsqrt(variance)``. In terms of ``g``, each value of a factor counts by the size that ``g`` has at the other end,
    which gives the harmonic mean of ``g`` and ``mean(out) / mean(g)``.
    """
    factors = op.step.op.definition.inputs
    reciprocal = next((position for position in (1, 0) if _is_reciprocal(factors[position])), None)
    if reciprocal is None:
        return product(op, differences, coefficient)

    means = op.combine(_weighted_means, op.inputs[1 - reciprocal], op.inputs[reciprocal])
    mean_first, mean_second = map(coefficient, means if reciprocal == 1 else means[::-1])
    return _sum_of_products(op, differences, mean_first, mean_second)


@BILINEAR.rule("SquaredDifference", varying=SEVERAL)
def squared_difference(op, differences, coefficient):
    """As the product of a difference with itself: ``u_x^2 - u_r^2 = (u_x + u_r) (d_a - d_b)``, with ``u = a - b``."""
    slope = coefficient(op.combine(lambda a_x, b_x, a_r, b_r: (a_x - b_x) + (a_r - b_r), *op.inputs))
    first, second = differences
    return [slope * (first + second * coefficient(tf.constant(-1, second.dtype)))]


def _sum_of_products(op, differences, mean_first, mean_second):
    [of_first] = op.run([differences[0], mean_second])
    [of_second] = op.run([mean_first, differences[1]])
    return [of_first + of_second]


def _weighted_means(a_x, g_x, a_r, g_r):
    all_of_a, all_of_g = (tf.broadcast_static_shape(x.shape, r.shape) for x, r in ((a_x, a_r), (g_x, g_r)))
    shapes = [tf.broadcast_static_shape(all_of_a, all_of_g), all_of_g]
    return _WEIGHTED_MEANS(a_x, g_x, a_r, g_r, shapes=shapes)


def _compute_weighted_means(a_x, g_x, a_r, g_r):
    size_x, size_r = tf.abs(g_x), tf.abs(g_r)
    share_x, share_r = (tf.math.divide_no_nan(size, size_x + size_r) for size in (size_x, size_r))
    return share_x * a_x + share_r * a_r, share_r * g_x + share_x * g_r


_WEIGHTED_MEANS = Kernel(_compute_weighted_means)


def _mean(at_input, at_reference):
    return (at_input + at_reference) / 2


def _is_reciprocal(tensor):
    """Whether a tensor is a reciprocal, but for constant factors, bounds and its shape."""
    op = tensor.op
    if op.type in _RESHAPES:
        return _is_reciprocal(op.inputs[0])
    if op.type in _BOUNDS_AND_FACTORS:
        varying = [operand for operand in op.inputs if not _is_constant(operand)]
        return len(varying) == 1 and _is_reciprocal(varying[0])
    if op.type == "Pow":
        exponent = tf.get_static_value(op.inputs[1])
        return exponent is not None and bool(np.all(exponent < 0))
    return op.type in _RECIPROCALS or (op.type in ("RealDiv", "Div") and _is_constant(op.inputs[0]))


def _is_constant(tensor):
    op = tensor.op
    return op.type in _CONSTANTS or (op.type in _RESHAPES and _is_constant(op.inputs[0]))
