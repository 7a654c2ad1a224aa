from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.propagation import replay
from skdeeplift.propagation.pairing import Mode, Pairing, Request
from skdeeplift.propagation.rules.linear import by_scaled_weights
from tests.functions import assert_sums_to_change, explain_function, streams_of

GENERATOR = np.random.default_rng(0)


def constant(*shape):
    return tf.constant(GENERATOR.normal(size=shape))


def test_dense_layer_by_hand():
    """2*x1 - 3*x2 + 1 over the differences 1 and 2: 2 and -6; the bias has no part in it."""
    weights, bias = tf.constant([[2.0], [-3.0]], tf.float64), tf.constant([1.0], tf.float64)
    [contributions], change = explain_function(lambda x: x @ weights + bias, [[[2.0, 2.0]]], [[[1.0, 0.0]]])
    np.testing.assert_allclose(contributions, [[2.0, -6.0]])
    np.testing.assert_allclose(change, [-4.0])


def test_batch_normalisation_by_hand():
    """A difference of 2, times scale 3 over the root of variance 3.75 plus epsilon 0.25: 3."""

    def function(x):
        return tf.compat.v1.nn.fused_batch_norm(
            x, scale=[3.0], offset=[7.0], mean=[5.0], variance=[3.75], epsilon=0.25, is_training=False
        )[0]

    [contributions], _ = explain_function(
        function, [np.full((1, 1, 1, 1), 4.0)], [np.full((1, 1, 1, 1), 2.0)], dtype=tf.float32
    )
    np.testing.assert_allclose(contributions.item(), 3.0, rtol=1e-6)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x: tf.einsum("nij,jk->nik", x, constant(3, 2)), (4, 3)),
        (lambda x: tf.matmul(constant(1, 5, 4), x), (4, 3)),
        (lambda x: tf.nn.conv2d(x, constant(3, 3, 2, 4), 2, "SAME"), (6, 5, 2)),
        (lambda x: tf.nn.depthwise_conv2d(x, constant(3, 3, 2, 2), [1, 1, 1, 1], "VALID"), (6, 5, 2)),
        (lambda x: tf.nn.conv3d(x, constant(2, 2, 2, 1, 3), [1, 1, 1, 1, 1], "SAME"), (4, 4, 4, 1)),
        (lambda x: tf.nn.conv2d_transpose(x, constant(3, 3, 4, 2), [tf.shape(x)[0], 12, 10, 4], 2), (6, 5, 2)),
        (lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME"), (6, 5, 2)),
        (lambda x: tf.reduce_mean(x, [1]), (6, 5)),
        (lambda x: tf.cumsum(x, 1), (6, 5)),
        (lambda x: tf.reverse(tf.transpose(x, [0, 2, 1]), [2]), (6, 5)),
        (lambda x: tf.roll(x, 2, 1), (6, 5)),
        (lambda x: tf.gather(x, [0, 2, 2], axis=1), (6, 5)),
        (lambda x: tf.reshape(tf.reshape(x, [-1, 15]) @ constant(15, 2), [-1, 4]), (6, 5)),
        (lambda x: tf.reshape(tf.reshape(x, [-1, 5]) @ constant(5, 2), [-1, 12]), (6, 5)),
        (lambda x: tf.pad(x, [[0, 0], [1, 2]]) @ constant(9, 1), (6,)),
        (lambda x: tf.pad(x, [[0, 0], [2, 2]], "REFLECT"), (6,)),
        (lambda x: tf.concat(tf.split(x, 3, 1)[::-1], 1) * constant(6), (6,)),
        (lambda x: tf.stack(tf.unstack(x, axis=1), 2) / constant(6), (6, 2)),
        (lambda x: tf.tile(x, [1, 2]) * constant(12), (6,)),
        (lambda x: x[:, 1:5:2] - x[:, :2], (6,)),
        (lambda x: -x, (6,)),
        (tf.linalg.diag_part, (4, 4)),
    ],
)
def test_sums_to_the_change_exactly(function, shape, mode):
    generator = np.random.default_rng(1)
    rows, references = generator.normal(size=(3, *shape)), generator.normal(size=(6, *shape))
    references = references[:2] if mode is Mode.SHARED else references
    assert_sums_to_change(function, [rows], [references], mode=mode, tolerance=1e-12)


