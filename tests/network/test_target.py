import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.target import TargetTensor, check_row_targets, check_target, find_target_tensor, target_weights
from skdeeplift.network.trace import trace


def tensor(*shape, competing=False):
    from skdeeplift.network.graph import Value

    return TargetTensor(Value("output", tf.float32, tf.TensorShape((None, *shape))), competing)


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
    found = find_target_tensor(graph, graph.outputs[0], pre_activation)
    assert found.competing is competing
    expected = "BiasAdd" if squashed and pre_activation else graph.producer[graph.outputs[0]].type
    assert graph.producer[found.value].type == expected


def test_auto():
    assert check_target("auto", tensor(1)) == "single"
    assert check_target("auto", tensor()) == "single"
    assert check_target("auto", tensor(3, competing=True)) == "predicted"
    assert check_target("predicted", tensor(3)) == "predicted"
    assert check_target("predicted", tensor(1)) == "single"


def test_indices_and_weights():
    assert check_target(2, tensor(3)) == {(2,): 1.0}
    assert check_target((1, 0), tensor(4, 3)) == {(1, 0): 1.0}
    assert check_target({8: 1, 3: -1}, tensor(10)) == {(8,): 1.0, (3,): -1.0}
    np.testing.assert_array_equal(target_weights({(2,): 1.0, (0,): -2.0}, (3,), np.zeros((5, 3))), [[-2, 0, 1]])


def test_one_target_per_row():
    logits = np.array([[1.0, 3.0, 2.0], [5.0, 0.0, 0.0]])
    np.testing.assert_array_equal(target_weights("predicted", (3,), logits), [[0, 1, 0], [1, 0, 0]])
    targets = check_row_targets([2, 0], tensor(3), 2)
    np.testing.assert_array_equal(target_weights(targets, (3,), logits), [[0, 0, 1], [1, 0, 0]])


@pytest.mark.parametrize(
    ("target", "shape", "message"),
    [
        ("auto", (3,), r"can not choose among the network's 3 outputs.* an integer from 0 to 2"),
        ("auto", (4, 3), r"can not choose .*a tuple of 2 integers, each below \(4, 3\)"),
        (3, (3,), "3 is out of range.* 0 to 2"),
        (-1, (3,), "-1 is out of range"),
        (1, (4, 3), "a tuple of 2 integers"),
        ((1, 7), (4, 3), "out of range"),
        (True, (3,), "Got True"),
        ({0: "one"}, (3,), "weights, which are numbers"),
        ({}, (3,), "target= takes 'auto'"),
        ({0: float("nan")}, (3,), "finite weights"),
        ({0: 1, (0,): 1}, (3,), "each index once"),
        ({5: 1.0}, (3,), "out of range"),
        (1.5, (3,), "target= takes 'auto'"),
    ],
)
def test_impossible_targets(target, shape, message):
    with pytest.raises(ValueError, match=message):
        check_target(target, tensor(*shape))


@pytest.mark.parametrize(
    ("target", "shape", "message"),
    [
        ([0, 1, 2], (3,), r"shape \(2,\)"),
        ([0.0, 1.0], (3,), "integer array"),
        ([0, 3], (3,), "out of range"),
        ([-1, 0], (3,), "out of range"),
        ([0, 1], (4, 3), "one axis of outputs"),
    ],
)
def test_impossible_targets_of_rows(target, shape, message):
    with pytest.raises(ValueError, match=message):
        check_row_targets(target, tensor(*shape), 2)
