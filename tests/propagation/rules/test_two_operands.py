from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function


def test_product_is_shared_by_the_means_of_the_factors():
    """3*5 - 1*2 = 13: the first gets 2 * (5+2)/2 = 7, the second 3 * (3+1)/2 = 6."""
    (first, second), change = explain_function(tf.multiply, [[[3.0]], [[5.0]]], [[[1.0]], [[2.0]]])
    assert (first.item(), second.item(), change.item()) == (7.0, 6.0, 13.0)


def test_equal_factors_share_equally():
    (first, second), _ = explain_function(tf.multiply, [[[4.0]], [[4.0]]], [[[0.0]], [[0.0]]])
    assert first.item() == second.item() == 8.0


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "reciprocal",
    [
        lambda b: 1 / b,
        tf.math.reciprocal,
        lambda b: tf.minimum(tf.math.rsqrt(tf.square(b)), 1e12),
        lambda b: -(tf.reshape(b, [-1, 5]) ** -1) * -1,
    ],
)
def test_product_with_a_reciprocal_is_shared_as_the_quotient(reciprocal):
    """Against all zeros, the reciprocal is 1e8 at the reference."""
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(3, 5)), generator.uniform(0.5, 2, (3, 5))]
    references = [generator.normal(size=(2, 5)) * [[0], [1]], np.stack([np.full(5, 1e-8), rows[1][0]])]
    divided, _ = explain_function(tf.divide, rows, references)
    for function in (lambda a, b: a * reciprocal(b), lambda a, b: reciprocal(b) * a):
        multiplied, _ = explain_function(function, rows, references)
        np.testing.assert_allclose(multiplied, divided, atol=1e-9)
    in_single_precision, _ = explain_function(function, rows, references, dtype=tf.float32)
    np.testing.assert_allclose(in_single_precision, divided, atol=1e-5)


def test_product_with_what_is_no_reciprocal():
    """A quotient of two varying tensors, and a product of them, is no reciprocal: 3*(8/2) - 1*(1/1) = 11."""
    (first, *_), _ = explain_function(
        lambda a, b, c: a * (b / c), [[[3.0]], [[8.0]], [[2.0]]], [[[1.0]], [[1.0]], [[1.0]]]
    )
    assert first.item() == 5.0


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: tf.matmul(a, b, transpose_b=True),
        lambda a, b: tf.einsum("nij,nkj->nik", a, b),
        lambda a, b: a * b[:, :1],
        tf.math.multiply_no_nan,
    ],
)
def test_sums_to_the_change(function, mode):
    generator = np.random.default_rng(0)
    number = 2 if mode is Mode.SHARED else 6
    rows = [generator.normal(size=(3, 4, 5)) for _ in range(2)]
    references = [generator.normal(size=(number, 4, 5)) for _ in range(2)]
    assert_sums_to_change(function, rows, references, mode=mode)


def test_squared_difference_by_hand():
    """(3 - 1)^2 - (1 - 2)^2 = 3: of u = a - b from -1 to 2, each difference counts (2 - 1) times; b's is -1."""
    [of_first, of_second], change = explain_function(tf.math.squared_difference, [[[3.0]], [[1.0]]], [[[1.0]], [[2.0]]])
    np.testing.assert_allclose([of_first.item(), of_second.item(), change.item()], [2, 1, 3])


def test_quotient_is_shared_so_that_the_product_with_the_denominator_is():
    """6/2 - 1/1 = 2. The mean denominator is 3/2, the mean quotient 2: (5 - 2 * 1) / (3/2) = 10/3 - 4/3."""
    (first, second), change = explain_function(tf.divide, [[[6.0]], [[2.0]]], [[[1.0]], [[1.0]]])
    np.testing.assert_allclose([first.item(), second.item(), change.item()], [10 / 3, -4 / 3, 2.0])


def test_quotient_whose_denominator_crosses_zero():
    """6/2 - 1/-1 = 4. The sizes' mean is 3/2 and nothing falls on the numerator: 3 * 2 (1 + 3) / (2 * 3) = 4."""
    (first, second), change = explain_function(tf.divide, [[[6.0]], [[2.0]]], [[[1.0]], [[-1.0]]])
    np.testing.assert_allclose([first.item(), second.item(), change.item()], [0.0, 4.0, 4.0], atol=1e-12)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("at_reference", [1e-30, 1e-8, 0.5, -0.5, -1e-8])
