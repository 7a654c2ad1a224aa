import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer, GradientExplainer, IntegratedGradientsExplainer
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.network import trace
from skdeeplift.propagation.lookups import Vocabulary, input_sources, vocabulary_sizes
from skdeeplift.propagation.rulesets import RESCALE
from skdeeplift.propagation.streams import Streams

TABLE = tf.constant(np.random.default_rng(0).normal(size=(7, 2)), tf.float32)
TOKENS = tf.TensorSpec((None, 4), tf.int32)


def graph_of(function, *specs):
    return trace(lambda structure: function(*structure), list(specs or [TOKENS]))[0]


def places(function, *specs):
    """Return for each input the positions that the elements of looked-up values belong to."""
    graph = graph_of(function, *specs)
    sources = input_sources(graph, graph.outputs[0])
    return [None if each.starts is None else [elements.tolist() for _, elements in each.starts] for each in sources]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda t: tf.gather(TABLE, t), [[0, 0], [1, 1], [2, 2], [3, 3]]),
        (lambda t: tf.gather(TABLE, tf.reverse(t[:, 1:], [1])), [[3, 3], [2, 2], [1, 1]]),
        (lambda t: tf.gather(TABLE, tf.reshape(t, [-1, 2, 2])), [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]),
        (lambda t: tf.gather(TABLE, t[:, 2]), [2, 2]),
        (lambda t: tf.gather(TABLE, tf.where(t < 0, t + 7, t) // 2)[:, 3], [[0, 0], [1, 1], [2, 2], [3, 3]]),
        (lambda t: tf.one_hot(t[:, :2], 3), [[0, 0, 0], [1, 1, 1]]),
        (lambda t: tf.one_hot(t[:, :2], 3, axis=1), [[0, 1], [0, 1], [0, 1]]),
        (lambda t: tf.cast(tf.concat([t, t[:, :1]], 1), tf.float32), [0, 1, 2, 3, 0]),
        (
            lambda t: tf.cast(tf.transpose(tf.stack([t, t + 1], 1), [0, 2, 1]), tf.float32),
            [[0] * 2, [1] * 2, [2] * 2, [3] * 2],
        ),
    ],
)
def test_where_differences_belong(function, expected):
    assert places(function) == [[expected]]


def test_inputs_that_are_looked_up_several_times_or_never():
    def function(tokens, numbers, others, mask):
        embedded = tf.gather(TABLE, tokens[:, :1]) + tf.gather(TABLE, others)
        return tf.reduce_sum(embedded, [1, 2]) + tf.reduce_sum(tf.where(mask, numbers, 0.0), 1)

    found = places(
        function,
        TOKENS,
        tf.TensorSpec((None, 2)),
        tf.TensorSpec((None, 1), tf.int64),
        tf.TensorSpec((None, 2), tf.bool),
    )
    assert found == [[[[0, 0]]], None, [[[0, 0]]], None]


def test_numbers_that_are_also_looked_up():
    """A number's own difference counts beside that of what is found by it."""
    found = places(lambda x: x + tf.gather(TABLE[:, 0], tf.cast(x, tf.int32)), tf.TensorSpec((None, 2)))
    assert found == [[[0, 1], [0, 1]]]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda t: tf.one_hot(tf.strings.to_hash_bucket_fast(tf.strings.reduce_join(tf.as_string(t), 1), 5), 5),
            "the op 'ReduceJoin' lies between the input and there",
        ),
        (
            lambda t: tf.one_hot(tf.strings.to_hash_bucket_fast(tf.as_string(t[:, :2]) + tf.as_string(t[:, 2:]), 5), 5),
            "lies between",
        ),
    ],
)
def test_differences_that_belong_to_no_element(function, message):
    with pytest.raises(UnsupportedOpError, match=message):
        places(function)


