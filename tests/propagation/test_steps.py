"""Steps of a plan, of networks whose ops are counted by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer, describe
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.propagation.rulesets import RESCALE, RULES, rule_set_of
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
    assert (activation.rule_name, activation.family) == ("rescale", "activation")
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


GENERATOR = np.random.default_rng(0)


def network(function, width=3, dtype="float32"):
    """Dense, tanh, the function, tanh, dense."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    parts = [layers.Dense(width, "tanh", dtype=dtype), layers.Lambda(function, dtype=dtype, name="function")]
    parts += [layers.Activation("tanh", dtype=dtype), layers.Dense(1, dtype=dtype)]
    return keras.Sequential([keras.Input((4,), dtype=dtype), *parts])


def log_area(x):
    """The logarithm of x1 * x2, as that of a determinant."""
    return tf.linalg.slogdet(tf.linalg.diag(x))[1][:, None]


def test_logarithm_of_a_product_by_hand():
    """Along the straight path from 1 and 1, each factor gets its own logarithm."""
    streams = streams_of(log_area, (2,), rule_set=rule_set_of("rescale", "integrate"))
    assert streams.first_departure([np.array([[3.0, 5.0]])], [np.array([[1.0, 1.0]])], 1e-4) is None
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(log_area)])
    explainer = DeepLiftExplainer(model, reference=[1.0, 1.0], unsupported="integrate").fit([[3.0, 5.0]])
    np.testing.assert_allclose(explainer.transform([[3.0, 5.0]]), np.log([[3, 5]]), rtol=1e-5)


FUNCTIONS = {
    "LogMatrixDeterminant": lambda x: tf.linalg.slogdet(tf.linalg.diag(x + 2) + 0.3)[1][:, None],
    "LogMatrixDeterminant of complex numbers": lambda x: tf.math.real(
        tf.linalg.slogdet(tf.linalg.diag(tf.complex(x + 2, x)) + 0.3j)[1][:, None]
    ),
    "Betainc": lambda x: tf.math.betainc(tf.ones_like(x), 2 * tf.ones_like(x), 0.5 + 0.4 * x),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("rule", ["rescale", pytest.param("reveal_cancel", marks=pytest.mark.slow)])
def test_contributions_sum_to_the_change(name, rule):
    model, rows = network(FUNCTIONS[name], dtype="float64"), GENERATOR.normal(size=(5, 4))
    assert name.split()[0] in set(describe(model).op[~describe(model).supported])
    explainer = DeepLiftExplainer(model, rule=rule, reference="sample", unsupported="integrate").fit(rows)
    explanation = explainer.explain(rows)
    change = np.abs(explanation.prediction - explanation.reference_value).max()
    assert change > 1e-3
    np.testing.assert_allclose(explanation.convergence_delta / change, np.zeros(5), atol=1e-6)


def test_all_targets_at_once_are_as_each_by_itself():
    model = keras.Sequential([keras.Input((4,)), *network(FUNCTIONS["Betainc"]).layers[:-1], keras.layers.Dense(2)])
    rows = GENERATOR.normal(size=(4, 4))
    explainer = DeepLiftExplainer(model, target="all", reference="sample", unsupported="integrate").fit(rows)
    together = explainer.explain(rows).contributions
    for target in range(2):
        alone = explainer.explain(rows, target=target).contributions
        np.testing.assert_allclose(together[..., target], alone, atol=1e-6)


def test_inside_of_a_loop():
    class Cell(keras.layers.Layer):
        state_size = output_size = 2

        def call(self, x, states):
            [state] = states
            state = keras.ops.tanh(x) + 0.1 * log_area(state + 5)
            return state, [state]

    inputs = keras.Input((4, 2), dtype="float64")
    hidden = keras.layers.RNN(Cell(dtype="float64"), dtype="float64")(inputs)
    model, rows = keras.Model(inputs, keras.layers.Dense(1, dtype="float64")(hidden)), GENERATOR.normal(size=(3, 4, 2))
    explanation = DeepLiftExplainer(model, unsupported="integrate", check="raise").fit(rows).explain(rows)
    np.testing.assert_allclose(explanation.convergence_delta, np.zeros(3), atol=1e-10)


def test_what_tensorflow_cannot_differentiate():
    model = network(lambda x: tf.reshape(tf.image.adjust_contrast(tf.reshape(x, (-1, 3, 1, 1)), 2.0), (-1, 3)))
    rows = GENERATOR.normal(size=(5, 4))
    with pytest.raises(UnsupportedOpError, match=r"AdjustContrastv2.*layer 'function'.*no derivative"):
        DeepLiftExplainer(model, unsupported="integrate").fit(rows)
