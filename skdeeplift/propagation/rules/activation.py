"""Nonlinear functions of one tensor, elementwise: what a method does here is what makes it the method."""

from functools import partial

import numpy as np
import tensorflow as tf

from skdeeplift.propagation.rules.table import ANY, ONE, AnyActivation, RuleTable

ACTIVATIONS = RuleTable("activation")
for (
    _op_type
) in """Abs Acos Acosh Asin Asinh Atan Atanh BesselI0e BesselI1e Ceil Cos Cosh Digamma Elu Erf Erfc Erfinv Exp
    Expm1 Floor Inv LeakyRelu Lgamma Log Log1p Ndtri Reciprocal Relu Relu6 Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh
    Softplus Softsign Sqrt Square Tan Tanh""".split():
    ACTIVATIONS.add(_op_type, ANY, AnyActivation())
for _op_type in "Maximum Minimum Pow SquaredDifference Atan2 Xdivy Xlogy Xlog1py FloorDiv FloorMod ClipByValue".split():
    ACTIVATIONS.add(_op_type, ONE, AnyActivation())
for _op_type in "RealDiv Div DivNoNan".split():
    ACTIVATIONS.add(_op_type, (1,), AnyActivation())


# Ramps that end at the value given. They are cheap and exact, so that they are computed again where they are needed,
# instead of kept in memory.
RAMPS = {"Relu": np.inf, "Relu6": 6.0}


def values_read(activation):
    """List what `rescale` reads of the first two streams at an activation."""
    return [activation.root] if _is_ramp(activation) else [activation.root, activation.output]


def _is_ramp(activation):
    return len(activation.ops) == 1 and activation.op.type in RAMPS


def rescale(op, differences, coefficient):
    """Scale the difference by ``delta_out / delta_in`` (Shrikumar et al. 2017, section 3.5.2).

    Where the difference is nearly zero, by the derivative at the reference instead.
    """
    root = op.inputs[0]
    if _is_ramp(op.step.activation):
        slope, scaled, values, limits = _RAMP_SLOPES[op.type], _SCALED_BY_RAMP[op.type], [root], ()
    else:
        at_reference = op.at_reference(root)
        slope, scaled, values = _secant, _scaled_by_secant, [root, op.outputs[0]]
        limits = op.derivative(at_reference), nearly_zero(at_reference)
    if coefficient is tf.abs:
        return [tf.abs(op.combine(slope, *values, at_reference=limits)) * differences[0]]
    return [op.combine(scaled, *values, at_reference=limits, at_pairs=(differences[0],))]


def _secant(input_x, output_x, input_r, output_r, derivative, threshold):
    delta = input_x - input_r
    return tf.where(tf.abs(delta) < threshold, derivative, (output_x - output_r) / delta)


def _ramp_secant(top, input_x, input_r):
    top = tf.constant(top, input_x.dtype)
    output_x, output_r = (tf.minimum(tf.nn.relu(value), top) for value in (input_x, input_r))
    derivative_from_the_left = tf.cast((input_r > 0) & (input_r <= top), input_r.dtype)
    return _secant(input_x, output_x, input_r, output_r, derivative_from_the_left, nearly_zero(input_r))


def _scaling(name, slope):
    """Make a function that multiplies by a slope, which is computed again on the way back instead of kept."""
    # Compiled, since each operation by itself would write all pairs to memory again.
    product = tf.function(lambda tensor, *streams: tensor * slope(*streams), jit_compile=True, autograph=False)

    @tf.RegisterGradient(name)
    def gradient(op, incoming, *_):
        return [None, product(incoming, *op.inputs[2:]), *[None] * (len(op.inputs) - 2)]

    def scaled(difference, *streams):
        # Not the compiled product: TensorFlow's optimizer sees no shape behind a compiled function, and would run it
        # where no more than the result's shape is read.
        result = difference * slope(*streams)
        if result.shape != difference.shape:
            difference = tf.broadcast_to(difference, result.shape)
        with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": name}):
            return tf.raw_ops.IdentityN(input=[result, difference, *streams])[0]

    return scaled


_scaled_by_secant = _scaling("SkdeepliftSecant", _secant)
_RAMP_SLOPES = {op_type: partial(_ramp_secant, top) for op_type, top in RAMPS.items()}
_SCALED_BY_RAMP = {op_type: _scaling(f"Skdeeplift{op_type}", slope) for op_type, slope in _RAMP_SLOPES.items()}


def machine_epsilon(dtype):
    """Relative distance between neighbouring numbers of a TensorFlow or NumPy dtype."""
    name = dtype.name
    return 2.0**-7 if name == "bfloat16" else float(np.finfo(name).eps)


def nearly_zero(at_reference):
    """Size under which a difference counts as zero.

    A row that equals its reference must count as equal, though the two are computed at different batch sizes, whose
    matrix products round differently. Where the difference is that small, the size of the value at the reference is
    also that of the value at the input.
    """
    dtype = at_reference.dtype
    absolute = 1e-12 if dtype == tf.float64 else 1e-7
    return tf.maximum(tf.constant(absolute, dtype), 4 * machine_epsilon(dtype) * tf.abs(at_reference))


def derivative(function, value, side):
    """Differentiate an elementwise function from the left or the right, which differ at a kink such as Relu's.

    Parameters
    ----------
    function : callable
        Takes and returns a tensor, elementwise; it may broadcast.
    value : tensor
        Where to differentiate.
    side : {-1, 1}
        From the left or from the right.

    Returns
    -------
    derivative : tensor
        Zero where the function has no finite derivative.
    """
    shape = tf.shape(function(value))
    # Far below rounding for any smooth function, and enough to leave a kink, at zero too.
    step = machine_epsilon(value.dtype) * tf.abs(value) + tf.constant(_STEP_FROM_ZERO, value.dtype)
    beside = tf.broadcast_to(value + side * step, shape)
    [gradient] = tf.gradients(function(beside), beside)
    if gradient is None:
        return tf.zeros(shape, value.dtype)
    return tf.where(tf.math.is_finite(gradient), gradient, tf.zeros_like(gradient))


_STEP_FROM_ZERO = 1e-30
