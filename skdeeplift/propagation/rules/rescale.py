"""Rules that multiply a difference by one slope: at an activation, and at the functions that softmax consists of."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.dtypes import is_continuous
from skdeeplift.network import ops
from skdeeplift.network.complex_numbers import is_finite
from skdeeplift.propagation.pairing import Difference, Purpose
from skdeeplift.propagation.rules.products import Kernel, RecomputedProduct, register_gradient
from skdeeplift.propagation.rules.table import RuleTable

# Ramps from zero to the value given. They are cheap and exact, so they are computed again where they are needed instead
# of kept in memory.
RAMPS = ops.column("ramp")
# Derivatives of smooth functions, as functions of the input and the output.
SMOOTH = ops.column("derivative")


class ActivationRule(NamedTuple):
    """Rule of a method at an activation."""

    # Function from the op and the `Difference` at its root to the `Difference` at its output.
    function: Any
    # Contributions still sum to the change of the target.
    sums_to_delta: bool = True
    # The difference at the output depends on the spread at the root.
    uses_spread: bool = False
    # The rule reads the values at the input and at the reference even if no spread is carried.
    reads_values: bool = True

    def reads(self, activation, carries_spread):
        """List the values that the rule reads from the first two streams."""
        if not (self.reads_values or carries_spread):
            return []
        return [activation.root] if is_ramp(activation) else [activation.root, activation.output]


def is_ramp(activation):
    """Return whether an activation is a single ramp."""
    return len(activation.ops) == 1 and activation.op.type in RAMPS


def is_restricted(activation):
    """Return whether an activation may be evaluated only at values that the network itself has.

    Such a function is not finite everywhere, or explodes.
    """
    inside = {activation.root, *(value for op in activation.ops for value in op.outputs)}
    producer = {op.outputs[0]: op for op in activation.ops}
    return any(op.facts.domain is not None and not _is_harmless(op, inside, producer) for op in activation.ops)


def _is_harmless(op, inside, producer):
    """Return whether an op divides by a constant, raises to a natural power, or exponentiates a bounded value."""
    if op.facts.domain == ops.EXPLOSIVE_ABOVE:
        before = producer.get(op.inputs[0])
        if before is not None and before.type == "RealDiv" and before.inputs[1] not in inside:
            before = producer.get(before.inputs[0])
        return before is not None and before.type == "Minimum"
    if op.type == "Pow" and op.inputs[1] not in inside:
        exponent = tf.get_static_value(op.definition.inputs[1])
        return exponent is not None and np.isrealobj(exponent) and bool(np.all((exponent >= 0) & (exponent % 1 == 0)))
    return op.facts.family is ops.QUOTIENT and op.inputs[1] not in inside


def ramp(top, value):
    """Clip a value between zero and the top."""
    return tf.minimum(tf.nn.relu(value), tf.constant(top, value.dtype))


def machine_epsilon(dtype):
    """Return the relative distance between neighbouring numbers of a TensorFlow or NumPy dtype."""
    name = dtype.name
    return 2.0**-7 if name == "bfloat16" else float(np.finfo(name).eps)


def precision_of(value):
    """Return the dtype in which the network computed a value; whole numbers are exact in double precision."""
    return value.dtype if is_continuous(value.dtype) else tf.float64


def nearly_zero(size, dtype=None, is_small=False):
    """Return the size below which a difference counts as zero, for values of the size given.

    ``dtype`` is the dtype in which the network computed the values, if it is not their own. ``is_small`` says that the
    network's values themselves are about as small as `least_difference`; then only rounding counts as zero.

    A row that equals its reference must count as equal. The two are computed at different batch sizes, whose matrix
    products round differently. A difference that small leaves the values at the input and at the reference the same
    size, so the size of one is enough.
    """
    size = tf.abs(size) if size.dtype.is_complex else size
    # Below the smallest normal number, a processor may take a number for zero.
    absolute = float(np.finfo(np.float32).tiny) if is_small else least_difference(size.dtype)
    return tf.maximum(tf.constant(absolute, size.dtype), rounding(size, dtype))


def least_difference(dtype):
    """Return the smallest difference between values of usual size, as the original implementation has it."""
    return 1e-12 if dtype == tf.float64 else 1e-7


def rounding(size, dtype=None):
    """Return the rounding of values of the size given, which the network computed in a dtype, by default their own."""
    return 4 * machine_epsilon(dtype or size.dtype) * tf.abs(size)


def divide_or(limit, is_nearly_zero, change, delta):
    """Divide a change by a difference, with a limit where the difference is nearly zero.

    Nothing is divided by zero, since the derivative of such a quotient by weights would be NaN.
    """
    return tf.where(is_nearly_zero, limit, change / tf.where(is_nearly_zero, tf.ones_like(delta), delta))


def _sign(at_input, at_reference):
    delta = at_input - at_reference
    return tf.where(tf.abs(delta) <= rounding(at_reference), tf.zeros_like(delta), tf.sign(delta))


# Product of a difference and its sign. It is the spread of a difference whose parts have not cancelled yet.
SIGNED = RecomputedProduct("SkdeepliftSign", _sign)


def smooth_derivative(op_type, value, result):
    """Differentiate a function of `SMOOTH`; the derivative is zero where it is not finite."""
    slope = SMOOTH[op_type](value, result)
    return tf.where(is_finite(slope), slope, tf.zeros_like(slope))


def derivative(function, value, side):
    """Differentiate an elementwise function from the left or the right, which differ at a kink such as that of Relu.

    Parameters
    ----------
    function : callable
        Elementwise function of a tensor; it may broadcast.
    value : tensor
        Points at which to differentiate.
    side : {-1, 1}
        Side: -1 is the left, 1 is the right.

    Returns
    -------
    derivative : tensor
        Derivative, with zeros where it is not finite.
    """
    shape = tf.shape(function(value))
    # This step is far below rounding for a smooth function, and large enough to leave a kink, at zero too.
    step = machine_epsilon(value.dtype) * tf.abs(value) + tf.constant(_STEP_FROM_ZERO, value.dtype.real_dtype)
    beside = tf.broadcast_to(value + tf.cast(side * step, value.dtype), shape)
    result = function(beside)
    [gradient] = tf.gradients(result, beside, tf.ones_like(result) if result.dtype.is_complex else None)
    if gradient is None:
        return tf.zeros(shape, value.dtype)
    gradient = tf.math.conj(gradient)
    return tf.where(is_finite(gradient), gradient, tf.zeros_like(gradient))


_STEP_FROM_ZERO = 1e-30


def rescale(op, difference):
    """Scale the difference by ``delta_out / delta_in`` (Shrikumar et al. 2017, section 3.5.2).

    The slope of a difference that is nearly zero is the derivative at the reference. The positive and the negative part
    have the same slope; they change places if the function falls.
    """
    return _scaled(op, difference, "Rescale")


def guided_backprop_rescale(op, difference):
    """Scale the difference as the rescale rule does, and drop multipliers that are negative.

    This is guided backpropagation (Springenberg et al. 2015, arXiv:1412.6806) on top of the rescale rule. Where a later
    rule tells parts apart, the positive and the negative part have a multiplier each, and either is dropped by itself.
    """
    if difference.spread is None:
        return _scaled(op, difference, "GuidedBackpropRescale")
    scaled = _scaled(op, difference, "Rescale")
    with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": _KEEP_POSITIVE}):
        delta, spread = tf.raw_ops.IdentityN(input=[scaled.delta, scaled.spread])
    return Difference(delta, spread, scaled.signed_spread)


_KEEP_POSITIVE = "SkdeepliftKeepPositive"


@register_gradient(_KEEP_POSITIVE)
def _keep_positive(op, of_delta, of_spread):
    """Drop negative multipliers of the positive part, ``of_delta + of_spread``, and of the negative part."""
    positive, negative = tf.nn.relu(of_delta + of_spread), tf.nn.relu(of_delta - of_spread)
    return (positive + negative) / 2, (positive - negative) / 2


def pass_through(op, difference):
    """Hand on multipliers unchanged, as if every activation were a straight line of slope one.

    Parts of a difference follow the rescale rule, so that they add up to the true difference.
    """
    if op.streams.purpose is Purpose.SPREADS and op.step.carries_spread:
        return rescale(op, difference)
    shape = op.outputs[0].shape[1:]
    if shape == op.inputs[0].shape[1:]:
        return difference
    return difference.map(lambda part: tf.broadcast_to(part, (part.shape[0], *shape)))


def _scaled(op, difference, rule):
    [root, output] = op.inputs[0], op.outputs[0]
    if is_ramp(op.step.activation):
        kind, values, limits = f"{_SMALL if op.is_small(root) else ''}{op.type}", [root], None
    else:
        kind, values, limits = _RESTRICTED if is_restricted(op.step.activation) else "", [root, output], _limits
    products = _PRODUCTS[rule, kind], _PRODUCTS["Spread", kind], _PRODUCTS[rule, kind]
    return Difference(
        *(
            None if part is None else op.scale(product, [part], *values, limits=limits, of_spread=position > 0)
            for position, (product, part) in enumerate(zip(products, difference, strict=True))
        )
    )


def _limits(op):
    """Compute the slope of differences that are nearly zero, and the size below which they are."""
    [root] = op.inputs[:1]
    at_reference = op.at_reference[root]
    return op.derivative(at_reference), nearly_zero(at_reference, precision_of(root), op.is_small(root))


def _secant(input_x, output_x, input_r, output_r, derivative, threshold):
    delta = input_x - input_r
    return divide_or(derivative, tf.abs(delta) < threshold, output_x - output_r, delta)


def _finite_secant(*values):
    """Compute the slope; it is zero where the function is not finite, such as in a branch that is not taken."""
    slope = _secant(*values)
    return tf.where(is_finite(slope), slope, tf.zeros_like(slope))


def _ramp_secant(top, is_small, input_x, input_r):
    derivative_from_the_left = tf.cast((input_r > 0) & (input_r <= top), input_r.dtype)
    threshold = nearly_zero(input_r, is_small=is_small)
    return _secant(input_x, ramp(top, input_x), input_r, ramp(top, input_r), derivative_from_the_left, threshold)


_RESTRICTED = "Restricted"
_SMALL = "Small"
_OF_RAMPS = {
    f"{prefix}{op_type}": partial(_ramp_secant, top, bool(prefix))
    for op_type, top in RAMPS.items()
    for prefix in ("", _SMALL)
}
_SLOPES = {"": _secant, _RESTRICTED: _finite_secant, **_OF_RAMPS}
_PRODUCTS = {
    (rule, kind): make(f"Skdeeplift{rule}{kind}", slope)
    for kind, slope in _SLOPES.items()
    for rule, make in {
        "Rescale": RecomputedProduct,
        "GuidedBackpropRescale": partial(RecomputedProduct, keep=tf.nn.relu),
        "Spread": lambda name, slope: RecomputedProduct(name, lambda *values: tf.abs(slope(*values))),
    }.items()
}


SOFTMAX = RuleTable("softmax")


@SOFTMAX.rule
def apply_softmax(op, differences, coefficient):
    """Treat softmax as ``exp(z - log(sum(exp(z))))``: rescale at exp and at log, and keep the rest linear.

    A split into exp, sum and divide would be ill-conditioned in float32. One constant per pair is subtracted from
    ``z``, so that no exp overflows.
    """
    slopes_of_exp, slope_of_log, slopes_out = op.combine(_softmax_slopes, op.inputs[0])
    mixed = tf.reduce_sum(coefficient(slopes_of_exp) * differences[0], -1, keepdims=True)
    log_probabilities = differences[0] + coefficient(-slope_of_log) * mixed
    return [log_probabilities if op.type == "LogSoftmax" else coefficient(slopes_out) * log_probabilities]


def _softmax_slopes(logits_x, logits_r):
    shape = tf.broadcast_static_shape(logits_x.shape, logits_r.shape)
    return _SOFTMAX_SLOPES(logits_x, logits_r, shapes=[shape, [*shape[:-1], 1], shape])


def _compute_softmax_slopes(logits_x, logits_r):
    shift = tf.maximum(*(tf.reduce_max(logits, -1, keepdims=True) for logits in (logits_x, logits_r)))
    logits_x, logits_r = logits_x - shift, logits_r - shift
    log_sum_x, log_sum_r = (tf.reduce_logsumexp(logits, -1, keepdims=True) for logits in (logits_x, logits_r))
    slopes_of_exp = _exp_slope(logits_x, logits_r)
    slope_of_log = 1 / _exp_slope(log_sum_x, log_sum_r)
    slopes_out = _exp_slope(logits_x - log_sum_x, logits_r - log_sum_r)
    return slopes_of_exp, slope_of_log, slopes_out


def _exp_slope(first, second):
    """Return ``(exp(first) - exp(second)) / (first - second)`` without overflow, cancellation or 0/0."""
    distance = tf.abs(first - second)
    shape = divide_or(tf.ones_like(distance), distance == 0, -tf.math.expm1(-distance), distance)
    return tf.exp(tf.maximum(first, second)) * shape


_SOFTMAX_SLOPES = Kernel(_compute_softmax_slopes)
