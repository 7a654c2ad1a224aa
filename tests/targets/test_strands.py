"""Rows and their other strands side by side in one graph."""

import numpy as np
import tensorflow as tf

from skdeeplift.perturbation.windows import OneByOne, Windows
from skdeeplift.propagation import replay
from skdeeplift.targets.strands import OtherStrand, mean_of_strands, on_both_strands
from tests.perturbation.networks import method_of

ROWS = np.arange(24.0).reshape(2, 3, 4)
WEIGHTS = np.arange(12.0).reshape(3, 4) ** 2


def weighted(x):
    return tf.stack([tf.reduce_sum(x * WEIGHTS, [1, 2]), tf.reduce_max(x, [1, 2])], 1)


def test_each_form_of_an_input():
    np.testing.assert_array_equal(OtherStrand().of(ROWS), ROWS)
    np.testing.assert_array_equal(OtherStrand((1, 2)).of(ROWS), ROWS[:, ::-1, ::-1])
    np.testing.assert_array_equal(OtherStrand((1,), 2, (1, 0, 3, 2)).of(ROWS), ROWS[:, ::-1][:, :, [1, 0, 3, 2]])


def test_values_of_both_strands_and_their_mean():
    method = method_of(weighted, [(3, 4)], lambda sources: [OneByOne([Windows((3, 4), (1, 1), (1, 1))])])
    graph, value = on_both_strands(method.graph, method.target, [OtherStrand((1, 2))])
    [both] = replay_once(graph, [value])
    expected = np.stack([weighted(ROWS), weighted(ROWS[:, ::-1, ::-1])], 1)
    np.testing.assert_allclose(both, expected)
    graph, value = mean_of_strands(graph, value)
    np.testing.assert_allclose(replay_once(graph, [value])[0], expected.mean(1))


def replay_once(graph, values):
    run = tf.function(lambda x: replay.run(graph, dict(zip(graph.inputs, [x], strict=True)), values), autograph=False)
    return run(tf.constant(ROWS))
