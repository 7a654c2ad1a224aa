"""Places of winners: values by hand, chains and rings of ranks, and sums on random networks."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from skdeeplift import DeepLiftExplainer, GradientExplainer, IntegratedGradientsExplainer
from skdeeplift.exceptions import SummationToDeltaWarning, UnsupportedOpError
from tests.functions import assert_sums_and_rows_stand_alone, explain_function

RULES = ("rescale", "reveal_cancel")
TABLE = tf.constant([1.0, 10.0, 100.0, 1000.0], tf.float64)
GENERATOR = np.random.default_rng(0)


def contributions_of(function, row, reference, rule="rescale"):
    """Explain one row of numbers against one reference."""
    rows, references = np.array([row], float), np.array([reference], float)
    return explain_function(function, [rows], [references], rule=rule)[0][0][0]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", RULES)
def test_two_winners_share_the_change_and_losers_have_none(rule):
    """The winner was 0 and is 1; z1 - z0 rises by 7, 5/7 of it by z1 and 2/7 by z0."""
    row, reference = [1, 5, 2, 0], [3, 0, 0, -4]
    cases = [
        (lambda x: tf.cast(tf.argmax(x, 1), tf.float64)[:, None], 1),
        (lambda x: tf.gather(TABLE, tf.argmax(x, 1))[:, None], 9),
        (lambda x: tf.one_hot(tf.argmax(x, 1), 4, dtype=tf.float64) * TABLE, 9),
        (lambda x: tf.cast(tf.equal(tf.range(4, dtype=tf.int64), tf.argmax(x, 1)[:, None]), tf.float64) * TABLE, 9),
        (lambda x: tf.gather(TABLE, tf.argmin(-x, 1))[:, None], 9),
        (lambda x: tf.gather(TABLE, tf.math.top_k(x, 1).indices), 9),
        (lambda x: tf.cast(tf.sequence_mask(tf.argmax(x, 1), 4), tf.float64) * TABLE, 1),
    ]
    for function, change in cases:
        found = contributions_of(function, row, reference, rule)
        np.testing.assert_allclose(found, np.array([2, 5, 0, 0]) / 7 * change, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_a_switch_of_two_experts_by_hand(rule):
    """Experts 2 x2 and 5 x2 for x2 = 1, chosen by x0 and x1; of the change of 3, x0 falls by 2 and x1 rises by 4."""

    def switch(x):
        factor = tf.gather(tf.constant([2.0, 5.0], tf.float64), tf.argmax(x[:, :2], 1))
        return (factor * x[:, 2])[:, None]

    np.testing.assert_allclose(contributions_of(switch, [1, 4, 1], [3, 0, 1], rule), [1, 2, 0], rtol=1e-12)
    # The winner stays: the expert's own change, and nothing for the contestants.
    np.testing.assert_allclose(contributions_of(switch, [9, 4, 2], [3, 0, 1], rule), [0, 0, 2], rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_of_two_winners_one_stays(rule):
    """Ranks 0, 1 become 1, 2: 0 left the two and 2 entered. They have all of the change, whatever the ranks count."""
    row, reference = [1, 5, 4, 0], [3, 2, 0, 0]
    for weights in ([1.0, 1.0], [1.0, 2.0]):

        def best(x, weights=weights):
            return tf.gather(TABLE, tf.math.top_k(x, 2).indices) * tf.constant(weights, tf.float64)

        change = np.dot(weights, [10 - 1, 100 - 10])
        expected = np.array([2, 0, 4, 0]) / 6 * change
        np.testing.assert_allclose(contributions_of(best, row, reference, rule), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_a_ring_of_ranks_by_hand(rule):
    """Element 0 falls from the first rank to the last, and the others stay: all of the change belongs to it."""

    def ranked(x):
        return tf.gather(TABLE, tf.argsort(x, direction="DESCENDING"))[:, :3] * tf.constant([1.0, 2.0, 3.0], tf.float64)

    # Places 0, 1, 2 become 1, 2, 0. Differences are -3, 0, 0, their mean is -1, and the differences from it -2, 1, 1.
    change = np.dot([1, 2, 3], [10 - 1, 100 - 10, 1 - 100])
    found = contributions_of(ranked, [0.5, 3, 2, -9], [3.5, 3, 2, -9], rule)
    np.testing.assert_allclose(found, [change, 0, 0, 0], rtol=1e-12, atol=1e-12)
    # All move up together by 1 as well, which changes no order.
    found = contributions_of(ranked, [1.5, 4, 3, -9], [3.5, 3, 2, -9], rule)
    np.testing.assert_allclose(found, np.array([-2 * -2, 1, 1, 0]) / 6 * change, rtol=1e-12, atol=1e-12)
    # By 2: differences are -1, 2, 2, and those from their mean the same as before.
    found = contributions_of(ranked, [2.5, 5, 4, -9], [3.5, 3, 2, -9], rule)
    np.testing.assert_allclose(found, np.array([-1 * -2, 2, 2, 0]) / 6 * change, rtol=1e-12, atol=1e-12)


def test_an_order_that_nothing_depends_on_contributes_nothing():
    """The mean over sorted elements is the mean over elements: its contributions are exactly those of the elements."""

    def mean_of_sorted(x):
        order = tf.argsort(x[:, :, 0])
        return tf.reduce_mean(tf.gather(tf.square(x), order, batch_dims=1), 1)

    rows, references = GENERATOR.normal(size=(2, 4, 5, 2))
    for rule in RULES:
        found, _ = explain_function(mean_of_sorted, [rows], [references], rule=rule)
        plain, _ = explain_function(lambda x: tf.reduce_mean(tf.square(x), 1), [rows], [references], rule=rule)
        np.testing.assert_allclose(found[0], plain[0], atol=1e-12)


def shapley_values(function, row, reference):
    """Compute the Shapley values of all numbers, from all coalitions."""
    number = len(row)
    values = np.zeros(number)
    for size in range(number):
        weight = math.factorial(size) * math.factorial(number - size - 1) / math.factorial(number)
        for player in range(number):
            for coalition in itertools.combinations([each for each in range(number) if each != player], size):
                before = np.array(reference, float)
                before[list(coalition)] = np.array(row)[list(coalition)]
                after = before.copy()
                after[player] = row[player]
                both = tf.reduce_sum(function(tf.constant([before, after])), 1).numpy()
                values[player] += weight * (both[1] - both[0])
    return values


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", RULES)
def test_contributions_beside_shapley_values(rule):
    """Where only one of two contestants moves, it decides in all coalitions."""

    def switch(x):
        return tf.gather(TABLE, tf.argmax(x, 1))[:, None]

    def two_best(x):
        return tf.gather(TABLE, tf.math.top_k(x, 2).indices)

    for function, row, reference in [
        (switch, [3, 5, 2, 0], [3, 1, 2, -1]),
        (switch, [0, 1, 2, 0], [3, 1, 2, 0]),
        (two_best, [3, 5, 4, 0], [3, 5, 0, 1]),
        (two_best, [0, 5, 3, 1], [4, 5, 3, 1]),
    ]:
        np.testing.assert_allclose(
            contributions_of(function, row, reference, rule), shapley_values(function, row, reference), atol=1e-9
        )


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", RULES)
def test_losers_at_both_ends_contribute_nothing(rule):
    rows, references = GENERATOR.normal(size=(2, 8, 6))
    for row, reference in zip(rows, references, strict=True):
        for number in (1, 2, 3):

            def best(x, number=number):
                return tf.gather(tf.range(6, dtype=tf.float64) ** 2, tf.math.top_k(x, number).indices)

            found = contributions_of(best, row, reference, rule)
            best_x, best_r = (set(np.argsort(-each)[:number]) for each in (row, reference))
            # Whoever is among the best at both ends has no part in who enters and who leaves.
            assert not found[list(set(range(6)) - (best_x ^ best_r))].any() or best_x == best_r or number > 1
            assert not found[list(set(range(6)) - best_x - best_r)].any()


class Winners(layers.Layer):
    """Layer that depends on the winners among eight numbers, or among four positions of two channels."""

    def __init__(self, seed):
        super().__init__(dtype="float64")
        self.rng = np.random.default_rng(seed)
        self.chosen = self.rng.permutation(10)[:4]
        self.tables = [tf.constant(self.rng.normal(size=(8, 3))), tf.constant(self.rng.normal(size=(4, 4, 3)))]

    def call(self, x):
        z, (table, grid) = ops.reshape(x, (-1, 4, 2)), self.tables
        order = ops.argsort(z[..., :1], 1)
        rows, first = tf.range(tf.shape(x)[0]), tf.argmax(x[:, :4], 1, output_type=tf.int32)
        weights, places = ops.top_k(ops.softmax(x), 2)
        results = [
            lambda: ops.take(table, ops.argmax(x, -1), axis=0),
            lambda: ops.sum(weights[..., None] * tf.gather(table, places), 1),
            lambda: ops.take_along_axis(z, order, 1) * ops.arange(4, dtype="float64")[:, None],
            lambda: tf.gather(ops.tanh(z), tf.math.top_k(z[..., 0], 2).indices, batch_dims=1),
            lambda: tf.gather_nd(grid, tf.stack([first, tf.argmin(x[:, 4:], 1, output_type=tf.int32)], 1)),
            lambda: tf.gather(tf.reshape(ops.tanh(z), (-1, 2)), first + 4 * rows),
            lambda: tf.tensor_scatter_nd_update(ops.tanh(x), tf.stack([rows, first], 1), x[:, 7]),
            lambda: ops.one_hot(ops.argmax(ops.matmul(z, ops.transpose(z, (0, 2, 1))), -1), 4, dtype="float64") @ z,
            lambda: x * ops.cast(ops.equal(ops.arange(8), ops.argmax(x, -1, keepdims=True)), x.dtype),
            lambda: ops.take(table, ops.argmin(ops.sum((x[:, None, :3] - table) ** 2, -1), -1), axis=0),
        ]
        found = [ops.reshape(results[number](), (ops.shape(x)[0], -1)) for number in self.chosen]
        sizes = [3, 3, 8, 4, 3, 2, 8, 8, 8, 3]
        parts = [ops.reshape(each, (-1, sizes[number])) for each, number in zip(found, self.chosen, strict=True)]
        return ops.concatenate(parts, -1)


def network_of_winners(seed):
    """Make a network of random weights with two layers of winners."""
    keras.utils.set_random_seed(seed)
    x = keras.Input((6,), dtype="float64")
    hidden = Winners(seed)(layers.Dense(8, dtype="float64", name="first")(x))
    hidden = layers.Dense(8, "tanh", dtype="float64", name="last")(hidden)
    return keras.Model(x, layers.Dense(1, dtype="float64")(Winners(seed + 100)(hidden)))


SLOW, EXHAUSTIVE = pytest.mark.slow, (pytest.mark.slow, pytest.mark.exhaustive)
SEEDS = [0, *(pytest.param(seed, marks=SLOW if seed < 3 else EXHAUSTIVE) for seed in range(1, 8))]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "rule",
    [*RULES, *(pytest.param(rule, marks=pytest.mark.slow) for rule in ("genomics_default", {"last": "reveal_cancel"}))],
)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.slow
def test_contributions_of_random_networks_sum_and_each_row_stands_alone(rule, seed):
    assert_sums_and_rows_stand_alone(network_of_winners(seed), rule, seed)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [pytest.param("rescale", marks=pytest.mark.slow), "reveal_cancel"])
def test_a_layer_before_its_winners_is_explained(rule):
    network = network_of_winners(3)
    rows, references = GENERATOR.normal(size=(2, 5, 6))
    explainer = DeepLiftExplainer(network, rule=rule, layer="first", reference=references[:2], check="raise").fit(rows)
    explanation = explainer.explain(rows)
    change = explanation.prediction - explanation.reference_value
    np.testing.assert_allclose(explanation.contributions.sum(1), change, atol=1e-10 * np.abs(change).max())


class GreedyDecoder(layers.Layer):
    """Recurrent cell whose most likely token is looked up and fed back four times."""

    def build(self, shape):
        self.embedding, self.cell = layers.Embedding(7, 4, dtype="float64"), layers.GRUCell(5, dtype="float64")
        self.start, self.logits = layers.Dense(5, "tanh", dtype="float64"), layers.Dense(7, dtype="float64")
        for layer, size in ((self.embedding, None), (self.cell, 4), (self.logits, 5), (self.start, shape[-1])):
            layer.build((None,) if size is None else (None, size))

    def call(self, x):
        def step(number, state, token, counts):
            output, [state] = self.cell(self.embedding(token), [state])
            token = tf.argmax(self.logits(output), -1, output_type=tf.int32)
            return number + 1, state, token, counts + tf.one_hot(token, 7, dtype=tf.float64)

        rows = tf.shape(x)[0]
        begin = 0, self.start(x), tf.zeros((rows,), tf.int32), tf.zeros((rows, 7), tf.float64)
        _, state, _, counts = tf.while_loop(lambda number, *_: number < 4, step, begin)
        return ops.concatenate([counts, state], -1)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_greedy_feedback_through_an_embedding(rule):
    keras.utils.set_random_seed(1)
    x = keras.Input((3,), dtype="float64")
    network = keras.Model(x, layers.Dense(1, dtype="float64")(GreedyDecoder(dtype="float64")(x)))
    X = 3 * GENERATOR.normal(size=(20, 3))
    explanation = DeepLiftExplainer(network, rule=rule, reference="zeros", check="raise").fit(X).explain(X)
    change = explanation.prediction - explanation.reference_value
    assert np.unique(change.round(6)).size > 10
    np.testing.assert_allclose(explanation.convergence_delta, np.zeros(20), atol=1e-10 * np.abs(change).max())


def test_the_gradient_of_a_winner_is_refused():
    network = keras.Sequential([keras.Input((3,)), layers.Lambda(lambda x: ops.one_hot(ops.argmax(x, -1), 3))])
    X = np.eye(3, dtype="float32")
    assert DeepLiftExplainer(network, target=0, reference=[0, 0, 1.0]).fit(X).transform(X)[0].sum() == pytest.approx(1)
    for explainer in (GradientExplainer, IntegratedGradientsExplainer):
        with pytest.raises(UnsupportedOpError, match="has no derivative"):
            explainer(network, target=0).fit(X).transform(X)


def test_integrated_gradients_warn_where_a_winner_changes():
    network = keras.Sequential(
        [keras.Input((3,)), layers.Lambda(lambda x: x[:, :1] * tf.gather(tf.range(3.0), tf.argmax(x, 1))[:, None])]
    )
    X = np.array([[1, 5, 0]], "float32")
    with pytest.warns(SummationToDeltaWarning):
        IntegratedGradientsExplainer(network, reference=[[4.0, 0, 0]]).fit(X).explain(X)
