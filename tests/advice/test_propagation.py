"""Advice about ops, loops and layers within a network, and about memory."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.wrappers import SKLearnClassifier
from sklearn.base import BaseEstimator

from skdeeplift import DeepLiftExplainer, OcclusionExplainer, ShapleySamplingExplainer, config_context
from skdeeplift.exceptions import BatchSizeWarning
from tests.advice.following import assert_result, contributions, follow
from tests.test_faults import MemoryRunsOut

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(6, 3)).astype(np.float32)
TOKENS = RANDOM.integers(4, size=(5, 4))
TABLE = RANDOM.normal(size=(8, 2)).astype(np.float32)
pytestmark = pytest.mark.advice


def explain(estimator, X=ROWS, **parameters):
    return contributions(estimator, X, **parameters)


def of_ids(ids, *inputs):
    """Return a network of integers that are computed from its inputs, and looked up in a layer."""
    embedded = layers.Embedding(8, 2, name="embedding")(ids)
    return keras.Model(list(inputs) if len(inputs) > 1 else inputs[0], layers.Dense(1)(layers.Flatten()(embedded)))


def test_numbers_that_belong_to_no_element():
    def hashed(text):
        return tf.strings.to_hash_bucket_fast(text, 8)

    def joined(ids):
        return hashed(tf.as_string(ids[:, :2]) + tf.as_string(ids[:, 2:]))

    def beside(both):
        return hashed(tf.concat([tf.as_string(each) for each in both], 1))

    tokens = keras.Input((4,), dtype="int32")
    both = layers.Lambda(joined, output_shape=(2,), dtype="int32")(tokens)
    model = of_ids(both, tokens)
    advice = "Pass the name of a layer behind the lookup as layer="
    follow(advice, lambda: explain(model, TOKENS), lambda: explain(model, TOKENS, layer="embedding"))
    a, b = keras.Input((4,), dtype="int32"), keras.Input((4,), dtype="int32")
    meeting = of_ids(layers.Lambda(beside, output_shape=(8,), dtype="int32")([a, b]), a, b)
    X = [TOKENS, TOKENS]
    follow(advice, lambda: explain(meeting, X), lambda: explain(meeting, X, layer="embedding"))


def test_rows_that_a_reshape_mixes():
    def build(put_first):
        tokens = keras.Input((4,), dtype="int32")
        first = layers.Lambda(put_first, output_shape=lambda shape: (4, None), dtype="int32")(tokens)
        embedded = keras.ops.transpose(layers.Embedding(8, 2)(first), (1, 0, 2))
        return keras.Model(tokens, layers.Dense(1)(layers.Flatten()(embedded)))

    follow(
        "A reshape that puts another axis first mixes rows; use a transpose",
        lambda: explain(build(lambda ids: tf.reshape(ids, [4, tf.shape(ids)[0]])), TOKENS),
        lambda: explain(build(tf.transpose), TOKENS),
    )


def test_rows_of_open_length():
    def build(length):
        def score(tokens):
            return tf.reduce_sum(tf.gather(TABLE, tokens), [1, 2])

        return tf.function(score, input_signature=[tf.TensorSpec((None, length), tf.int32)])

    padded = np.array([[1, 2, 3, 0], [3, 0, 0, 0]], np.int32)
    tokens = keras.Input((None,), dtype="int32")
    model = keras.Model(tokens, layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Embedding(8, 2)(tokens))))
    follow(
        "Give the network's input, or its input_signature, a known length, and pass rows of this length, padded",
        lambda: explain(build(None), padded, reference="zeros"),
        lambda: explain(build(4), padded, reference="zeros"),
        lambda: explain(model, padded, reference="zeros"),
    )


def test_steps_that_depend_on_the_input():
    def build(condition):
        def run(x):
            return tf.while_loop(condition, lambda i, h: [i + 1, tf.tanh(2.0 * h + 0.1)], [0, x])[1]

        rows = keras.Input((3,))
        return keras.Model(rows, layers.Dense(1)(layers.Lambda(run, output_shape=(3,))(rows)))

    follow(
        "Write a loop whose number of iterations depends on shapes alone",
        lambda: explain(build(lambda i, h: tf.reduce_sum(h) < 9.0)),
        lambda: explain(build(lambda i, h: i < tf.shape(h)[1])),
    )


def test_integers_that_are_looked_up_in_a_loop():
    def build(before):
        def look_up(text):
            return tf.gather(TABLE, tf.strings.to_hash_bucket_fast(text, 8))

        def run(x):
            text = tf.as_string(x)
            found = look_up(text) if before else None

            def step(i, kept):
                return [i + 1, tf.tanh(kept + (found[:, i] if before else look_up(text[:, i])))]

            return tf.while_loop(lambda i, kept: i < 3, step, [0, tf.zeros((tf.shape(x)[0], 2))])[1]

        rows = keras.Input((3,), dtype="int32")
        return keras.Model(rows, layers.Dense(1)(layers.Lambda(run, output_shape=(2,))(rows)))

    rows = np.arange(12).reshape(4, 3)
    follow("Look them up before the loop", lambda: explain(build(False), rows), lambda: explain(build(True), rows))


@pytest.mark.parametrize("cls", [OcclusionExplainer, ShapleySamplingExplainer])
def test_layers_of_several_entries(cls):
    rows = keras.Input((4, 3))
    folded = layers.Lambda(lambda x: tf.reshape(x, (-1, 3)), output_shape=(3,), name="folded")(rows)
    units = layers.Dense(2, name="units")(folded)
    back = layers.Lambda(lambda x: tf.reshape(x, (-1, 4, 2)), output_shape=(4, 2), name="back")(units)
    model = keras.Model(rows, layers.Dense(1)(layers.Flatten()(back)))
    X = RANDOM.normal(size=(5, 4, 3)).astype(np.float32)
    follow(
        "has several entries on its first axis for each row, and can be perturbed only with one. Pass another layer",
        lambda: explain(model, X, cls=cls, layer="units"),
        lambda: explain(model, X, cls=cls, layer="back"),
    )


def test_estimators_without_weights():
    classes = np.arange(6) % 2

    def build(X, y):
        model = keras.Sequential([keras.Input((3,)), layers.Dense(2, "softmax")])
        model.compile("sgd", "categorical_crossentropy")
        return model

    class WithModel(BaseEstimator):
        def fit(self, X, y):
            self.model_ = build(X, y)
            return self

    def fit(estimator, weights):
        return DeepLiftExplainer(estimator).fit(ROWS, classes, sample_weight=weights).transform(ROWS)

    follow(
        "Pass sample_weight=None, or an estimator whose fit takes sample_weight",
        lambda: fit(WithModel(), np.ones(6)),
        lambda: fit(WithModel(), None),
        lambda: fit(SKLearnClassifier(build, fit_kwargs={"verbose": 0}), np.ones(6)),
    )


# Memory


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu"), layers.Dense(3)])


@pytest.mark.filterwarnings("error::skdeeplift.exceptions.BatchSizeWarning")
def test_pairs_that_do_not_fit(model, monkeypatch):
    rows = RANDOM.normal(size=(40, 3)).astype(np.float32)
    explainer = DeepLiftExplainer(model, target=0).fit(rows)
    with monkeypatch.context() as patch:
        MemoryRunsOut(explainer, patch, most=32)
        with pytest.warns(BatchSizeWarning) as caught:
            explainer.transform(rows)
    found = re.search(r"Pass batch_size=(\d+), or memory_limit= to config_context", str(caught[0].message))
    again = DeepLiftExplainer(model, target=0, batch_size=int(found[1])).fit(rows)
    with monkeypatch.context() as patch:
        MemoryRunsOut(again, patch, most=32)
        assert_result(again.transform(rows))
    limited = DeepLiftExplainer(model, target=0).fit(rows)
    with monkeypatch.context() as patch, config_context(memory_limit=1):
        MemoryRunsOut(limited, patch, most=32)
        assert_result(limited.transform(rows))


def test_memory_for_not_even_one_row(model, monkeypatch):
    explainer = DeepLiftExplainer(model, target=0).fit(ROWS[:1])

    def wrong():
        with monkeypatch.context() as patch:
            MemoryRunsOut(explainer, patch, most=0)
            explainer.transform(ROWS[:1])

    # Memory is free again afterwards.
    follow("Free memory, or explain fewer targets or a smaller network", wrong, lambda: explainer.transform(ROWS[:1]))
