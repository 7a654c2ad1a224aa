"""Nonlinear functions of one tensor, elementwise: what a method does here is what makes it the method."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.propagation.rules.products import RecomputedProduct
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


class ActivationRule(NamedTuple):
    """What a method does at an activation."""

    # Takes the op and the `Difference` at its root, and returns that at its output.
    function: Any
    # Whether contributions still sum to the change of the target.
    sums_to_delta: bool = True
    # Whether the difference at the output depends on the spread at the root.
    uses_spread: bool = False
    # Whether it reads the values at the input and at the reference, also where no spread is carried.
    reads_values: bool = True

    def reads(self, activation, carries_spread):
        """List what is read of the first two streams at an activation."""
        if not (self.reads_values or carries_spread):
            return []
        return [activation.root] if is_ramp(activation) else [activation.root, activation.output]


def is_ramp(activation):
    """Whether an activation is nothing but a ramp."""
    return len(activation.ops) == 1 and activation.op.type in RAMPS


def ramp(top, value):
    """Rise with the value from zero to the top."""
    return tf.minimum(tf.nn.relu(value), tf.constant(top, value.dtype))


def machine_epsilon(dtype):
    """Relative distance between neighbouring numbers of a TensorFlow or NumPy dtype."""
    name = dtype.name
    return 2.0**-7 if name == "bfloat16" else float(np.finfo(name).eps)


def nearly_zero(size, dtype=None):
    """Size under which a difference counts as zero, beside values of the size given.

    ``dtype`` is that in which the network computed the values, if it is not their own.

    A row that equals its reference must count as equal, though the two are computed at different batch sizes, whose
    matrix products round differently. Where the difference is that small, the size of the value at the reference is
    also that of the value at the input.
    """
    absolute = 1e-12 if size.dtype == tf.float64 else 1e-7
    return tf.maximum(tf.constant(absolute, size.dtype), _rounding(size, dtype))


def _rounding(size, dtype=None):
    return 4 * machine_epsilon(dtype or size.dtype) * tf.abs(size)


def _sign(at_input, at_reference):
    delta = at_input - at_reference
    return tf.where(tf.abs(delta) <= _rounding(at_reference), tf.zeros_like(delta), tf.sign(delta))


# A difference times its sign: its spread, where none of it has cancelled yet.
SIGNED = RecomputedProduct("SkdeepliftSign", _sign)


# Derivatives of smooth functions, of their value and their result.
SMOOTH = {
    "Exp": lambda x, y: y,
    "Rsqrt": lambda x, y: -y / (2 * x),
    "Sigmoid": lambda x, y: y * (1 - y),
    "Sqrt": lambda x, y: 1 / (2 * y),
    "Square": lambda x, y: 2 * x,
    "Tanh": lambda x, y: 1 - y * y,
}


def smooth_derivative(op_type, value, result):
    """Differentiate a function of `SMOOTH`; zero where it has no finite derivative."""
    slope = SMOOTH[op_type](value, result)
    return tf.where(tf.math.is_finite(slope), slope, tf.zeros_like(slope))


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
