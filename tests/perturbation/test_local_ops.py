"""Ops on windows, against a loop over mutated rows."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from tests.perturbation.mutants import explained_in_windows, loop, network, predict_by, sequences

LENGTH = 37


def check(model, rows, *types):
    """Compare with the loop, and check that ops of some types ran on windows."""
    changes, plan = explained_in_windows(model, rows)
    expected = loop(predict_by(model), rows)
    np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    assert plan is not None
    ran = {model_op.type for model_op in plan.ops}
    assert set(types) <= ran, ran
    return plan


def dilated(hidden, dilation, padding="same", filters=3):
    return layers.Conv1D(filters, 3, dilation_rate=dilation, padding=padding, activation="relu")(hidden)


@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
@pytest.mark.parametrize("options", [dict(), dict(strides=2), dict(strides=3), dict(dilation_rate=2)])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_convolutions(padding, options, size):
    def build(inputs):
        hidden = layers.Conv1D(3, size, padding=padding, activation="tanh", **options)(inputs)
        return layers.Conv1D(2, 3, padding=padding, activation="relu")(hidden)

    is_dilated = size > 1 and "dilation_rate" in options
    check(
        network(build, LENGTH), sequences(2, LENGTH), "DilatedConvolution" if is_dilated else "Conv2D", "Tanh", "Relu"
    )


@pytest.mark.parametrize("pooling", [layers.MaxPooling1D, layers.AveragePooling1D])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 3), (4, 2), (3, 1), (2, 3)])
def test_pooling(pooling, padding, size, strides):
    def build(inputs):
        hidden = layers.Conv1D(3, 4, padding=padding, activation="elu")(inputs)
        hidden = pooling(size, strides, padding=padding)(hidden)
        return layers.Conv1D(2, 3, padding=padding, activation="relu")(hidden)

    pooled = "MaxPool" if pooling is layers.MaxPooling1D else "AvgPool"
    check(network(build, LENGTH), sequences(2, LENGTH), pooled)


def test_residual_blocks_with_cropping():
    def build(inputs):
        hidden = layers.Conv1D(4, 5, activation="relu")(inputs)
        for dilation in (1, 2, 4):
            branch = dilated(hidden, dilation, "valid", 4)
            cropped = layers.Cropping1D((hidden.shape[1] - branch.shape[1]) // 2)(hidden)
            hidden = layers.Add()([cropped, branch])
        return layers.GlobalAveragePooling1D()(hidden)

    plan = check(network(build, 61), sequences(2, 61), "DilatedConvolution", "StridedSlice", "AddV2", "Mean")
    # What is summed over all positions is known from the windows alone.
    assert [value.shape.rank for value in plan.whole] == [2]


def test_normalisation_branches_and_positionwise_layers():
    def build(inputs):
        hidden = layers.BatchNormalization()(layers.Conv1D(4, 3, padding="same")(inputs))
        hidden = layers.LeakyReLU()(hidden)
        branches = [layers.Conv1D(2, 3, padding="same", activation="gelu")(hidden), hidden, inputs]
        hidden = layers.ZeroPadding1D((2, 1))(layers.Concatenate()(branches))
        hidden = layers.Dense(5, "softmax")(hidden)
        hidden = layers.LayerNormalization()(hidden)
        return layers.Multiply()([hidden, layers.Activation("sigmoid")(hidden)])

    check(network(build, LENGTH), sequences(2, LENGTH), "ConcatV2", "Pad", "PositionwiseProduct", "Softmax")


def test_depthwise_and_separable_convolutions():
    def build(inputs):
        hidden = layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same")(inputs)
        return layers.SeparableConv1D(4, 5, padding="same", activation="relu")(hidden)

    check(network(build, LENGTH), sequences(2, LENGTH), "DepthwiseConv2dNative")


@pytest.mark.parametrize("last", [True, False])
def test_images_of_letters(last):
    """Sequences as images: of one row, or of one row for each letter."""
    rows = sequences(2, LENGTH)

    def build(inputs):
        shape, size = ((1, LENGTH, 4), (1, 5)) if last else ((4, LENGTH, 1), (4, 5))
        images = layers.Reshape(shape)(inputs if last else layers.Permute((2, 1))(inputs))
        return layers.Conv2D(3, size, padding="same", activation="relu")(images)

    model = network(build, LENGTH)
    check(model, rows, "Conv2D", "Relu", *([] if last else ["Transpose"]))


def test_what_mixes_all_positions_is_run_as_a_whole():
    def build(inputs):
        hidden = layers.Conv1D(4, 3, padding="same", activation="relu")(inputs)
        hidden = layers.MultiHeadAttention(2, 2)(hidden, hidden)
        return layers.Bidirectional(layers.GRU(2, return_sequences=True))(hidden)

    model, rows = network(build, 12), sequences(2, 12)
    check(model, rows, "Conv2D")


def test_functions_of_all_positions_beside_local_ones():
    def build(inputs):
        hidden = layers.Conv1D(4, 3, padding="same", activation="relu")(inputs)
        gate = layers.Dense(4, "sigmoid")(layers.GlobalAveragePooling1D(keepdims=True)(hidden))
        hidden = layers.Multiply()([hidden, gate])
        return layers.Concatenate()([layers.GlobalMaxPooling1D()(hidden), layers.Flatten()(hidden)])

    check(network(build, LENGTH), sequences(2, LENGTH), "Mean")


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


@settings(max_examples=25, deadline=None)
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
        return hidden if data.draw(st.booleans()) else layers.GlobalAveragePooling1D()(hidden)

    model, rows = network(build, length), sequences(1, length, seed=length)
    rows[0, 3] = 0
    rows[0, 7] = 0.25
    changes, _ = explained_in_windows(model, rows)
    expected = loop(predict_by(model), rows)
    np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-10 * max(np.abs(expected).max(), 1e-3))
