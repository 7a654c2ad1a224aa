import keras
import pytest
import tensorflow as tf

from skdeeplift.network.network import trace
from skdeeplift.targets.target_tensor import find_target_tensor, follow


@pytest.mark.parametrize("pre_activation", [True, False])
@pytest.mark.parametrize(
    ("layers", "competing", "squashed"),
    [
        ([keras.layers.Dense(3, activation="softmax")], True, True),
        ([keras.layers.Dense(3), keras.layers.Activation("softmax")], True, True),
        ([keras.layers.Dense(3), keras.layers.Softmax()], True, True),
        ([keras.layers.Dense(3, activation="log_softmax")], True, True),
        ([keras.layers.Dense(3), keras.layers.Activation("sigmoid")], False, True),
        ([keras.layers.Dense(3, activation="softmax"), keras.layers.Activation("linear")], True, True),
        ([keras.layers.Dense(3)], False, False),
        ([keras.layers.Dense(3, activation="tanh")], False, False),
    ],
)
def test_logits_are_found_however_the_activation_is_spelled(layers, competing, squashed, pre_activation):
    model = keras.Sequential([keras.Input((2,)), *(type(layer).from_config(layer.get_config()) for layer in layers)])
    graph, _ = trace(lambda x: model(x, training=False), tf.TensorSpec((None, 2)))
    same, found = find_target_tensor(graph, graph.outputs[0], pre_activation)
    assert same is graph
    assert found.competing is competing
    expected = "BiasAdd" if squashed and pre_activation else graph.producer[graph.outputs[0]].type
    assert graph.producer[found.value].type == expected


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda z: z, r"a tensor of shape \(None, 3\)"),
        (tf.reduce_sum, r"a tensor of shape \(\)"),
        (lambda z: tf.argmax(z, 1), "int64"),
        (lambda z: (z[:, 0], z[:, 1]), "Got tuple"),
    ],
)
def test_functions_that_give_no_number_for_each_row(function, message):
    graph, _ = trace(lambda x: x * 2.0, tf.TensorSpec((None, 3)))
    with pytest.raises(ValueError, match=message):
        follow(*find_target_tensor(graph, graph.outputs[0], True), function)
