import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function, streams_of


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
def test_sums_to_the_change_exactly(function, rule):
    generator = np.random.default_rng(0)
    # Where the batch lies in what is gathered is not known.
    mode, number = (Mode.PAIR_SIZE, 8) if streams_of(function, (3,)).needs_pair_size else (Mode.SHARED, 2)
    rows, references = generator.normal(size=(4, 3)), generator.normal(size=(number, 3))
    assert_sums_to_change(function, [rows], [references], rule=rule, mode=mode)