@pytest.mark.parametrize("resize", ["bilinear", "nearest", "bicubic"])
def test_resizing_sums_to_the_change(resize):
    generator = np.random.default_rng(1)
    assert_sums_to_change(
        lambda x: tf.image.resize(x, (7, 9), resize),
        [generator.normal(size=(3, 4, 5, 2))],
        [generator.normal(size=(2, 4, 5, 2))],
        dtype=tf.float32,
        tolerance=1e-6,
    )


def test_grouped_convolution_in_float64():
    """TensorFlow has its gradient on a processor only where it is compiled, as Keras does."""
    kernel = constant(3, 3, 2, 6)
    generator = np.random.default_rng(1)
    assert_sums_to_change(
        tf.function(lambda x: tf.nn.conv2d(x, kernel, 2, "SAME"), jit_compile=True),
        [generator.normal(size=(3, 6, 5, 4))],
        [generator.normal(size=(2, 6, 5, 4))],
        tolerance=1e-12,
    )


@pytest.mark.parametrize("method", ["bicubic", "lanczos3", "bilinear"])
def test_spread_is_resized_by_absolute_weights(method):
    """The spread of differences of any sign is that of their sizes; the weights are found one by one."""
    size = (5, 7)
    generator = np.random.default_rng(0)
    image = generator.normal(size=(1, 3, 4, 1)).astype(np.float32)
    units = np.eye(12, dtype=np.float32).reshape(12, 3, 4, 1)
    weights = tf.image.resize(units, size, method).numpy().reshape(12, -1)

    def spread(wanted):
        [part], _ = explain_function(
            lambda x: tf.nn.relu(tf.image.resize(x, size, method)),
            [image],
            [np.zeros_like(image)],
            dtype=tf.float32,
            rule="reveal_cancel",
            wanted=wanted,
            layer_before="Relu",
        )
        return part.ravel()

    expected = np.abs(image).ravel() @ np.abs(weights)
    np.testing.assert_allclose(
        spread("positive_difference") - spread("negative_difference"), expected, rtol=1e-4, atol=1e-5
    )


WEIGHTS, DEPTHWISE, BIAS, FACTOR = constant(3, 3, 2, 4), constant(3, 3, 2, 2), constant(4), constant(4)
CONVOLUTIONS = {
    "strided": lambda x: tf.nn.conv2d(x, WEIGHTS, 2, "SAME"),
    "padded": lambda x: tf.nn.conv2d(x, WEIGHTS, 1, [[0, 0], [1, 2], [0, 1], [0, 0]]),
    "depthwise": lambda x: tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 2, 2, 1], "SAME"),
}


