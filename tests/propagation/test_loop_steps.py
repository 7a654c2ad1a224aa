import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer, IntegratedGradientsExplainer, config_context
from skdeeplift.network.network import trace
from skdeeplift.propagation.loop_steps import count_steps


def steps_of(function, shape=(4,)):
    """Of the only loop of a function, whose inputs are constants of its graph."""
    graph, _ = trace(function, tf.TensorSpec((None, *shape), tf.float32))
    [loop] = [op for op in graph.ops if op.body is not None]
    return count_steps(loop, [op_inputs(graph, value) for value in loop.inputs])


def op_inputs(graph, value):
    producer = next((op for op in graph.ops if value in op.outputs), None)
    return producer.definition.outputs[0] if producer is not None else None


@pytest.mark.parametrize(("first", "last", "expected"), [(0, 7, 7), (3, 7, 4), (7, 3, 0)])
def test_counters(first, last, expected):
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
