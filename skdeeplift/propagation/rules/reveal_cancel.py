"""RevealCancel: the positive and the negative part of a difference pass through an activation one after the other."""

from functools import partial

import tensorflow as tf

from skdeeplift.propagation.pairing import Difference
from skdeeplift.propagation.rules.products import RecomputedProduct
from skdeeplift.propagation.rules.rescale import (
    RAMPS,
    divide_or,
    is_ramp,
    machine_epsilon,
    nearly_zero,
    precision_of,
    ramp,
    rescale,
)


def reveal_cancel(op, difference):
    """Compute the change by each part, averaged over the two orders of the parts.

    Shrikumar et al. 2017, section 3.5.3. Let ``r`` be the value at the reference, and ``p`` and ``n`` the parts of the
    difference. Then ``p`` becomes ``(f(r + p) - f(r) + f(x) - f(r + n)) / 2``, and ``n`` likewise. The slope of a part
    that is nearly zero is the limit of that. If the function falls, the parts change places; ``spread`` stays the sum
    of their sizes. Numbers that a mask may hide follow the rescale rule.
    """
    [root, output] = op.inputs[0], op.outputs[0]
    if op.may_be_hidden(root) or op.may_be_hidden(output):
        # Parts as large as the numbers that hide others would cancel.
        return rescale(op, difference)
    if is_ramp(op.step.activation):
        kind, values, pairs = op.type, [root], _spread
    else:
        jumps = any(each.facts.jumps for each in op.step.ops)
        kind, values, pairs = precision_of(root).name, [root, output], _at_ends_or_parts if jumps else _at_parts
    kind = kind, op.is_small(root)
    both = [difference.delta, difference.spread]

    def scaled(result):
        product = _PRODUCTS[result, kind]
        return op.scale(product, both, *values, pairs=pairs, of_spread=result != "Difference")

    return Difference(
        scaled("Difference"),
        scaled("Spread") if op.step.carries_spread else None,
        scaled("SignedSpread") if difference.signed_spread is not None else None,
    )


def _parts(delta, spread):
    return (delta + spread) / 2, (delta - spread) / 2


def _spread(op):
    return (op.spreads[op.inputs[0]],)


# The smallest part that crosses a jump by itself, in units of rounding of both parts.
_LEAST_PART = 2.0**13


def _at_ends_or_parts(op):
    """Do the same as `_at_parts` for a function that jumps: a part that is nearly zero leaves the other all the way.

    Rounding of a small part may take it across a jump. Its slope would be the jump divided by nearly nothing, and the
    difference that is carried is rounded in another way.
    """
    [root] = op.inputs[:1]

    def points(spread, x, r):
        parts = _parts(x - r, spread)
        threshold = nearly_zero(tf.maximum(tf.abs(r), tf.abs(spread)), precision_of(root), op.is_small(root))
        # Whole numbers are exact, but not the parts of their difference.
        dtype = root.dtype if root.dtype.is_floating else tf.float32
        small_beside_other = min(_LEAST_PART * machine_epsilon(dtype), 0.1)
        threshold = tf.maximum(threshold, small_beside_other * tf.abs(spread))
        is_none = [tf.abs(part) < threshold for part in parts]
        found = [
            tf.where(is_zero, r, tf.where(is_other_zero, x, r + part))
            for is_zero, is_other_zero, part in zip(is_none, is_none[::-1], parts, strict=True)
        ]
        return r + tf.zeros_like(spread), *found

    return _at_parts(op, points)


def _at_parts(
    op, points=lambda spread, x, r: (r + tf.zeros_like(spread), *(r + part for part in _parts(x - r, spread)))
):
    """Evaluate the function at the reference plus each part alone, and the slopes of parts that are nearly zero."""
    [spread] = _spread(op)
    at_reference, with_positive, with_negative = op.combine_pairs(points, op.inputs[0], at_pairs=(spread,))
    _, slope = op.at_pairs(at_reference)
    f_with_positive, slope_with_positive = op.at_pairs(with_positive)
    f_with_negative, slope_with_negative = op.at_pairs(with_negative)
    limit_of_positive, limit_of_negative = (slope + slope_with_negative) / 2, (slope + slope_with_positive) / 2
    return spread, f_with_positive, f_with_negative, limit_of_positive, limit_of_negative


def _slopes(
    delta, spread, r, f_x, f_r, f_with_positive, f_with_negative, limit_of_positive, limit_of_negative, **precision
):
    """Compute the slopes of the positive and of the negative part."""
    positive, negative = _parts(delta, spread)
    threshold = nearly_zero(tf.maximum(tf.abs(r), tf.abs(spread)), **precision)
    positive_out = ((f_with_positive - f_r) + (f_x - f_with_negative)) / 2
    negative_out = ((f_with_negative - f_r) + (f_x - f_with_positive)) / 2
    return (
        divide_or(limit_of_positive, tf.abs(positive) < threshold, positive_out, positive),
        divide_or(limit_of_negative, tf.abs(negative) < threshold, negative_out, negative),
    )


def _of_function(
    spread, f_with_positive, f_with_negative, of_positive, of_negative, x, f_x, r, f_r, *, dtype, is_small
):
    at_parts = f_with_positive, f_with_negative, of_positive, of_negative
    return _slopes(x - r, spread, r, f_x, f_r, *at_parts, dtype=dtype, is_small=is_small)


def _of_ramp(spread, x, r, *, top, is_small):
    positive, negative = _parts(x - r, spread)
    f_x, f_r, f_with_positive, f_with_negative = (ramp(top, value) for value in (x, r, r + positive, r + negative))
    at_reference = _ramp_derivative(top, r)
    of_positive = (at_reference + _ramp_derivative(top, r + negative)) / 2
    of_negative = (at_reference + _ramp_derivative(top, r + positive)) / 2
    at_parts = f_with_positive, f_with_negative, of_positive, of_negative
    return _slopes(x - r, spread, r, f_x, f_r, *at_parts, is_small=is_small)


def _ramp_derivative(top, value):
    return tf.cast((value >= 0) & (value < top), value.dtype)


def _to_difference(slopes, *values):
    """Compute the factors of the difference and of its spread, whose products add up to the new difference."""
    positive, negative = slopes(*values)
    return (positive + negative) / 2, (positive - negative) / 2


def _to_spread(slopes, *values):
    return _to_signed_spread(lambda *values: [tf.abs(slope) for slope in slopes(*values)], *values)


def _to_signed_spread(slopes, *values):
    positive, negative = slopes(*values)
    return (positive - negative) / 2, (positive + negative) / 2


# Slopes by the dtype in which the network computed the values, or, for ramps, by op type.
_SLOPES = {
    **{dtype.name: partial(_of_function, dtype=dtype) for dtype in (tf.bfloat16, tf.float16, tf.float32, tf.float64)},
    **{op_type: partial(_of_ramp, top=top) for op_type, top in RAMPS.items()},
}
_PRODUCTS = {
    (result, (kind, is_small)): RecomputedProduct(
        f"SkdeepliftRevealCancel{result}{kind}{'Small' if is_small else ''}",
        partial(of_both, partial(slopes, is_small=is_small)),
        number=2,
    )
    for kind, slopes in _SLOPES.items()
    for is_small in (False, True)
    for result, of_both in {
        "Difference": _to_difference,
        "Spread": _to_spread,
        "SignedSpread": _to_signed_spread,
    }.items()
}