def images(seed, number=3):
    return np.random.default_rng(seed).normal(size=(number, 12, 11, 2))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_contributions_of_a_linear_function_are_its_gradient_times_differences(name, bias, mode):
    def function(x):
        convolved = CONVOLUTIONS[name](x)
        return (tf.nn.bias_add(convolved, BIAS) if bias else convolved) * FACTOR

    rows, references = images(1), images(2, 1 if mode is Mode.SHARED else 3)
    [contributions], change = explain_function(function, [rows], [references], mode=mode)
    point = tf.constant(rows)
    with tf.GradientTape() as tape:
        tape.watch(point)
        total = tf.reduce_sum(function(point))
    gradient = tape.gradient(total, point).numpy()
    np.testing.assert_allclose(contributions, gradient * (rows - references), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(contributions.sum((1, 2, 3)), change, rtol=1e-10)


def test_fused_batch_normalisation_by_hand():
    """A weight of 2 and a scale of 3 over the root of 3.75 + 0.25: 3 for each difference."""
    weights, options = tf.constant([[[[2.0, -2.0]]]]), dict(epsilon=0.25, is_training=False)
    of_channels = dict(scale=[3.0, 1.0], offset=[7.0, 7.0], mean=[5.0, 5.0], variance=[3.75, 3.75])

    def function(x):
        normalised = tf.compat.v1.nn.fused_batch_norm(tf.nn.conv2d(x, weights, 1, "SAME"), **of_channels, **options)
        return normalised[0][..., :1]

    rows, references = images(1)[..., :1], images(2, 1)[..., :1]
    [contributions], _ = explain_function(function, [rows], [references], dtype=tf.float32)
    np.testing.assert_allclose(contributions, 3 * (rows - references), rtol=1e-5, atol=1e-6)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize(
    "activation",
    [
        lambda convolved: tf.nn.relu(convolved * FACTOR + BIAS),
        lambda convolved: tf.nn.relu(convolved * FACTOR) + convolved,
        lambda convolved: tf.nn.relu(tf.reshape(FACTOR, (1, 1, 1, 4)) * convolved) * FACTOR,
        lambda convolved: tf.nn.relu(convolved * FACTOR[0]) - tf.nn.relu(FACTOR * tf.nn.bias_add(convolved, BIAS)),
    ],
    ids=["normalised", "skipped", "broadcast", "twice"],
)
def test_sums_to_change(activation, name, rule):
    assert_sums_to_change(lambda x: activation(CONVOLUTIONS[name](x)), [images(1)], [images(2, 2)], rule=rule)


def scaled(factor, *, convolve=CONVOLUTIONS["strided"], bias=False, read_elsewhere=False, number=3):
    """Multiply a convolution by a factor: by its weights, if that is done, and without them."""

    @tf.function
    def function(rows):
        convolved = convolve(rows)
        product = (tf.nn.bias_add(convolved, BIAS) if bias else convolved) * factor
        if read_elsewhere:
            tf.nn.relu(convolved)
        op = SimpleNamespace(step=SimpleNamespace(op=SimpleNamespace(definition=product.op)))
        return by_scaled_weights(op, 0, convolved, product.op.inputs[1]), convolved * factor

    return function(tf.constant(images(1, number)))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("factor", [FACTOR, tf.reshape(FACTOR, (1, 1, 1, 4))])
def test_is_one_convolution(factor, bias):
    result, product = scaled(factor, bias=bias)
    np.testing.assert_allclose(result, product, rtol=1e-12, atol=1e-14)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "options",
    [
        {"factor": FACTOR, "read_elsewhere": True},
        {"factor": FACTOR, "read_elsewhere": True, "bias": True},
        {"factor": FACTOR[0]},
        {"factor": FACTOR[:1]},
        {"factor": constant(6, 1, 1)},
        {"factor": constant(3, 6, 6, 4)},
        {"factor": FACTOR, "convolve": lambda x: tf.nn.conv2d(x, WEIGHTS, 6, "SAME"), "number": 2},
        {"factor": FACTOR, "convolve": lambda x: tf.tile(x, [1, 1, 1, 2])},
    ],
    ids=[
        "read elsewhere",
        "read before its bias",
        "number",
        "one",
        "of places",
        "of elements",
        "few results",
        "no convolution",
    ],
)
def test_leaves_what_is_not_faster(options):
    result, _ = scaled(**options)
    assert result is None


def in_a_list(x):
    return tf.TensorArray(x.dtype, 3, clear_after_read=False).unstack(tf.transpose(x))