def test_indices_that_several_inputs_make():
    def function(a, b):
        return tf.one_hot(tf.strings.to_hash_bucket_fast(tf.concat([tf.as_string(a), tf.as_string(b)], 1), 5), 5)

    with pytest.raises(UnsupportedOpError, match="several inputs of the network meet there"):
        places(function, TOKENS, TOKENS)


SQUARES = tf.range(60, dtype=tf.float64)[:, None] ** 2


@pytest.mark.sampled(3)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        # 5 + 20 against 2 + 0: a step of the sum, of which the elements have 3 and 20.
        (lambda t: tf.gather(SQUARES, t[:, 0] + t[:, 1]), np.array([3, 20, 0, 0]) * 621 / 23),
        (lambda t: tf.gather(SQUARES, tf.reduce_sum(t[:, :2], 1)), np.array([3, 20, 0, 0]) * 621 / 23),
        # The place of the largest, 1 instead of 2.
        (lambda t: tf.gather(SQUARES, tf.argmax(t, 1)), np.array([0, 20, 4, 0]) * -3 / 24),
        # The second element at the row and the third at the reference.
        (
            lambda t: tf.gather(SQUARES, tf.gather(t, t[:, 3:] + 0 * t[:, :1], batch_dims=1))[:, 0],
            np.array([0, 10 * 20, -2 * 4, (20 + 0 - 3 - 7) / 2 * 17]) * (400 - 49) / 13,
        ),
        (lambda t: tf.gather(SQUARES, tf.gather(t, [1, 0], axis=1))[:, 0], np.array([0, 400, 0, 0])),
        (lambda t: tf.cast(tf.equal(t[:, 0], t[:, 2] + 2)[:, None], tf.float64), np.array([3, 0, 4, 0]) / 7),
    ],
)
def test_integers_that_are_mixed_are_numbers(function, expected, rule):
    row, reference = np.array([[5, 20, 3, 1]]), np.array([[2, 0, 7, 2]])
    inputs = keras.Input((4,), dtype="int32")
    network = keras.Model(
        inputs, keras.layers.Lambda(lambda t: tf.reshape(function(t), (-1, 1)), output_shape=(1,))(inputs)
    )
    explainer = DeepLiftExplainer(network, rule=rule, reference=reference, check="raise").fit(row)
    explanation = explainer.explain(row)
    change = explanation.prediction - explanation.reference_value
    np.testing.assert_allclose(explanation.contributions.sum(1), change, rtol=1e-10)
    if expected[3] == 0:
        np.testing.assert_allclose(explanation.contributions[0], expected, rtol=1e-10)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_integers_of_several_inputs_in_one_table(rule):
    """The place of the last token of a sequence, and tokens of two inputs side by side."""
    keras.utils.set_random_seed(0)
    tokens, more, number = (keras.Input((size,), dtype="int32") for size in (4, 2, 1))
    embedded = keras.layers.Embedding(9, 3)(keras.layers.Concatenate()([tokens, more]))
    hidden = keras.layers.Dense(3, "tanh")(embedded)
    last, best = (
        keras.layers.Lambda(
            lambda both, place=place: tf.gather(both[0], place(both[1]), batch_dims=1), output_shape=(3,)
        )
        for place in (lambda number: number[:, 0], lambda tokens: tf.argmax(tokens, 1))
    )
    last, best = last([hidden, number]), best([hidden, tokens])
    network = keras.Model([tokens, more, number], keras.layers.Dense(1)(keras.layers.Concatenate()([last, best])))
    rng = np.random.default_rng(0)
    X = [rng.integers(0, high, (12, size)) for high, size in ((9, 4), (9, 2), (6, 1))]
    explainer = DeepLiftExplainer(network, rule=rule, reference=[each[:2] for each in X], check="raise").fit(X)
    explanation = explainer.explain(X)
    change = explanation.prediction - explanation.reference_value
    total = sum(each.sum(1) for each in explanation.contributions)
    np.testing.assert_allclose(total, change, atol=1e-5 * np.abs(change).max())
    alone = explainer.transform([each[[3]] for each in X])
    for of_input, of_all in zip(alone, explanation.contributions, strict=True):
        np.testing.assert_allclose(of_input[0], of_all[3], atol=1e-5)


