import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.network import trace
from skdeeplift.propagation.plan import Plan
from skdeeplift.propagation.rulesets import RESCALE, RULES
from tests.functions import explain_function, streams_of


def test_only_ops_on_the_way_to_the_target_are_planned():
    def function(x):
        tf.linalg.qr(tf.reshape(x, [-1, 2, 2]))
        return tf.nn.relu(x) * 2.0

    assert [step.op.type for step in streams_of(function, (4,), dtype=tf.float32).plan.difference_steps] == [
        "Relu",
        "Mul",
    ]


def test_linear_ops_read_no_values():
    streams = streams_of(lambda x: tf.reduce_sum(x * 2.0, 1, keepdims=True), (4,), dtype=tf.float32)
    assert streams.plan.reads == []


def test_op_without_a_rule_is_named_with_its_layer_and_the_reason():
    layer = keras.layers.Lambda(lambda x: tf.linalg.qr(tf.reshape(x, [-1, 2, 2]), name="Q").q, name="decomposition")
    graph, _ = trace(layer, tf.TensorSpec((None, 4)), [layer])
    with pytest.raises(UnsupportedOpError, match=r"no rule for the op 'Qr' \('.*Q', layer 'decomposition'\)"):
        Plan(graph, graph.outputs[0], graph.inputs, RESCALE)


def test_target_cut_off_from_the_input():
    with pytest.raises(UnsupportedOpError, match="does not depend on the network's input"):
        streams_of(tf.ones_like, (4,), dtype=tf.float32)


def test_differences_start_again_behind_an_index_but_not_those_of_the_input():
    with pytest.raises(UnsupportedOpError, match="does not depend on"):
        streams_of(lambda x: tf.one_hot(tf.cast(x, tf.int32), 3), (4,), dtype=tf.float32)


def test_product_with_a_condition_of_another_tensor_shares_the_change_with_it():
    def function(x):
        return x * tf.cast(tf.reduce_max(x, 1, keepdims=True) > 0, x.dtype)

    rows, references = [[[1.0, 2.0], [-1.0, -2.0]]], [[[0.5, 1.0]]]
    [contributions], _ = explain_function(function, rows, references)
    # In the second row the condition falls from 1 to 0. Each factor has the mean of the other: 1/2 for ``x``, and the
    # means -0.25 and -0.5 for the condition. The maximum falls, so its winner is the largest element at the reference.
    np.testing.assert_allclose(contributions, [[0.5, 1.0], [-1.5 / 2, -3.0 / 2 + 0.25 + 0.5]])


def test_spreads_are_carried_only_where_they_are_read():
    """Between dense layers a spread starts afresh, so that only that at the activation's root is needed."""
    kernel = tf.ones((4, 4))

    def function(x):
        return tf.nn.relu(tf.nn.relu(x @ kernel) @ kernel)

    def roots(rule, function):
        plan = streams_of(function, (4,), dtype=tf.float32, rule_set=RULES[rule]).plan
        return {plan.graph.producer[value].type for value in plan.spreads}

    assert roots("rescale", function) == set()
    assert roots("reveal_cancel", function) == {"MatMul"}
    assert roots("reveal_cancel", lambda x: tf.nn.relu(function(x) + 1.0)) == {"MatMul", "Relu", "AddV2"}


@pytest.mark.parametrize("rule", RULES)
def test_functions_of_complex_numbers_follow_rescale_under_every_rule(rule):
    streams = streams_of(lambda x: tf.abs(tf.exp(tf.complex(x, x)) + 1), (3,), rule_set=RULES[rule])
    [step] = [step for step in streams.plan.difference_steps if step.op.type == "Exp"]
    assert step.rule_name == "rescale"


def test_complex_numbers_have_no_spread():
    """Spreads start from the difference behind them, so that none is carried before."""
    streams = streams_of(lambda x: tf.nn.relu(tf.abs(tf.signal.rfft(x))), (4,), rule_set=RULES["reveal_cancel"])
    assert [value.dtype for value in streams.plan.spreads] == [tf.float64]
    [size] = [step for step in streams.plan.difference_steps if step.op.type == "ComplexAbs"]
    assert size.starts_behind
    assert size.inputs_with_spread(streams.graph) == []
