"""Products of many varying factors: the factors change one after the other.

The factors change from their values at the reference to those at the row, once from the first to the last and once
from the last to the first. Each order counts half. The result is linear in each factor's difference and
exact, and it is the Shapley value if there are two factors (Lundberg and Lee 2017, arXiv:1705.07874, section 4.2).
"""

import numpy as np
import tensorflow as tf

from skdeeplift.propagation.rules.table import RuleTable

FACTORS = RuleTable("product of many")


@FACTORS.rule
def multiply_together(op, differences, coefficient):
    """Multiply each difference by the other factors: those before it have changed, and those behind it have not."""
    rank = op.inputs[0].shape.rank
    axes = sorted({int(axis) % rank - rank for axis in np.ravel(op.static(1))})

    def coefficients(x, r):
        before_x, before_r = (_products_beside(values, axes, reverse=False) for values in (x, r))
        behind_x, behind_r = (_products_beside(values, axes, reverse=True) for values in (x, r))
        return (before_x * behind_r + before_r * behind_x) / 2

    products = coefficient(op.coefficient(coefficients, op.inputs[0])) * differences[0]
    return [tf.reduce_sum(products, [axis + rank for axis in axes], keepdims=op.attribute("keep_dims"))]


def _products_beside(values, axes, reverse):
    """Multiply all factors before each factor, or behind it, where the last axis counts fastest."""
    products = tf.ones_like(values)
    for axis in reversed(axes):
        products *= tf.math.cumprod(values, axis, exclusive=True, reverse=reverse)
        values = tf.reduce_prod(values, axis, keepdims=True)
    return products


@FACTORS.rule
def multiply_cumulatively(op, differences, coefficient):
    """Treat each cumulative product as a product of many; the coefficients are a triangular matrix for each pair."""
    rank = op.inputs[0].shape.rank
    axis = int(op.static(1)) % rank
    exclusive, reverse = op.attribute("exclusive"), op.attribute("reverse")

    def to_last(values):
        last = _swap_with_last(values, axis - rank)
        return tf.reverse(last, [-1]) if reverse else last

    def coefficients(x, r):
        (before_x, between_x), (before_r, between_r) = (_products_around(to_last(values)) for values in (x, r))
        return (before_x[..., None] * between_r + before_r[..., None] * between_x) / 2

    matrix = coefficient(op.coefficient(coefficients, op.inputs[0]))
    result = tf.linalg.matvec(matrix, to_last(differences[0]), transpose_a=True)
    if exclusive:
        # The product of the factors before one is the inclusive product at the factor before it.
        result = tf.concat([tf.zeros_like(result[..., :1]), result[..., :-1]], -1)
    return [_swap_with_last(tf.reverse(result, [-1]) if reverse else result, axis - rank)]


def _products_around(values):
    """Multiply the factors before each factor ``i``, and those behind ``i`` up to each ``k``; zero where ``k < i``."""
    number = tf.shape(values)[-1]
    is_behind = tf.linalg.band_part(tf.ones((number, number), tf.bool), 0, -1)
    factors = tf.where(tf.linalg.set_diag(is_behind, tf.zeros(number, tf.bool)), values[..., None, :], 1)
    between = tf.where(is_behind, tf.math.cumprod(factors, -1), 0)
    return tf.math.cumprod(values, -1, exclusive=True), between


def _swap_with_last(values, axis):
    """Swap an axis, counted from the end, with the last one."""
    order = list(range(len(values.shape)))
    order[axis], order[-1] = order[-1], order[axis]
    return values if axis == -1 else tf.transpose(values, order)
