"""Networks with several outputs, and outputs of any number of axes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer, GradientExplainer
from skdeeplift.network.bind import bind
from skdeeplift.targets.target_tensor import find_output

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def heads(structure):
    """Outputs of one, two and three units: Keras names them after the layers, in another order than the keys'."""
    inputs = keras.Input((3,))
    outputs = {key: keras.layers.Dense(units, name=name)(inputs) for units, key, name in structure}
    return inputs, outputs


LAYERS = [(1, "y", "one"), (2, "x", "two"), (3, "z", "three")]


def as_dict():
    return keras.Model(*heads(LAYERS))


def as_list():
    inputs, outputs = heads(LAYERS)
    return keras.Model(inputs, list(outputs.values()))


def as_nested_tuple():
    return tf.function(lambda rows: {"a": rows[:, :1], "b": (rows[:, :2], {"c": rows})})


@pytest.mark.parametrize(
    ("model", "output", "units"),
    [
        (as_list, 0, 1),
        (as_list, "two", 2),
        (as_list, np.int64(2), 3),
        (as_dict, "y", 1),
        (as_dict, "z", 3),
        (as_dict, "two", 2),
        (as_nested_tuple, "a", 1),
        (as_nested_tuple, "b/0", 2),
        (as_nested_tuple, "b/1/c", 3),
    ],
)
def test_one_of_several(model, output, units):
    assert find_output(bind(model(), ROWS), output).shape.as_list() == [None, units]


def test_contributions_are_those_of_the_one_output():
    model = as_list()
    alone = keras.Model(model.inputs, model.outputs[1])
    together = DeepLiftExplainer(model, output="two", target=1).fit_transform(ROWS)
    np.testing.assert_allclose(together, DeepLiftExplainer(alone, target=1).fit_transform(ROWS), atol=1e-6)


@pytest.mark.parametrize("output", [None, 0, "dense"])
def test_a_single_output_needs_no_choice(output):
    inputs = keras.Input((3,))
    network = bind(keras.Model(inputs, keras.layers.Dense(1, name="dense")(inputs)), ROWS)
    assert find_output(network, output) is network.graph.outputs[0]


@pytest.mark.parametrize("output", [None, 0, "scores"])
def test_what_a_signature_returns_is_a_dict_of_one(output):
    network = bind(tf.function(lambda rows: {"scores": rows}), ROWS)
    if output == 0:
        with pytest.raises(ValueError, match=r"output=0 is none of the network's outputs: 'scores'\."):
            find_output(network, output)
    else:
        assert find_output(network, output) is network.graph.outputs[0]


@pytest.mark.parametrize(
    ("model", "output", "message"),
    [
        (as_list, None, r"has 3 outputs. Pass output= to choose one: 'one', 'two', 'three', or a position below 3\."),
        (as_dict, None, r"has 3 outputs. Pass output= to choose one: 'x', 'y', 'z'\."),
        (as_list, 3, "output=3 is none of the network's outputs: 'one', 'two', 'three', or a position below 3"),
        (as_list, "y", "output='y' is none of the network's outputs: 'one', 'two', 'three'"),
        (lambda: tf.function(lambda rows: rows), "y", r"output='y' is none of the network's outputs: 0\."),
        (lambda: tf.function(lambda rows: [rows, rows]), -1, "output=-1 is none of the network's outputs: 0, 1"),
        (as_dict, 1, "output=1 is none of the network's outputs: 'x', 'y', 'z'"),
        (as_nested_tuple, "b", "output='b' is none of the network's outputs: 'a', 'b/0', 'b/1/c'"),
    ],
)
def test_no_such_output(model, output, message):
    with pytest.raises(ValueError, match=message):
        DeepLiftExplainer(model(), output=output).fit(ROWS)


def test_output_that_is_no_floating_point_number():
    function = tf.function(lambda rows: [rows, tf.argmax(rows, 1), tf.ones_like(rows)])
    explanation = DeepLiftExplainer(function, output=1, check="raise").fit(ROWS).explain(ROWS)
    np.testing.assert_array_equal(explanation.prediction, np.argmax(ROWS, 1))
    with pytest.raises(ValueError, match=r"has no derivative by the network's input"):
        GradientExplainer(function, output=1).fit(ROWS)
    with pytest.raises(ValueError, match=r"does not depend on the network's input.*the number of its elements"):
        DeepLiftExplainer(function, output=2).fit(ROWS)


def test_outputs_of_time_steps_and_classes():
    """Softmax over classes at each of 4 time steps; what is explained are the logits under it."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4, 3)), layers.Conv1D(5, 2, padding="same", activation="relu"), layers.Dense(2, "softmax")]
    )
    rows = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    fitted = DeepLiftExplainer(model, target=(3, 1), check="raise").fit(rows)
    alone, together = fitted.explain(rows), fitted.explain(rows, target="all")
    assert alone.contributions.shape == (5, 4, 3)
    assert together.contributions.shape == (5, 4, 3, 8)
    assert together.prediction.shape == (5, 8)
    for name in ("contributions", "prediction", "reference_value"):
        np.testing.assert_allclose(together[name][..., 3 * 2 + 1], alone[name], atol=1e-6)
    change = alone.prediction - alone.reference_value
    np.testing.assert_allclose(alone.contributions.sum((1, 2)), change, atol=1e-5)
    # The last time step is reached by the last, and no other, of a kernel that looks ahead.
    np.testing.assert_array_equal(alone.contributions[:, :3], 0)


@pytest.mark.parametrize("target", ["auto", "predicted", (), "all"])
@pytest.mark.parametrize("squash", [tf.identity, tf.sigmoid])
def test_outputs_without_an_axis_of_units(target, squash):
    """f(x) = 2 x1 - x3, one number for each row and not a column of them."""
    function = tf.function(lambda rows: squash(tf.tensordot(rows, tf.constant([2.0, 0.0, -1.0]), 1)))
    explanation = DeepLiftExplainer(function, target=target, reference="zeros").fit(ROWS).explain(ROWS)
    expected = ROWS * [2, 0, -1]
    if target == "all":
        expected = expected[..., None]
    np.testing.assert_allclose(explanation.contributions, expected, rtol=1e-6)
    assert explanation.prediction.shape == ((6, 1) if target == "all" else (6,))
