from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from sklearn.exceptions import ConvergenceWarning

from skdeeplift import DeepLiftExplainer, GradientExplainer, IntegratedGradientsExplainer
from skdeeplift.exceptions import SummationToDeltaWarning
from tests.conformance.networks import randomise_weights

ROWS = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
REFERENCES = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
SEQUENCES = np.random.default_rng(2).normal(size=(5, 6, 3)).astype(np.float32)


def dense(activation, outputs=3):
    keras.utils.set_random_seed(0)
    hidden = [layers.Dense(16, activation, bias_initializer="normal", name=name) for name in ("first", "second")]
    return keras.Sequential([keras.Input((5,)), *hidden, layers.Dense(outputs)])


def recurrent():
    return keras.Sequential([keras.Input((6, 3)), layers.Masking(), layers.LSTM(4), layers.Dense(1)])


def attention():
    inputs = keras.Input((6, 3))
    hidden = layers.Dense(4)(inputs)
    attended = layers.LayerNormalization()(layers.MultiHeadAttention(2, 2)(hidden, hidden))
    return keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Add()([hidden, attended]))))


def by_gradients(model, rows, reference, positions, weights, **parameters):
    """The sum of gradients at points of the path, one call for each."""
    gradient = GradientExplainer(model, kind="gradient", **parameters).fit(rows)
    points = [gradient.transform(reference + position * (rows - reference)) for position in positions]
    return np.tensordot(weights, points, 1) * (rows - reference)


@pytest.fixture(scope="module")
def smooth():
    return dense("tanh")


@pytest.fixture(scope="module")
def at_once(smooth):
    """An explainer for each number of steps and each target, and what it says of all rows at once."""

    @cache
    def fitted(n_steps, target):
        explainer = IntegratedGradientsExplainer(smooth, reference=REFERENCES, n_steps=n_steps, target=target)
        return explainer, explainer.fit_transform(ROWS)

    return fitted


def test_hand_worked():
    """x1 ** 2 * x2 from zeros to (2, 3): the integrals of 2 t**2 * 2 * 3 * 2 and of t**2 * 4 * 3 are 8 and 4."""
    model = keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: x[:, :1] ** 2 * x[:, 1:])])
    explainer = IntegratedGradientsExplainer(model, reference="zeros", n_steps=2).fit([[2.0, 3.0]])
    explanation = explainer.explain([[2.0, 3.0]], multipliers=True)
    np.testing.assert_allclose(explanation.contributions, [[8, 4]], rtol=1e-6)
    np.testing.assert_allclose(explanation.multipliers, [[4, 4 / 3]], rtol=1e-6)
    np.testing.assert_array_equal(explanation.n_steps, [2])


@pytest.mark.slow
@pytest.mark.parametrize("build", [recurrent, attention])
def test_equals_gradients_at_each_point(build):
    model = build()
    randomise_weights(model)
    positions = (np.arange(4) + 0.5) / 4
    expected = by_gradients(model, SEQUENCES, np.zeros_like(SEQUENCES), positions, np.full(4, 0.25))
    explainer = IntegratedGradientsExplainer(model, reference="zeros", n_steps=4, method="midpoint", check="ignore")
    np.testing.assert_allclose(explainer.fit_transform(SEQUENCES), expected, rtol=0, atol=2e-6 * np.abs(expected).max())


