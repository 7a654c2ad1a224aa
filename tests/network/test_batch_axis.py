import pytest
import tensorflow as tf

from skdeeplift.network.batch_axis import batch_is_outermost
from skdeeplift.network.trace import trace


def is_outermost(function, shape):
    graph, _ = trace(function, tf.TensorSpec((None, *shape)))
    return graph.outputs[0] in batch_is_outermost(graph)


@pytest.mark.parametrize(
    ("function", "shape", "expected"),
    [
        (tf.nn.relu, (4, 5), True),
        (lambda x: tf.transpose(x, [0, 2, 1]), (4, 5), True),
        (lambda x: tf.transpose(x, [1, 0, 2]), (4, 5), False),
        (lambda x: tf.reshape(x, [-1, 5]), (4, 5), True),
        (lambda x: tf.reshape(tf.reshape(x, [-1, 5]), [-1, 4, 5]), (4, 5), True),
        (lambda x: tf.reshape(x, [-1, 7]), (4, 5), False),
        (lambda x: tf.tensordot(x, tf.ones((5, 2)), 1), (4, 5), True),
        (lambda x: tf.reduce_sum(x, 0), (4, 5), False),
        (lambda x: tf.space_to_batch(x, [2], [[0, 0]]), (4, 5), False),
        (lambda x: tf.batch_to_space(tf.space_to_batch(x, [2], [[0, 0]]), [2], [[0, 0]]), (4, 5), True),
        (lambda x: tf.concat([x, x], 0), (5,), False),
        (lambda x: tf.concat([x, x], -1), (5,), True),
        (lambda x: tf.split(tf.concat([x, x], 0), 2, 0)[0], (5,), False),
        (lambda x: tf.reverse(x, [0]), (5,), False),
        (lambda x: tf.cumsum(x, -2), (5,), False),
        (lambda x: tf.tile(x, [2, 1]), (5,), False),
        (lambda x: tf.matmul(x, x, transpose_a=True), (5,), False),
        (lambda x: tf.matmul(x, x, transpose_a=True), (4, 5), True),
    ],
)
def test_batch_is_outermost(function, shape, expected):
    assert is_outermost(function, shape) is expected