def test_quotient_with_a_denominator_near_zero_is_exact_in_single_precision(at_reference):
    """The mean denominator is half of the rows' if the reference's numerator is zero."""
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(4, 5)), generator.uniform(0.5, 2, (4, 5))]
    references = [np.zeros((1, 5)), np.full((1, 5), at_reference)]
    options = dict(dtype=tf.float32)
    assert_sums_to_change(tf.divide, rows, references, tolerance=1e-6, **options)
    contributions, _ = explain_function(tf.divide, rows, references, **options)
    assert np.abs(contributions).max() <= 2.01 * np.abs(rows[0] / rows[1]).max()


def test_minimum_of_equals_is_shared_evenly():
    """min(1, 1) - min(0, 0) = 1."""
    (first, second), _ = explain_function(tf.minimum, [[[1.0]], [[1.0]]], [[[0.0]], [[0.0]]])
    assert (first.item(), second.item()) == (0.5, 0.5)


def test_power_is_shared_over_both_orders():
    """2^3 - 1^1 = 7. The base changes 2 - 1 before the exponent and 8 - 1 after: 4; the exponent has the rest."""
    (first, second), change = explain_function(tf.pow, [[[2.0]], [[3.0]]], [[[1.0]], [[1.0]]])
    np.testing.assert_allclose([first.item(), second.item(), change.item()], [4.0, 3.0, 7.0])


def test_operand_without_a_difference_has_the_mean_partial_derivative():
    """d(a^b)/da = b a^(b-1): 12 at the input's b = 3 and 4 at the reference's b = 2."""
    (first, second), _ = explain_function(tf.pow, [[[2.0]], [[3.0]]], [[[2.0]], [[2.0]]], wanted="multipliers")
    np.testing.assert_allclose(first, [[8.0]])
    np.testing.assert_allclose(second, [[4.0]])


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "function",
    [
        tf.divide,
        tf.math.divide_no_nan,
        tf.pow,
        tf.maximum,
        tf.minimum,
        tf.math.squared_difference,
        tf.math.atan2,
        tf.math.xlogy,
        tf.math.xdivy,
        tf.math.xlog1py,
        lambda a, b: a / b[:, :1],
    ],
)
def test_functions_of_two_values_sum_to_the_change(function):
    generator = np.random.default_rng(0)
    rows = [generator.uniform(0.5, 2, (4, 5)) for _ in range(2)]
    references = [generator.uniform(0.5, 2, (3, 5)) for _ in range(2)]
    assert_sums_to_change(function, rows, references)


def test_quotient_of_complex_numbers_by_hand():
    """(2i) / i - 1 / 1 = 1. The denominators' sizes are 1, and their signs i and 1, whose conjugates add up to 1 - i.

    The numerator's difference 2i - 1 has the slope (1 - i) / 2, which gives (1 + 3i) / 2; the denominator has the rest.
    """

    def function(a, b):
        quotient = tf.complex(a[:, 0], a[:, 1]) / tf.complex(b[:, 0], b[:, 1])
        return tf.math.real(quotient) * 3 + tf.math.imag(quotient)

    (first, second), change = explain_function(function, [[[0.0, 2.0]], [[0.0, 1.0]]], [[[1.0, 0.0]], [[1.0, 0.0]]])
    np.testing.assert_allclose(first.sum(), 3 * 0.5 + 1.5)
    np.testing.assert_allclose(second.sum(), 3 * 0.5 - 1.5, atol=1e-12)
    np.testing.assert_allclose(change, [3.0])


