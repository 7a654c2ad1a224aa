"""Integrals of gradients, beside a loop over steps of TensorFlow's own gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import IntegratedGradientsExplainer
from skdeeplift.execution.references import Path
from skdeeplift.network.devices import CPU
from skdeeplift.network.network import trace
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.pairing import Mode, Pairing, Request
from skdeeplift.propagation.paths import Paths, find_prefix

RANDOM = np.random.default_rng(0)
FIRST, SECOND = tf.constant(RANDOM.normal(size=(4, 6))), tf.constant(RANDOM.normal(size=(6, 3)))
SQUARE = tf.constant(RANDOM.normal(size=(4, 4)))
N_ROWS, N_REFERENCES, N_STEPS = 3, 2, 5
NETWORKS = {
    "affine at both ends": lambda x: tf.tanh(x @ FIRST + 0.5) @ SECOND - 1.0,
    "affine throughout": lambda x: x @ FIRST @ SECOND,
    "bends at the start": lambda x: tf.tanh(x) @ FIRST,
    "bends at the end": lambda x: tf.tanh(x @ FIRST),
    "bends throughout": tf.tanh,
    "a way around": lambda x: tf.tanh(x @ SQUARE) @ SQUARE + 2.0 * x,
    "an end that is read before": lambda x: (lambda h: tf.tanh(h @ SQUARE) + h @ SQUARE)(tf.sigmoid(x @ SQUARE)),
    "a product": lambda x: (x @ FIRST) * tf.tanh(x @ FIRST),
    "two activations of one cut": lambda x: (lambda h: tf.tanh(h) @ SECOND + tf.nn.relu(h) @ SECOND)(x @ FIRST),
}


def paths_of(function, width=4, dtype=tf.float64):
    graph, _ = trace(function, tf.TensorSpec((None, width), dtype))
    return Paths(graph, graph.outputs[0], [Source(value) for value in graph.inputs], together=True)


def mean_gradients(function, rows, references, positions, weights, of_target):
    """Compute for every pair the weighted sum of the gradients, a step at a time."""
    total = 0
    for step, weight in enumerate(weights):
        at = positions[None, :, step, None]
        points = tf.constant(((1 - at) * references[None] + at * rows[:, None]).reshape(-1, rows.shape[1]))
        with tf.GradientTape() as tape:
            tape.watch(points)
            output = function(points) * np.repeat(of_target, len(references), 0)
        total = total + weight * tape.gradient(output, points).numpy()
    return total.reshape(len(rows), len(references), -1)


@pytest.mark.sampled(9)
@pytest.mark.parametrize("at_once", [1, 2, N_STEPS])
@pytest.mark.parametrize("function", NETWORKS.values(), ids=NETWORKS)
def test_as_a_loop_over_steps(function, at_once):
    method = paths_of(function)
    rows, references = RANDOM.normal(size=(N_ROWS, 4)), RANDOM.normal(size=(N_REFERENCES, 4))
    positions, weights = RANDOM.uniform(size=(N_REFERENCES, N_STEPS)), RANDOM.uniform(size=N_STEPS)
    of_target = RANDOM.normal(size=(N_ROWS, method.target.shape[1]))
    of_references = np.array([0.75, 0.25])
    pairing = Pairing(Mode.SHARED, N_ROWS, N_REFERENCES)
    path = Path(positions, weights).cut(slice(0, N_REFERENCES), N_REFERENCES, at_once)
    request = Request(pairing, of_target[:, None], of_references, wanted=("multipliers", "contributions"), path=path)
    both = [tf.constant(rows)], [tf.constant(references)]
    _, _, [(multipliers, contributions)] = method.explain(request, *both)
    expected = mean_gradients(function, rows, references, positions, weights, of_target)
    np.testing.assert_allclose(multipliers[:, 0], np.einsum("prf,r->pf", expected, of_references), rtol=1e-10)
    expected = expected * (rows[:, None] - references)
    np.testing.assert_allclose(contributions[:, 0], np.einsum("prf,r->pf", expected, of_references), rtol=1e-10)


def test_a_unit_that_is_on_for_half_of_the_path():
    """relu(x1 - 2 x2 - 1) from (0, 0) to (3, 0.5) is on where 2 t > 1: contributions are half of 3 and of -1."""
    method = paths_of(lambda x: tf.nn.relu(x @ [[1.0], [-2.0]] - 1.0), width=2, dtype=tf.float32)
    path = Path(np.array([[1, 3, 5, 7]]) / 8, np.full(4, 0.25)).cut(slice(0, 1), 1, 2)
    pairing, one = Pairing(Mode.SHARED, 1, 1), np.ones((1, 1, 1), np.float32)
    rows, references = [tf.constant([[3.0, 0.5]])], [tf.zeros((1, 2))]
    _, _, [(contributions,)] = method.explain(Request(pairing, one, np.ones(1), path=path), rows, references)
    assert contributions.numpy().tolist() == [[[1.5, -0.5]]]


def test_large_dense_networks_are_computed_alike():
    """They are compiled by XLA as a whole, from so many points on."""
    wide, narrow = (tf.constant(RANDOM.normal(size=shape) / 16, tf.float32) for shape in ((4, 256), (256, 3)))
    network = lambda x: tf.nn.relu(x @ wide + 0.01) @ narrow  # noqa: E731
    method = paths_of(network, dtype=tf.float32)
    rows, references = RANDOM.normal(size=(128, 4)).astype("float32"), np.zeros((1, 4), np.float32)
    positions, weights = (np.arange(16)[None] + 0.5) / 16, np.full(16, 1 / 16)
    of_target = np.eye(3, dtype=np.float32)[[1]]
    pairing, path = Pairing(Mode.SHARED, 128, 1), Path(positions, weights).cut(slice(0, 1), 1, 8)
    request = Request(pairing, of_target[None], np.ones(1), wanted=("multipliers",), path=path)
    _, _, [(multipliers,)] = method.explain(request, [tf.constant(rows)], [tf.constant(references)])
    expected = mean_gradients(
        network, rows, references, positions.astype("float32"), weights, np.tile(of_target, (128, 1))
    )
    np.testing.assert_allclose(multipliers[:, 0], expected[:, 0], rtol=1e-4, atol=1e-6)


W = tf.constant(np.random.default_rng(0).normal(size=(4, 4)), tf.float32)


def prefix_of(function, fixed=(), shape=(4,)):
    graph, _ = trace(function, tf.TensorSpec((None, *shape), tf.float32))
    prefix = find_prefix(graph, graph.outputs[0], graph.inputs, fixed)
    return graph, prefix


def types_of_cut(function, **options):
    graph, prefix = prefix_of(function, **options)
    return [graph.producer[value].type if value in graph.producer else "input" for value in prefix.cut]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: tf.nn.relu(x @ W + 1.0), ["AddV2"]),
        (tf.nn.relu, ["input"]),
        (lambda x: x @ W + 1.0, ["AddV2"]),
        (lambda x: tf.nn.relu(tf.concat([x @ W, -2.0 * x], 1)), ["ConcatV2"]),
        # Two ops bend, each after another affine one.
        (lambda x: tf.tanh(x @ W) + tf.exp(3.0 * x), ["MatMul", "Mul"]),
        # The input itself is read by an op that bends, behind which an affine one follows.
        (lambda x: tf.tanh(x) @ W + x, ["input"]),
        (lambda x: x * (x @ W), ["input", "MatMul"]),
        # What is chosen depends on the input.
        (lambda x: tf.where(x > 0, x @ W, x), ["input", "MatMul"]),
        (lambda x: tf.cast(tf.cast(x @ W, tf.int32), tf.float32), ["MatMul"]),
        # Shapes are no values.
        (lambda x: tf.nn.relu(x @ W + tf.ones(tf.shape(x))), ["AddV2"]),
    ],
)
def test_where_the_cut_lies(function, expected):
    assert sorted(types_of_cut(function)) == sorted(expected)


def test_a_cut_that_is_much_wider_is_left_out():
    narrow, wide = (tf.ones((4, 4 * factor)) for factor in (CPU.widest_cut, CPU.widest_cut + 1))
    assert types_of_cut(lambda x: tf.nn.relu(x @ narrow)) == ["MatMul"]
    assert types_of_cut(lambda x: tf.nn.relu(x @ wide)) == ["input"]


def test_values_whose_rows_do_not_come_first_are_no_cut():
    assert types_of_cut(lambda x: tf.nn.relu(tf.transpose(x, [1, 0, 2])), shape=(3, 4)) == ["input"]


def test_what_lies_beside_a_layer():
    """relu(tanh(x)) * x from the tanh on: x varies, but not with it."""
    graph, _ = trace(lambda x: tf.nn.relu(2.0 * tf.tanh(x)) * x, tf.TensorSpec((None, 4), tf.float32))
    [source] = [op.outputs[0] for op in graph.ops if op.type == "Tanh"]
    prefix = find_prefix(graph, graph.outputs[0], [source], ())
    assert prefix.beside == graph.inputs
    assert [graph.producer[value].type for value in prefix.cut] == ["Mul"]


def types_of_last(function, shape=(4,)):
    graph, prefix = prefix_of(function, shape=shape)
    return sorted(graph.producer[value].type if value in graph.producer else "input" for value in prefix.last)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: tf.nn.relu(x @ W) @ W + 1.0, ["Relu"]),
        (lambda x: tf.nn.relu(x @ W), ["Relu"]),
        (lambda x: x @ W + 1.0, ["AddV2"]),
        # The residual's other way is affine as well, the first way is cut off at what bends.
        (lambda x: tf.nn.relu(x @ W) @ W + x, ["Relu", "input"]),
        # What bends reads it too, so that its derivative is not that of the affine way alone; but it may be an end.
        (lambda x: (lambda h: tf.tanh(h) + 2.0 * h)(tf.nn.relu(x @ W)), ["Relu", "Tanh"]),
        # Before the last that bends on any of the ways there is no affine rest.
        (lambda x: (lambda h: tf.tanh(h @ W) + h @ W)(tf.nn.relu(x @ W)), ["Relu", "Tanh"]),
        (lambda x: (lambda h: tf.tanh(h) * h)(x @ W), ["Mul"]),
        (lambda x: tf.reduce_mean(tf.nn.relu(x @ W), 1, keepdims=True), ["Relu"]),
        # Its shape is read of something before the end.
        (lambda x: (lambda h: tf.tanh(h) @ W * tf.cast(tf.shape(h)[1], tf.float32))(x @ W), ["Mul"]),
        (lambda x: tf.nn.softmax(tf.nn.relu(x @ W) @ W), ["Softmax"]),
    ],
)
def test_what_the_target_is_an_affine_function_of(function, expected):
    assert types_of_last(function) == expected


def test_values_whose_rows_do_not_come_first_are_no_end():
    transposed_twice = lambda x: tf.transpose(tf.tanh(tf.transpose(x, [1, 0, 2])), [1, 0, 2])  # noqa: E731
    assert types_of_last(transposed_twice, shape=(3, 4)) == ["Transpose"]


def test_an_affine_part_whose_shape_the_network_does_not_know():
    """The path starts at the input then: pairs of columns, of which only the values tell the number."""

    def pairs(x):
        return tf.reduce_sum(tf.reshape(x, [tf.shape(x)[0], -1, 2]) ** 2, [1, 2])[:, None]

    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(pairs, output_shape=(1,))])
    explainer = IntegratedGradientsExplainer(model, reference="zeros").fit(np.ones((1, 4)))
    np.testing.assert_allclose(explainer.transform([[1.0, 2.0, 3.0, 4.0]]), [[1, 4, 9, 16]], rtol=1e-5)
