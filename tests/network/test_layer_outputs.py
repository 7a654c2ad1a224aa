import keras
import numpy as np
import pytest

from skdeeplift.network.bind import bind
from skdeeplift.network.layer_outputs import find_layer, layer_names


@pytest.fixture(scope="module")
def graph():
    layers = keras.layers
    inputs = keras.Input((6,), name="table")
    shared = layers.Dense(4, activation="relu", name="shared")
    encoder = keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="gelu", name="dense")], name="encoder")
    first, second = encoder(inputs), layers.Dense(4, name="dense")(inputs)
    joined = layers.Concatenate(name="joined")([shared(first), shared(second)])
    outputs = layers.Dense(3, activation="softmax", name="classes")(layers.PReLU(name="prelu")(joined))
    return bind(keras.Model(inputs, outputs), np.zeros((1, 6))).graph


@pytest.mark.parametrize(
    ("name", "op_type"),
    [
        ("encoder", "Mul"),
        ("encoder/dense", "Mul"),
        ("encoder/dense:pre_activation", "BiasAdd"),
        ("joined", "ConcatV2"),
        ("prelu:pre_activation", "ConcatV2"),
        ("classes", "Softmax"),
        ("classes:pre_activation", "BiasAdd"),
    ],
)
def test_outputs_of_layers_and_what_their_activations_take(graph, name, op_type):
    assert graph.producer[find_layer(graph, name)].type == op_type


def test_inputs_have_names_too(graph):
    assert find_layer(graph, "table", ["table"]) is graph.inputs[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clases", "Did you mean 'classes'"),
        ("nothing like it", "none of the network's layers: table, dense, encoder, "),
        ("dense", r"Several layers are named 'dense'. Pass one of \['dense', 'encoder/dense'\]"),
        ("shared", "calls the layer 'shared' 2 times"),
        ("joined:pre_activation", "does not end in an activation of its own"),
    ],
)
def test_names_that_are_of_no_one_layer(graph, name, message):
    with pytest.raises(ValueError, match=message):
        find_layer(graph, name, ["table"])


def test_names_of_layers_are_in_order(graph):
    assert layer_names(graph) == ["dense", "encoder", "shared", "joined", "prelu", "classes"]