def test_what_is_put_and_taken_by_hand():
    """The list is [x1, 7, x3]; twice its third and five times its first entry are taken: 2 * 3 and 5 * 4."""

    def function(x):
        elements = in_a_list(x).write(1, 7.0 * tf.ones_like(x[:, 0]))
        return tf.stack([2.0 * elements.read(2), elements.read(1), 5.0 * elements.read(0)], 1)

    [contributions], change = explain_function(function, [[[4.0, 9.0, 3.0]]], [[[0.0, 1.0, 0.0]]])
    np.testing.assert_allclose(contributions, [[20.0, 0.0, 6.0]])
    assert change.item() == 26.0


def partly_written(x):
    elements = tf.TensorArray(x.dtype, 3, element_shape=(None,)).write(1, x[:, 0] * x[:, 1])
    return tf.transpose(elements.stack())


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.tanh(tf.transpose(in_a_list(x).stack())),
        lambda x: tf.tanh(tf.transpose(in_a_list(x).gather([2, 0]))),
        lambda x: tf.sigmoid(in_a_list(x).write(0, x[:, 1]).read(0))[:, None],
        partly_written,
    ],
)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_lists_sum_to_the_change_exactly(function, rule):
    generator = np.random.default_rng(0)
    # Where the batch lies in what is gathered is not known.
    mode, number = (Mode.PAIR_SIZE, 8) if streams_of(function, (3,)).needs_pair_size else (Mode.SHARED, 2)
    rows, references = generator.normal(size=(4, 3)), generator.normal(size=(number, 3))
    assert_sums_to_change(function, [rows], [references], rule=rule, mode=mode)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_a_loop_over_what_loops_over_each_step_returned(rule):
    """Recurrent over sentences, of which each is recurrent over words: rows are not in front in the lists."""
    inputs, sentence = keras.Input((3, 4)), keras.Input((4, 1))
    hidden = keras.layers.SimpleRNN(2, return_sequences=True)(sentence)
    encoder = keras.Model(sentence, keras.ops.sum(keras.ops.softmax(hidden, 1) * hidden, 1))
    sentences = keras.layers.TimeDistributed(encoder)(inputs[..., None])
    network = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.SimpleRNN(2)(sentences)))
    rows = np.random.default_rng(0).normal(size=(4, 3, 4))
    DeepLiftExplainer(network, rule=rule, check="raise").fit(rows).transform(rows)


def test_constants_have_no_part_in_a_join():
    """Only x of [x, 7] * [2, 3] has a difference: 2 * 4."""

    def function(x):
        return tf.concat([x, 7 * tf.ones_like(x)], 1) * tf.constant([2.0, 3.0], tf.float64)

    [contributions], change = explain_function(function, [[[5.0]]], [[[1.0]]])
    assert contributions.item() == change.item() == 8.0


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "function",
    [
        tf.add,
        tf.subtract,
        lambda a, b: tf.add_n([a, b, tf.ones_like(a), a]),
        lambda a, b: a[:, :1] - b,
        lambda a, b: tf.constant(3.0, tf.float64) - a + b,
        lambda a, b: (tf.constant(3.0, tf.float64) - a) - (b + tf.ones(5, tf.float64)),
        lambda a, b: tf.concat([a[:, :1] + tf.ones(5, tf.float64), b[:, 1:2] - tf.ones(5, tf.float64)], -1),
        lambda a, b: tf.concat([a, b], -1),
        lambda a, b: tf.stack([a, b, a], 1),
        lambda a, b: tf.where(tf.constant([True, False, True, False, True]), a, b),
        lambda a, b: tf.where(tf.constant([True, False, True, False, True]), a, 3.0) + b,
        lambda a, b: tf.pad(a, [[0, 0], [1, 1]], constant_values=5.0)[:, 1:6] + b,
    ],
)
def test_joins_sum_to_the_change_exactly(function):
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(4, 5)) for _ in range(2)]
    references = [generator.normal(size=(3, 5)) for _ in range(2)]
    assert_sums_to_change(function, rows, references, tolerance=1e-12)


