import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function


def maximum(x):
    return tf.reduce_max(x, 1, keepdims=True)


def test_growing_maximum_goes_to_the_winner_at_the_input():
    """max(1, 5, 2) - max(3, 0, 0) = 2: all of it belongs to the second element."""
    [contributions], _ = explain_function(maximum, [[[1.0, 5.0, 2.0]]], [[[3.0, 0.0, 0.0]]])
    np.testing.assert_allclose(contributions, [[0.0, 2.0, 0.0]])


def test_falling_maximum_goes_to_the_winner_at_the_reference():
    """max(1, 0, 2) - max(4, 1, 0) = -2: all of it belongs to the first element, the maximum at the reference."""
    [contributions], _ = explain_function(maximum, [[[1.0, 0.0, 2.0]]], [[[4.0, 1.0, 0.0]]])
    np.testing.assert_allclose(contributions, [[-2.0, 0.0, 0.0]])


def test_minimum_goes_to_the_winner_that_is_the_smaller_one():
    """min(1, 5) - min(3, 2) = -1 belongs to the minimum at the input, and min(3, 2) - min(1, 5) = 1 to the same one."""
    for row, reference, change in (([1.0, 5.0], [3.0, 2.0], -1.0), ([3.0, 2.0], [1.0, 5.0], 1.0)):
        [contributions], _ = explain_function(lambda x: tf.reduce_min(x, 1, keepdims=True), [[row]], [[reference]])
        np.testing.assert_allclose(contributions, [[change, 0.0]])


def test_ties_go_to_one_winner():
    [multipliers], _ = explain_function(maximum, [[[1.0, 1.0, 1.0]]], [[[0.0, 0.0, 0.0]]], wanted="multipliers")
    np.testing.assert_allclose(multipliers, [[1.0, 0.0, 0.0]])


def test_second_largest_by_hand():
    """Sorted values 5, 3 against 4, 2: the second's growth from 2 to 3 is the third element's, which was 0."""

    def second(x):
        return tf.math.top_k(x, 2).values[:, 1:]

    [contributions], _ = explain_function(second, [[[5.0, 1.0, 3.0]]], [[[4.0, 2.0, 0.0]]])
    np.testing.assert_allclose(contributions, [[0.0, 0.0, 1.0]])


def values_of_pooling(images, *arguments):
    return tf.nn.max_pool_with_argmax(images, *arguments).output


def pool(kind, window, strides, padding):
    return lambda x: kind(tf.nn.relu(x), window, strides, padding)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (pool(tf.nn.max_pool1d, 3, 2, "SAME"), (9, 2)),
        (pool(tf.nn.max_pool2d, 2, 2, "VALID"), (6, 6, 2)),
        (pool(tf.nn.max_pool2d, 3, 1, "SAME"), (5, 5, 2)),
        (pool(tf.nn.max_pool2d, (3, 2), (2, 1), "VALID"), (7, 6, 3)),
        (pool(values_of_pooling, 2, 2, "SAME"), (6, 6, 2)),
        (pool(values_of_pooling, 3, 2, "SAME"), (5, 6, 2)),
        (lambda x: tf.reduce_max(tf.nn.relu(x), [1, 2]), (4, 5, 3)),
        (lambda x: tf.reduce_max(x, -1), (4, 5)),
        (lambda x: tf.reduce_min(tf.nn.relu(x), 1, keepdims=True), (4, 5)),
        (lambda x: tf.math.top_k(x, 3).values * tf.constant([1.0, -2.0, 0.5], tf.float64), (7,)),
        (lambda x: tf.math.top_k(tf.nn.relu(x), 2).values, (3, 5)),
    ],
)
def test_sums_to_the_change(function, shape, mode):
    generator = np.random.default_rng(0)
    number = 2 if mode is Mode.SHARED else 6
    rows, references = generator.normal(size=(3, *shape)), generator.normal(size=(number, *shape))
    assert_sums_to_change(function, [rows], [references], mode=mode)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(("window", "strides", "padding"), [(2, 2, "VALID"), (3, 2, "SAME")])
def test_maximum_over_volumes_sums_to_the_change(window, strides, padding, mode):
    # TensorFlow has this op in float32 only.
    generator = np.random.default_rng(0)
    number = 2 if mode is Mode.SHARED else 6
    rows, references = generator.normal(size=(3, 5, 5, 5, 2)), generator.normal(size=(number, 5, 5, 5, 2))
    function = pool(tf.nn.max_pool3d, window, strides, padding)
    assert_sums_to_change(function, [rows], [references], tolerance=1e-6, mode=mode, dtype=tf.float32)


def test_maximum_over_the_leading_axis_of_a_time_major_tensor():
    def function(x):
        return tf.reduce_max(tf.transpose(x, [1, 0, 2]), 0)

    generator = np.random.default_rng(0)
    rows, references = generator.normal(size=(3, 4, 2)), generator.normal(size=(6, 4, 2))
    assert_sums_to_change(function, [rows], [references], mode=Mode.PAIR_SIZE)


def test_half_precision_finds_the_winner_of_a_large_window():
    x = np.zeros((1, 5000, 1))
    x[0, 4321] = 3
    function = pool(tf.nn.max_pool1d, 5000, 5000, "VALID")
    [contributions], _ = explain_function(function, [x], [np.zeros((1, 5000, 1))], dtype=tf.float16)
    np.testing.assert_array_equal(contributions, x)


def test_what_lies_beside_the_windows_contributes_nothing():
    """Windows of 2 x 3 in an image of 5 x 7 leave out its last row and its last column."""
    generator = np.random.default_rng(0)
    rows, references = generator.normal(size=(2, 5, 7, 2)), generator.normal(size=(3, 5, 7, 2))

    def pooled(x):
        return tf.nn.max_pool2d(x, (2, 3), (2, 3), "VALID")

    [contributions], change = explain_function(pooled, [rows], [references])
    np.testing.assert_allclose(contributions.sum((1, 2, 3)), change, rtol=1e-12)
    assert not contributions[:, 4:].any()
    assert not contributions[:, :, 6:].any()
    [inside], _ = explain_function(pooled, [rows[:, :4, :6]], [references[:, :4, :6]])
    np.testing.assert_allclose(contributions[:, :4, :6], inside, rtol=1e-12)


@pytest.mark.parametrize("n_rows", [3, 16])
def test_all_targets_behind_pooling_are_those_of_each_alone(n_rows):
    layers = [keras.layers.Conv2D(3, 3, activation="relu"), keras.layers.MaxPooling2D(), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((9, 8, 2)), *layers, keras.layers.Dense(2)])
    images = np.random.default_rng(0).normal(size=(n_rows, 9, 8, 2)).astype(np.float32)
    of_all = DeepLiftExplainer(model, target="all").fit(images).transform(images)
    for target in range(2):
        alone = DeepLiftExplainer(model, target=target).fit(images).transform(images)
        np.testing.assert_allclose(of_all[..., target], alone, rtol=1e-5, atol=1e-6 * np.abs(alone).max())


@pytest.mark.parametrize("windows", [(2, 2, "VALID"), (3, 2, "SAME")])
def test_pooling_with_places_is_pooling(windows):
    rows, references = np.random.default_rng(0).normal(size=(2, 3, 6, 6, 2))
    [with_places], _ = explain_function(pool(values_of_pooling, *windows), [rows], [references])
    [without], _ = explain_function(pool(tf.nn.max_pool2d, *windows), [rows], [references])
    np.testing.assert_array_equal(with_places, without)
