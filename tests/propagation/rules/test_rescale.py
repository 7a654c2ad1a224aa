import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.network import ops
from skdeeplift.propagation.pairing import Mode
from skdeeplift.propagation.rules.rescale import SMOOTH, derivative, nearly_zero, smooth_derivative
from tests.functions import DOMAINS, assert_sums_to_change, by_raw_op, explain_function


def explained(function, row, reference, **options):
    return explain_function(function, [[row]], [[reference]], **options)[0][0][0]


def two_layers(x):
    """relu(x1) - 2 relu(x2), without weights."""
    hidden = tf.nn.relu(x)
    return hidden[:, 0] - 2.0 * hidden[:, 1]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # Slopes 3/4 and 1, with the multipliers 1 and -2 behind them.
        ("rescale", [3 / 4, -2.0]),
        # The multiplier -2 is dropped.
        ("guided_backprop_rescale", [3 / 4, 0.0]),
        # No slope at all.
        ("pass_through", [1.0, -2.0]),
    ],
)
@pytest.mark.parametrize("function", [two_layers, lambda x: two_layers(x + 0.0 * tf.sigmoid(x))])
def test_multipliers_by_hand(rule, expected, function):
    """A row (3, 2) against (-1, 1)."""
    np.testing.assert_allclose(
        explained(two_layers, [3.0, 2.0], [-1.0, 1.0], rule=rule, wanted="multipliers"), expected
    )


def test_guided_drops_multipliers_of_other_activations_too():
    def function(x):
        return -tf.sigmoid(x[:, 0]) + tf.tanh(x[:, 1])

    multipliers = explained(function, [1.0, 1.0], [0.0, 0.0], rule="guided_backprop_rescale", wanted="multipliers")
    np.testing.assert_allclose(multipliers, [0, np.tanh(1.0)])


def test_pass_through_of_a_function_that_broadcasts():
    """max(x, (0, 0, 0)) of one column has three: the multiplier is the sum over them."""

    def function(x):
        return tf.maximum(x, tf.zeros((1, 3), x.dtype))

    np.testing.assert_allclose(explained(function, [2.0], [1.0], rule="pass_through", wanted="multipliers"), [3.0])


@pytest.mark.sampled(4)
@pytest.mark.parametrize("rule", ["rescale", "pass_through", "guided_backprop_rescale"])
@pytest.mark.parametrize("mode", list(Mode))
def test_parts_are_scaled_alike(mode, rule):
    """relu(x1 - x2) at (3, 2) against (0, 0): slope 1 for the parts 3 and -2.

    A function that falls, here with the slope -2, keeps the names of the parts in what is reported.
    """
    for function, expected in (
        (lambda x: tf.tanh(tf.nn.relu(x[:, :1] - x[:, 1:])), (3.0, -2.0)),
        (lambda x: tf.tanh((lambda y: y * 0.5 - tf.abs(y) * 2.5)(x[:, :1] - x[:, 1:])), (-6.0, 4.0)),
    ):
        for wanted, value in zip(("positive_difference", "negative_difference"), expected, strict=True):
            part = explained(function, [3.0, 2.0], [0.0, 0.0], mode=mode, wanted=wanted, layer_before="Tanh", rule=rule)
            np.testing.assert_allclose(part, [value], err_msg=wanted)


def test_pass_through_behind_what_parts_are_asked_of():
    """Nothing is read of the sigmoid, since no spread goes further than to the input of the hyperbolic tangent."""

    def function(x):
        return tf.sigmoid(tf.nn.relu(tf.tanh(x[:, :1] - x[:, 1:])))

    part = explained(
        function, [3.0, 2.0], [0.0, 0.0], wanted="positive_difference", layer_before="Tanh", rule="pass_through"
    )
    np.testing.assert_allclose(part, [3.0])


def test_relu_scales_by_the_secant():
    """relu(3) - relu(-1) = 3 over a difference of 4: the slope is 3/4, and of a row further left 0."""
    [contributions], _ = explain_function(tf.nn.relu, [[[3.0], [-5.0]]], [[[-1.0]]])
    np.testing.assert_allclose(contributions, [[3.0], [0.0]])


