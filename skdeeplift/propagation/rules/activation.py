"""Nonlinear functions of one tensor, elementwise: what a method does here is what makes it the method."""

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


def rescale(op, differences, coefficient):
    """Scale the difference by ``delta_out / delta_in`` (Shrikumar et al. 2017, section 3.5.2).

    Where the difference is nearly zero, by the derivative at the reference instead.
    """
    root, output = op.inputs[0], op.outputs[0]
    at_reference = op.at_reference(root)
    limits = op.derivative(at_reference), nearly_zero(at_reference)
    if coefficient is tf.abs:
        return [tf.abs(op.combine(_secant, root, output, at_reference=limits)) * differences[0]]
    return [op.combine(_scaled, root, output, at_reference=limits, at_pairs=(differences[0],))]


def _secant(input_x, output_x, input_r, output_r, derivative, threshold):
    delta = input_x - input_r
    return tf.where(tf.abs(delta) < threshold, derivative, (output_x - output_r) / delta)


# Compiled, since each operation by itself would write all pairs to memory again.
@tf.function(jit_compile=True, autograph=False)
def _times_secant(tensor, *streams):
    return tensor * _secant(*streams)


@tf.RegisterGradient("SkdeepliftScaled")
def _scaled_gradient(op, gradient, *_):
    return [None, _times_secant(gradient, *op.inputs[2:]), *[None] * (len(op.inputs) - 2)]


def _scaled(difference, *streams):
    """Multiply by the secant's slope, which is computed again on the way back rather than kept in memory."""
    # The product itself is not compiled: TensorFlow's optimizer sees no shape behind a compiled function, and would run
    # it where no more than the result's shape is read.
    scaled = difference * _secant(*streams)
    if scaled.shape != difference.shape:
        difference = tf.broadcast_to(difference, scaled.shape)
    with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": "SkdeepliftScaled"}):
        return tf.raw_ops.IdentityN(input=[scaled, difference, *streams])[0]


def nearly_zero(at_reference):
    """Size under which a difference counts as zero.

    A row that equals its reference must count as equal, though the two are computed at different batch sizes, whose
    matrix products round differently. Where the difference is that small, the size of the value at the reference is
    also that of the value at the input.
    """
    dtype = at_reference.dtype
    absolute = 1e-12 if dtype == tf.float64 else 1e-7
    return tf.maximum(tf.constant(absolute, dtype), 4 * np.finfo(dtype.as_numpy_dtype).eps * tf.abs(at_reference))


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
    step = np.finfo(value.dtype.as_numpy_dtype).eps * tf.abs(value) + tf.constant(_STEP_FROM_ZERO, value.dtype)
    beside = tf.broadcast_to(value + side * step, shape)
    [gradient] = tf.gradients(function(beside), beside)
    if gradient is None:
        return tf.zeros(shape, value.dtype)
    return tf.where(tf.math.is_finite(gradient), gradient, tf.zeros_like(gradient))


_STEP_FROM_ZERO = 1e-30
