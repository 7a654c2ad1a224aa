import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer, IntegratedGradientsExplainer, config_context
from skdeeplift.network.network import trace
from skdeeplift.propagation import replay
from skdeeplift.propagation.replay import count_steps


def test_run_computes_the_same_from_the_start_and_from_the_middle():
    def function(x):
        return tf.reduce_sum(tf.exp(x) * 3.0, 1)

    graph, _ = trace(function, tf.TensorSpec((None, 4)))
    exponential = next(op.outputs[0] for op in graph.ops if op.type == "Exp")

    @tf.function
    def again(x):
        [whole] = replay.run(graph, {graph.inputs[0]: x}, graph.outputs)
        [rest] = replay.run(graph, {exponential: tf.exp(x)}, graph.outputs)
        return whole, rest

    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    for result in again(x):
        np.testing.assert_array_equal(result, function(x))


def test_replay_has_no_effects():
    counter = tf.Variable(0.0)

    def function(x):
        counter.assign_add(1.0)
        return x * 2.0

    graph, _ = trace(function, tf.TensorSpec((None, 4)))
    result = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs))(tf.ones((2, 4)))
    np.testing.assert_array_equal(result[0], np.full((2, 4), 2.0))
    assert counter.numpy() == 0.0


@pytest.mark.parametrize(("rows", "n_shapes"), [(3, 0), (None, 1)])
def test_shapes_that_are_known_need_no_op(rows, n_shapes):
    def function(x):
        return tf.reshape(tf.nn.relu(x), [tf.shape(x)[0], -1])

    graph, _ = trace(function, tf.TensorSpec((None, 4, 2)))
    again = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs)[0])
    traced = again.get_concrete_function(tf.TensorSpec((rows, 4, 2)))
    assert [op.type for op in traced.graph.get_operations()].count("Shape") == n_shapes
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    np.testing.assert_array_equal(again(x), function(x))


def steps_of(function, shape=(4,)):
    """Count the steps of the only loop of a function, whose inputs are constants of its graph."""
    graph, _ = trace(function, tf.TensorSpec((None, *shape), tf.float32))
    [loop] = [op for op in graph.ops if op.body is not None]
    return count_steps(loop, [op_inputs(graph, value) for value in loop.inputs])


def op_inputs(graph, value):
    producer = next((op for op in graph.ops if value in op.outputs), None)
    return producer.definition.outputs[0] if producer is not None else None


@pytest.mark.parametrize(("first", "last", "expected"), [(0, 7, 7), (3, 7, 4), (7, 3, 0)])
def test_steps_are_counted_from_first_to_last(first, last, expected):
    assert (
        steps_of(
            lambda x: tf.while_loop(
                lambda step, x: step < last, lambda step, x: (step + 1, tf.tanh(x)), (tf.constant(first), x)
            )[1]
        )
        == expected
    )


def test_the_first_limit_of_several_counts():
    assert (
        steps_of(
            lambda x: tf.while_loop(
                lambda step, x: step < 9,
                lambda step, x: (step + 1, tf.tanh(x)),
                (tf.constant(2), x),
                maximum_iterations=5,
            )[1]
        )
        == 5
    )


@pytest.mark.parametrize(
    ("goes_on", "step"),
    [
        (lambda step, x: tf.reduce_sum(x) < 9, lambda step, x: (step + 1, x + 1)),
        (lambda step, x: (step < 9) & (tf.reduce_sum(x) < 9), lambda step, x: (step + 1, x + 1)),
        (lambda step, x: step < 9, lambda step, x: (step + 2, x + 1)),
        (lambda step, x: step < 9, lambda step, x: (step * 2, x + 1)),
        (lambda step, x: step <= 9, lambda step, x: (step + 1, x + 1)),
        (lambda step, x: step < tf.cast(tf.reduce_max(x), tf.int32), lambda step, x: (step + 1, x)),
    ],
    ids=["values", "values too", "by two", "doubled", "at most", "bound of values"],
)
def test_numbers_that_are_not_known(goes_on, step):
    assert steps_of(lambda x: tf.while_loop(goes_on, step, (tf.constant(1), x))[1]) is None


# XLA has no lists of zeros of tensors whose shapes are not known.
LISTS = pytest.mark.filterwarnings("ignore::skdeeplift.exceptions.JitCompileWarning")


@pytest.mark.sampled(2)
@pytest.mark.filterwarnings("error::skdeeplift.exceptions.JitCompileWarning")
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (GradientExplainer, {}),
        (IntegratedGradientsExplainer, {"n_steps": 5}),
        pytest.param(DeepLiftExplainer, {}, marks=LISTS),
        pytest.param(DeepLiftExplainer, {"rule": "reveal_cancel"}, marks=LISTS),
    ],
    ids=["gradient", "integrated gradients", "rescale", "reveal_cancel"],
)
def test_recurrent_networks_by_xla(kind, parameters):
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((5, 3)), layers.LSTM(4), layers.Dense(2)])
    rows = np.random.default_rng(0).normal(size=(6, 5, 3)).astype(np.float32)
    explainer = kind(network, target=1, **parameters).fit(rows)
    expected = explainer.transform(rows)
    with config_context(jit_compile=True):
        np.testing.assert_allclose(explainer.transform(rows), expected, rtol=1e-4, atol=1e-6)
