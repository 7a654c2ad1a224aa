"""Integers as input, and networks that can not be explained: what users are told."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from skdeeplift import DeepLiftExplainer
from skdeeplift.exceptions import UnsupportedOpError

TOKENS = np.array([[1, 2, 3], [4, 0, 2]], np.int32)


def token_network():
    inputs = keras.Input((3,), dtype="int32")
    looked_up = layers.Embedding(5, 2, name="embedding")(inputs)
    return keras.Model(inputs, layers.Dense(1)(layers.Flatten()(looked_up)))


@pytest.fixture(scope="module")
def fitted():
    return DeepLiftExplainer(token_network(), reference="zeros").fit(TOKENS)


@pytest.mark.parametrize(("token", "outside"), [(5, True), (99, True), (-6, True), (4, False), (-5, False)])
def test_ids_beyond_the_vocabulary(fitted, token, outside):
    rows = np.array([[1, 2, token]])
    if not outside:
        assert fitted.transform(rows).shape == (1, 3)
        return
    message = rf"X holds the id {token}, but the network looks it up in a table of 5 rows. Expected ids from 0 to 4"
    with pytest.raises(ValueError, match=message):
        fitted.transform(rows)
    with pytest.raises(ValueError, match=f"X holds the id {token}"):
        DeepLiftExplainer(fitted.estimator).fit(rows)
    with pytest.raises(ValueError, match=f"reference= for X holds the id {token}"):
        fitted.explain(TOKENS, reference=rows[0])
    with pytest.raises(ValueError, match=f"reference= for X holds the id {token}"):
        DeepLiftExplainer(fitted.estimator, reference=rows[0]).fit(TOKENS)


def test_ids_of_columns_with_tables_of_their_own():
    inputs = keras.Input((2,), dtype="int32", name="codes")
    numbers = keras.Input((1,), name="numbers")
    looked_up = [layers.Embedding(size, 2)(inputs[:, column]) for column, size in enumerate((3, 9))]
    model = keras.Model([inputs, numbers], layers.Dense(1)(layers.Concatenate()([*looked_up, numbers])))
    explainer = DeepLiftExplainer(model).fit([np.array([[2, 8]]), np.ones((1, 1))])
    with pytest.raises(ValueError, match=r"X\['codes'\] holds the id 5, .* table of 3 rows"):
        explainer.transform({"codes": np.array([[5, 5]]), "numbers": np.ones((1, 1))})


@pytest.mark.parametrize("value", [1.5, 3e9, -0.25])
def test_numbers_that_are_no_integers(fitted, value):
    rows = np.array([[1.0, 2.0, value]])
    with pytest.raises(ValueError, match=r"X holds .*, but the network takes int32 there, which has no such number"):
        fitted.transform(rows)
    with pytest.raises(ValueError, match=r"reference= for X holds .*int32"):
        fitted.explain(TOKENS, reference=rows[0])


def test_whole_numbers_may_come_in_any_dtype(fitted):
    expected = fitted.transform(TOKENS)
    for rows in (TOKENS.astype(float), TOKENS.astype(np.int64), TOKENS.astype(np.uint8), TOKENS.tolist()):
        np.testing.assert_array_equal(fitted.transform(rows), expected)
        np.testing.assert_array_equal(fitted.explain(rows, reference=rows[0]).contributions[0], [0, 0, 0])


def test_masks_that_are_neither_true_nor_false():
    inputs = [keras.Input((3,), name="numbers"), keras.Input((3,), dtype="bool", name="mask")]
    model = keras.Model(inputs, layers.Dense(1)(ops.where(inputs[1], inputs[0], 0.0)))
    explainer = DeepLiftExplainer(model).fit([np.ones((2, 3)), np.ones((2, 3))])
    assert explainer.explain([np.ones((2, 3)), np.ones((2, 3))], multipliers=True).multipliers[1].shape == (2, 3)
    with pytest.raises(ValueError, match=r"X\['mask'\] holds 0\.5, but the network takes bool"):
        explainer.transform([np.ones((2, 3)), np.full((2, 3), 0.5)])


@pytest.mark.parametrize("wanted", [{"multipliers": True}, {"hypothetical": True}, {"hypothetical": 1}])
def test_multipliers_are_those_of_what_is_looked_up(fitted, wanted):
    with pytest.raises(ValueError, match=r"X holds integers.*have no multipliers.*layer=\"embedding\""):
        fitted.explain(TOKENS, **wanted)
    of_layer = DeepLiftExplainer(fitted.estimator, layer="embedding").fit(TOKENS)
    assert of_layer.explain(TOKENS, multipliers=True).multipliers.shape == (2, 3, 2)


class Repeats(layers.Layer):
    """Takes as many steps as the input says."""

    def call(self, inputs):
        return tf.while_loop(lambda x: tf.reduce_sum(x) < 100.0, lambda x: [2.0 * x + 1.0], [inputs])[0]


@pytest.mark.parametrize(
    ("between", "message"),
    [
        (lambda x: layers.Embedding(3, 2)(ops.argmax(x, -1)), r"the op 'ArgMax' lies between the input and there"),
        (layers.Lambda(lambda x: x + tf.random.normal([3])), "random or has state"),
        (Repeats(), r"How many steps the op '.*While' .* takes depends on the values"),
        (lambda x: ops.cast(ops.argmax(x, -1, keepdims=True), "float32"), r"the op 'ArgMax' lies between"),
    ],
)
def test_networks_that_can_not_be_explained(between, message):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(1)(between(layers.Dense(3)(inputs))))
    with pytest.raises(UnsupportedOpError, match=message):
        DeepLiftExplainer(model).fit(np.random.default_rng(0).normal(size=(4, 3)))


def test_ids_in_an_input_of_floating_point_numbers():
    """As Keras makes it by default; the network would cut off what is behind the point."""
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Embedding(5, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    rows = np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 0.0]])
    explainer = DeepLiftExplainer(model).fit(rows)
    np.testing.assert_array_equal(explainer.references_.arrays[0], np.zeros((1, 3)))
    assert explainer.references_.arrays[0].dtype == np.float32
    change = np.asarray(model(rows) - model(np.zeros((1, 3))))[:, 0]
    np.testing.assert_allclose(explainer.transform(rows).sum(1), change, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match=r"X holds 1\.5, but the network takes int64 there"):
        explainer.transform(np.full((1, 3), 1.5))
    with pytest.raises(ValueError, match=r"X holds the id 5\.0, but .* a table of 5 rows"):
        explainer.transform(np.full((1, 3), 5.0))
    with pytest.raises(ValueError, match=r"reference= for X holds 0\.5, but the network takes"):
        DeepLiftExplainer(model, reference=np.full(3, 0.5)).fit(rows)
