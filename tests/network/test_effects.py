"""Networks whose result is no function of the row, the weights and constants are refused; all others are explained."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, OcclusionExplainer, describe
from skdeeplift.exceptions import UnsupportedOpError

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


def network_with(function):
    """Make a network with a layer that calls a function."""
    return keras.Sequential([keras.Input((3,)), layers.Lambda(function, name="drawn", output_shape=(3,))])


def in_a_loop(function):
    """Call a function in each step of a loop."""

    def looped(x):
        return tf.while_loop(lambda number, _: number < 2, lambda number, x: (number + 1, function(x)), (0, x))[1]

    return looped


def nested(function):
    """Make a model inside of a model."""
    return keras.Sequential([keras.Input((3,)), network_with(function), layers.Dense(3)])


RANDOM = {
    "keras normal": lambda x: x * keras.random.normal((3,)),
    "keras uniform": lambda x: x * keras.random.uniform((3,)),
    "keras dropout": lambda x: keras.random.dropout(tf.ones((3,)), 0.5) * x,
    "keras gamma": lambda x: x * keras.random.gamma((3,), 2.0),
    "keras integers": lambda x: x * tf.cast(keras.random.randint((3,), 0, 9), x.dtype),
    "keras shuffle": lambda x: x * keras.random.shuffle(tf.range(3.0)),
    "keras categorical": lambda x: x * tf.cast(keras.random.categorical(tf.ones((1, 3)), 3)[0], x.dtype),
    "keras rows": lambda x: x + keras.random.normal(tf.shape(x)),
    "normal": lambda x: x * tf.random.normal((3,)),
    "uniform": lambda x: x * tf.random.uniform((3,)),
    "shuffle": lambda x: x * tf.random.shuffle(tf.range(3.0)),
    "truncated": lambda x: x * tf.random.truncated_normal((3,)),
    "gamma": lambda x: x * tf.random.gamma((3,), 2.0),
    "poisson": lambda x: x * tf.random.poisson((3,), 2.0),
    "crop": lambda x: tf.image.random_brightness(x[:, None, :, None], 0.5)[:, 0, :, 0],
    "stateless rows": lambda x: x + tf.random.stateless_normal(tf.shape(x), seed=[1, 2]),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("wrap", [network_with, nested, lambda function: network_with(in_a_loop(function))])
def test_random_ops_are_refused_whatever_their_shape(wrap):
    for function in RANDOM.values():
        for explainer in (DeepLiftExplainer, OcclusionExplainer):
            unfitted = explainer(wrap(function), target=0, reference="zeros")
            with pytest.raises(UnsupportedOpError, match=r"the op '\w+' \('.*', layer 'drawn'\), which is random"):
                unfitted.fit(ROWS)


def test_generators_are_refused():
    generator = tf.random.Generator.from_seed(1)
    with pytest.raises(UnsupportedOpError, match=r"random|changes the variable"):
        DeepLiftExplainer(network_with(lambda x: x * generator.normal((3,))), target=0).fit(ROWS)


def test_describe_lists_random_ops():
    table = describe(network_with(RANDOM["keras normal"]))
    assert "random or has state" in table.reason[~table.supported].item()


def test_numbers_of_a_constant_seed_are_constants():
    network = network_with(lambda x: x * tf.random.stateless_normal((3,), seed=[1, 2]))
    contributions = DeepLiftExplainer(network, target=0, reference="zeros").fit_transform(ROWS)
    np.testing.assert_allclose(contributions[:, 0], network(ROWS)[:, 0], rtol=1e-6)


class Counter(layers.Layer):
    """Layer that counts its calls, and perhaps returns the number."""

    def __init__(self, reads, update="assign_add"):
        super().__init__()
        self.reads, self.update = reads, update
        self.number = tf.Variable(1.0, trainable=False)

    def call(self, x):
        getattr(self.number, self.update)(1.0)
        return x * self.number if self.reads else x * 1.0


@pytest.mark.parametrize("update", ["assign", "assign_add", "assign_sub"])
def test_variables_that_inference_changes_are_refused_where_they_are_read(update):
    def network(reads):
        return keras.Sequential([keras.Input((3,)), Counter(reads, update), layers.Dense(1)])

    with pytest.raises(UnsupportedOpError, match="The inference pass changes the variable"):
        DeepLiftExplainer(network(True)).fit(ROWS)
    assert DeepLiftExplainer(network(False), check="raise").fit_transform(ROWS).shape == ROWS.shape


def test_python_functions_are_refused_and_tables_are_not():
    numbers = iter(range(100))

    def count(x):
        return x * next(numbers)

    for wrap in (tf.numpy_function, tf.py_function):
        network = network_with(lambda x, wrap=wrap: tf.ensure_shape(wrap(count, [x], tf.float32), (None, 3)))
        with pytest.raises(UnsupportedOpError, match="random or has state"):
            DeepLiftExplainer(network, target=0).fit(ROWS)
    values = tf.lookup.KeyValueTensorInitializer(tf.constant([0, 1]), tf.constant([1.0, 5.0]))
    table = tf.lookup.StaticHashTable(values, -1.0)
    tokens = keras.Input((3,), dtype="int32")
    network = keras.Model(tokens, layers.Lambda(table.lookup, output_shape=(3,))(tokens))
    explainer = DeepLiftExplainer(network, target=0, reference="zeros").fit(np.array([[0, 1, 2]]))
    np.testing.assert_allclose(explainer.transform(np.array([[1, 1, 2]])), [[4, 0, 0]])


def test_a_table_that_inference_fills_is_refused():
    table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, 0.0)

    def look_up(x):
        table.insert(tf.constant([1], tf.int64), tf.constant([2.0]))
        return x * tf.ensure_shape(table.lookup(tf.constant([1], tf.int64)), (1,))

    with pytest.raises(UnsupportedOpError, match=r"changes the variable|random or has state"):
        DeepLiftExplainer(network_with(look_up), target=0).fit(ROWS)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("layer", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_states_that_differ_between_places_are_refused_until_they_are_reset(layer):
    network = keras.Sequential([keras.Input(batch_shape=(4, 3, 2)), layer(2, stateful=True), layers.Dense(1)])
    X = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("float32")
    explainer = DeepLiftExplainer(network, reference="zeros").fit(X)
    alone = explainer.transform(X)
    network.predict(X, verbose=0)
    with pytest.raises(ValueError, match=r"differs between the places of a batch.*reset_state\(\)"):
        explainer.transform(X)
    network.layers[0].reset_state()
    np.testing.assert_array_equal(explainer.transform(X), alone)
    np.testing.assert_allclose(explainer.transform(X[::-1])[::-1], alone, rtol=1e-5, atol=1e-7)
