"""Ops on windows, against a loop over mutated rows."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from tests.perturbation.mutants import check_windows, explained_in_windows, loop_of, network, sequences

LENGTH = 37


def test_normalisation_branches_and_positionwise_layers():
    def build(inputs):
        hidden = layers.BatchNormalization()(layers.Conv1D(4, 3, padding="same")(inputs))
        hidden = layers.LeakyReLU()(hidden)
        branches = [layers.Conv1D(2, 3, padding="same", activation="gelu")(hidden), hidden, inputs]
        hidden = layers.ZeroPadding1D((2, 1))(layers.Concatenate()(branches))
        hidden = layers.Dense(5, "softmax")(hidden)
        hidden = layers.LayerNormalization()(hidden)
        return layers.Multiply()([hidden, layers.Activation("sigmoid")(hidden)])

    check_windows(network(build, LENGTH), sequences(2, LENGTH), "ConcatV2", "Pad", "PositionwiseProduct", "Softmax")


def test_what_mixes_all_positions_is_run_as_a_whole():
    def build(inputs):
        hidden = layers.Conv1D(4, 3, padding="same", activation="relu")(inputs)
        hidden = layers.MultiHeadAttention(2, 2)(hidden, hidden)
        return layers.Bidirectional(layers.GRU(2, return_sequences=True))(hidden)

    model, rows = network(build, 12), sequences(2, 12)
    check_windows(model, rows, "Conv2D")


def test_functions_of_all_positions_beside_local_ones():
    def build(inputs):
        hidden = layers.Conv1D(4, 3, padding="same", activation="relu")(inputs)
        gate = layers.Dense(4, "sigmoid")(layers.GlobalAveragePooling1D(keepdims=True)(hidden))
        hidden = layers.Multiply()([hidden, gate])
        return layers.Concatenate()([layers.GlobalMaxPooling1D()(hidden), layers.Flatten()(hidden)])

    check_windows(network(build, LENGTH), sequences(2, LENGTH), "Mean")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("images", [True, False])
def test_maxima_over_all_positions(keepdims, images):
    def build(inputs):
        hidden = layers.Conv1D(4, 6, padding="same", activation="tanh")(inputs)
        if images:
            hidden = layers.Reshape((1, LENGTH, 4))(hidden)
            return layers.GlobalMaxPooling2D(keepdims=keepdims)(hidden)
        return layers.GlobalMaxPooling1D(keepdims=keepdims)(hidden)

    plan = check_windows(network(build, LENGTH), sequences(3, LENGTH), "Max")
    assert plan.share < 0.6


LAYERS = st.one_of(
    st.builds(
        lambda filters, size, padding, strides: layers.Conv1D(filters, size, strides, padding, activation="relu"),
        st.integers(1, 4),
        st.integers(1, 6),
        st.sampled_from(["same", "valid"]),
        st.integers(1, 3),
    ),
    st.builds(lambda size, dilation: layers.Conv1D(2, size, dilation_rate=dilation, padding="same", activation="tanh"),
              st.integers(2, 4), st.integers(2, 5)),
    st.builds(lambda size, padding: layers.MaxPooling1D(size, padding=padding), st.integers(1, 3),
              st.sampled_from(["same", "valid"])),
    st.builds(lambda size, padding: layers.AveragePooling1D(size, padding=padding), st.integers(1, 3),
              st.sampled_from(["same", "valid"])),
    st.builds(lambda left, right: layers.Cropping1D((left, right)), st.integers(0, 2), st.integers(0, 2)),
    st.builds(lambda left, right: layers.ZeroPadding1D((left, right)), st.integers(0, 3), st.integers(0, 3)),
    st.builds(layers.BatchNormalization),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(st.data())
def test_random_stacks_of_layers(data):
    keras.utils.set_random_seed(0)
    length = data.draw(st.integers(30, 60))
    numbers = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=5))

    def build(inputs):
        hidden = layers.Conv1D(3, data.draw(st.integers(1, 5)), padding="same", activation="relu")(inputs)
        for number in numbers:
            if hidden.shape[1] < 10:
                break
            before, hidden = hidden, data.draw(LAYERS)(hidden)
            if number == 0 and before.shape == hidden.shape:
                hidden = layers.Add()([before, hidden])
            if number == 1 and before.shape[1] == hidden.shape[1]:
                hidden = layers.Concatenate()([before, hidden])
        last = data.draw(st.sampled_from([layers.Flatten, layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D]))
        return last()(hidden)

    model, rows = network(build, length), sequences(1, length, seed=length)
    rows[0, 3] = 0
    rows[0, 7] = 0.25
    changes, _ = explained_in_windows(model, rows)
    expected = loop_of(model, rows)
    np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-10 * max(np.abs(expected).max(), 1e-3))
