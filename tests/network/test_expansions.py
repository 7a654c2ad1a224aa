import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.expansions import expand
from skdeeplift.network.network import trace
from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function

GENERATOR = np.random.default_rng(0)
VOLUMES = GENERATOR.normal(size=(3, 4, 5, 6))


def types_of(function, *shape, dtype=tf.float64):
    graph, _ = trace(function, tf.TensorSpec((None, *shape), dtype))
    return {op.type for op in graph.ops}


def test_an_op_of_another_type_stays():
    concrete = tf.function(tf.tanh).get_concrete_function(tf.TensorSpec((2,)))
    assert expand(concrete.outputs[0].op.inputs[0].op) is None


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "function",
    [
        tf.signal.rfft3d,
        lambda x: tf.signal.rfft3d(x, [3, 5, 9]),
        lambda x: tf.signal.irfft3d(tf.signal.rfft3d(x)),
        lambda x: tf.signal.irfft3d(tf.signal.rfft3d(x), [3, 7, 5]),
        lambda x: tf.signal.irfft3d(tf.signal.rfft3d(x) * (2 + 1j)) * 2,
    ],
)
def test_transforms_of_volumes(function):
    """Written as transforms along one axis each, they give the same numbers and have derivatives."""
    assert not types_of(function, 4, 5, 6) & {"RFFT3D", "IRFFT3D"}
    references = GENERATOR.normal(size=(2, 4, 5, 6))
    weights = GENERATOR.normal(size=function(VOLUMES).shape[1:])

    def weighted(x):
        z = function(x)
        return weights * (tf.math.real(z) + tf.math.imag(z) if z.dtype.is_complex else z)

    assert_sums_to_change(weighted, [VOLUMES], [references])


def test_transforms_along_chosen_axes():
    """TensorFlow computes these on a GPU only; written as others they run everywhere."""
    weights, options = GENERATOR.normal(size=(4, 6, 7)), dict(fft_length=[6, 7], axes=[2, 3])

    def there(x):
        return tf.signal.fftnd(tf.cast(x, tf.complex128), **options)

    rows, references = VOLUMES, VOLUMES[:2] + 1
    _, change = explain_function(lambda x: weights * tf.math.imag(there(x)), [rows], [references])
    expected = weights * np.fft.fftn(rows[:, None] - references, (6, 7), (3, 4)).imag
    np.testing.assert_allclose(change, expected.reshape(3, -1).sum(1))
    assert_sums_to_change(lambda x: weights * tf.math.imag(there(x)), [rows], [references])

    def back(z):
        return tf.math.real(tf.signal.ifftnd(z * (1 + 2j), **options))

    assert_sums_to_change(lambda x: tf.tanh(back(tf.exp(there(x) / 20))), [rows], [references])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("lengths", [[3], [6], [9], [3, 8], [5, 6], [8, 5]])
def test_transforms_of_another_length(lengths):
    """TensorFlow has no derivative of a transform that cuts its input off."""
    name = "rfft" if len(lengths) == 1 else "rfft2d"
    there, back = getattr(tf.signal, name), getattr(tf.signal, f"i{name}")
    rows, references = VOLUMES[:, 0], VOLUMES[:2, 1]
    weights = GENERATOR.normal(size=there(rows, lengths).shape[1:])
    assert_sums_to_change(lambda x: weights * tf.math.imag(there(x, lengths)), [rows], [references])
    weights = GENERATOR.normal(size=back(there(rows), lengths).shape[1:])
    assert_sums_to_change(lambda x: weights * back(there(x), lengths), [rows], [references])


@pytest.mark.parametrize(
    ("function", "before", "after"),
    [
        (lambda x: tf.cast(x, tf.complex64), tf.float64, {"Complex"}),
        (lambda x: tf.cast(x, tf.complex128), tf.int32, {"Complex", "Cast"}),
        (lambda x: tf.cast(tf.cast(x, tf.complex128), tf.float32), tf.float64, {"Complex", "Real"}),
        (lambda x: tf.cast(x, tf.float32), tf.float64, {"Cast"}),
    ],
)
def test_casts_of_complex_numbers(function, before, after):
    assert types_of(function, 3, dtype=before) & {"Complex", "Real"} == after - {"Cast"}
    assert "Cast" in after or "Cast" not in types_of(lambda x: tf.cast(x, tf.complex128), 3, dtype=before)


