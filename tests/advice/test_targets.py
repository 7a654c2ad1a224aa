"""Advice about targets, outputs and layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer
from tests.advice.following import contributions, follow

ROWS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
pytestmark = pytest.mark.advice


def network(units=3, activation=None):
    output = [layers.Dense(units, name="output"), *([layers.Activation(activation, name="last")] if activation else [])]
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "tanh", name="hidden"), *output])


def several_outputs(keys):
    rows = keras.Input((3,))
    outputs = [layers.Dense(units, name=f"units_{units}")(rows) for units in (1, 2)]
    return keras.Model(rows, dict(zip("ab", outputs, strict=True)) if keys else outputs)


@pytest.mark.parametrize("target", ["Adelie", {"Adelie": 1.0, "Gentoo": -1.0}, np.array(["Adelie", "Gentoo"] * 2)])
def test_names_of_classes(target):
    several, call = network(activation="softmax"), {"target": target}
    names = ["Adelie", "Chinstrap", "Gentoo"]
    follow(
        "If it is the name of a class, pass class_names= to the explainer: one name for each output, in order.",
        lambda: contributions(several, ROWS, call=call),
        lambda: contributions(several, ROWS, call=call, class_names=names),
    )


def test_centered_logits():
    one = network(1)
    follow(
        "Pass center_logits=False",
        lambda: contributions(one, ROWS, center_logits=True),
        lambda: contributions(one, ROWS, center_logits=False),
    )


@pytest.mark.parametrize("target", [2, {0: 1.0, 2: -1.0}, "profile", "all"])
def test_outputs_that_compete_for_nothing(target):
    several = network()
    follow(
        "Pass target= an integer from 0 to 2, a dict of indices to weights, 'profile' for logits over positions, or "
        "'all'",
        lambda: contributions(several, ROWS),
        lambda: contributions(several, ROWS, target=target),
    )


@pytest.mark.parametrize(
    ("target", "call"),
    [(0, {}), ([1.0, -1.0, 0.0], {}), (0, {"target": [0, 1, 2, 0]})],
    ids=["index", "weights", "call"],
)
def test_targets_of_rows(target, call):
    several = network()
    follow(
        "only in explain(X, target=...), where the rows are. Pass an integer from 0 to 2, or an array of floats",
        lambda: contributions(several, ROWS, target=[0, 1, 2, 0]),
        lambda: contributions(several, ROWS, target=target, call=call),
    )


def test_function_of_several_outputs():
    several = network()
    follow(
        "To explain several outputs pass target='all'",
        lambda: contributions(several, ROWS, target=lambda output: output),
        lambda: contributions(several, ROWS, target="all"),
    )


def test_function_of_numpy():
    several = network()
    follow(
        "uses functions of TensorFlow",
        lambda: contributions(several, ROWS, target=lambda output: np.linalg.norm(output.numpy(), axis=1)),
        lambda: contributions(several, ROWS, target=lambda output: tf.norm(output, axis=1)),
    )


@pytest.mark.parametrize(("keys", "outputs"), [(True, ["a", "b"]), (False, ["units_1", "units_2", 0, 1])])
def test_several_outputs(keys, outputs):
    several = several_outputs(keys)
    known = "'a', 'b'" if keys else "'units_1', 'units_2', or a position below 2"
    follow(
        f"Pass output= to choose one: {known}",
        lambda: contributions(several, ROWS),
        *(lambda output=output: contributions(several, ROWS, output=output, target="all") for output in outputs),
    )


def test_all_targets_of_transform():
    several = network(activation="softmax")
    follow(
        "For contributions to all outputs, fit an explainer with target='all'",
        lambda: DeepLiftExplainer(several).fit(ROWS).transform(ROWS, target="all"),
        lambda: DeepLiftExplainer(several, target="all").fit(ROWS).transform(ROWS),
    )


@pytest.mark.parametrize("parameters", [{"layer": "hidden"}, {"layer": "last", "pre_activation": False}])
def test_layers_after_the_target(parameters):
    softmax = network(activation="softmax")
    follow(
        "Pass a layer before the output; a final softmax or sigmoid comes after the target unless pre_activation=False",
        lambda: contributions(softmax, ROWS, layer="last"),
        lambda: contributions(softmax, ROWS, **parameters),
    )


def test_layers_of_the_same_name():
    inner = [keras.Sequential([layers.Dense(2, "relu", name="same")], name=name) for name in ("first", "second")]
    nested = keras.Sequential([keras.Input((3,)), *inner, layers.Dense(1)])
    follow(
        "Pass one of ['first/same', 'second/same']",
        lambda: contributions(nested, ROWS, layer="same"),
        lambda: contributions(nested, ROWS, layer="first/same"),
        lambda: contributions(nested, ROWS, layer="second/same"),
    )


def test_layers_called_twice():
    rows, twice = keras.Input((3,)), layers.Dense(3, "relu", name="twice")
    first = twice(rows)
    outputs = layers.Dense(1)(twice(first))
    own = layers.Dense(1)(layers.Identity(name="second_call")(twice(layers.Identity(name="first_call")(first))))
    follow(
        "Name another layer, or add a layer such as keras.layers.Identity behind each call",
        lambda: contributions(keras.Model(rows, outputs), ROWS, layer="twice"),
        lambda: contributions(keras.Model(rows, own), ROWS, layer="first_call"),
        lambda: contributions(keras.Model(rows, own), ROWS, layer="second_call"),
    )


def test_values_before_an_activation_that_there_is_not():
    several = network(1)
    follow(
        "Pass 'output'",
        lambda: contributions(several, ROWS, layer="output:pre_activation"),
        lambda: contributions(network(1, "sigmoid"), ROWS, layer="output"),
    )


def test_names_that_are_nearly_right():
    several = network(1)
    follow(
        "Did you mean 'hidden'?",
        lambda: contributions(several, ROWS, layer="hiden"),
        lambda: contributions(several, ROWS, layer="hidden"),
    )
