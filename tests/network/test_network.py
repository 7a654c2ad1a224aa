import pickle
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer
from skdeeplift.network.bind import bind
from skdeeplift.network.network import Network, trace, with_own_weights
from skdeeplift.propagation import replay

TABLE = tf.TensorSpec((None, 3))
IMAGE = tf.TensorSpec((None, 2, 2, 1))


class Callee:
    """Counts how often it is traced."""

    model, layers, parts, traced = "what the user handed in", (), (), 0

    def call(self, structure):
        self.traced += 1
        first, *_ = tf.nest.flatten(structure)
        return {"double": 2 * first, "half": first / 2}


def test_the_graph_is_traced_once_and_only_when_it_is_asked_for():
    network = Network(Callee(), TABLE)
    assert network.callee.traced == 0
    threads = [threading.Thread(target=lambda: network.graph) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(network.output_structure) == {"double", "half"}
    assert len(network.graph.outputs) == 2
    assert network.callee.traced == 1


def test_a_pickle_has_no_graph_and_traces_again():
    network = Network(Callee(), TABLE)
    assert network.graph is network.graph
    loaded = pickle.loads(pickle.dumps(network))
    assert loaded.input_specs == TABLE
    assert loaded.callee.traced == 1
    assert loaded.graph is not network.graph
    assert loaded.callee.traced == 2


@pytest.mark.parametrize(
    ("specs", "names", "is_single", "takes_table", "batch_size"),
    [
        (TABLE, ["input_0"], True, True, None),
        (IMAGE, ["input_0"], True, False, None),
        (tf.TensorSpec((8, 3), name="rows"), ["rows"], True, True, 8),
        ([TABLE, tf.TensorSpec((None, 1), name="named")], ["input_0", "named"], False, False, None),
        ({"b": TABLE, "a": IMAGE}, ["a", "b"], False, False, None),
        ([TABLE, tf.TensorSpec((4, 1))], ["input_0", "input_1"], False, False, 4),
    ],
)
def test_what_a_network_takes(specs, names, is_single, takes_table, batch_size):
    network = Network(Callee(), specs)
    assert network.input_names == names
    expected = [specs[name] for name in names] if isinstance(specs, dict) else specs if len(names) > 1 else [specs]
    assert network.flat_specs == expected
    assert (network.is_single, network.takes_table, network.batch_size) == (is_single, takes_table, batch_size)


def test_arrays_come_into_the_order_of_the_inputs():
    one, other = np.zeros((2, 3)), np.ones((2, 2, 2, 1))
    [only] = Network(Callee(), TABLE).flatten(one)
    assert only is one
    by_name = Network(Callee(), {"b": TABLE, "a": IMAGE}).flatten({"b": one, "a": other})
    assert by_name[0] is other
    assert by_name[1] is one
    named = Network(Callee(), [tf.TensorSpec((None, 3), name="b"), tf.TensorSpec((None, 2, 2, 1), name="a")])
    for given in ([one, other], (one, other), {"a": other, "b": one}):
        flat = named.flatten(given)
        assert flat[0] is one
        assert flat[1] is other


@pytest.mark.parametrize(
    ("specs", "X", "message"),
    [
        (TABLE, {"a": 1, "b": 2}, r"takes one array\. Got a dict of 2"),
        ([TABLE, IMAGE], [1, 2, 3], r"list or dict of 2 inputs \(input_0, input_1\)\. Got 3 arrays"),
        ([TABLE, IMAGE], np.zeros(2), "Got one ndarray"),
        ([TABLE, IMAGE], {"input_0": 1}, r"takes the inputs \['input_0', 'input_1'\]\. Got \['input_0'\]"),
        ({"a": TABLE, "b": IMAGE}, [1, 2], r"takes a dict of 2 inputs \(a, b\)\. Got 2 arrays"),
        ({"a": TABLE, "b": IMAGE}, {"a": 1, 0: 2}, r"takes the inputs \['a', 'b'\]\. Got \['0', 'a'\]"),
    ],
)
def test_another_structure_than_the_network_takes(specs, X, message):
    with pytest.raises(ValueError, match=message):
        Network(Callee(), specs).flatten(X)


def test_trace_keeps_what_it_needs_alive():
    """The variables of a model outlive the caller's own reference to it."""

    def make():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="ones")])
        return trace(lambda x: model(x, training=False), tf.TensorSpec((None, 3)))[0]

    graph = make()
    result = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs)[0])(tf.ones((1, 3)))
    np.testing.assert_array_equal(result, [[3.0, 3.0]])


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


@pytest.mark.advice
def test_nested_inputs_go_by_their_own_names():
    first, second = keras.Input((3,), name="first"), keras.Input((3,), name="second")
    output = keras.layers.Dense(1)(keras.layers.Concatenate()([first, second]))
    rows = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    flat = {"first": rows, "second": -rows}
    expected = DeepLiftExplainer(keras.Model([first, second], output)).fit(flat).transform(flat)
    for structure, nested in (
        ({"both": {"first": first, "second": second}}, {"both": flat}),
        ({"first": [first], "x": second}, {"first": [rows], "x": rows}),
    ):
        explainer = DeepLiftExplainer(keras.Model(structure, output))
        got = explainer.fit(flat).transform(flat)
        np.testing.assert_array_equal(got["second"], expected["second"])
        with pytest.raises(ValueError, match=r"takes the inputs \['first', 'second'\]"):
            explainer.fit(nested)
    with pytest.raises(ValueError, match=r"one array for the input 'first'. Got a dict. .*'first', 'second'"):
        DeepLiftExplainer(keras.Model([first, second], output)).fit([{"first": rows}, rows])


def test_axes_of_any_length():
    assert bind(keras.Sequential([keras.Input((None, 2)), keras.layers.LSTM(1)]), np.zeros((1, 5, 2))).open_axes == [
        (1,)
    ]
    network = bind(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), np.zeros((1, 3)))
    assert network.open_axes == [()]
    assert network.with_lengths_of(np.zeros((1, 4))) is network
    assert bind(tf.function(lambda x: x[:, 0]), np.zeros((1, 5, 2))).open_axes == [(1, 2)]
    assert bind(tf.function(lambda x: x[:, 0]), np.zeros((1, 5))).open_axes == [()]
