import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.bind import bind
from skdeeplift.propagation.plan import Plan
from skdeeplift.propagation.rulesets import RULES, SHARED, rule_set_of
from skdeeplift.propagation.steps import ActivationStep


def test_every_rule_is_for_an_op_that_tensorflow_has():
    assert RULES
    op_types = {op_type for name in SHARED.rules for op_type in ops.types_ruled_by(name)}
    missing = {op_type for op_type in op_types if not hasattr(tf.raw_ops, op_type)}
    assert missing == {ops.TRUNCATION}


def test_families_of_multiplication():
    families = [SHARED.find("Mul", varying).family for varying in ((0,), (1,), (0, 1))]
    assert families == ["linear", "linear", "bilinear"]
    assert SHARED.find("RealDiv", (0,)).family == "linear"
    assert ops.facts_of("RealDiv").rule((1,)) == "activation"
    assert SHARED.find("RealDiv", (0, 1)).family == "two-variable"


def rules_of(model, rule_set, target=None):
    """Names of the rules at the activations of a Keras model, in order."""
    network = bind(model, np.zeros((1, *model.input_shape[1:])))
    graph = network.graph
    plan = Plan(graph, graph.outputs[0], graph.inputs, rule_set)
    return [step.rule.function.__name__ for step in plan.steps if isinstance(step, ActivationStep)]


def test_genomics_default_looks_for_the_nearest_weights():
    layers = keras.layers
    inputs = keras.Input((12, 4))
    activated = layers.ReLU()(inputs)
    convolved = layers.Activation("relu")(
        layers.MaxPooling1D(2)(layers.BatchNormalization()(layers.Conv1D(3, 3)(activated)))
    )
    dense = layers.Dense(5)(layers.Flatten()(convolved))
    activated = layers.Activation("tanh")(layers.Dropout(0.5)(dense))
    both = layers.ReLU()(
        layers.Add()(
            [
                layers.Dense(3)(activated),
                layers.Flatten()(layers.GlobalAveragePooling1D()(layers.Conv1D(3, 2)(convolved))),
            ]
        )
    )
    model = keras.Model(inputs, layers.Dense(1)(both))
    # At the input; after a convolution; after a dense layer; after one of each.
    assert rules_of(model, RULES["genomics_default"]) == ["rescale", "rescale", "reveal_cancel", "rescale"]
    assert rules_of(model, RULES["reveal_cancel"]) == ["reveal_cancel"] * 4


def test_functions_with_poles_follow_the_rescale_rule():
    model = keras.Sequential(
        [keras.Input((3,)), *(keras.layers.Dense(2, activation=name) for name in ("exponential", "gelu"))]
    )
    assert rules_of(model, RULES["reveal_cancel"]) == ["rescale", "reveal_cancel"]


def stack():
    inner = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(3, activation="relu", name="first"), keras.layers.Dense(3, name="last")],
        name="inner",
    )
    return keras.Sequential(
        [
            keras.Input((3,)),
            inner,
            keras.layers.ReLU(name="relu"),
            keras.layers.Dense(1, activation="tanh", name="first"),
        ]
    )


def test_rules_of_layers():
    """The innermost layer counts; a path tells layers of one name apart; all others follow the rescale rule."""
    assert rules_of(stack(), rule_set_of({"relu": "reveal_cancel"})) == ["rescale", "reveal_cancel", "rescale"]
    assert rules_of(stack(), rule_set_of({"inner": "pass_through"})) == ["pass_through", "rescale", "rescale"]
    assert rules_of(stack(), rule_set_of({"inner": "pass_through", "first": "reveal_cancel"})) == [
        "reveal_cancel",
        "rescale",
        "reveal_cancel",
    ]
    assert rules_of(stack(), rule_set_of({"inner/first": "guided_backprop_rescale"})) == [
        "guided_backprop_rescale",
        "rescale",
        "rescale",
    ]


def test_layers_that_can_have_no_rule():
    with pytest.raises(ValueError, match=r"names 'reul', which is none .*Did you mean 'relu'"):
        rules_of(stack(), rule_set_of({"reul": "rescale"}))
    with pytest.raises(ValueError, match=r"'last', in which there is no activation.* these layers: first, relu"):
        rules_of(stack(), rule_set_of({"last": "reveal_cancel"}))
