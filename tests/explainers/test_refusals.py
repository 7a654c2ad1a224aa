import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer

ROWS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


def mixing(function):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, activation="tanh")(inputs)
    outputs = keras.layers.Lambda(function, output_shape=(3,))(hidden)
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x - keras.ops.mean(x, axis=0),
        lambda x: x[:1] + 0 * x,
        lambda x: keras.ops.flip(x, axis=0),
        lambda x: keras.ops.roll(x, 1, axis=0),
        lambda x: keras.ops.softmax(x, axis=0),
        lambda x: keras.ops.reshape(x, (-1, 1)),
        lambda x: x[1:],
        keras.ops.sum,
        keras.ops.transpose,
        lambda x: keras.ops.tanh(x[:, :1] + keras.ops.reshape(x[:, 0], (-1,))),
    ],
)
def test_network_that_mixes_rows(function):
    with pytest.raises(ValueError, match=r"depends on the other rows|one entry for each row"):
        DeepLiftExplainer(mixing(function), target=0).fit(ROWS)


def test_batch_axis_used_for_two_branches():
    """One encoder for two versions of the row, joined along the batch axis and cut again: rows stay apart."""

    def both(x):
        first, second = keras.ops.split(keras.ops.tanh(keras.ops.concatenate([x, -2 * x], 0)), 2, 0)
        return first + 2 * second

    explanation = DeepLiftExplainer(mixing(both), target=0, reference=ROWS[:3]).fit(ROWS).explain(ROWS)
    change = np.abs(explanation.prediction - explanation.reference_value).max()
    assert np.abs(explanation.convergence_delta).max() <= 1e-5 * change
