import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.clusters import Activation, Activations
from skdeeplift.network.network import trace
from skdeeplift.propagation.pairing import Mode
from skdeeplift.propagation.rules.rescale import is_restricted
from tests.functions import DOMAINS, assert_sums_to_change, by_raw_op, explain_function

ROUNDS = {"Ceil", "Floor", "Rint", "Round", "Sign"}


def contributions(function, row, reference, **options):
    [result], _ = explain_function(function, [[row]], [[reference]], rule="reveal_cancel", **options)
    return result[0]


def minimum(x):
    """x1 - relu(x1 - x2)."""
    return x[:, :1] - tf.nn.relu(tf.linalg.matmul(x, tf.constant([[1.0], [-1.0]], x.dtype)))


def test_minimum_is_split_evenly():
    """min(3, 1) = 1 - 0: relu gets p = 3 and n = -1.

    p becomes (relu(3) - relu(0) + relu(2) - relu(-1)) / 2 = 5/2 and n becomes 2 - 5/2 = -1/2, so the two inputs
    contribute 3 - 5/2 and 0 + 1/2. The rescale rule gives all of it to x2.
    """
    np.testing.assert_allclose(contributions(minimum, [3.0, 1.0], [0.0, 0.0]), [0.5, 0.5])
    [rescaled], _ = explain_function(minimum, [[[3.0, 1.0]]], [[[0.0, 0.0]]])
    np.testing.assert_allclose(rescaled, [[0.0, 1.0]])


def test_a_conjunction_is_split_evenly():
    """relu(x1 + x2 - 1) at (1, 1): n is 0, and p = 2 becomes all of the change, half for each input."""

    def function(x):
        return tf.nn.relu(tf.linalg.matmul(x, tf.ones((2, 1), x.dtype)) - 1.0)

    np.testing.assert_allclose(contributions(function, [1.0, 1.0], [0.0, 0.0]), [0.5, 0.5])


def test_an_exclusive_or_splits_what_cancels():
    """relu(x1 - x2) + relu(x2 - x1) at (1, 1) is 0, as at (0, 0).

    In each, p = 1 becomes (1 - 0 + 0 - 0) / 2 and n = -1 the opposite. So each input contributes 1/2 by the one and
    -1/2 by the other: nothing. At (2, 1), p = 2 becomes (2 + 1) / 2 and n = -1 becomes -1/2 in the first, p = 1
    becomes 1/2 and n = -2 becomes -1/2 in the second.
    """

    def function(x):
        kernel = tf.constant([[1.0, -1.0], [-1.0, 1.0]], x.dtype)
        return tf.reduce_sum(tf.nn.relu(tf.linalg.matmul(x, kernel)), 1)

    np.testing.assert_allclose(contributions(function, [1.0, 1.0], [0.0, 0.0]), [0.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(contributions(function, [2.0, 1.0], [0.0, 0.0]), [1.5 - 0.5, -0.5 + 0.5], atol=1e-15)


def test_sigmoid_of_two_parts():
    """A function that is evaluated at the reference plus each part."""

    def sigma(value):
        return 1 / (1 + np.exp(-value))

    kernel = np.array([[2.0], [-1.5]])
    got = contributions(lambda x: tf.sigmoid(tf.linalg.matmul(x, kernel) + 0.3), [1.2, 0.7], [0.1, 0.2])
    r, p, n = 0.1 * 2 - 0.2 * 1.5 + 0.3, 1.1 * 2, -0.5 * 1.5
    positive = (sigma(r + p) - sigma(r) + sigma(r + p + n) - sigma(r + n)) / 2
    negative = (sigma(r + n) - sigma(r) + sigma(r + p + n) - sigma(r + p)) / 2
    np.testing.assert_allclose(got, [positive, negative], rtol=1e-12)


def test_parts_add_up_over_branches_and_start_afresh_in_a_weighted_sum():
    """relu(a + b) of two branches a = x1, b = -x2 keeps both parts; a dense layer sees only their sum's sign."""

    def residual(x):
        return tf.nn.relu(x[:, 0] - x[:, 1])

    np.testing.assert_allclose(contributions(residual, [3.0, 1.0], [0.0, 0.0]), [2.5, -0.5])

    def weighted(x):
        return tf.nn.relu(tf.linalg.matmul((x[:, 0] - x[:, 1])[:, None], tf.ones((1, 1), x.dtype)))

    # Of p = 2 and n = 0 is left; the multiplier 1 goes to both inputs.
    np.testing.assert_allclose(contributions(weighted, [3.0, 1.0], [0.0, 0.0]), [3.0, -1.0])


def test_a_part_that_is_nearly_zero_has_the_limit_of_its_slope():
    """Let n = -2 and p -> 0, relu's slope of p is (relu'(r) + relu'(r - 2)) / 2, from the right: 1 at zero."""

    def parts(x):
        return tf.nn.relu(x[:, 0] + x[:, 1])

    for reference, slope in ((1.0, 0.5), (3.0, 1.0), (2.0, 1.0), (0.0, 0.5), (-1.0, 0.0)):
        at, r = [[[reference, -2.0]]], [[[reference, 0.0]]]
        [positive], _ = explain_function(parts, at, r, rule="reveal_cancel", wanted="positive_multipliers")
        np.testing.assert_allclose(positive[0, 0], slope, err_msg=str(reference))
    # Nothing differs: both slopes are the derivative from the right.
    [multipliers], _ = explain_function(tf.nn.relu, [[[0.0]]], [[[0.0]]], rule="reveal_cancel", wanted="multipliers")
    np.testing.assert_allclose(multipliers, [[1.0]])


def test_where_the_function_falls_parts_change_places():
    """relu(x2 + f(x1)) with f(2) = -2: relu gets p = 3 by x2 and n = -2 by x1.

    So p becomes (3 + 1) / 2 and n becomes (0 + 1 - 3) / 2, as they do if -2 comes of a function that rises.
    """

    def falling(x):
        # A cluster, whose slope at 2 is -1.
        return tf.abs(x) * tf.constant(-0.5, x.dtype) - 0.5 * x

    got = contributions(lambda x: tf.nn.relu(falling(x[:, 0]) + x[:, 1]), [2.0, 3.0], [0.0, 0.0])
    np.testing.assert_allclose(got, [-1.0, 2.0])


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    ("function", "mode"),
    [(tf.nn.gelu, mode) for mode in Mode]
    + [
        pytest.param(function, mode, marks=() if mode is Mode.SHARED else pytest.mark.slow)
        for mode in Mode
        for function in [
            tf.nn.silu,
            tf.nn.elu,
            tf.nn.selu,
            tf.nn.softplus,
            tf.nn.relu6,
            keras.activations.mish,
            keras.activations.celu,
            lambda x: tf.nn.gelu(x, approximate=True),
            lambda x: tf.nn.leaky_relu(x, 0.2),
            lambda x: tf.nn.relu(x) - tf.constant(np.linspace(-0.5, 1, 4)) * tf.nn.relu(-x),
            lambda x: tf.maximum(x, tf.zeros_like(x)) + tf.square(x),
            lambda x: tf.sqrt(tf.exp(x)) - tf.math.log1p(tf.square(x)),
        ]
    ],
)
def test_activations_of_parts_sum_to_the_change(function, mode):
    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(5, 4))
    number = 3 if mode is Mode.SHARED else 12
    assert_sums_to_change(
        lambda x: function(function(tf.linalg.matmul(x, kernel)) + function(x[:, :4])),
        [generator.normal(size=(4, 5))],
        [generator.normal(size=(number, 5))],
        mode=mode,
        rule="reveal_cancel",
    )


