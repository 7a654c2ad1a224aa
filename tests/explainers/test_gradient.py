from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from skdeeplift import GradientExplainer
from skdeeplift.exceptions import UnsupportedOpError
from tests.conformance.networks import randomise_weights

ROWS = np.random.default_rng(0).normal(size=(6, 6, 4)).astype(np.float32)
# The last two entries of each sequence are padding.
MASKED = ROWS * (np.arange(6) < 4)[None, :, None]


def lstm():
    return keras.Sequential([keras.Input((6, 4)), layers.Masking(), layers.LSTM(5), layers.Dense(3)])


def attention():
    inputs = keras.Input((6, 4))
    attended = layers.LayerNormalization()(layers.MultiHeadAttention(2, 3)(inputs, inputs))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(attended)))


def convolutional():
    hidden = [layers.Conv1D(4, 3, activation="gelu"), layers.MaxPooling1D(2), layers.Flatten()]
    return keras.Sequential([keras.Input((6, 4)), *hidden, layers.Dense(3)])


def gradient_by_tape(model, rows):
    """Return the gradients of all outputs, on a last axis."""
    rows = tf.constant(rows)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        outputs = tf.unstack(model(rows), axis=1)
    return np.stack([tape.gradient(output, rows) for output in outputs], -1)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(6, "tanh", name="hidden"), layers.Dense(3, "softmax")])
    return model, ROWS[:, 0]


@pytest.fixture(scope="module")
def at_once(small):
    """An explainer for each target and noise, its rows, and what it says of all of them at once."""
    model, rows = small

    @cache
    def fitted(target, noise_scale):
        parameters = {"noise_scale": noise_scale, "n_draws": 5, "pre_activation": True, "random_state": 0}
        explainer = GradientExplainer(model, target=target, **parameters)
        return explainer, rows, explainer.fit_transform(rows)

    return fitted


@pytest.mark.sampled(3)
@pytest.mark.parametrize("build", [lstm, attention, convolutional])
def test_equals_the_tape(build):
    model = build()
    randomise_weights(model)
    expected = gradient_by_tape(model, MASKED)
    tolerance = 1e-6 * np.abs(expected).max()
    explainer = GradientExplainer(model, kind="gradient", target="all").fit(MASKED)
    explanation = explainer.explain(MASKED)
    np.testing.assert_allclose(explanation.contributions, expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(explanation.prediction, model(MASKED), rtol=1e-5, atol=1e-6)
    assert explanation.reference_value is explanation.convergence_delta is explanation.n_steps is None
    row_targets = np.array([0, 2, 1, 1, 0, 2])
    of_rows = explainer.explain(MASKED, target=row_targets)
    np.testing.assert_allclose(of_rows.contributions, expected[range(6), ..., row_targets], rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        explainer.explain(MASKED, target={0: 2, 2: -1}).contributions,
        2 * expected[..., 0] - expected[..., 2],
        rtol=0,
        atol=2 * tolerance,
    )
    for kind, expected_of_kind in (("saliency", np.abs(expected)), ("gradient_x_input", expected * MASKED[..., None])):
        got = GradientExplainer(model, kind=kind, target="all").fit_transform(MASKED)
        np.testing.assert_allclose(got, expected_of_kind, rtol=0, atol=4 * tolerance)


def test_hand_worked():
    """relu(3 - 2 * 0.5 - 1) = 1: the derivatives are 1 and -2, times the input 3 and -1; the other row is cut off."""
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, activation="relu")])
    model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    rows = np.array([[3.0, 0.5], [0.0, 1.0]])
    explainer = GradientExplainer(model).fit(rows)
    np.testing.assert_array_equal(explainer.transform(rows), [[3, -1], [0, 0]])
    np.testing.assert_array_equal(explainer.explain(rows, multipliers=True).multipliers, [[1, -2], [0, 0]])
    np.testing.assert_array_equal(explainer.feature_importances_, [1.5, 0.5])