def test_rows_of_open_length():
    with pytest.raises(UnsupportedOpError, match="a known length, and pass rows of this length, padded"):
        places(lambda t: tf.gather(TABLE, t), tf.TensorSpec((None, None), tf.int32))


def test_vocabulary_of_each_element():
    def function(tokens, others, numbers):
        small, smaller = TABLE[:5], TABLE[:3]
        found = [
            tf.gather(small, tokens[:, :2]),
            tf.gather(smaller, tf.where(tokens[:, 1:2] < 0, tokens[:, 1:2] + 3, tokens[:, 1:2])),
            # What is computed first may be anything.
            tf.gather(smaller, tokens[:, 2:] % 3),
            tf.gather(small, tf.cast(numbers, tf.int32)),
            tf.cast(others, tf.float32)[..., None] * tf.ones((1, 1, 2)),
        ]
        return tf.concat(found, 1)

    graph = graph_of(function, TOKENS, tf.TensorSpec((None, 1), tf.int64), tf.TensorSpec((None, 1)))
    tokens, others, _ = vocabulary_sizes(graph)
    np.testing.assert_array_equal(tokens, [5, 3, 0, 0])
    assert others is None


def masks_of(function, *specs):
    graph = graph_of(function, *specs)
    streams = Streams(graph, graph.outputs[0], input_sources(graph, graph.outputs[0]), RESCALE)
    return [graph.producer[value].type if value in graph.producer else "input" for value in streams.masks]


def pooled(tokens, mask):
    weights = tf.cast(mask, tf.float32)
    return tf.reduce_sum(tf.gather(TABLE, tokens) * weights[..., None], 1) / tf.reduce_sum(weights, 1, keepdims=True)


def test_masks_of_padding():
    numbers = tf.TensorSpec((None, 4))
    assert masks_of(lambda t: pooled(t, t != 0)) == ["NotEqual"]
    assert sorted(masks_of(lambda t: pooled(t, (t > 0) & (t < 6)))) == ["Greater", "Less"]
    assert masks_of(lambda x: tf.where(tf.reduce_any(x != -1.0, 1, keepdims=True), x, 0.0), numbers) == ["NotEqual"]


def test_comparisons_that_are_no_padding():
    numbers = tf.TensorSpec((None, 4))
    assert masks_of(lambda t: tf.gather(TABLE, t)) == []
    # Other conditions differ between a row and its reference, and carry that difference.
    assert masks_of(pooled, TOKENS, tf.TensorSpec((None, 4), tf.bool)) == []
    assert masks_of(lambda x: tf.where(x[:, 1:] == 1.0, x[:, :1], 0.0), numbers) == []

    def with_a_column_that_is_looked_up(x):
        found = tf.gather(TABLE[:, 0], tf.cast(x[:, :1], tf.int32))
        return tf.where(x[:, 1:2] == 1.0, found, x[:, 2:3])

    assert masks_of(with_a_column_that_is_looked_up, numbers) == []
    assert masks_of(lambda x: tf.where(x > 0.5, x, 0.0), numbers) == []
    assert masks_of(lambda x: tf.where(tf.exp(x) != 1.0, x, 0.0), numbers) == []


