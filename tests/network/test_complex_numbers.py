import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.complex_numbers import convert, is_finite, real_product
from tests.functions import assert_sums_to_change

GENERATOR = np.random.default_rng(0)
ROWS, REFERENCES = GENERATOR.normal(size=(3, 4, 8)), GENERATOR.normal(size=(2, 4, 8))
WEIGHTS = GENERATOR.normal(size=(8, 8)) + 1j * GENERATOR.normal(size=(8, 8))
OUT = GENERATOR.normal(size=(4, 8))


def to_complex(x):
    return tf.cast(x, tf.complex128)


def half_turned(x):
    return tf.signal.fft(to_complex(x)) * (0.3 + 1j)


def test_a_cast_keeps_the_real_part_and_no_warning_is_logged(caplog):
    number = tf.constant([3.0 + 4.0j], tf.complex64)
    assert convert(number, tf.float64).numpy() == [3.0]
    assert convert(tf.constant([3], tf.int32), tf.complex128).numpy() == [3.0 + 0.0j]
    assert convert(tf.constant([3.0], tf.float32), tf.float64).dtype == tf.float64
    x = tf.constant([3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.math.real(convert(x, tf.complex64) * (2 + 1j))
    assert tape.gradient(y, x).numpy() == [2.0]
    assert not caplog.records


def test_both_parts_of_a_number_have_to_be_finite():
    numbers = tf.complex(tf.constant([1.0, np.nan, 0.0]), tf.constant([1.0, 0.0, np.inf]))
    assert is_finite(numbers).numpy().tolist() == [True, False, False]
    assert is_finite(tf.constant([1.0, np.inf])).numpy().tolist() == [True, False]


def test_a_product_of_gradient_and_change_is_real():
    """Of z = (1 + 2i), the gradient 3 + 4i stands for 3 dx + 4 dy: 3 + 8."""
    assert real_product(tf.constant(3 + 4j), tf.constant(1 + 2j)).numpy() == 11.0
    assert real_product(tf.constant(3.0), tf.constant(2.0)).numpy() == 6.0


FUNCTIONS = {
    "product by a constant": lambda x: half_turned(x) * WEIGHTS[:4],
    "product of two": lambda x: half_turned(x) * tf.math.conj(half_turned(tf.tanh(x))),
    "matrix product by a constant": lambda x: half_turned(x) @ WEIGHTS,
    "matrix product of two": lambda x: tf.matmul(
        tf.matmul(half_turned(x), to_complex(x) * 1j, adjoint_b=True), half_turned(x)
    ),
    "sum of products": lambda x: tf.einsum("nij,nkj,kl->nil", half_turned(x), half_turned(tf.tanh(x)), WEIGHTS[:4]),
    "quotient": lambda x: half_turned(x) / (half_turned(tf.tanh(x)) + 3j),
    "quotient by a function": lambda x: (2 + 1j) / half_turned(x),
    "product with a reciprocal": lambda x: half_turned(x) * tf.math.reciprocal(half_turned(tf.tanh(x)) + 3j),
    "exponential": lambda x: tf.exp(half_turned(x) / 5),
    "logarithm": lambda x: tf.math.log(half_turned(x)),
    "root": lambda x: tf.sqrt(half_turned(x)),
    "square": lambda x: tf.square(half_turned(x)),
    "power": lambda x: half_turned(x) ** 3,
    "power of two": lambda x: half_turned(x) ** (to_complex(x) * 0.2j),
    "sine": lambda x: tf.sin(half_turned(x) / 5),
    "sign": lambda x: tf.sign(half_turned(x)),
    "squared difference": lambda x: tf.math.squared_difference(half_turned(x), to_complex(x)),
    "choice": lambda x: tf.where(x > 0.1, half_turned(x), to_complex(x)),
    "comparison": lambda x: to_complex(tf.cast(half_turned(tf.round(x)) == half_turned(tf.floor(x)), tf.float64)),
    "joined": lambda x: tf.concat([half_turned(x)[:, :2], to_complex(x)[:, 2:] * 1j], 1),
    "turned over": lambda x: tf.transpose(tf.linalg.adjoint(half_turned(x)), [0, 2, 1]),
    "transforms along two axes": lambda x: tf.signal.ifft2d(tf.signal.fft2d(to_complex(x)) * WEIGHTS[:4]),
    "transforms of real numbers": lambda x: to_complex(
        tf.signal.irfft2d(tf.signal.rfft2d(x) * WEIGHTS[:4, :5] * half_turned(x)[..., :5])
    ),
    "product of many": lambda x: tf.math.cumprod(half_turned(x), 1),
    "inverse": lambda x: tf.linalg.inv(tf.matmul(half_turned(x), half_turned(x), adjoint_b=True)) @ half_turned(x),
}


@pytest.mark.sampled(11)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel", "guided_backprop_rescale"])
def test_contributions_sum_to_the_change(name, rule):
    if rule == "guided_backprop_rescale":
        # Without an activation of real numbers, this rule is the rescale rule: complex multipliers have no sign.
        def function(x):
            return OUT * (tf.math.real(FUNCTIONS[name](x)) + 0.5 * tf.math.imag(FUNCTIONS[name](x)))

        if any(op in name for op in ("of two", "sum of", "quotient", "reciprocal", "difference", "choice", "compar")):
            return
    else:

        def function(x):
            z = FUNCTIONS[name](x)
            return OUT * (tf.tanh(tf.math.real(z) + tf.math.imag(z)) + tf.abs(z) / 3 + tf.math.angle(z))

    assert_sums_to_change(function, [ROWS], [REFERENCES], rule=rule)
