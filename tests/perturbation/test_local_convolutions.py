"""Convolutions and pooling on windows, against a loop over mutated rows."""

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.perturbation.mutants import check_windows, explained_in_windows, loop, loop_of, network, sequences

LENGTH = 37
SLOW_SIZES = [pytest.param(*sizes, marks=pytest.mark.slow) for sizes in ((2, 2), (4, 2), (3, 1), (2, 3))]


def dilated(hidden, dilation, padding="same", filters=3):
    return layers.Conv1D(filters, 3, dilation_rate=dilation, padding=padding, activation="relu")(hidden)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
@pytest.mark.parametrize("options", [dict(), dict(strides=2), dict(strides=3), dict(dilation_rate=2)])
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow), 5])
def test_windows_of_convolutions_equal_the_whole(padding, options, size):
    def build(inputs):
        hidden = layers.Conv1D(3, size, padding=padding, activation="tanh", **options)(inputs)
        return layers.Conv1D(2, 3, padding=padding, activation="relu")(hidden)

    is_dilated = size > 1 and "dilation_rate" in options
    check_windows(
        network(build, LENGTH), sequences(2, LENGTH), "DilatedConvolution" if is_dilated else "Conv2D", "Tanh", "Relu"
    )


@pytest.mark.sampled(2)
@pytest.mark.parametrize("pooling", [layers.MaxPooling1D, layers.AveragePooling1D])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "strides"), [(3, 3), *SLOW_SIZES])
def test_windows_of_pooling_equal_the_whole(pooling, padding, size, strides):
    def build(inputs):
        hidden = layers.Conv1D(3, 4, padding=padding, activation="elu")(inputs)
        hidden = pooling(size, strides, padding=padding)(hidden)
        return layers.Conv1D(2, 3, padding=padding, activation="relu")(hidden)

    pooled = "MaxPool" if pooling is layers.MaxPooling1D else "AvgPool"
    check_windows(network(build, LENGTH), sequences(2, LENGTH), pooled)


def test_residual_blocks_with_cropping():
    def build(inputs):
        hidden = layers.Conv1D(4, 5, activation="relu")(inputs)
        for dilation in (1, 2, 4):
            branch = dilated(hidden, dilation, "valid", 4)
            cropped = layers.Cropping1D((hidden.shape[1] - branch.shape[1]) // 2)(hidden)
            hidden = layers.Add()([cropped, branch])
        return layers.GlobalAveragePooling1D()(hidden)

    plan = check_windows(network(build, 61), sequences(2, 61), "DilatedConvolution", "StridedSlice", "AddV2", "Mean")
    # What is summed over all positions is known from the windows alone.
    assert [value.shape.rank for value in plan.whole] == [2]


def test_depthwise_and_separable_convolutions():
    def build(inputs):
        hidden = layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same")(inputs)
        return layers.SeparableConv1D(4, 5, padding="same", activation="relu")(hidden)

    check_windows(network(build, LENGTH), sequences(2, LENGTH), "DepthwiseConv2dNative")


@pytest.mark.parametrize("last", [True, False])
def test_images_of_letters(last):
    """Sequences as images: of one row, or of one row for each letter."""
    rows = sequences(2, LENGTH)

    def build(inputs):
        shape, size = ((1, LENGTH, 4), (1, 5)) if last else ((4, LENGTH, 1), (4, 5))
        images = layers.Reshape(shape)(inputs if last else layers.Permute((2, 1))(inputs))
        return layers.Conv2D(3, size, padding="same", activation="relu")(images)

    model = network(build, LENGTH)
    check_windows(model, rows, "Conv2D", "Relu", *([] if last else ["Transpose"]))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("size", "filters"), [(2, 3), (9, 1), (3, 4), (16, 1)])
def test_filters_that_are_few_beside_the_channels(size, filters):
    def build(inputs):
        hidden = layers.Conv1D(9, 3, padding="same", activation="relu")(inputs)
        return layers.Conv1D(filters, size, padding="same")(hidden)

    check_windows(network(build, 61), sequences(2, 61), "Conv2D")


def test_groups_of_channels_are_run_as_a_whole():
    """A processor computes them in compiled functions only."""

    def build(inputs):
        return layers.Conv1D(4, 3, groups=2, activation="relu")(layers.Conv1D(4, 3, activation="relu")(inputs))

    model, rows = network(build, LENGTH), sequences(2, LENGTH)
    changes, plan = explained_in_windows(model, rows)
    np.testing.assert_allclose(changes, loop_of(model, rows), rtol=0, atol=1e-10)
    assert [op.type for op in plan.ops].count("Conv2D") == 1


def test_normalisation_of_tensorflow_1():
    random = np.random.default_rng(0)
    kernel, scale, offset, mean = (random.normal(size=size) for size in ((1, 5, 4, 3), 3, 3, 3))
    variance = random.uniform(1, 2, 3)

    @tf.function(input_signature=[tf.TensorSpec((None, LENGTH, 4), tf.float32)])
    def model(rows):
        hidden = tf.nn.conv2d(tf.expand_dims(rows, 1), tf.constant(kernel, tf.float32), 1, "SAME")
        normalised, _, _ = tf.compat.v1.nn.fused_batch_norm(
            hidden, *(tf.constant(each, tf.float32) for each in (scale, offset, mean, variance)), is_training=False
        )
        return tf.reduce_sum(tf.nn.relu(normalised), [1, 2])

    rows = sequences(2, LENGTH).astype("float32")
    changes, plan = explained_in_windows(model, rows)
    expected = loop(lambda rows: np.asarray(model(rows)), rows)
    np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-6 * np.abs(model(rows)).max())
    assert {"Conv2D", "FusedBatchNormV3", "Relu", "Sum"} <= {op.type for op in plan.ops}