PAIRS = {
    "matrix product": (tf.matmul, (3, 4), (4, 2)),
    "sum of products": (lambda a, b: tf.einsum("ij,jk->ki", a, b), (3, 4), (4, 2)),
    "convolution": (lambda a, b: tf.nn.conv2d(a[None], b, 2, "SAME")[0], (5, 5, 2), (3, 3, 2, 2)),
    "convolution of volumes": (
        lambda a, b: tf.nn.conv3d(a[None], b, [1] * 5, "SAME")[0],
        (3, 3, 3, 1),
        (2, 2, 2, 1, 2),
    ),
    "depthwise": (
        lambda a, b: tf.nn.depthwise_conv2d(a[None], b, [1, 1, 1, 1], "SAME")[0],
        (5, 5, 2),
        (3, 3, 2, 2),
    ),
    "transposed": (
        lambda a, b: tf.nn.conv2d_transpose(a[None], b, [1, 6, 6, 2], 2)[0],
        (3, 3, 1),
        (2, 2, 2, 1),
    ),
}


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize("at_once", [False, True])
def test_both_tensors_of_each_row_vary(name, rule, at_once):
    """Each row has a kernel of its own, as hypernetworks make it, in a loop over the rows or for all at once."""
    of_row, *shapes = PAIRS[name]

    def function(a, b):
        over_rows = tf.vectorized_map if at_once else partial(tf.map_fn, fn_output_signature=a.dtype)
        return tf.tanh(over_rows(lambda pair: tf.tanh(of_row(*pair)), (a, b)))

    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(3, *shape)) for shape in shapes]
    references = [generator.normal(size=(3, *shape)) for shape in shapes]
    assert_sums_to_change(function, rows, references, mode=Mode.PAIR_SIZE, rule=rule)


def test_convolution_of_two_by_hand():
    """2 * 3 - 1 * 1 = 5 at each of two places: the images get 1 * (3 + 1) / 2, the kernel 2 * (2 + 1) / 2 at each."""

    def function(image, kernel):
        return tf.map_fn(
            lambda pair: tf.nn.conv2d(pair[0][None], pair[1], 1, "SAME")[0],
            (image, kernel),
            fn_output_signature=tf.float64,
        )

    rows = [np.full((1, 1, 2, 1), 2.0), np.full((1, 1, 1, 1, 1), 3.0)]
    references = [np.ones_like(each) for each in rows]
    (image, kernel), change = explain_function(function, rows, references, mode=Mode.PAIR_SIZE)
    np.testing.assert_allclose(image.ravel(), [2, 2])
    np.testing.assert_allclose([kernel.item(), change.item()], [6, 10])


def test_derivative_of_relu_by_hand():
    """The derivative of relu is on at 3 and off at -1, with the factors 5 and 2: 5 - 0.

    The factor first: 0 and then 5 for the step; the step first: 2, and then 3 for the factor.
    """
    (factor, feature), change = explain_function(
        lambda g, x: tf.raw_ops.ReluGrad(gradients=g, features=x), [[[5.0]], [[3.0]]], [[[2.0]], [[-1.0]]]
    )
    assert (factor.item(), feature.item(), change.item()) == (1.5, 3.5, 5.0)


def derivative_of(function):
    """A network that returns the derivative of a function of its input, as one of physics does."""

    def derived(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)

    return derived


FIRST, SECOND = np.random.default_rng(0).normal(size=(2, 5, 5))
DERIVED = {
    **{
        name: partial(lambda activation, x: activation(activation(x @ FIRST) @ SECOND), getattr(tf.nn, name))
        for name in ("relu", "relu6", "elu", "selu", "softplus", "softsign", "tanh", "sigmoid", "leaky_relu", "silu")
    },
    "sqrt": lambda x: tf.sqrt(1 + tf.square(tf.square(x) @ tf.abs(FIRST))),
    "rsqrt": lambda x: tf.math.rsqrt(1 + tf.square(x @ FIRST)),
    "reciprocal": lambda x: tf.math.reciprocal(2 + tf.sigmoid(x @ FIRST)),
    "softmax": lambda x: tf.nn.softmax(x @ FIRST) * x,
    "padded": lambda x: tf.tanh(tf.pad(x, [[0, 0], [2, 1]], "REFLECT")[:, 1::2]) ** 2,
    "pooled": lambda x: tf.tanh(tf.nn.avg_pool1d(tf.tanh(x[..., None]), 2, 2, "SAME")),
}


@pytest.mark.sampled(11)
@pytest.mark.parametrize("name", DERIVED)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize("dtype", [tf.float64, tf.float32])
def test_derivatives_inside_of_a_network_sum_to_the_change(name, rule, dtype):
    rows, references = np.random.default_rng(1).normal(size=(2, 4, 5))
    function = derivative_of(lambda x: DERIVED[name](tf.cast(x, tf.float64)))
    weights = np.random.default_rng(2).normal(size=5).astype(dtype.as_numpy_dtype)
    tolerance = 1e-10 if dtype == tf.float64 else 1e-5
    assert_sums_to_change(
        lambda x: function(x) * weights, [rows], [references], rule=rule, dtype=dtype, tolerance=tolerance
    )