def test_several_references_add_up():
    """relu(2) against -2 and 1: 2 + 1; its multipliers 1/2 and 1 add up to 3/2."""
    [contributions], _ = explain_function(tf.nn.relu, [[[2.0]]], [[[-2.0], [1.0]]])
    [multipliers], _ = explain_function(tf.nn.relu, [[[2.0]]], [[[-2.0], [1.0]]], wanted="multipliers")
    np.testing.assert_allclose(contributions, [[3.0]])
    np.testing.assert_allclose(multipliers, [[1.5]])


def test_saturated_sigmoid_keeps_its_contribution():
    [contributions], _ = explain_function(tf.sigmoid, [[[50.0]]], [[[0.0]]])
    np.testing.assert_allclose(contributions, [[0.5]])


@pytest.mark.parametrize(
    ("function", "at", "slope"),
    [
        (tf.nn.relu, 0.0, 0.0),
        (tf.nn.relu, 2.0, 1.0),
        (lambda x: tf.nn.leaky_relu(x, 0.25), 0.0, 0.25),
        (lambda x: tf.nn.relu(x) - 0.25 * tf.nn.relu(-x), 0.0, 0.25),
        (tf.tanh, 0.5, 1 - np.tanh(0.5) ** 2),
        (tf.square, 3.0, 6.0),
    ],
)
def test_multiplier_without_a_difference_is_the_derivative_at_the_reference_from_the_left(function, at, slope):
    [multipliers], _ = explain_function(function, [[[at]]], [[[at]]], wanted="multipliers")
    np.testing.assert_allclose(multipliers, [[slope]], rtol=1e-12)


def test_difference_within_rounding_counts_as_none():
    x = np.float32(1000)
    [multipliers], _ = explain_function(
        tf.square, [[[np.nextafter(x, np.float32(2000))]]], [[[x]]], dtype=tf.float32, wanted="multipliers"
    )
    np.testing.assert_allclose(multipliers, [[2000.0]], rtol=1e-6)
    assert 1e-4 < nearly_zero(tf.constant([x])).numpy()[0] < 1e-3
    assert nearly_zero(tf.constant([0.0])).numpy()[0] == np.float32(1e-7)
    assert nearly_zero(tf.constant([0.0], tf.float64)).numpy()[0] == 1e-12


@pytest.mark.parametrize("side", [-1, 1])
def test_derivative_is_one_sided(side):
    @tf.function
    def differentiate(x):
        return derivative(tf.nn.relu, x, side), derivative(tf.exp, x, side), derivative(tf.sqrt, x, side)

    relu, exp, sqrt = differentiate(tf.constant([0.0, 1.0], tf.float64))
    np.testing.assert_allclose(relu, [side > 0, 1.0])
    np.testing.assert_allclose(exp, np.exp([0.0, 1.0]), rtol=1e-14)
    assert np.isfinite(sqrt).all()


UNARY = sorted(ops.where(family=ops.ACTIVATION))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("op_type", "mode"),
    [
        # How pairs meet does not depend on the function.
        pytest.param(op_type, mode, marks=() if mode is Mode.SHARED or op_type in ("Elu", "Relu") else pytest.mark.slow)
        for op_type in UNARY
        for mode in Mode
    ],
)
def test_every_activation_sums_to_the_change(op_type, mode):
    low, high = DOMAINS.get(op_type, (-3.0, 3.0))
    generator = np.random.default_rng(0)
    number = 2 if mode is Mode.SHARED else 8
    rows, references = generator.uniform(low, high, (4, 5)), generator.uniform(low, high, (number, 5))
    if op_type in ("Ceil", "Floor", "Rint", "Round", "Sign"):
        rows, references = rows * 3, references * 3
    assert_sums_to_change(by_raw_op(op_type), [rows], [references], mode=mode)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.maximum(x, 0.3),
        lambda x: tf.minimum(tf.constant(0.3, tf.float64), x),
        lambda x: tf.pow(x, 2.0),
        lambda x: tf.pow(tf.constant(2.0, tf.float64), x),
        lambda x: 2.0 / (x + 9.0),
        lambda x: tf.math.squared_difference(x, 0.5),
        lambda x: tf.math.atan2(x, tf.constant(2.0, tf.float64)),
        lambda x: tf.maximum(x[:, :1], tf.constant([0.1, 0.2, 0.3], tf.float64)),
    ],
)
def test_functions_of_one_tensor_and_a_constant(function):
    generator = np.random.default_rng(1)
    assert_sums_to_change(function, [generator.normal(size=(4, 5))], [generator.normal(size=(3, 5))])


