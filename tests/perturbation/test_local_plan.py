"""Plans of what mutations change in windows."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from skdeeplift import MutagenesisExplainer
from tests.perturbation.mutants import explained_in_windows, loop, loop_of, network, sequences

LENGTH = 40


def blocks(inputs):
    hidden = layers.Conv1D(4, 3, padding="same", activation="relu")(inputs)
    for dilation in (2, 4, 8, 16):
        branch = layers.Conv1D(4, 3, dilation_rate=dilation, padding="same", activation="relu")(hidden)
        hidden = layers.Add()([hidden, branch])
    return hidden


def test_windows_end_where_they_cover_most_of_a_value():
    model, rows = network(blocks, LENGTH), sequences(2, LENGTH)
    changes, plan = explained_in_windows(model, rows)
    np.testing.assert_allclose(changes, loop_of(model, rows), rtol=0, atol=1e-10)
    widths = [plan.local[op.outputs[0]].reach.width for op in plan.ops if op.type == "DilatedConvolution"]
    # Another one would cover 63 of 40 positions.
    assert widths == [7, 15, 31]
    assert 0.3 < plan.share < 1


def test_little_memory_is_needed_for_long_sequences():
    def build(inputs):
        return layers.GlobalAveragePooling1D()(layers.Conv1D(8, 9, padding="same", activation="relu")(inputs))

    _, plan = explained_in_windows(network(build, 900), sequences(1, 900))
    assert plan.share < 0.05


def test_dense_networks_have_no_windows():
    model, rows = network(layers.Dense(3, "relu"), LENGTH), sequences(2, LENGTH)
    changes, plan = explained_in_windows(model, rows)
    assert plan is None
    np.testing.assert_allclose(changes, loop_of(model, rows), rtol=0, atol=1e-10)


def test_values_that_a_function_holds_are_those_of_the_row():
    """Also those that are computed of windows, and read as a whole."""
    model, rows = network(blocks, LENGTH, outputs=3), sequences(2, LENGTH)

    def held(outputs):
        return tf.reduce_sum(tf.stop_gradient(outputs) * outputs, 1)

    changes = MutagenesisExplainer(model, target=held).fit(rows).transform(rows)
    expected = np.einsum("no,npao->npa", np.asarray(model(rows)), loop_of(model, rows))
    np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-10)


def test_a_layer_beside_the_mutated_one():
    """What passes by the mutated layer keeps the row's values."""
    inputs = keras.Input((LENGTH, 4))
    doubled = layers.Activation("linear", name="letters")(inputs)
    hidden = layers.Conv1D(3, 5, padding="same", activation="relu")(doubled)
    hidden = layers.Multiply()([hidden, layers.Conv1D(3, 5, padding="same", activation="tanh")(inputs)])
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(hidden)))
    rows = sequences(2, LENGTH).astype("float32")
    changes = MutagenesisExplainer(model, layer="letters").fit(rows).transform(rows)
    [first, second] = [layer for layer in model.layers if isinstance(layer, layers.Conv1D)]

    def predict(letters):
        joined = layers.Flatten()(first(letters) * second(rows))
        return np.asarray(model.layers[-1](joined))[:, 0]

    expected = loop(predict, rows)
    np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
