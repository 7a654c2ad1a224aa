import pickle
import threading

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.network import Network

TABLE = tf.TensorSpec((None, 3))
IMAGE = tf.TensorSpec((None, 2, 2, 1))


class Callee:
    """Counts how often it is traced."""

    model, layers, traced, built = "what the user handed in", (), 0, 0

    def build(self, specs):
        self.built += 1

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
    assert (network.callee.traced, network.callee.built) == (1, 1)


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
