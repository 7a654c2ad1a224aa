"""One stream: the plain gradient, in one call."""

import numpy as np
import tensorflow as tf

from skdeeplift.network.network import trace
from skdeeplift.propagation.gradients import Gradients
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.pairing import Mode, Pairing
from skdeeplift.propagation.request import Request


def gradients_of(function, x, form="gradient", targets=1, weights=None):
    graph, _ = trace(lambda structure: function(*structure), [tf.TensorSpec((None, *x.shape[1:]), tf.float64)])
    method = Gradients(graph, graph.outputs[0], [Source(value) for value in graph.inputs], form)
    shape = graph.outputs[0].shape[1:]
    weights = np.ones((1, targets, *shape)) if weights is None else weights
    request = Request(Pairing(Mode.SHARED, len(x), 1, targets), weights, np.ones(1))
    outputs, [(sums,)] = method.at_rows(request, [x])
    return outputs.numpy(), sums.numpy()


def test_gradient_and_value():
    """Of the sum of cubes: 3 x^2."""
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    outputs, sums = gradients_of(lambda x: tf.reduce_sum(x**3, 1, keepdims=True), x)
    np.testing.assert_allclose(outputs[:, 0], (x**3).sum(1))
    np.testing.assert_allclose(sums[:, 0], 3 * x**2)
    _, absolute = gradients_of(lambda x: -x, x, "saliency")
    np.testing.assert_allclose(absolute, 1)
    _, products = gradients_of(lambda x: 2 * x, x, "gradient_x_input")
    np.testing.assert_allclose(products[:, 0], 2 * x)


def test_several_targets():
    """Each output alone: the rows of the Jacobian of (x1 x2, x1^2)."""
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    _, sums = gradients_of(
        lambda x: tf.stack([x[:, 0] * x[:, 1], x[:, 0] ** 2], 1), x, targets=2, weights=np.eye(2)[None]
    )
    np.testing.assert_allclose(sums[:, 0], x[:, ::-1])
    np.testing.assert_allclose(sums[:, 1], np.stack([2 * x[:, 0], np.zeros(2)], 1))
