"""Rules that multiply a difference at an activation by one slope, and the rule that does not change it."""

from functools import partial

import tensorflow as tf

from skdeeplift.propagation.pairing import Difference, Purpose
from skdeeplift.propagation.rules.activation import RAMPS, is_ramp, nearly_zero, ramp
from skdeeplift.propagation.rules.products import RecomputedProduct


def rescale(op, difference):
    """Scale the difference by ``delta_out / delta_in`` (Shrikumar et al. 2017, section 3.5.2).

    The slope of a difference that is nearly zero is the derivative at the reference. The positive and the negative part
    have the same slope; they change places if the function falls.
    """
    return _scaled(op, difference, "Rescale")


def guided_backprop_rescale(op, difference):
    """Scale the difference as the rescale rule does, and drop multipliers that are negative.

    This is guided backpropagation (Springenberg et al. 2015, arXiv:1412.6806) on top of the rescale rule.
    """
    return _scaled(op, difference, "GuidedBackpropRescale")


def pass_through(op, difference):
    """Hand on multipliers unchanged, as if every activation were a straight line of slope one.

    Parts of a difference follow the rescale rule, so that they add up to the true difference.
    """
    if op.streams.purpose is Purpose.SPREADS and op.step.carries_spread:
        return rescale(op, difference)
    shape = op.outputs[0].shape[1:]
    if shape == op.inputs[0].shape[1:]:
        return difference
    return Difference(
        *(part if part is None else tf.broadcast_to(part, (part.shape[0], *shape)) for part in difference)
    )


def _scaled(op, difference, rule):
    [root, output] = op.inputs[0], op.outputs[0]
    if is_ramp(op.step.activation):
        kind, values, limits = op.type, [root], None
    else:
        kind, values, limits = "", [root, output], _limits
    products = _PRODUCTS[rule, kind], _PRODUCTS["Spread", kind], _PRODUCTS[rule, kind]
    return Difference(
        *(
            None if part is None else op.scale(product, [part], *values, limits=limits, of_spread=position > 0)
            for position, (product, part) in enumerate(zip(products, difference, strict=True))
        )
    )


def _limits(op):
    return op.once(_compute_limits)


def _compute_limits(op):
    """Compute the slope of differences that are nearly zero, and the size below which they are."""
    at_reference = op.at_reference(op.inputs[0])
    return op.derivative(at_reference), nearly_zero(at_reference, op.inputs[0].dtype)


def _secant(input_x, output_x, input_r, output_r, derivative, threshold):
    delta = input_x - input_r
    return tf.where(tf.abs(delta) < threshold, derivative, (output_x - output_r) / delta)


def _ramp_secant(top, input_x, input_r):
    derivative_from_the_left = tf.cast((input_r > 0) & (input_r <= top), input_r.dtype)
    return _secant(
        input_x, ramp(top, input_x), input_r, ramp(top, input_r), derivative_from_the_left, nearly_zero(input_r)
    )


def _absolute(slope, *values):
    return tf.abs(slope(*values))


_SLOPES = {"": _secant, **{op_type: partial(_ramp_secant, top) for op_type, top in RAMPS.items()}}
_PRODUCTS = {
    (rule, kind): make(f"Skdeeplift{rule}{kind}", slope)
    for kind, slope in _SLOPES.items()
    for rule, make in {
        "Rescale": RecomputedProduct,
        "GuidedBackpropRescale": partial(RecomputedProduct, keep=tf.nn.relu),
        "Spread": lambda name, slope: RecomputedProduct(name, partial(_absolute, slope)),
    }.items()
}