@pytest.mark.sampled(3)
@pytest.mark.parametrize("target", [0, "all", {0: 1, 2: -2}])
def test_several_references_are_averaged(smooth, target):
    explainer = IntegratedGradientsExplainer(smooth, reference=REFERENCES, target=target).fit(ROWS)
    explanation = explainer.explain(ROWS)
    alone = [explainer.explain(ROWS, reference=each) for each in REFERENCES]
    contributions = np.array([each.contributions for each in alone])
    np.testing.assert_allclose(explanation.contributions, contributions.mean(0), rtol=1e-4, atol=1e-6)
    error = contributions.std(0, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(explanation.standard_error, error, rtol=1e-3, atol=1e-6)
    of_rows = explainer.explain(ROWS, reference=np.tile(REFERENCES, (12, 1, 1)))
    np.testing.assert_allclose(of_rows.contributions, explanation.contributions, rtol=1e-4, atol=1e-6)
    change = explanation.prediction - explanation.reference_value
    np.testing.assert_allclose(explanation.convergence_delta, 0, atol=1e-5 * np.abs(change).max())


def test_linear_networks_are_exact_by_any_quadrature():
    model = dense("linear")
    expected = DeepLiftExplainer(model, reference=REFERENCES, target="all").fit_transform(ROWS)
    methods = ("gausslegendre", "midpoint", "trapezoid", "riemann_left", "riemann_right")
    for method, n_steps in zip(methods, (3, 1, 3, 1, 1), strict=True):
        got = IntegratedGradientsExplainer(
            model, reference=REFERENCES, target="all", n_steps=n_steps, method=method, check="raise"
        ).fit_transform(ROWS)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def fewest_fixed_steps(explainer, rows, numbers):
    """The first number of steps with which every row is within the tolerance of its own change."""
    tolerance = explainer.bound_.schedule.convergence_tol
    for n_steps in numbers:
        explainer.bound_.schedule = replace(explainer.bound_.schedule, n_steps=n_steps)
        explanation = explainer.set_params(check="ignore").explain(rows)
        change = np.abs(explanation.prediction - explanation.reference_value)
        if (np.abs(explanation.convergence_delta) <= tolerance * change).all():
            return n_steps
    raise AssertionError("no number of steps is enough")


def test_auto_converges_on_smooth_networks(smooth):
    explainer = IntegratedGradientsExplainer(
        smooth, target=0, n_steps="auto", convergence_tol=1e-5, check="raise", reference="zeros"
    ).fit(ROWS)
    explanation = explainer.explain(ROWS)
    change = np.abs(explanation.prediction - explanation.reference_value)
    total = np.abs(explanation.contributions).sum(1)
    assert (np.abs(explanation.convergence_delta) <= 1e-5 * np.maximum(change, total) + 1e-6).all()
    assert len(set(explanation.n_steps)) > 1
    # Whatever the others need, a row takes as many steps as it takes alone.
    alone = [explainer.explain(ROWS[[row]]) for row in range(12)]
    np.testing.assert_array_equal(explanation.n_steps, [each.n_steps[0] for each in alone])
    contributions = np.concatenate([each.contributions for each in alone])
    np.testing.assert_allclose(explanation.contributions, contributions, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("activation", "numbers"),
    [("tanh", range(1, 50)), pytest.param("relu", range(20, 4000, 20), marks=pytest.mark.slow)],
)
def test_auto_takes_few_gradients(activation, numbers):
    """At most twice as many as the fixed number of steps that brings every row there, or two attempts of 5 and 10."""
    model = dense(activation)
    rows = np.random.default_rng(3).normal(size=(40, 5)).astype(np.float32)
    explainer = IntegratedGradientsExplainer(
        model, target=0, n_steps="auto", max_steps=4000, check="raise", reference="zeros"
    ).fit(rows)
    explanation = explainer.explain(rows)
    assert explanation.n_steps.mean() <= max(15, 2 * fewest_fixed_steps(explainer, rows, numbers))


def test_rows_that_do_not_converge_are_reported():
    model = dense("relu")
    explainer = IntegratedGradientsExplainer(
        model, target=0, n_steps="auto", max_steps=6, convergence_tol=1e-4, reference="zeros"
    ).fit(ROWS)
    with pytest.warns(SummationToDeltaWarning, match=r"In \d+ of 12 rows .* within 0\.0001 .*Raise max_steps"):
        explainer.transform(ROWS)
    explanation = explainer.set_params(check="ignore").explain(ROWS)
    assert set(explanation.n_steps) <= {5, 11}
    fixed = IntegratedGradientsExplainer(model, target=0, n_steps=2, reference="zeros").fit(ROWS)
    with pytest.warns(SummationToDeltaWarning, match=r'Raise n_steps, or pass n_steps="auto"'):
        fixed.transform(ROWS)


@pytest.mark.slow
def test_layers_move_on_straight_lines_of_their_own(smooth):
    """Their contributions sum to the change too, as all ways pass them; behind "second" the network is linear."""
    layer = ["first", "first:pre_activation", "second"]
    explainer = IntegratedGradientsExplainer(smooth, layer=layer, target=1, reference=REFERENCES[:1]).fit(ROWS)
    explanation = explainer.explain(ROWS)
    change = explanation.prediction - explanation.reference_value
    for name, contributions in zip(layer, explanation.contributions, strict=True):
        np.testing.assert_allclose(contributions.sum(1), change, rtol=0, atol=1e-5 * np.abs(change).max())
        alone = IntegratedGradientsExplainer(smooth, layer=name, target=1, reference=REFERENCES[:1]).fit(ROWS)
        np.testing.assert_allclose(alone.transform(ROWS), contributions, rtol=1e-5, atol=1e-6)
    second = keras.Model(smooth.inputs, smooth.layers[1].output)
    delta = second(ROWS).numpy() - second(REFERENCES[:1]).numpy()
    expected = delta * smooth.layers[2].kernel.numpy()[:, 1]
    np.testing.assert_allclose(explanation.contributions[2], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_what_does_not_depend_on_a_layer_stays_as_it_is_at_the_row():
    """x * tanh(x): along the path of the tanh alone, x stays."""
    inputs = keras.Input((5,))
    gated = layers.Multiply()([inputs, layers.Activation("tanh", name="gate")(inputs)])
    model = keras.Model(inputs, layers.Dense(1, use_bias=False)(gated))
    explainer = IntegratedGradientsExplainer(model, layer="gate", reference=REFERENCES[:1]).fit(ROWS)
    expected = ROWS * (np.tanh(ROWS) - np.tanh(REFERENCES[:1])) * model.layers[-1].kernel.numpy()[:, 0]
    np.testing.assert_allclose(explainer.transform(ROWS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_padding_stays_padding_on_the_whole_path():
    """The mean reference has numbers where the row has padding; they do not count, and the rest sums to the change."""
    model = recurrent()
    randomise_weights(model)
    padded = SEQUENCES * (np.arange(6) < 4)[None, :, None]
    explainer = IntegratedGradientsExplainer(model, reference=SEQUENCES.mean(0), check="raise", n_steps=20).fit(padded)
    contributions = explainer.transform(padded)
    np.testing.assert_array_equal(contributions[:, 4:], 0)
    assert np.abs(contributions[:, :4]).min() > 0
    short = IntegratedGradientsExplainer(model, layer=None, reference=SEQUENCES.mean(0)[:4], n_steps=20)
    short.set_params(estimator=shortened(model)).fit(padded[:, :4])
    np.testing.assert_allclose(short.transform(padded[:, :4]), contributions[:, :4], rtol=1e-4, atol=1e-6)


def shortened(model):
    short = keras.Sequential([keras.Input((4, 3)), layers.Masking(), layers.LSTM(4), layers.Dense(1)])
    short.set_weights(model.get_weights())
    return short


def test_embedding_of_tokens():
    embedding = layers.Embedding(9, 3, mask_zero=True, name="embedding")
    model = keras.Sequential([keras.Input((5,), dtype="int32"), embedding, layers.GRU(3), layers.Dense(1)])
    tokens = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8]])
    with pytest.raises(ValueError, match=r'Indices have no derivative.*layer="embedding"'):
        IntegratedGradientsExplainer(model).fit(tokens)
    explanation = IntegratedGradientsExplainer(model, layer="embedding").fit(tokens).explain(tokens)
    change = explanation.prediction - explanation.reference_value
    np.testing.assert_allclose(explanation.contributions.sum((1, 2)), change, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(explanation.contributions[0, 3:], 0)


def test_several_inputs_move_together():
    inputs = [keras.Input((3,), name="a"), keras.Input((2,), name="b")]
    hidden = layers.Dense(8, "tanh")(layers.Concatenate()([layers.Dense(3, "tanh")(inputs[0]), inputs[1]]))
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    rows = {"a": ROWS[:, :3], "b": ROWS[:, 3:]}
    explanation = IntegratedGradientsExplainer(model, check="raise").fit(rows).explain(rows)
    total = explanation.contributions["a"].sum(1) + explanation.contributions["b"].sum(1)
    change = explanation.prediction - explanation.reference_value
    np.testing.assert_allclose(total, change, rtol=0, atol=1e-5 * np.abs(change).max())


def test_one_batch_size():
    model = keras.Sequential([keras.Input(batch_shape=(4, 5)), layers.Dense(3, "tanh"), layers.Dense(1)])
    free = keras.Sequential([keras.Input((5,)), *model.layers])
    got, expected = (IntegratedGradientsExplainer(each, n_steps=7).fit_transform(ROWS) for each in (model, free))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


@settings(max_examples=2, deadline=None)
@given(batch_size=st.integers(1, 60), n_steps=st.sampled_from([7, "auto"]), target=st.sampled_from([1, "all"]))
def test_the_batch_size_does_not_matter(at_once, batch_size, n_steps, target):
    explainer, whole = at_once(n_steps, target)
    np.testing.assert_allclose(explainer.set_params(batch_size=batch_size).transform(ROWS), whole, rtol=1e-4, atol=1e-5)


@settings(max_examples=8, deadline=None)
@given(weights=st.tuples(*[st.floats(-2, 2, width=32)] * 3))
def test_linear_in_the_target(at_once, weights):
    explainer, of_all = at_once(7, "all")
    weighted = explainer.explain(ROWS, target=np.array(weights)).contributions
    expected = of_all.reshape(*ROWS.shape, 3) @ weights
    np.testing.assert_allclose(weighted, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_steps": 0}, "'n_steps' parameter of IntegratedGradientsExplainer"),
        ({"n_steps": "many"}, "'n_steps' parameter"),
        ({"method": "simpson"}, "'method' parameter"),
        ({"convergence_tol": 0.0}, "'convergence_tol' parameter"),
        ({"max_steps": 0}, "'max_steps' parameter"),
        ({"reference": np.zeros(4)}, r"Expected \(5,\)"),
    ],
)
def test_bad_parameters_of_the_quadrature_are_errors(smooth, parameters, message):
    with pytest.raises(ValueError, match=message):
        IntegratedGradientsExplainer(smooth, target=0, **parameters).fit(ROWS)


def test_large_dense_networks_are_integrated_alike():
    """Compiled as one where there are many points, and op by op where a chunk holds few."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((20,)), layers.Dense(256, "tanh"), layers.Dense(64, "relu"), layers.Dense(2)])
    rows = np.random.default_rng(0).normal(size=(64, 20)).astype(np.float32)
    large = IntegratedGradientsExplainer(model, target=1, reference="zeros").fit(rows).transform(rows)
    small = IntegratedGradientsExplainer(model, target=1, reference="zeros", batch_size=8).fit(rows).transform(rows)
    np.testing.assert_allclose(large, small, rtol=0, atol=1e-5 * np.abs(small).max())


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [(8,), (32, 16)])
def test_the_default_reaches_its_tolerance_on_small_perceptrons(hidden, recwarn):
    """Every row of a network of relu adds up within a hundredth, and is as near to the limit as with 50 steps."""
    keras.utils.set_random_seed(0)
    rows = np.random.default_rng(0).normal(size=(86, 10)).astype(np.float32)
    hidden = [layers.Dense(units, "relu", bias_initializer="normal") for units in hidden]
    model = keras.Sequential([keras.Input((10,)), *hidden, layers.Dense(1)])
    explanation = IntegratedGradientsExplainer(model).fit(rows).explain(rows)
    assert not [each for each in recwarn if each.category in (SummationToDeltaWarning, ConvergenceWarning)]
    total = np.abs(explanation.contributions).sum(1)
    change = np.abs(explanation.prediction - explanation.reference_value)
    off = np.abs(explanation.convergence_delta) / np.maximum(change, np.median(change))
    assert off.max() <= 0.01
    limit, fixed = (
        IntegratedGradientsExplainer(model, n_steps=n_steps, check="ignore").fit(rows).transform(rows)
        for n_steps in (2000, 50)
    )
    errors, of_fixed = (np.abs(each - limit).sum(1) / total for each in (explanation.contributions, fixed))
    assert np.median(errors) < max(0.015, 2 * np.median(of_fixed))
    assert errors.max() < 0.1


def test_layers_settle_by_their_own_contributions():
    """(x + D(x)) ** 2 at 3: D contributes 27 where x stays; f(x) - f(reference) = 36 is another number."""
    inputs = keras.Input((1,))
    joined = inputs + layers.Dense(1, kernel_initializer="ones", name="D")(inputs)
    explainer = IntegratedGradientsExplainer(keras.Model(inputs, joined**2), layer="D", reference="zeros").fit([[3.0]])
    explanation = explainer.explain([[3.0]])
    np.testing.assert_allclose(explanation.contributions, [[27]], rtol=1e-5)
    np.testing.assert_array_equal(explanation.n_steps, [15])


def test_layers_that_do_not_settle_are_reported():
    """The inputs pass by the layer, so that its contributions need not sum to the change."""
    inputs = keras.Input((ROWS.shape[1],))
    hidden = layers.Dense(8, "relu")(layers.Dense(6, "tanh", name="first")(inputs))
    model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()([hidden, inputs])))
    explainer = IntegratedGradientsExplainer(model, layer="first", max_steps=10, convergence_tol=1e-6).fit(ROWS)
    with pytest.warns(ConvergenceWarning, match=r"of 12 rows still change with the number of steps at max_steps=10"):
        explainer.transform(ROWS)