@pytest.mark.parametrize("centered", [False, True])
def test_each_rows_predicted_class(small, centered):
    model, rows = small
    explainer = GradientExplainer(model, center_logits=centered).fit(rows)
    explanation = explainer.explain(rows)
    classes = model(rows).numpy().argmax(1)
    assert len(set(classes)) > 1
    np.testing.assert_array_equal(explanation.target, classes)
    alone = explainer.explain(rows, target=classes)
    np.testing.assert_allclose(explanation.contributions, alone.contributions, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(explanation.prediction, alone.prediction, rtol=1e-6)


def test_a_layers_units(small):
    """The logits are linear in the hidden units, so that the gradient is the last kernel."""
    model, rows = small
    explainer = GradientExplainer(model, kind="gradient", layer="hidden", target="all").fit(rows)
    kernel = model.layers[-1].kernel.numpy()
    np.testing.assert_allclose(explainer.explain(rows).contributions, np.tile(kernel, (6, 1, 1)), rtol=1e-6)
    before = GradientExplainer(model, kind="gradient", layer=["hidden:pre_activation", "hidden"], target=1).fit(rows)
    at_root, after = before.explain(rows).contributions
    hidden = keras.Model(model.inputs, model.layers[0].output)(rows).numpy()
    np.testing.assert_allclose(at_root, after * (1 - hidden**2), rtol=1e-5, atol=1e-7)


def test_a_function_as_target_and_its_derivative(small):
    model, rows = small
    explainer = GradientExplainer(model, kind="gradient", target=0, pre_activation=True).fit(rows)
    squared = explainer.explain(rows, target=lambda logits: tf.reduce_sum(logits[:, :1] ** 2, 1))
    plain = explainer.explain(rows)
    np.testing.assert_allclose(
        squared.contributions, 2 * plain.prediction[:, None] * plain.contributions, rtol=1e-4, atol=1e-6
    )


@settings(max_examples=8, deadline=None)
@given(batch_size=st.integers(1, 40), target=st.sampled_from(["predicted", "all", 1]))
def test_the_batch_size_does_not_matter(at_once, batch_size, target):
    for noise_scale in (0.0, 0.3):
        explainer, rows, whole = at_once(target, noise_scale)
        cut = explainer.set_params(batch_size=batch_size).transform(rows)
        np.testing.assert_allclose(cut, whole, rtol=1e-4, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(weights=st.tuples(*[st.floats(-2, 2, width=32)] * 3))
def test_linear_in_the_target(at_once, weights):
    explainer, rows, of_all = at_once("all", 0.0)
    weighted = explainer.explain(rows, target=np.array(weights)).contributions
    expected = of_all.reshape(*rows.shape, 3) @ weights
    np.testing.assert_allclose(weighted, expected, rtol=0, atol=1e-5)


def test_noise_is_averaged(small):
    """The mean over noisy copies, computed here one by one; it is drawn anew for no call, row or batch."""
    model, rows = small
    explainer = GradientExplainer(model, target=1, noise_scale=0.5, n_draws=7, random_state=0).fit(rows)
    explanation = explainer.explain(rows)
    plain = GradientExplainer(model, target=1).fit(rows)
    [noise] = explainer.bound_.schedule.prepare(None, [rows]).arrays
    assert noise.shape == (7, 4)
    assert 0.2 < noise.std() < 0.9
    alone = np.stack([plain.transform(rows + each) for each in noise])
    np.testing.assert_allclose(explanation.contributions, alone.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(explanation.standard_error, alone.std(0, ddof=1) / np.sqrt(7), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(explanation.prediction, plain.explain(rows).prediction, rtol=1e-6)
    np.testing.assert_array_equal(explainer.transform(rows), explanation.contributions)
    np.testing.assert_allclose(explainer.transform(rows[[4, 1]]), explanation.contributions[[4, 1]], rtol=1e-5)


def test_gradients_made_for_training_are_not_looked_at():
    """Behind tf.stop_gradient the network still computes x1 ** 2, whose derivative is 2 * x1."""
    function = layers.Lambda(lambda x: tf.stop_gradient(x[:, :1] ** 2) + x[:, 1:])
    model = keras.Sequential([keras.Input((2,)), function])
    got = GradientExplainer(model, kind="gradient").fit_transform(np.array([[3.0, 1.0]]))
    np.testing.assert_allclose(got, [[6, 1]])


def tokens_network():
    embedding = layers.Embedding(9, 3, name="embedding")
    return keras.Sequential([keras.Input((5,), dtype="int32"), embedding, layers.Flatten(), layers.Dense(1)])


def test_tokens_have_no_gradient_but_their_embedding_has():
    model, tokens = tokens_network(), np.arange(10).reshape(2, 5) % 9
    with pytest.raises(ValueError, match=r'network uses X as indices.*Indices have no derivative.*layer="embedding"'):
        GradientExplainer(model).fit(tokens)
    got = GradientExplainer(model, kind="gradient", layer="embedding").fit(tokens).transform(tokens)
    np.testing.assert_allclose(got, np.tile(model.layers[-1].kernel.numpy().reshape(5, 3), (2, 1, 1)))
    with pytest.raises(ValueError, match=r"noise_scale adds noise to floating-point numbers"):
        GradientExplainer(model, layer="embedding", noise_scale=0.1).fit(tokens)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "unknown"}, "'kind' parameter of GradientExplainer"),
        ({"noise_scale": -1.0}, "'noise_scale' parameter"),
        ({"n_draws": 0}, "'n_draws' parameter"),
        ({"target": 7}, "out of range"),
        ({"layer": "unknown"}, "none of the network's layers"),
    ],
)
def test_bad_parameters(small, parameters, message):
    with pytest.raises(ValueError, match=message):
        GradientExplainer(small[0], **parameters).fit(small[1])


def test_there_is_no_reference(small):
    explainer = GradientExplainer(small[0]).fit(small[1])
    assert not hasattr(explainer, "references_")
    with pytest.raises(ValueError, match="GradientExplainer compares rows with no reference"):
        explainer.explain(small[1], reference="zeros")


def test_a_target_that_nothing_leads_to():
    cut_off = layers.Lambda(lambda x: tf.cast(x[:, :1] > 0, tf.float32))
    with pytest.raises(UnsupportedOpError, match="has no derivative by the network's input"):
        GradientExplainer(keras.Sequential([keras.Input((3,)), cut_off])).fit(ROWS[:, 0, :3])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gradient", "saliency", "gradient_x_input"])
def test_standard_errors_of_noise_do_not_depend_on_chunks(kind):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)])
    X = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    errors = [
        GradientExplainer(model, kind=kind, noise_scale=0.5, n_draws=8, random_state=0, batch_size=batch_size)
        .fit(X)
        .explain(X)
        .standard_error
        for batch_size in ("auto", 1)
    ]
    assert (errors[0] > 0).all()
    np.testing.assert_allclose(errors[1], errors[0], rtol=1e-5)