@pytest.mark.sampled(8)
@pytest.mark.parametrize("op_type", sorted(ops.where(family=ops.ACTIVATION)))
def test_every_activation_sums_to_the_change(op_type):
    low, high = DOMAINS.get(op_type, (-3.0, 3.0))
    generator = np.random.default_rng(0)
    factor = 3 if op_type in ROUNDS else 1
    rows, references = factor * generator.uniform(low, high, (4, 5)), factor * generator.uniform(low, high, (2, 5))
    assert_sums_to_change(by_raw_op(op_type), [rows], [references], rule="reveal_cancel")
    # Through a mean, which keeps within the domain, and so mixes parts.
    function = by_raw_op(op_type)
    assert_sums_to_change(
        lambda x: function(x[:, :2] * 0.25 + x[:, 2:4] * 0.75), [rows], [references], rule="reveal_cancel"
    )


GENERATOR = np.random.default_rng(7)
KERNEL, DENSE = GENERATOR.normal(size=(3, 3, 1, 2)), GENERATOR.normal(size=(16, 8))


def dense(x):
    return tf.linalg.matmul(x, tf.constant(DENSE, x.dtype))


def image(x):
    return tf.reshape(x, [-1, 4, 4, 1])


def convolved(x):
    return tf.nn.conv2d(image(x), tf.constant(KERNEL, x.dtype), 1, "SAME")


FAMILIES = {
    "convolution and max pooling": lambda x: tf.nn.max_pool2d(tf.nn.relu(convolved(x)), 2, 1, "VALID"),
    "average pooling": lambda x: tf.nn.relu(tf.nn.avg_pool2d(convolved(x), 2, 1, "SAME")),
    "batch normalisation": lambda x: tf.nn.relu(
        tf.compat.v1.nn.fused_batch_norm(
            convolved(x), [1.0, -2.0], [0.1, 0.2], [0.3, 0.1], [1.0, 2.0], is_training=False
        )[0]
    ),
    "product of two branches": lambda x: tf.nn.relu(tf.nn.relu(dense(x)) * tf.sigmoid(dense(x))),
    "product of matrices": lambda x: tf.nn.relu(
        tf.linalg.matmul(tf.nn.relu(tf.reshape(dense(x), [-1, 2, 4])), tf.reshape(x, [-1, 4, 4]))
    ),
    "quotient": lambda x: tf.nn.relu((dense(x)) / (1 + tf.square(x[:, :8]))),
    "minimum of two": lambda x: tf.nn.relu(tf.minimum(dense(x), x[:, 8:]) + x[:, :8]),
    "softmax": lambda x: tf.nn.relu(tf.nn.softmax(dense(x)) - 0.125) + tf.nn.log_softmax(dense(x)),
    "reductions": lambda x: tf.nn.relu(tf.reduce_max(x, 1) - tf.reduce_min(x, 1) - tf.reduce_mean(x, 1)),
    "largest": lambda x: tf.nn.relu(tf.math.top_k(dense(x), 3).values),
    "resizing": lambda x: tf.nn.relu(tf.image.resize(image(x), (7, 3), "bicubic") - 0.1),
    "joins": lambda x: tf.nn.relu(
        tf.concat([x[:, :3] - x[:, 3:6], tf.reverse(-x[:, 6:9], [1]), tf.pad(x[:, :2], [[0, 0], [1, 0]])], 1)
    ),
}