def test_counts_of_tokens():
    def count(ids):
        return tf.raw_ops.DenseBincount(input=ids, size=4, weights=tf.constant([], tf.float32))

    assert "DenseBincount" not in types_of(count, 3, dtype=tf.int32)


def test_derivative_of_softsign():
    def function(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.softsign(x)
        return tape.gradient(y, x)

    assert "SoftsignGrad" not in types_of(function, 3)
    assert_sums_to_change(function, [GENERATOR.normal(size=(3, 4))], [GENERATOR.normal(size=(2, 4))])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize("segments", [[2, 0, 2, 0], [0, 0, 1, 2]])
def test_extremes_of_known_segments(kind, segments):
    """Nodes stand before the rows, as where messages meet at the nodes of a graph; an empty segment has no entry."""
    sorted_too = segments == sorted(segments)
    functions = [lambda x: getattr(tf.math, f"unsorted_segment_{kind}")(x, segments, 3)]
    if sorted_too:
        functions.append(lambda x: getattr(tf.math, f"segment_{kind}")(x, segments))
    rows, references = GENERATOR.normal(size=(5, 4, 2)), GENERATOR.normal(size=(10, 4, 2))
    for reduce in functions:

        def function(x, reduce=reduce):
            return tf.ensure_shape(tf.tanh(tf.transpose(reduce(tf.transpose(x, [1, 0, 2])), [1, 0, 2])), (None, 3, 2))

        assert not {each for each in types_of(function, 4, 2) if "Segment" in each}
        expected = getattr(np, kind)(rows[:, [each == segments[0] for each in segments]], 1)
        np.testing.assert_allclose(function(rows).numpy()[:, segments[0]], np.tanh(expected))
        for rule in ("rescale", "reveal_cancel"):
            assert_sums_to_change(function, [rows], [references], mode=Mode.PAIR_SIZE, rule=rule)


def test_segments_that_the_input_chooses():
    def function(x):
        return tf.math.unsorted_segment_max(x, tf.cast(x[:, 0] > 0, tf.int32), 2)

    assert "UnsortedSegmentMax" in types_of(function, 3)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_a_cross_product(rule):
    """As a product, it multiplies each difference by the mean of the other vector."""
    rows, references = GENERATOR.normal(size=(2, 2, 4, 2, 3))
    assert "Cross" not in types_of(lambda x: tf.linalg.cross(x, x + 1), 3)
    contributions, change = explain_function(
        lambda a, b: tf.linalg.cross(a, b) * [2.0, 0.0, 0.0], list(rows), list(references[:, :1]), rule=rule
    )
    weights, means = np.array([2.0, 0.0, 0.0]), (rows + references[:, :1]) / 2
    expected = np.cross(means[1], weights), np.cross(weights, means[0])
    for found, difference, multiplier in zip(contributions, rows - references[:, :1], expected, strict=True):
        np.testing.assert_allclose(found, difference * multiplier)
    np.testing.assert_allclose(sum(each.sum((1, 2)) for each in contributions), change)
    assert_sums_to_change(lambda a, b: tf.tanh(tf.linalg.cross(a, b)), list(rows), list(references), rule=rule)
    assert_sums_to_change(lambda a, b: tf.nn.relu(tf.linalg.cross(a, b) + b), list(rows), list(references), rule=rule)


def test_an_empty_tensor_is_zeros_if_tensorflow_says_so():
    def function(x, init):
        return x + tf.raw_ops.Empty(shape=tf.shape(x), dtype=x.dtype, init=init)

    assert "Empty" not in types_of(lambda x: function(x, True), 3)
    assert "Empty" in types_of(lambda x: function(x, False), 3)
