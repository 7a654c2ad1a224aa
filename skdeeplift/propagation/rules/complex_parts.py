"""Size and angle of complex numbers, which are functions of two players: the real and the imaginary part.

The other ops of complex numbers follow the rules of real ones. Differences of complex numbers are complex numbers.
"""

import tensorflow as tf

from skdeeplift.network.complex_numbers import real_product
from skdeeplift.propagation.rules.table import RuleTable
from skdeeplift.propagation.rules.two_operands import slopes_of_operands

COMPLEX = RuleTable("complex")


@COMPLEX.rule
def take_size(op, differences, coefficient):
    """Carry a size by ``|x|^2 - |r|^2 = Re(conj(x + r) * d)``, so that ``delta = Re(conj(x + r) * d) / (|x| + |r|)``.

    Each part is shared out as the square that it is in the square of the size. The slope is zero if both sizes are.
    """

    def slope(x, size_x, r, size_r):
        size = size_x + size_r
        return tf.math.divide_no_nan(x + r, tf.cast(size, x.dtype))

    return [real_product(op.coefficient(slope, op.inputs[0], op.outputs[0]), differences[0])]


@COMPLEX.rule
def take_angle(op, differences, coefficient):
    """Share out an angle between the imaginary and the real part, by the mean over the two orders of their change."""

    def gradient(x, r):
        of_imaginary, of_real = slopes_of_operands(
            tf.math.atan2, tf.math.imag(x), tf.math.real(x), tf.math.imag(r), tf.math.real(r)
        )
        return tf.complex(of_real, of_imaginary)

    return [real_product(op.combine(gradient, op.inputs[0]), differences[0])]
