"""Hard decisions: values by hand, sums on random networks, and who receives what."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from skdeeplift import DeepLiftExplainer, GradientExplainer, IntegratedGradientsExplainer
from skdeeplift.exceptions import SummationToDeltaWarning, UnsupportedOpError
from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_and_rows_stand_alone, explain_function

RULES = ("rescale", "reveal_cancel")


def contributions_of(function, row, reference, rule="rescale"):
    """Explain one row of numbers against one reference."""
    contributions, _ = explain_function(function, [np.array([row])], [np.array([reference])], rule=rule)
    return contributions[0][0]


@pytest.mark.parametrize("rule", RULES)
def test_values_by_hand(rule):
    def number(condition):
        return tf.cast(condition, tf.float64)

    cases = [
        # A condition that changes receives the difference between the branches, if nothing else moves.
        (lambda x: tf.where(x[:, :1] > x[:, 1:2], x[:, 2:], -x[:, 2:]), (2, 1, 3), (0, 1, 3), (6, 0, 0)),
        # z = x0 - x1 rises from -1 to 2, so the slope is 1/3.
        (lambda x: number(x[:, :1] > x[:, 1:2]), (2, 0, 9), (0, 1, 3), (2 / 3, 1 / 3, 0)),
        # The slope of a falling step is negative.
        (lambda x: number(x[:, :1] <= 1.0), (2, 0, 9), (0, 1, 3), (-1, 0, 0)),
        # Both conditions become true: two players share the change.
        (lambda x: number((x[:, :1] > 0) & (x[:, 1:2] > 0)), (1, 1, 9), (-1, -1, 3), (1 / 2, 1 / 2, 0)),
        # The second condition was true before, so the first has all of it.
        (lambda x: number((x[:, :1] > 0) & (x[:, 1:2] > 0)), (1, 2, 9), (-1, 1, 3), (1, 0, 0)),
        (lambda x: number((x[:, :1] > 0) | (x[:, 1:2] > 0)), (1, 1, 9), (-1, -1, 3), (1 / 2, 1 / 2, 0)),
        # Whole numbers: 2 * 3 - 1 * 1, by the rule for products.
        (
            lambda x: tf.cast(tf.cast(x[:, :1], tf.int32) * tf.cast(x[:, 1:2], tf.int32), x.dtype),
            (2.5, 3.5, 9),
            (1.2, 1.1, 3),
            ((2 - 1) * (3 + 1) / 2, (3 - 1) * (2 + 1) / 2, 0),
        ),
        # Of a count each element has its own step.
        (lambda x: tf.reduce_sum(tf.cast(x > 1.0, tf.int32), 1), (2, 0, 9), (0, 2, 3), (1, -1, 0)),
        (lambda x: number(tf.reduce_any(x > 5.0, 1)), (2, 0, 9), (0, 2, 3), (0, 0, 1)),
        # The branch that is not taken is not read, though it is not a number.
        (lambda x: tf.where(x[:, :1] > 0, tf.math.log(x[:, 1:2]), x[:, 2:]), (-1, -1, 9), (-2, -3, 3), (0, 0, 6)),
        # The condition changes and one branch is not a number at one end: the condition receives all of the change.
        (lambda x: tf.where(x[:, :1] > 0, tf.math.log(x[:, 1:2]), x[:, 2:]), (1, 1, 9), (-2, -3, 3), (-3, 0, 0)),
    ]
    for function, row, reference, expected in cases:
        found = contributions_of(function, np.float64(row), np.float64(reference), rule)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


class Decisions(layers.Layer):
    """Layer that draws hard decisions about its input."""

    def __init__(self, seed):
        super().__init__(dtype="float64")
        self.choices = np.random.default_rng(seed).permutation(8)

    def call(self, x):
        a, b, c = x[:, ::3], x[:, 1::3], x[:, 2::3]
        results = [
            ops.where(a > b, ops.tanh(c), a * b),
            ops.where(ops.logical_and(a > 0, ops.logical_or(b > 0, ops.logical_not(c > a))), c, -a),
            ops.cast(ops.logical_xor(a > b, c > 0), x.dtype) * a,
            ops.floor(2 * a) + ops.sign(b) * c,
            ops.cast(ops.cast(3 * a, "int32") * ops.cast(2 * b, "int32"), x.dtype),
            ops.where(ops.any(x > 1, -1, keepdims=True), a, ops.where(ops.all(x > -2, -1, keepdims=True), b, c)),
            ops.mod(a, b) + ops.where(c > 0, ops.log(c), a),
            ops.cast(ops.sum(ops.cast(x > 0, "int32"), -1, keepdims=True), x.dtype) * b,
        ]
        return ops.concatenate([results[number] for number in self.choices[:4]], -1)


def network_of_decisions(seed):
    """Make a network of random weights with two layers of hard decisions."""
    keras.utils.set_random_seed(seed)
    x = keras.Input((6,), dtype="float64")
    hidden = layers.Dense(9, "tanh", dtype="float64")(Decisions(seed)(layers.Dense(9, dtype="float64")(x)))
    return keras.Model(x, layers.Dense(1, dtype="float64")(Decisions(seed + 100)(hidden)))


SLOW, EXHAUSTIVE = pytest.mark.slow, (pytest.mark.slow, pytest.mark.exhaustive)
SEEDS = [0, *(pytest.param(seed, marks=SLOW if seed < 3 else EXHAUSTIVE) for seed in range(1, 6))]


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_contributions_of_random_networks_sum_and_each_row_stands_alone(rule, seed):
    assert_sums_and_rows_stand_alone(network_of_decisions(seed), rule, seed)


@pytest.mark.parametrize("rule", RULES)
def test_bits_and_remainders_by_hand(rule):
    """Two players share the change of a function of two whole numbers."""

    def of_whole(function):
        return lambda x: tf.cast(function(*(tf.cast(x[:, n : n + 1], tf.int32) for n in (0, 1))), x.dtype)

    row, reference = (6, 5, 0), (3, 9, 0)
    for function in (
        lambda a, b: a & b,
        lambda a, b: a | b,
        lambda a, b: a ^ b,
        lambda a, b: a // b,
        lambda a, b: a % b,
        tf.bitwise.left_shift,
        tf.bitwise.right_shift,
        tf.truncatemod,
        tf.truncatediv,
    ):
        a, b, both, neither = (
            int(function(tf.constant(x), tf.constant(y))) for x, y in ((6, 9), (3, 5), (6, 5), (3, 9))
        )
        expected = [(both - b + a - neither) / 2, (both - a + b - neither) / 2, 0]
        found = contributions_of(of_whole(function), row, reference, rule)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    found = contributions_of(of_whole(lambda a, b: tf.bitwise.invert(a) * b), (6, 1, 0), (3, 1, 0), rule)
    np.testing.assert_allclose(found, [-3, 0, 0])


@pytest.mark.parametrize("rule", RULES)
def test_steps_of_quantisation_by_hand(rule):
    """15 steps from -1 to 0.875; 0.3 becomes 0.25 and -0.7 becomes -0.75."""
    bounds = dict(min=-1.0, max=0.875, num_bits=4)
    per_channel = dict(bounds, min=[-1.0, -1.0], max=[0.875, 0.875])
    quantised = [
        lambda x: tf.quantization.fake_quant_with_min_max_args(x, **bounds),
        lambda x: tf.quantization.fake_quant_with_min_max_vars(x, **bounds),
        lambda x: tf.quantization.fake_quant_with_min_max_vars_per_channel(x, **per_channel),
        lambda x: tf.quantization.quantize_and_dequantize_v2(x, -1.0, 0.875, num_bits=4, range_given=True),
        lambda x: tf.round(8 * x) / 8,
    ]
    for function in quantised:
        [found], _ = explain_function(function, [[[0.3, 0.1]]], [[[-0.7, 0.1]]], dtype=tf.float32, rule=rule)
        np.testing.assert_allclose(found, [[1, 0]], atol=1e-6)


def quantised_network(kind):
    """Make a network with whole numbers of eight bits as weights and inputs of its products."""
    keras.utils.set_random_seed(0)
    if kind == "tokens":
        inputs = keras.Input((5,), dtype="int32")
        hidden = layers.Dense(8, "relu")(layers.Flatten()(layers.Embedding(10, 8)(inputs)))
    elif kind == "attention":
        inputs = keras.Input((5, 8))
        hidden = layers.EinsumDense("abc,cd->abd", output_shape=(5, 4))(layers.MultiHeadAttention(2, 4)(inputs, inputs))
        hidden = layers.Flatten()(hidden)
    else:
        inputs = keras.Input((6,))
        hidden = layers.Dense(16, "relu")(inputs)
    network = keras.Model(inputs, layers.Dense(1)(hidden))
    with warnings.catch_warnings():
        # Layers without weights have nothing to quantise.
        warnings.simplefilter("ignore")
        network.quantize("int8")
    return network


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "kind",
    ["numbers", pytest.param("tokens", marks=pytest.mark.slow), pytest.param("attention", marks=pytest.mark.slow)],
)
@pytest.mark.slow
def test_a_network_in_whole_numbers_of_eight_bits(kind, rule):
    network, rng = quantised_network(kind), np.random.default_rng(0)
    shape = (8, *network.inputs[0].shape[1:])
    X = rng.integers(0, 10, shape) if kind == "tokens" else rng.normal(size=shape).astype("float32")
    explainer = DeepLiftExplainer(network, rule=rule, reference=X[:2], check="raise").fit(X)
    explanation = explainer.explain(X)
    change = np.abs(explanation.prediction - explanation.reference_value).max()
    assert np.abs(explanation.convergence_delta).max() < 1e-5 * change
    np.testing.assert_allclose(explainer.transform(X[[5]])[0], explanation.contributions[5], atol=1e-5 * change)


def flagged(dtype):
    """Make a network in which a flag turns the sign of a number."""
    x, flag = keras.Input((1,), dtype="float64"), keras.Input((1,), dtype=dtype)
    return keras.Model([x, flag], ops.where(ops.equal(flag, 1), 3 * x, -x))


@pytest.mark.parametrize("dtype", ["bool", "int32", "float64"])
def test_the_reference_of_a_flag_is_the_one_that_was_given(dtype):
    X = [np.array([[1.0], [1.0]]), np.array([[1], [0]], dtype)]
    reference = [np.array([[1.0]]), np.array([[0]], dtype)]
    explanation = DeepLiftExplainer(flagged(dtype), reference=reference).fit(X).explain(X)
    assert explanation.reference_value.tolist() == [-1.0, -1.0]
    np.testing.assert_allclose(explanation.contributions[0], [[0], [0]])
    np.testing.assert_allclose(explanation.contributions[1], [[4], [0]])


def test_integrated_gradients_warn_where_a_condition_changes():
    X, reference = [np.ones((1, 1)), np.ones((1, 1))], [np.ones((1, 1)), np.zeros((1, 1))]
    explainer = IntegratedGradientsExplainer(flagged("float64"), reference=reference).fit(X)
    with pytest.warns(SummationToDeltaWarning, match=r"f\(x\) - f\(reference\) is 4"):
        explainer.explain(X)


def test_the_gradient_of_a_decision_is_refused():
    network = keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: ops.cast(x[:, :1] > x[:, 1:], "float32"))])
    X = np.eye(2, dtype="float32")
    np.testing.assert_allclose(DeepLiftExplainer(network, reference="zeros").fit(X).transform(X), [[1, 0], [0, 0]])
    with pytest.raises(UnsupportedOpError, match="derivative"):
        GradientExplainer(network).fit(X).transform(X)


def test_a_place_that_the_network_computes_from_numbers_is_refused():
    network = keras.Sequential(
        [keras.Input((3,)), layers.Lambda(lambda x: tf.tile(x[:1], [tf.cast(x[0, 0] * 0.0, tf.int32) + 1, 1]))]
    )
    X = np.ones((2, 3), "float32")
    with pytest.raises(UnsupportedOpError, match="'Tile'"):
        DeepLiftExplainer(network, target=0, reference="zeros").fit(X).transform(X)


INFINITY = float("inf")


@pytest.mark.parametrize("rule", RULES)
def test_infinite_numbers_in_place_of_masked_ones_by_hand(rule):
    def keep(x, condition=None, other=-INFINITY):
        return tf.where(x > 0 if condition is None else condition, x, tf.constant(other, x.dtype))

    def total(x):
        return tf.reduce_sum(x, 1, keepdims=True)

    cases = [
        # The first wins by 3 and the second by 2 at the reference. The third is hidden at the row.
        (lambda x: tf.reduce_max(keep(x), 1, keepdims=True), (3, 2, -1), (1, 2, 1.5), (1, 0, 0)),
        # The third was the least, until it was hidden.
        (lambda x: tf.reduce_min(keep(x, other=INFINITY), 1, keepdims=True), (3, 2, -1), (4, 5, 1), (0, 0, 1)),
        # The winner was hidden before.
        (lambda x: tf.reduce_max(keep(x), 1, keepdims=True), (3, 2, 1), (-1, 2, 1), (1, 0, 0)),
        # What was hidden is zero behind the exponential.
        (lambda x: total(tf.exp(keep(x))), (np.log(3), -1, -5), (-1, np.log(2), -9), (3, -2, 0)),
        # The first keeps its score, and loses to the third, which was hidden.
        (lambda x: tf.nn.softmax(keep(x))[:, :1], (1, 1, 1), (1, 1, 1), (0, 0, 0)),
        (lambda x: tf.nn.softmax(keep(x))[:, :1], (1, 1, 1), (1, 1, -1), (0, 0, 1 / 3 - 1 / 2)),
        # Nothing changes that is hidden at both ends, nor by a constant mask.
        (lambda x: total(tf.nn.softmax(keep(x)) * x), (1, 1, -4), (1, 1, -1), (0, 0, 0)),
        (lambda x: total(tf.exp(keep(x, [True, False, True]))), (0, 7, 0), (np.log(2), 3, np.log(3)), (-1, 0, -2)),
    ]
    for function, row, reference, expected in cases:
        found = contributions_of(function, np.float64(row), np.float64(reference), rule)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def _networks_with_hidden_scores(rng):
    """Yield functions of six numbers that hide scores by infinite numbers, or by nearly infinite ones."""
    of_scores, of_mask, last = rng.normal(size=(6, 6)), rng.normal(size=(6, 6)), rng.normal(size=(6, 1))

    def mask(x):
        return (x @ of_mask > 0) | (tf.range(6) == 0)

    def hidden(x, by=-INFINITY):
        return tf.where(mask(x), x @ of_scores, tf.constant(by, x.dtype))

    def hide_in_loop(x):
        def step(number, state):
            return number + 1, tf.tanh(state + tf.nn.softmax(hidden(state)))

        return tf.while_loop(lambda number, _: number < 3, step, [0, x])[1]

    for number in (-INFINITY, -2e38):
        yield lambda x, by=number: tf.nn.softmax(hidden(x, by)) @ last
        # Scores are scaled behind the mask, by a constant and by a temperature.
        yield lambda x, by=number: tf.nn.softmax(hidden(x, by) / 4) @ last
        yield lambda x, by=number: tf.nn.softmax(hidden(x, by) * tf.sigmoid(x[:, :1])) @ last
        yield lambda x, by=number: tf.nn.softmax(hidden(x, by) / tf.exp(x[:, :1])) @ last
        yield lambda x, by=number: tf.nn.softmax(x @ of_scores + tf.where(mask(x), 0 * x, by)) @ last
    yield lambda x: tf.nn.softmax(x @ of_scores + (1 - tf.cast(mask(x), x.dtype)) * -1e38) @ last
    yield lambda x: tf.nn.softmax(x @ of_scores + tf.math.log(tf.cast(mask(x), x.dtype))) @ last
    yield lambda x: tf.reduce_logsumexp(hidden(x), 1, keepdims=True)
    yield lambda x: tf.nn.relu(tf.reduce_max(hidden(x), 1, keepdims=True))
    yield lambda x: tf.tanh(tf.reduce_min(hidden(x, INFINITY), 1, keepdims=True))
    yield lambda x: tf.nn.relu(tf.math.top_k(hidden(x), 3)[0]) @ last[:3]
    yield lambda x: tf.gather(tf.tanh(x @ of_mask), tf.argmax(hidden(x), 1), batch_dims=1)[:, None]
    yield lambda x: tf.nn.softmax(tf.where(x > -1.0, x, -INFINITY) + 0 * x @ of_scores) @ last
    yield lambda x: hide_in_loop(x) @ last


HIDING = list(_networks_with_hidden_scores(np.random.default_rng(0)))


@pytest.mark.sampled(5)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("number", range(len(HIDING)))
def test_contributions_sum_where_scores_are_hidden(number, rule):
    network = tf.function(HIDING[number], input_signature=[tf.TensorSpec((None, 6), tf.float64)])
    assert_sums_and_rows_stand_alone(network, rule, seed=1)


def test_a_mask_that_is_explained_in_single_precision():
    """Slopes as small as one over 2e38 are no longer numbers of single precision."""
    items, mask = keras.Input((4, 3)), keras.Input((4,), dtype="bool")
    hidden = layers.MultiHeadAttention(1, 3)(items, items, attention_mask=mask[:, None])
    network = keras.Model([items, mask], layers.Dense(1)(hidden[:, 0]))
    rows = [np.random.default_rng(0).normal(size=(6, 4, 3)), np.arange(4) < np.array([1, 2, 3, 4, 2, 1])[:, None]]
    explainer = DeepLiftExplainer(network, reference=["mean", True], check="raise").fit(rows)
    assert explainer.transform(rows)[1].any()


def _of_rows(function):
    return lambda x: tf.map_fn(function, x)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", RULES)
def test_branches_that_a_row_chooses_by_hand(rule):
    """They are as a choice between what all branches return."""
    products = _of_rows(lambda x: tf.cond(x[0] > x[1], lambda: x[2:] * 2, lambda: -x[2:]))
    numbers = _of_rows(
        lambda x: tf.switch_case(tf.cast(x[0], tf.int32), [lambda: x[1:2], lambda: x[2:], lambda: x[2:]])
    )
    cases = [
        (products, (2, 1, 3), (0, 1, 3), (9, 0, 0)),
        (products, (2, 1, 3), (2, 1, 1), (0, 0, 4)),
        # The third number has half of its change by each branch, 2 and -1.
        (products, (2, 1, 3), (0, 1, 1), (6, 0, 1)),
        (numbers, (1.5, 4, 9), (0.5, 4, 9), (5, 0, 0)),
        (numbers, (7, 4, 9), (-3, 4, 8), (0, 0, 1)),
    ]
    for function, row, reference, expected in cases:
        found, change = explain_function(
            function, [np.float64([row])], [np.float64([reference])], rule=rule, mode=Mode.PAIR_SIZE
        )
        np.testing.assert_allclose(found[0][0], expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found[0].sum(), change[0])


def _branches_that_a_row_chooses():
    weights = np.random.default_rng(0).normal(size=(6, 6))

    def loop(x):
        return tf.while_loop(
            lambda step, _: step < 3, lambda step, state: (step + 1, tf.tanh(state + x[:1])), [0, x[:1]]
        )

    def by_autograph(x):
        if x[0] > 0:
            y = x[1:2] * x[2:3]
        else:
            y = tf.nn.relu(x[3:4])
        return y

    return [
        lambda x: tf.cond(x[0] > x[1], lambda: tf.reduce_sum(tf.nn.relu(x[None] @ weights), 1), lambda: x[:1] * x[1:2]),
        lambda x: tf.add(*tf.cond(x[0] > x[1], lambda: (x[2:3] ** 2, x[:1]), lambda: (-x[2:3], tf.exp(x[:1])))),
        lambda x: tf.cond(x[0] > 0, lambda: tf.cond(x[1] > 0, lambda: x[2:3], lambda: 2 * x[3:4]), lambda: x[:1]),
        lambda x: tf.cond(x[0] > 0, lambda: loop(x)[1], lambda: x[1:2]),
        # The branch that is not taken is not finite.
        lambda x: tf.cond(x[0] > 0, lambda: tf.math.log(x[:1]), lambda: x[1:2]),
        by_autograph,
    ]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("number", range(6))
def test_contributions_sum_where_a_row_chooses_a_branch(number, rule):
    function = _of_rows(_branches_that_a_row_chooses()[number])
    network = tf.function(function, input_signature=[tf.TensorSpec((None, 6), tf.float64)])
    assert_sums_and_rows_stand_alone(network, rule, seed=1)
