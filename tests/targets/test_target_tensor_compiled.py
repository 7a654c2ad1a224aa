"""Targets and layers, as users name them."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    IntegratedGradientsExplainer,
)
from skdeeplift.exceptions import SummationToDeltaWarning, UnsupportedOpError
from skdeeplift.targets.target_tensor import kind_of_target

ROWS = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
REFERENCES = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)
RULES = ["rescale", "reveal_cancel"]
# Where what is tested has nothing to do with the rule.
ONE_RULE = ["rescale", pytest.param("reveal_cancel", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,), name="table")
    hidden = keras.layers.Dense(8, activation="gelu", bias_initializer="normal", name="hidden")(inputs)
    residual = keras.layers.Add(name="residual")(
        [hidden, keras.layers.Dense(8, activation="tanh", name="side")(hidden)]
    )
    activated = keras.layers.ReLU(name="relu")(residual)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="classes")(activated))


def explainer(model, **parameters):
    return DeepLiftExplainer(model, **{"reference": REFERENCES, "check": "raise", **parameters}).fit(ROWS)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", RULES)
def test_all_targets_equal_each_alone(model, rule):
    together = explainer(model, rule=rule, target="all")
    explanation = together.explain(ROWS, multipliers=True)
    assert explanation.contributions.shape == explanation.multipliers.shape == (12, 5, 3)
    assert explanation.standard_error.shape == (12, 5, 3)
    assert explanation.prediction.shape == explanation.convergence_delta.shape == (12, 3)
    assert explanation.target == "all"
    for target in range(3):
        alone = together.explain(ROWS, target=target, multipliers=True)
        for name in ("contributions", "multipliers", "standard_error", "prediction", "reference_value"):
            np.testing.assert_allclose(explanation[name][..., target], alone[name], rtol=1e-5, atol=1e-6)
    importances = np.abs(explanation.contributions).mean((0, 2))
    np.testing.assert_allclose(together.feature_importances_, importances, rtol=1e-5)


def test_all_targets_of_a_table_are_columns_feature_by_feature(model):
    together = explainer(model, target="all").set_output(transform="pandas")
    frame = together.transform(ROWS)
    assert list(frame.columns[:4]) == ["x0__0", "x0__1", "x0__2", "x1__0"]
    contributions = together.explain(ROWS).contributions
    np.testing.assert_allclose(frame.to_numpy(), contributions.reshape(12, 15))


def test_all_targets_of_an_output_with_two_axes():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(6, activation="relu"), keras.layers.Reshape((2, 3))]
    model = keras.Sequential([keras.Input((5,)), *layers])
    together = explainer(model, target="all")
    alone = together.explain(ROWS, target=(1, 0))
    np.testing.assert_allclose(together.explain(ROWS).contributions[..., 3], alone.contributions, atol=1e-6)
    assert together.get_feature_names_out()[3] == "x0__1_0"


@pytest.mark.parametrize("rule", ONE_RULE)
def test_function_of_the_logits(model, rule):
    by_weights = explainer(model, rule=rule, target={2: 1, 0: -1}, pre_activation=True)
    by_function = explainer(model, rule=rule, pre_activation=True, target=lambda logits: logits[:, 2] - logits[:, 0])
    expected = by_weights.explain(ROWS)
    for explanation in (
        by_function.explain(ROWS),
        by_weights.explain(ROWS, target=lambda logits: logits[:, 2:] - logits[:, :1]),
        by_weights.explain(ROWS, target=np.array([-1.0, 0.0, 1.0])),
    ):
        np.testing.assert_allclose(explanation.contributions, expected.contributions, atol=1e-6)
        np.testing.assert_allclose(explanation.prediction, expected.prediction, atol=1e-6)
    assert callable(by_function.explain(ROWS).target)


def test_ops_of_a_function_follow_the_rules(model):
    """The log-odds of a class against the two others, whose ops are logarithms and exponentials."""

    def log_odds(logits):
        return logits[:, 0] - tf.reduce_logsumexp(logits[:, 1:], axis=1)

    explanation = explainer(model, target=log_odds, pre_activation=True).explain(ROWS)
    probabilities = model.predict(ROWS, verbose=0)[:, 0].astype(np.float64)
    np.testing.assert_allclose(explanation.prediction, np.log(probabilities / (1 - probabilities)), rtol=1e-4)
    with pytest.raises(UnsupportedOpError, match="Qr"):
        explainer(model, target=lambda logits: tf.linalg.qr(logits[:, :, None])[1][:, 0, 0])


def test_layer_that_returns_its_input_stands_for_its_branch_only():
    """2 x1 + 20 x1, of which Dropout has the first."""
    inputs = keras.Input((1,))
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(inputs)
    joined = keras.layers.Concatenate()([keras.layers.Dropout(0.5, name="drop")(dense), dense])
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(joined))
    model.layers[-1].set_weights([np.array([[1.0], [10.0]])])
    fitted = DeepLiftExplainer(model, layer="drop", reference="zeros").fit(np.array([[2.0]]))
    np.testing.assert_allclose(fitted.transform(np.array([[2.0]])), [[2.0]])


@pytest.mark.parametrize("rule", ONE_RULE)
def test_centred_logits_sum_to_zero(model, rule):
    """The mean over all targets is taken off, so that they sum to zero; a difference of classes stays as it is."""
    plain = explainer(model, rule=rule, target="all").explain(ROWS).contributions
    centred = explainer(model, rule=rule, target="all", center_logits=True)
    contributions = centred.explain(ROWS).contributions
    np.testing.assert_allclose(contributions, plain - plain.mean(-1, keepdims=True), atol=1e-6)
    difference = centred.explain(ROWS, target={0: 1, 1: -1}).contributions
    np.testing.assert_allclose(difference, plain[..., 0] - plain[..., 1], atol=1e-6)
    of_function = explainer(
        model, rule=rule, target=lambda logits: logits[:, 0], center_logits=True, pre_activation=True
    )
    np.testing.assert_allclose(of_function.explain(ROWS).contributions, contributions[..., 0], atol=1e-6)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", RULES)
def test_contributions_of_a_layer_that_all_ways_pass_sum_to_the_change(model, rule):
    layers = ["residual", "relu", "relu:pre_activation", "table"]
    fitted = explainer(model, rule=rule, layer=layers, target=1)
    explanation = fitted.explain(ROWS, multipliers=True)
    change = explanation.prediction - explanation.reference_value
    for position, layer in enumerate(layers):
        contributions = explanation.contributions[position]
        np.testing.assert_allclose(contributions.sum(1), change, atol=1e-5, err_msg=layer)
        assert fitted.feature_importances_[position].shape == contributions.shape[1:]
        parts = explanation.positive_multipliers[position] + explanation.negative_multipliers[position]
        np.testing.assert_allclose(explanation.multipliers[position], parts / 2, atol=1e-6)
    alone = explainer(model, rule=rule, layer="relu", target=1)
    of_one = alone.explain(ROWS, multipliers=True)
    assert alone.feature_importances_.shape == (8,)
    np.testing.assert_allclose(of_one.contributions, explanation.contributions[1], atol=1e-6)
    np.testing.assert_allclose(of_one.multipliers, explanation.multipliers[1], atol=1e-6)
    np.testing.assert_allclose(of_one.convergence_delta, 0, atol=1e-5)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", RULES)
def test_parts_of_layers_make_up_their_difference_and_contribution(model, rule):
    fitted = explainer(
        model, rule=rule, layer=["residual", "hidden:pre_activation"], target=1, reference=REFERENCES[:1]
    )
    explanation = fitted.explain(ROWS)
    hidden = keras.Model(model.input, model.get_layer("residual").output)
    delta = hidden.predict(ROWS, verbose=0) - hidden.predict(REFERENCES[:1], verbose=0)
    np.testing.assert_allclose(
        explanation.positive_difference[0] + explanation.negative_difference[0], delta, atol=1e-5
    )
    # Of a layer whose parts change places nowhere.
    of_dense = [explanation[name][1] for name in ("positive_difference", "negative_difference")]
    multipliers = [explanation[name][1] for name in ("positive_multipliers", "negative_multipliers")]
    assert (of_dense[0] >= 0).all()
    assert (of_dense[1] <= 0).all()
    products = sum(part * multiplier for part, multiplier in zip(of_dense, multipliers, strict=True))
    np.testing.assert_allclose(explanation.contributions[1], products, atol=1e-5)
    assert [array.shape for array in fitted.feature_importances_] == [(8,), (8,)]


def test_layers_of_a_table_are_a_table(model):
    fitted = explainer(model, layer="side", target="all").set_output(transform="pandas")
    assert list(fitted.transform(ROWS).columns[:4]) == ["side_0__0", "side_0__1", "side_0__2", "side_1__0"]
    assert list(fitted.explain(ROWS).feature_names[:2]) == ["side_0", "side_1"]
    # The other branch has the rest of the change, which is no fault.
    assert np.abs(fitted.explain(ROWS).convergence_delta).max() > 1e-3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layer": "hiden"}, "Did you mean 'hidden'"),
        ({"layer": []}, "a list of different names"),
        ({"layer": ["hidden", "hidden"]}, "a list of different names"),
        ({"layer": [1]}, "a list of different names"),
        ({"layer": "classes"}, "names 'classes', but the target does not depend on that layer"),
        ({"target": np.ones(4)}, r"in shape \(3,\), or .*Got shape \(4,\)"),
        ({"target": lambda logits: logits}, r"one floating-point number for each row"),
        ({"rule": {"hidden": "nothing"}}, "layers' names to rules"),
        ({"rule": {}}, "layers' names to rules"),
        ({"rule": {"hiden": "reveal_cancel"}}, "Did you mean 'hidden'"),
        ({"rule": {"residual": "reveal_cancel"}}, "no activation"),
        ({"rule": {"hidden": ["rescale"]}}, "layers' names to rules"),
        ({"rule": {1: "rescale"}}, "layers' names to rules"),
        ({"target": lambda logits: logits.numpy()[:, 0]}, "uses functions of TensorFlow"),
        ({"target": lambda logits: tf.reduce_sum(logits[:, 0])[None]}, "one floating-point number for each row"),
        ({"target": [[1], [1, 2]]}, "rows of one length"),
    ],
)
def test_bad_parameters(model, parameters, message):
    with pytest.raises((ValueError, UnsupportedOpError), match=message):
        explainer(model, **parameters)


AS_INDICES = [0, (1,), {0: 1, 2: -1}, "all", "predicted", "auto", [0, 1, 2], np.array([2, 0, 1])]
AS_FUNCTIONS = [np.array([1.0, 0.0, -1.0]), [0.5, 0.5, 0.0], lambda output: output[:, 0]]


@pytest.mark.parametrize("target", [*AS_INDICES, *AS_FUNCTIONS], ids=lambda target: type(target).__name__)
def test_which_targets_look_through_a_softmax(target):
    is_function = callable(target)
    looks_through = any(target is each for each in AS_INDICES)
    assert kind_of_target(target) == (is_function, looks_through)
    # A boolean holds for all targets alike.
    for pre_activation in (True, False):
        assert kind_of_target(target, pre_activation) == (is_function, pre_activation)


def test_floats_are_classes_where_the_labels_are_floats():
    target = np.array([1.0, 0.0])
    assert kind_of_target(target, labels=np.array([0.0, 1.0])) == (False, True)
    assert kind_of_target(target, labels=np.array([0, 1])) == (False, False)


def test_functions_and_weights_mean_the_models_own_output(model):
    """Functions take probabilities unless the logits are asked for; indices and classes mean logits."""
    probabilities = model.predict(ROWS, verbose=0)
    logits = keras.Model(model.input, model.layers[-2].output).predict(ROWS, verbose=0) @ model.layers[-1].kernel
    logits = np.asarray(logits) + model.layers[-1].bias.numpy()
    weights = np.array([1.0, 0.0, -2.0])
    fitted = {
        pre_activation: explainer(model, target=0, pre_activation=pre_activation)
        for pre_activation in ("auto", True, False)
    }
    for pre_activation, own in fitted.items():
        outputs = logits if pre_activation is True else probabilities
        for target in (weights, list(weights), lambda output: output[:, 0] - 2 * output[:, 2]):
            prediction = own.explain(ROWS, target=target).prediction
            np.testing.assert_allclose(prediction, outputs @ weights, rtol=1e-4, atol=1e-5)
        outputs = probabilities if pre_activation is False else logits
        for target in (0, {0: 1.0}, np.zeros(12, int)):
            prediction = own.explain(ROWS, target=target).prediction
            np.testing.assert_allclose(prediction, outputs[:, 0], rtol=1e-4, atol=1e-5)


def test_a_function_as_the_explainers_own_target(model):
    by_function = explainer(model, target=lambda output: output[:, 1]).explain(ROWS)
    probability = explainer(model, target=1, pre_activation=False).explain(ROWS)
    np.testing.assert_allclose(by_function.contributions, probability.contributions, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(by_function.prediction, model.predict(ROWS, verbose=0)[:, 1], rtol=1e-5)


@pytest.mark.parametrize(
    ("estimate", "warning"),
    [
        (lambda target, model: DeepLiftExplainer(model, target=target, reference="zeros"), SummationToDeltaWarning),
        (lambda target, model: GradientExplainer(model, target=target), RuntimeWarning),
    ],
)
def test_who_is_blamed_for_numbers_that_are_not_finite(estimate, warning):
    """A function that takes the logarithm of negative numbers, and a network with a weight that is not finite."""
    sigmoid = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, "sigmoid")])

    def log_of_rest(output):
        return tf.reduce_sum(tf.math.log(1 - output), 1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = estimate(log_of_rest, sigmoid).fit(ROWS)
        expected = np.log(1 - sigmoid.predict(ROWS, verbose=0)).sum(1)
        np.testing.assert_allclose(fitted.explain(ROWS).prediction, expected, rtol=1e-5)
    with pytest.warns(warning, match=r"function") as caught:
        estimate(lambda output: tf.math.log(output[:, 0] - 2), sigmoid).fit(ROWS).explain(ROWS)
    assert "Look at its weights" not in str(caught[0].message)
    sigmoid.set_weights([np.full((5, 2), np.nan, np.float32), np.zeros(2)])
    with pytest.warns(warning, match="weights"):
        estimate(0, sigmoid).fit(ROWS).explain(ROWS)


@pytest.mark.parametrize("explainer", [DeepLiftExplainer, IntegratedGradientsExplainer, ExpectedGradientsExplainer])
def test_xla_compiles_nothing_for_a_new_function(explainer, monkeypatch):
    """TensorFlow never frees what XLA compiled: about a megabyte for each new function."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(3)])
    fitted = explainer(model, target=0, reference=REFERENCES).fit(ROWS)
    made, make = [], tf.function

    def watched(*args, **options):
        made.append(options.get("jit_compile"))
        return make(*args, **options)

    monkeypatch.setattr(tf, "function", watched)
    fitted.explain(ROWS, target=lambda y: y[:, 0] - y[:, 1])
    assert made
    assert True not in made
    if explainer is IntegratedGradientsExplainer:
        # It is faster by XLA, which pays off for targets that stay.
        fitted.explain(ROWS)
        assert True in made
