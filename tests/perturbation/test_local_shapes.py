"""Ops that cut, pad or reorder, on windows of mutations, against a loop."""

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.perturbation.mutants import explained_in_windows, loop_of, network, sequences

LENGTH = 26
OPS = {
    "every second": (lambda x: x[:, ::2], "StridedSlice"),
    "the last": (lambda x: x[:, -7:], "StridedSlice"),
    "some channels": (lambda x: x[:, 2:-1, 1:], "StridedSlice"),
    "tf.slice": (lambda x: tf.slice(x, [0, 3, 1], [-1, 11, 2]), "Slice"),
    "pad": (lambda x: tf.pad(x, [[0, 0], [2, 1], [1, 0]]), "Pad"),
    "pad with ones": (lambda x: tf.pad(x, [[0, 0], [0, 3], [0, 0]], constant_values=1.0), "PadV2"),
    "more axes": (lambda x: tf.reshape(x, (-1, LENGTH, 3, 1)), "Reshape"),
    "squeezed": (lambda x: tf.squeeze(tf.expand_dims(tf.expand_dims(x, 1), 4), [1, 4]), "Squeeze"),
    "transposed": (lambda x: tf.transpose(tf.tanh(tf.transpose(x, (0, 2, 1))), (0, 2, 1)), "Transpose"),
}
# Ops that mix positions, or that a window does not fit; whole rows follow.
OTHERS = {
    "reversed": lambda x: x[:, ::-1],
    "flat": lambda x: tf.reshape(x, (-1, LENGTH * 3)),
    "folded": lambda x: tf.reshape(x, (-1, LENGTH // 2, 6)),
    "one position": lambda x: x[:, 4],
    "sums": lambda x: tf.cumsum(x, 1),
}


def build(function):
    def build(inputs):
        hidden = layers.Conv1D(3, 4, padding="same", activation="elu")(inputs)
        hidden = layers.Lambda(function)(hidden)
        return layers.Activation("tanh")(hidden)

    return build


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", OPS)
def test_ops_on_windows(name):
    function, op_type = OPS[name]
    model, rows = network(build(function), LENGTH), sequences(2, LENGTH)
    changes, plan = explained_in_windows(model, rows)
    np.testing.assert_allclose(changes, loop_of(model, rows), rtol=0, atol=1e-10)
    assert op_type in {op.type for op in plan.ops}
    assert plan.ops[-1].type == "Tanh"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", OTHERS)
def test_other_ops_read_whole_values(name):
    model, rows = network(build(OTHERS[name]), LENGTH), sequences(2, LENGTH)
    changes, plan = explained_in_windows(model, rows)
    np.testing.assert_allclose(changes, loop_of(model, rows), rtol=0, atol=1e-10)
    assert [op.type for op in plan.ops][-1] != "Tanh"
