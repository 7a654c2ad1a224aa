"""Values that are found to be row-wise are the same for a row alone and beside other rows."""

from inspect import signature

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from keras import layers

from skdeeplift.network import ops, rowwise
from skdeeplift.network.network import trace

GENERATOR = np.random.default_rng(0)
MATRIX = tf.constant(GENERATOR.normal(size=(4, 4)), tf.float32)
FILTER = tf.constant(GENERATOR.normal(size=(3, 3, 2, 3)), tf.float32)
LETTERS = tf.constant(GENERATOR.normal(size=(5, 4)), tf.float32)


def find(function, shape, dtype=tf.float32):
    """Return whether the output of a function of rows is found to be row-wise."""
    graph, _ = trace(function, tf.TensorSpec((None, *shape), dtype))
    return graph.outputs[0] in graph.rowwise


def normalise(x, is_training):
    ones = tf.ones(x.shape[-1])
    return tf.compat.v1.nn.fused_batch_norm(x, ones, ones, ones, ones, is_training=is_training)[0]


SEPARATE = {
    "elementwise": ((4,), lambda x: tf.nn.relu(x) * x + tf.range(4.0) / 3 - 2),
    "broadcast along rows": ((4,), lambda x: x + tf.ones((1, 4))),
    "matrix": ((4,), lambda x: tf.nn.bias_add(tf.matmul(x, MATRIX, transpose_b=True), tf.range(4.0))),
    "matrices of rows": ((3, 4), lambda x: tf.matmul(x, x, transpose_b=True)),
    "matrix for all rows": ((3, 4), lambda x: tf.matmul(x, MATRIX)),
    "letters": ((3, 4), lambda x: tf.einsum("nsd,ntd->nst", x, tf.einsum("nsd,de->nse", x, MATRIX))),
    "convolution": ((6, 6, 2), lambda x: tf.nn.conv2d(x, FILTER, 2, "SAME")),
    "depthwise convolution": ((6, 6, 2), lambda x: tf.nn.depthwise_conv2d(x, FILTER, [1, 1, 1, 1], "VALID")),
    "pools": ((6, 6, 2), lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME") - tf.nn.avg_pool2d(x, 2, 2, "SAME")),
    "fixed normalisation": ((6, 6, 2), lambda x: normalise(x, is_training=False)),
    "softmax": ((4,), tf.nn.softmax),
    "reductions": ((6, 6, 2), lambda x: tf.reduce_mean(x, (1, 2)) + tf.reduce_max(x, (-3, -2))),
    "flattened": ((6, 2), lambda x: tf.reshape(x, (-1, 12))),
    "flattened by the number of rows": ((6, 2), lambda x: tf.reshape(x, (tf.shape(x)[0], 12))),
    "dense layer of sequences": ((3, 4), lambda x: tf.nn.relu(tf.tensordot(x, MATRIX, 1))),
    "dense layer of images": ((2, 3, 4), lambda x: tf.tensordot(x, MATRIX, 1)),
    "axes folded and unfolded": ((6, 4), lambda x: tf.reshape(tf.matmul(tf.reshape(x, (-1, 4)), MATRIX), (-1, 3, 8))),
    "moved": ((3, 4), lambda x: tf.transpose(tf.reverse(x, [1]), (0, 2, 1))),
    "rolled": ((3, 4), lambda x: tf.roll(x, [1, 2], [1, 2])),
    "padded": ((3, 4), lambda x: tf.pad(x, [[0, 0], [1, 0], [0, 2]])),
    "repeated": ((3, 4), lambda x: tf.tile(x, [1, 2, 1])),
    "joined": ((3, 4), lambda x: tf.concat([x, 2 * x], -1)),
    "stacked": ((3, 4), lambda x: tf.stack([x, 2 * x], 1)),
    "taken apart": ((3, 4), lambda x: tf.unstack(x, axis=1)[2]),
    "split": ((3, 4), lambda x: tf.split(x, [1, 3], axis=2)[1]),
    "cut": ((3, 4), lambda x: x[:, ::2, -1]),
    "axes inserted and dropped": ((4,), lambda x: tf.squeeze(tf.expand_dims(x[:, None], -1), [1, -1])),
    "lookup along another axis": ((4,), lambda x: tf.gather(x, [3, 1], axis=1)),
    "cumulative": ((4,), lambda x: tf.cumsum(x, axis=-1)),
    "given range": ((4,), lambda x: tf.quantization.quantize_and_dequantize_v2(x, -1, 1, range_given=True)),
    "resized": ((4, 4, 1), lambda x: tf.image.resize(x, (8, 8), "nearest")),
}
JOINED = {
    "sum over rows": ((4,), lambda x: x - tf.reduce_mean(x, 0)),
    "sum over rows, kept": ((4,), lambda x: x - tf.reduce_mean(x, 0, keepdims=True)),
    "number of rows": ((4,), lambda x: x / tf.cast(tf.shape(x)[0], x.dtype)),
    "two rows in one": ((2,), lambda x: tf.reshape(tf.reshape(x, (-1, 4)) @ MATRIX, (-1, 2))),
    "rows folded and unfolded into others": ((2, 4), lambda x: tf.reshape(tf.reshape(x, (-1, 4)) @ MATRIX, (-1, 4))),
    "rows cut across": ((6,), lambda x: tf.reshape(tf.reshape(x, (-1, 4)) @ MATRIX, (-1, 4))),
    "rows folded and divided": ((2, 2), lambda x: tf.reshape(tf.reshape(x, (-1, 1)) @ tf.ones((1, 3)), (-1, 2, 2))),
    "position of the row": ((4,), lambda x: x * tf.cast(tf.range(tf.shape(x)[0]), x.dtype)[:, None]),
    "matrix of all rows": ((4,), lambda x: tf.matmul(x, tf.matmul(x, x, transpose_a=True))),
    "matrix from the rows": ((4,), lambda x: tf.matmul(tf.matmul(x, x, transpose_b=True), x)),
    "attention across rows": ((3, 4), lambda x: tf.einsum("nsd,msd->nms", x, x)[:, 0] @ x[:, 0]),
    "letters over rows": ((3, 4), lambda x: x + tf.einsum("nsd->sd", x)),
    "training normalisation": ((6, 6, 2), lambda x: normalise(x, is_training=True)),
    "softmax over rows": ((4,), lambda x: tf.nn.softmax(x, axis=0)),
    "cumulative": ((4,), lambda x: tf.cumsum(x, axis=0)),
    "cumulative from the end": ((4,), lambda x: tf.cumsum(x, axis=-2)),
    "reversed": ((4,), lambda x: tf.reverse(x, [0])),
    "rolled": ((4,), lambda x: tf.roll(x, 1, 0)),
    "rolled by an unknown axis": ((4,), lambda x: tf.roll(x, 1, tf.rank(x) - 2)),
    "shifted": ((4,), lambda x: tf.concat([x[1:], x[:1]], 0)),
    "shifted by padding": ((4,), lambda x: tf.pad(x, [[1, 0], [0, 0]])[:-1]),
    "entries that change their row": ((4,), lambda x: tf.reshape(tf.transpose(tf.reshape(x, (-1, 2, 2))), (-1, 4))),
    "transposed": ((4,), lambda x: tf.reshape(tf.transpose(x), (-1, 4))),
    "rows by number": ((4,), lambda x: tf.gather(x, tf.argsort(x[:, 0]))),
    "largest": ((4,), lambda x: x / tf.norm(x)),
    "range of all rows": ((4,), lambda x: tf.quantization.quantize_and_dequantize_v2(x, -1, 1, range_given=False)),
    "stacked": ((4,), lambda x: tf.reshape(tf.stack([x, x]), (-1, 4))),
    "repeated": ((4,), lambda x: tf.tile(x, [2, 1])[::2]),
    "first row": ((4,), lambda x: x + x[:1]),
    "condition of all rows": ((4,), lambda x: tf.where(tf.reduce_any(x > 2), x, -x)),
    "blocks": ((4, 4, 1), lambda x: tf.space_to_batch(x, [2, 2], [[0, 0], [0, 0]])[: tf.shape(x)[0]]),
    "loop": ((4,), lambda x: tf.map_fn(lambda row: 2 * row, x)),
    "random": ((4,), lambda x: x + tf.random.stateless_normal(tf.shape(x), (1, 2))),
}


@pytest.mark.parametrize("name", SEPARATE)
def test_rows_stay_apart(name):
    shape, function = SEPARATE[name]
    assert find(function, shape)
    assert_rowwise(function, shape)


@pytest.mark.parametrize("name", JOINED)
def test_rows_are_joined(name):
    shape, function = JOINED[name]
    assert not find(function, shape)


def assert_rowwise(function, shape):
    """Compare each row of a batch with the row by itself: both are the same up to rounding."""
    rows = tf.constant(GENERATOR.normal(size=(5, *shape)), tf.float32)
    together = function(rows)
    for position in range(5):
        np.testing.assert_allclose(together[position], function(rows[position : position + 1])[0], rtol=1e-4, atol=1e-5)


def test_indices_of_rows():
    assert find(lambda tokens: tf.gather(LETTERS, tokens), (3,), tf.int32)
    assert find(lambda tokens: tf.one_hot(tokens, 4), (3,), tf.int32)
    assert not find(lambda tokens: tf.gather(LETTERS, tokens, axis=1), (3,), tf.int32)
    assert not find(lambda tokens: tf.one_hot(tokens, 4, axis=0), (3,), tf.int32)
    assert not find(lambda tokens: tf.gather(tf.one_hot(tokens, 4), tokens, batch_dims=1), (3,), tf.int32)


def test_values_with_unknown_sizes_or_a_fixed_batch_are_not_found():
    for shape in ((None, None), (3, 4)):
        graph, _ = trace(tf.nn.relu, tf.TensorSpec(shape, tf.float32))
        assert not graph.rowwise


def test_usual_layers_are_found():
    image = layers.Input((8, 8, 3))
    hidden = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", activation="gelu")(image))
    inside = layers.ZeroPadding2D(1)(hidden)[:, 1:-1, 1:-1]
    hidden = layers.Add()([hidden, layers.SeparableConv2D(4, 3, padding="same")(inside)])
    hidden = layers.LayerNormalization()(layers.Reshape((64, 4))(hidden))
    hidden = layers.MultiHeadAttention(2, 2)(hidden, hidden)
    outputs = layers.Dense(2, "softmax")(layers.Flatten()(layers.GlobalAveragePooling1D()(hidden)))
    model = keras.Model(image, outputs)
    graph, _ = trace(model, tf.TensorSpec((None, 8, 8, 3), tf.float32), [])
    assert graph.outputs[0] in graph.rowwise


# Functions of a matrix of rows with four columns, each of which returns such a matrix.
STEPS = [function for shape, function in [*SEPARATE.values(), *JOINED.values()] if shape == (4,)]


@settings(deadline=None, max_examples=60)
@given(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=4), seed=st.integers(0, 2**16))
def test_whatever_is_found_is_the_same_for_a_row_alone(steps, seed):
    """Chains of the functions above, as far as their shapes fit."""

    def function(x):
        for step in steps:
            x = step(tf.reshape(x, (-1, 4)) if x.shape[1:] != (4,) else x)
        return x

    try:
        found = find(function, (4,))
    except (ValueError, tf.errors.InvalidArgumentError):
        return
    if found:
        assert_rowwise(function, (4,))


def test_elementwise_ops_compute_each_row_alone():
    """Functions of floating-point numbers, at the rows, with 0.5 for further operands."""
    rows, checked = GENERATOR.uniform(0.1, 0.9, (4, 3)).astype("float32"), []
    rows[1:] *= 50
    for op_type in sorted(ops.where(family=ops.ACTIVATION) | ops.where(family=ops.STEP)):
        raw = getattr(tf.raw_ops, op_type)
        required = [each.name for each in signature(raw).parameters.values() if each.default is each.empty]

        def function(x, raw=raw, required=required):
            return raw(**dict.fromkeys(required, tf.constant(0.5)) | {required[0]: x})

        try:
            together, alone = function(rows).numpy(), function(rows[:1]).numpy()
            is_found = find(function, (3,))
        except (TypeError, ValueError, tf.errors.OpError):
            # The op takes other dtypes, or operands of other shapes.
            continue
        if is_found:
            checked.append(op_type)
            np.testing.assert_allclose(together[:1], alone, rtol=1e-5, err_msg=op_type)
    assert len(checked) > 40


def test_every_test_that_a_row_names_exists():
    assert set(ops.column("rowwise").values()) == set(rowwise.TESTS)