def test_a_sum_with_a_constant_creates_nothing(monkeypatch):
    """Neither the sum nor the constant, here a sum of two, is needed for a difference."""
    created = []
    create = replay.create
    monkeypatch.setattr(
        replay, "create", lambda op, *args, **kwargs: created.append(op.type) or create(op, *args, **kwargs)
    )
    constants = [tf.Variable(np.full(5, value)) for value in (1.0, 2.0)]
    streams = streams_of(lambda x: 3 * x + (constants[0] + constants[1]), (5,))
    at_input, at_reference = (streams.forward([tf.constant(np.full((1, 5), value))]) for value in (4.0, 1.0))
    created.clear()
    pairing = Pairing(Mode.SHARED, 1, 1)
    request = Request(pairing, np.ones((1, 1, 5)), np.ones(1))
    [(contributions,)] = streams.contributions(request, at_input, at_reference)
    np.testing.assert_array_equal(contributions, np.full((1, 1, 5), 9.0))
    assert sorted(created) == ["Const", "Mul"]


def test_cut_boxes_by_hand():
    """A box from the second to the third place of 1, 2, 4 is resized to three places: 2, 3, 4, from zeros.

    Outside of the image the op returns 7, at the row and at the reference alike, which contributes nothing.
    """

    def boxes(last):
        def function(x):
            number = tf.shape(x)[0]
            box = tf.ones((number, 1)) * [[0.0, 0.5, 0.0, last]]
            return tf.image.crop_and_resize(x, box, tf.range(number), (1, 3), extrapolation_value=7.0)

        return function

    image = np.array([1.0, 2.0, 4.0]).reshape(1, 1, 3, 1)
    [contributions], change = explain_function(boxes(1.0), [image], [0 * image], dtype=tf.float32)
    np.testing.assert_allclose(contributions.ravel(), [0, 3, 6])
    [contributions], change = explain_function(boxes(1.5), [image], [0 * image], dtype=tf.float32)
    np.testing.assert_allclose(contributions.ravel(), [0, 2, 4])
    np.testing.assert_allclose(change, [6])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.image.resize(x, (3, 7), "area"),
        lambda x: tf.image.resize(x, (6, 2), "area", antialias=True),
        lambda x: cut_two_boxes(x, "bilinear"),
        lambda x: cut_two_boxes(x, "nearest"),
    ],
)
def test_boxes_and_areas_sum_to_the_change(function, rule, mode):
    generator = np.random.default_rng(1)
    rows, references = (
        generator.normal(size=(3, 4, 5, 2)),
        generator.normal(size=(2 if mode is Mode.SHARED else 6, 4, 5, 2)),
    )
    options = dict(dtype=tf.float32, tolerance=2e-6, mode=mode, rule=rule)
    assert_sums_to_change(lambda x: tf.tanh(function(x)), [rows], [references], **options)


def cut_two_boxes(x, method):
    """Two boxes of each row, one of which leaves the image."""
    number = tf.shape(x)[0]
    boxes = tf.tile(tf.constant([[0.1, 0.2, 0.8, 1.3], [0.0, 0.9, 0.5, 0.1]]), [number, 1])
    places = tf.repeat(tf.range(number), 2)
    cut = tf.image.crop_and_resize(x, boxes, places, (3, 2), method=method, extrapolation_value=2.0)
    return tf.reshape(cut, [-1, 2, 3, 2, 2])


def test_weights_of_areas_are_those_of_the_op():
    """Each place of a resized unit vector is a weight: TensorFlow has no derivative of this op."""
    [contributions], _ = explain_function(
        lambda x: tf.image.resize(x, (1, 2), "area"),
        [np.array([1.0, 2.0, 4.0]).reshape(1, 1, 3, 1)],
        [np.zeros((1, 1, 3, 1))],
        dtype=tf.float32,
    )
    # Areas of one and a half places: (1 + 2/2) / 1.5 and (2/2 + 4) / 1.5.
    np.testing.assert_allclose(contributions.ravel(), np.array([1, 2, 4]) / 1.5, rtol=1e-6)