@pytest.mark.sampled(8)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rule", ["reveal_cancel", "genomics_default"])
def test_every_family_of_ops_carries_parts(family, rule):
    dtype = tf.float32 if family in ("batch normalisation", "resizing") else tf.float64
    generator = np.random.default_rng(0)
    function = FAMILIES[family]
    assert_sums_to_change(
        function,
        [generator.normal(size=(4, 16))],
        [generator.normal(size=(3, 16))],
        rule=rule,
        dtype=dtype,
        tolerance=1e-10 if dtype == tf.float64 else 1e-5,
    )


@pytest.mark.parametrize(
    ("function", "restricted"),
    [
        (tf.exp, True),
        (tf.nn.relu, False),
        (tf.nn.gelu, False),
        (lambda x: tf.nn.gelu(x, approximate=True), False),
        (keras.activations.celu, False),
        (lambda x: x**1.5, True),
        (lambda x: x**3.0, False),
        (lambda x: 1 / x, True),
        (lambda x: x * tf.exp(x), True),
        (lambda x: x / (1 + tf.abs(x)), True),
        (lambda x: x * tf.math.log(tf.nn.relu(x)), True),
        (lambda x: x * tf.exp(tf.nn.relu(x)), True),
        (lambda x: x / tf.square(x), True),
    ],
)
def test_functions_that_are_not_evaluated_elsewhere(function, restricted):
    graph, _ = trace(function, tf.TensorSpec((None, 3)))
    op = graph.producer[graph.outputs[0]]
    root = next(value for value in op.inputs if graph.varies(value))
    activation = Activations(graph).ending_at(op) or Activation(root, op.outputs[0], (op,))
    assert is_restricted(activation) is restricted


def test_sign_of_the_input_of_an_even_function_does_not_matter():
    """relu(x2 - |x1|) at 2 and at -2, where |x| falls."""

    def function(x):
        return tf.nn.relu(x[:, 1] - tf.abs(x[:, 0]))

    for first in (2.0, -2.0):
        np.testing.assert_allclose(contributions(function, [first, 3.0], [0.0, 0.0]), [-1.0, 2.0])


def test_multipliers_of_parts_go_with_the_parts_as_they_are_reported():
    """tanh(f(x1 + x2)) with f(x) = -x, between whose kinks nothing is weighted: parts 2 and -3 become -2 and 3."""

    def function(x):
        total = x[:, :1] + x[:, 1:]
        return tf.tanh(tf.nn.relu(-total) - tf.nn.relu(total))

    def of_layer(wanted):
        [result], _ = explain_function(
            function, [[[2.0, -3.0]]], [[[0.0, 0.0]]], rule="reveal_cancel", wanted=wanted, layer_before="Tanh"
        )
        return result.item()

    parts = [of_layer("positive_difference"), of_layer("negative_difference")]
    multipliers = [of_layer("positive_multipliers"), of_layer("negative_multipliers")]
    np.testing.assert_allclose(parts, [-2.0, 3.0])
    # (tanh(1) - tanh(3)) / 2 and (tanh(3) + tanh(1) - tanh(-2)) / 2 and so on, each by its part.
    t = np.tanh
    of_negative, of_positive = (t(-2) + t(1) - t(3)) / 2 / -2, (t(3) + t(1) - t(-2)) / 2 / 3
    np.testing.assert_allclose(multipliers, [of_negative, of_positive])
    np.testing.assert_allclose(np.dot(parts, multipliers), of_layer("contributions"))
    np.testing.assert_allclose(of_layer("multipliers"), (of_negative + of_positive) / 2)


def test_rounding_does_not_take_a_part_across_a_jump():
    """relu's derivative of y = relu(w x) jumps at 0, where y is at the reference.

    All of y's difference is positive. In single precision its parts are rounded, and the negative one is no exact zero.
    """
    weights = np.random.default_rng(0).uniform(0.1, 1, (40, 30))
    rows = np.random.default_rng(1).uniform(0.1, 1, (20, 40))

    def function(x):
        y = tf.nn.relu(tf.matmul(x, tf.constant(weights, x.dtype)))
        return tf.nn.relu(tf.raw_ops.ReluGrad(gradients=tf.ones_like(y), features=y * 3.3))

    assert_sums_to_change(function, [rows], [np.zeros((1, 40))], rule="reveal_cancel", dtype=tf.float32, tolerance=1e-5)
