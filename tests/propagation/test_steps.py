"""Steps of a plan, of networks whose ops are counted by hand."""

import pytest
import tensorflow as tf

from skdeeplift.propagation.rulesets import RESCALE, RULES
from skdeeplift.propagation.steps import ActivationStep, ConstantStep, OpStep, Step, steps_with_rules
from tests.functions import streams_of


def steps_of(function, rule_set=RESCALE):
    return streams_of(function, (4,), dtype=tf.float32, rule_set=rule_set).plan.steps


def repeated(x):
    return tf.while_loop(lambda step, _: step < 3, lambda step, x: (step + 1, tf.tanh(2 * x)), (0, x))[1]


def test_constants_activations_and_ops_are_steps():
    steps = steps_of(lambda x: tf.tanh(2 * x))
    constant, product, activation = steps
    assert [type(step) for step in steps] == [ConstantStep, OpStep, ActivationStep]
    assert [step.carries_difference for step in steps] == [False, True, True]
    assert [step.has_rule for step in steps] == [False, True, True]
    assert (product.op.type, product.family) == ("Mul", "linear")
    assert (activation.rule_name, activation.family, activation.is_activation) == ("rescale", "activation", True)
    assert constant.outputs[0] in product.inputs


def test_steps_in_loops_have_the_rules():
    steps = steps_of(repeated)
    [loop] = [step for step in steps if step.inner_steps]
    assert not loop.has_rule
    assert [step.op.type for step in steps_with_rules(steps) if step in loop.inner_steps] == ["Mul", "Tanh"]


def test_values_that_rules_read():
    """A linear op reads nothing; a product of two reads all; an activation that is no ramp reads both ends."""
    streams = streams_of(lambda x: tf.tanh(2 * x[:, :2]) * x[:, 2:], (4,), dtype=tf.float32)
    graph, by_type = streams.graph, {}
    for step in streams.plan.difference_steps:
        by_type.setdefault(step.op.type, []).append(step)
    double, product = by_type["Mul"]
    [activation] = by_type["Tanh"]
    assert double.reads(graph) == []
    assert product.reads(graph) == [*product.inputs, *product.outputs]
    assert activation.reads(graph) == [*activation.inputs, *activation.outputs]


def test_spreads_that_rules_read():
    """RevealCancel reads the spread at its root; a dense layer, whose spread starts afresh, reads that of no input."""
    streams = streams_of(
        lambda x: tf.tanh(tf.nn.relu(x) @ tf.ones((4, 2))), (4,), dtype=tf.float32, rule_set=RULES["reveal_cancel"]
    )
    relu, dense, tanh = streams.plan.difference_steps
    assert [step.carries_spread for step in (relu, dense, tanh)] == [False, True, False]
    assert [step.inputs_with_spread(streams.graph) for step in (relu, dense, tanh)] == [
        list(relu.inputs),
        [],
        list(tanh.inputs),
    ]


def test_rules_may_give_up_the_sum():
    guided = steps_of(tf.tanh, RULES["guided_backprop_rescale"])
    assert [step.sums_to_delta for step in guided] == [False]
    assert [step.sums_to_delta for step in steps_of(tf.tanh)] == [True]


def test_a_step_without_a_way_to_carry_is_none():
    with pytest.raises(TypeError, match="carry"):
        Step(None, (), ())