def test_computed_indices_outside_of_their_table():
    def function(tokens, others):
        return tf.gather(TABLE[:5], tokens + tf.constant([0, 3])) + tf.gather(TABLE[:3], others[:, ::-1] * 2)

    graph = graph_of(function, tf.TensorSpec((None, 2), tf.int32), tf.TensorSpec((None, 2), tf.int32))
    vocabulary = Vocabulary(graph)
    assert [rows for _, rows in vocabulary.computed] == [5, 3]
    good = np.array([[4, 1], [0, 1]], np.int32)
    assert vocabulary.find_outside([good, good // 4]) is None
    assert vocabulary.find_outside([good + np.array([[0, 0], [0, 1]]), good // 4]) == (0, (1, 1), 5, 5)
    assert vocabulary.find_outside([good, good // 4 + np.array([[0, 0], [2, 0]])]) == (1, (1, 0), 4, 3)


def test_many_columns_are_found_without_a_warning(caplog):
    """TensorFlow warns of functions that are made anew for each call."""
    caplog.set_level("WARNING", logger="tensorflow")
    logger = tf.get_logger()
    logger.addHandler(caplog.handler)
    try:
        inputs = keras.Input((6,))
        columns = [
            keras.layers.Flatten()(keras.layers.Embedding(4, 2)(keras.ops.cast(inputs[:, each : each + 1], "int32")))
            for each in range(6)
        ]
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(columns)))
        DeepLiftExplainer(model).fit(np.ones((3, 6))).transform(np.ones((3, 6)))
    finally:
        logger.removeHandler(caplog.handler)
    assert "retracing" not in caplog.text


def test_contributions_of_tokens_include_the_spread_behind_a_lookup():
    """By hand: the parts of an embedding [-1 - 2] pass a rectifier before any weighted sum."""
    tokens = keras.Input((1,), dtype="int32")
    looked_up = keras.layers.Embedding(2, 1, name="embedding")(tokens)
    output = keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(keras.layers.ReLU()(looked_up)))
    network = keras.Model(tokens, output)
    network.set_weights([np.array([[2.0], [-1.0]]), np.ones((1, 1))])
    explainer = DeepLiftExplainer(network, rule="reveal_cancel", reference="zeros", check="raise")
    np.testing.assert_allclose(explainer.fit_transform(np.array([[1]])), [[-2]], rtol=1e-6)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "activate",
    [
        lambda look_up, tokens: keras.ops.relu(look_up(tokens)),
        lambda look_up, tokens: keras.ops.relu(look_up(tokens) + look_up(tokens[:, ::-1])),
        lambda look_up, tokens: keras.ops.tanh(look_up(tokens)) * keras.ops.sigmoid(look_up(tokens)),
        lambda look_up, tokens: keras.layers.PReLU("ones", dtype="float64")(look_up(tokens)),
        lambda look_up, tokens: keras.ops.tanh(keras.ops.cast(keras.ops.one_hot(tokens, 5), "float64")),
    ],
    ids=["relu", "sum", "gated", "prelu", "one-hot"],
)
def test_contributions_of_tokens_sum_before_any_weighted_sum(activate):
    keras.utils.set_random_seed(1)
    tokens = keras.Input((3,), dtype="int32")
    hidden = activate(keras.layers.Embedding(5, 2, "normal", dtype="float64"), tokens)
    network = keras.Model(tokens, keras.layers.Dense(1, dtype="float64")(keras.layers.Flatten(dtype="float64")(hidden)))
    X = np.random.default_rng(0).integers(0, 5, (8, 3))
    explanation = DeepLiftExplainer(network, rule="reveal_cancel", reference="zeros").fit(X).explain(X)
    change = np.abs(explanation.prediction - explanation.reference_value).max()
    # TensorFlow makes one-hot rows in single precision here.
    assert np.abs(explanation.convergence_delta).max() < 1e-6 * change


def test_places_behind_an_op_that_puts_other_axes_before_the_rows():
    """Positions are those of one row: the axis of rows is left out wherever it stands."""
    first, table = lambda t: tf.transpose(t, [1, 0]), TABLE
    assert places(lambda t: tf.gather(table, first(t))) == [[[[0, 0], [1, 1], [2, 2], [3, 3]]]]
    assert places(lambda t: tf.gather(table, first(t)[1:])) == [[[[1, 1], [2, 2], [3, 3]]]]
    assert places(lambda t: tf.one_hot(first(t)[:2], 3)) == [[[[0, 0, 0], [1, 1, 1]]]]
    assert places(lambda t: tf.one_hot(first(t)[:2], 3, axis=0)) == [[[[0, 1], [0, 1], [0, 1]]]]
    assert places(lambda t: tf.one_hot(first(t)[:2], 3, axis=1)) == [[[[0, 0, 0], [1, 1, 1]]]]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_tokens_before_rows_are_explained_as_behind_them(rule):
    """As in a TimeDistributed model of tokens, which puts the steps before the rows."""
    tokens = np.random.default_rng(0).integers(0, 7, (5, 4))
    found = []
    for axes in ([0, 1, 2], [1, 0, 2]):
        inputs = keras.Input((4,), dtype="int32")
        moved = inputs if axes[0] == 0 else keras.ops.transpose(inputs)
        hidden = keras.ops.tanh(keras.ops.transpose(keras.layers.Embedding(7, 2)(moved), axes))
        network = keras.Model(inputs, keras.layers.Dense(1, "tanh")(keras.layers.Flatten()(hidden)))
        network.set_weights([TABLE, np.linspace(-1, 1, 8)[:, None], np.array([0.3])])
        explainer = DeepLiftExplainer(network, rule=rule, reference="zeros", check="raise").fit(tokens)
        found.append(explainer.transform(tokens))
        np.testing.assert_allclose(explainer.transform(tokens[:1]), found[-1][:1], atol=1e-6)
    np.testing.assert_allclose(*found, atol=1e-6)


def test_rows_that_a_reshape_mixes():
    """Reshaping to the axes in another order moves numbers from row to row; only a transpose keeps them apart."""
    with pytest.raises(UnsupportedOpError, match=r"its first axis is not the axis of rows: .*'Reshape'"):
        places(lambda t: tf.gather(TABLE, tf.reshape(t, [4, tf.shape(t)[0]])))


def test_methods_that_differentiate_leave_places_of_an_input_out():
    numbers, place = keras.Input((4, 3)), keras.Input((1,), dtype="int32")
    look_up = keras.layers.Lambda(lambda both: tf.gather(both[0], both[1][:, 0], batch_dims=1), output_shape=(3,))
    network = keras.Model([numbers, place], keras.layers.Dense(1)(look_up([numbers, place])))
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(5, 4, 3)).astype("float32"), rng.integers(0, 4, (5, 1))]
    for explainer in (
        GradientExplainer(network, kind="gradient_x_input"),
        IntegratedGradientsExplainer(network, reference=["zeros", "held"], check="raise"),
        DeepLiftExplainer(network, reference=["zeros", "held"], check="raise"),
    ):
        of_numbers, of_place = explainer.fit(X).explain(X).contributions
        np.testing.assert_allclose(of_numbers.sum((1, 2)), network(X)[:, 0], atol=1e-5)
        assert not of_place.any()


def test_the_place_of_the_last_token_is_the_row_s_for_its_references():
    """The mask of padding is shared, and so is the number of tokens that it tells; a row without tokens has no last."""
    tokens = keras.Input((4,), dtype="int32")

    def last(both):
        number = tf.reduce_sum(tf.cast(tf.not_equal(both[1], 0), tf.int32), 1)
        return tf.gather(both[0], number - 1, batch_dims=1)

    embedded = keras.layers.Embedding(5, 1, weights=[np.array([[0.0], [1], [10], [100], [1000]])])(tokens)
    network = keras.Model(tokens, keras.layers.Lambda(last, output_shape=(1,))([embedded, tokens]))
    rows, reference = np.array([[1, 3, 0, 0], [1, 2, 4, 3]]), np.array([[2, 2, 2, 2]])
    explanation = DeepLiftExplainer(network, reference=reference, check="raise").fit(rows).explain(rows)
    np.testing.assert_allclose(explanation.contributions, [[0, 90, 0, 0], [0, 0, 0, 90]])
