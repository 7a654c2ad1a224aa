import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift.network.bind import bind
from skdeeplift.network.network import with_own_weights
from skdeeplift.propagation import replay

ROWS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def run(network, rows):
    @tf.function(autograph=False)
    def function(rows):
        return replay.run(network.graph, {network.graph.inputs[0]: rows}, network.graph.outputs[:1])[0]

    return function(tf.constant(rows)).numpy()


def test_copies_stand_in_the_place_of_the_users_weights():
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([layers.Dense(3, name="dense"), layers.BatchNormalization(name="norm")], name="inner")
    model = keras.Sequential([keras.Input((4,)), inner, layers.Dense(1, name="dense")])
    before = model.predict(ROWS, verbose=0)
    network = bind(model, ROWS)
    own, weights = with_own_weights(network)
    assert [name.rpartition("/")[2] for name in weights] == ["dense", "norm", "dense"]
    assert len(set(weights)) == 3
    assert [len(variables) for variables in weights.values()] == [2, 4, 2]
    np.testing.assert_array_equal(run(own, ROWS), run(network, ROWS))
    kernel = next(variable for variable in next(iter(weights.values())) if len(variable.shape) == 2)
    kernel.assign(2 * kernel)
    np.testing.assert_allclose(run(own, ROWS), 2 * before, rtol=1e-5)
    np.testing.assert_allclose(run(network, ROWS), before, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(ROWS, verbose=0), before)


class Module(tf.Module):
    def __init__(self, name=None):
        super().__init__(name)
        with self.name_scope:
            self.kernel = tf.Variable(tf.ones((4, 2)), name="kernel")
        self.other = tf.Variable(tf.ones((2, 1)), name="other")
        self.count = tf.Variable(0)

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
    def __call__(self, x):
        return x @ self.kernel @ self.other + tf.cast(self.count, tf.float32)


def test_scopes_where_there_are_no_layers(tmp_path):
    module = Module("first")
    own, weights = with_own_weights(bind(module, ROWS))
    assert {name: [variable.shape for variable in variables] for name, variables in weights.items()} == {
        "other": [(2, 1)],
        "first": [(4, 2)],
    }
    weights["other"][0].assign(-tf.ones((2, 1)))
    np.testing.assert_allclose(run(own, ROWS), -module(ROWS).numpy(), rtol=1e-6)
    tf.saved_model.save(module, tmp_path / "saved")
    own, weights = with_own_weights(bind(str(tmp_path / "saved"), ROWS))
    assert sorted(len(variables) for variables in weights.values()) == [1, 1]
    for [variable] in weights.values():
        variable.assign(3 * variable)
    np.testing.assert_allclose(run(own, ROWS), 9 * module(ROWS).numpy(), rtol=1e-6)


def test_variables_that_loops_and_lookups_read():
    tokens = np.array([[1, 2, 0]])
    model = keras.Sequential(
        [keras.Input((3,), dtype="int32"), layers.Embedding(4, 2, name="embedding"), layers.GRU(2), layers.Dense(1)]
    )
    network = bind(model, tokens)
    own, weights = with_own_weights(network)
    found = [tuple(variable.shape) for variables in weights.values() for variable in variables]
    assert sorted(found) == sorted(tuple(weight.shape) for weight in model.weights)
    assert "embedding" in weights
    before = run(own, tokens.astype(np.int32))
    np.testing.assert_allclose(before, model.predict(tokens, verbose=0), rtol=1e-5)
    for variables in weights.values():
        for variable in variables:
            variable.assign(tf.zeros_like(variable))
    assert run(own, tokens.astype(np.int32)) == 0
    np.testing.assert_array_equal(run(network, tokens.astype(np.int32)), before)


def test_a_network_without_weights():
    model = keras.Sequential([keras.Input((4,)), layers.Softmax()])
    with pytest.raises(ValueError, match="no variables"):
        with_own_weights(bind(model, ROWS))