def test_pole_under_a_clamp_is_one_function():
    """min(1/sqrt(x), 10) at 4 against 0, where the root alone is infinite: 1/2 - 10."""

    def function(x):
        return tf.minimum(tf.math.rsqrt(x), tf.constant(10.0, tf.float64))

    [contributions], _ = explain_function(function, [[[4.0]]], [[[0.0]]])
    np.testing.assert_allclose(contributions, [[-9.5]])


@pytest.mark.parametrize("op_type", sorted(SMOOTH))
def test_derivatives_of_smooth_functions_are_those_of_tensorflow(op_type):
    function, value = by_raw_op(op_type), tf.constant(np.linspace(0.2, 3, 15))
    with tf.GradientTape() as tape:
        tape.watch(value)
        result = function(value)
    np.testing.assert_allclose(smooth_derivative(op_type, value, result), tape.gradient(result, value), rtol=1e-14)


def test_derivative_that_is_not_finite_counts_as_zero():
    zero = tf.constant([0.0])
    np.testing.assert_array_equal(smooth_derivative("Sqrt", zero, zero), [0.0])


def first_class(function):
    return lambda x: function(x)[:, :1]


def test_two_classes_by_hand():
    """log_softmax of (1, 0) against (0, 0): log-sum-exp changes by log((e + 1)/2), all through the first logit."""
    [contributions], _ = explain_function(first_class(tf.nn.log_softmax), [[[1.0, 0.0]]], [[[0.0, 0.0]]])
    np.testing.assert_allclose(contributions, [[1 - np.log((np.e + 1) / 2), 0.0]], atol=1e-14)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("function", [tf.nn.softmax, tf.nn.log_softmax])
@pytest.mark.parametrize("mode", list(Mode))
def test_sums_to_the_change(function, mode):
    generator = np.random.default_rng(0)
    number = 3 if mode is Mode.SHARED else 12
    rows, references = generator.normal(size=(4, 6)) * 3, generator.normal(size=(number, 6)) * 3
    assert_sums_to_change(first_class(function), [rows], [references], mode=mode)


@pytest.mark.parametrize("offset", [0.0, 500.0, -500.0])
def test_float32_neither_overflows_nor_cancels(offset):
    generator = np.random.default_rng(0)
    rows, references = (generator.normal(size=(number, 8)) * 20 + offset for number in (6, 2))
    assert_sums_to_change(first_class(tf.nn.softmax), [rows], [references], tolerance=2e-4, dtype=tf.float32)


def test_row_equal_to_its_reference_has_no_contribution():
    [contributions], _ = explain_function(first_class(tf.nn.softmax), [[[1.0, 2.0]]], [[[1.0, 2.0]]])
    assert (contributions == 0).all()


@pytest.mark.parametrize(("weight", "dropped"), [(-1.0, True), (1.0, False)])
def test_guided_drops_multipliers_of_each_part(weight, dropped):
    """Behind it RevealCancel gives the positive and the negative part multipliers of their own, of one sign here."""
    inputs = keras.Input((2,), dtype="float64")
    hidden = keras.layers.Dense(1, "relu", name="guided", dtype="float64")(inputs)
    output = keras.layers.Dense(1, dtype="float64")(
        keras.layers.Activation("tanh", name="cancel", dtype="float64")(hidden)
    )
    network = keras.Model(inputs, output)
    network.set_weights([np.array([[1.0], [-1.0]]), np.ones(1), np.array([[weight]]), np.zeros(1)])
    X, cancel = np.array([[3.0, 4.5]]), {"cancel": "reveal_cancel"}

    def multipliers(rule):
        explainer = DeepLiftExplainer(network, rule=rule, reference=np.zeros(2), check="ignore").fit(X)
        return explainer.explain(X, multipliers=True).multipliers

    guided = multipliers({"guided": "guided_backprop_rescale", **cancel})
    np.testing.assert_allclose(guided, 0 * X if dropped else multipliers(cancel), rtol=1e-12)
