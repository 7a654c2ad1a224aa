import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    OcclusionExplainer,
)
from skdeeplift.exceptions import UnsupportedOpError
from tests.conformance.networks import floating_point

GENERATOR = np.random.default_rng(0)
ROWS, REFERENCES = GENERATOR.normal(size=(5, 6, 8)), GENERATOR.normal(size=(2, 6, 8))


def mix_by_transforms(x):
    """FNet: the real part of a transform along both axes."""
    return tf.math.real(tf.signal.fft2d(tf.cast(x, tf.complex128)))


def convolve_by_transforms(x):
    """S4: a convolution as long as the sequence."""
    kernel = np.fft.rfft(np.exp(-np.arange(6) * np.array([[0.1], [0.3], [0.5], [0.9]]).repeat(2, 0)), 12)
    spectrum = tf.signal.rfft(tf.transpose(x, [0, 2, 1]), [12])
    return tf.transpose(tf.signal.irfft(spectrum * kernel, [12])[..., :6], [0, 2, 1])


def correlate_by_transforms(x):
    """Autoformer: how like a sequence is to itself some steps later."""
    spectrum = tf.signal.rfft(tf.transpose(x, [0, 2, 1]))
    return tf.transpose(tf.signal.irfft(spectrum * tf.math.conj(spectrum)), [0, 2, 1])


def turn_states(x):
    """A linear recurrent unit, whose state is complex."""
    turn = tf.constant(0.9 * np.exp(1j * np.arange(8)))
    inputs = tf.transpose(tf.cast(x, tf.complex128), [1, 0, 2])
    states = tf.scan(lambda state, now: turn * state + now, inputs, tf.zeros_like(inputs[0]))
    return tf.math.real(tf.transpose(states, [1, 0, 2]))


LAYERS = {
    "mix_by_transforms": mix_by_transforms,
    "convolve_by_transforms": convolve_by_transforms,
    "correlate_by_transforms": correlate_by_transforms,
    "turn_states": turn_states,
    "size": lambda x: (tf.abs(tf.signal.fft(tf.cast(x, tf.complex128)) + 3) - 5) / 5,
    "keras.ops.fft": lambda x: keras.ops.concatenate(keras.ops.fft((x, x / 2)), -1),
    "keras.ops.ifft2": lambda x: keras.ops.ifft2((x, x / 2))[1],
    "keras.ops.rfft": lambda x: keras.ops.irfft(keras.ops.rfft(x, 16), 16),
    "keras.ops.stft": lambda x: keras.ops.istft(keras.ops.stft(keras.ops.reshape(x, (-1, 48)), 16, 8, 16), 16, 8, 16),
    "spectrum of a cepstrum": lambda x: tf.signal.dct(tf.math.log(1 + tf.abs(tf.signal.stft(x, 4, 2)) ** 2)[..., 0]),
}


@pytest.fixture(autouse=True)
def double_precision():
    with floating_point("float64"):
        yield


def network(name):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 8))
    hidden = keras.layers.Dense(8, activation="softplus", name="before")(inputs)
    hidden = keras.layers.Lambda(LAYERS[name], name="mixed")(hidden)
    hidden = keras.layers.Dense(3, activation="tanh", name="behind")(hidden)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(hidden)))


def sums(contributions):
    return contributions.reshape(len(contributions), -1).sum(1)


@pytest.mark.sampled(14)
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel", {"before": "reveal_cancel"}])
def test_differences_sum_to_the_change(name, rule):
    explainer = DeepLiftExplainer(network(name), rule=rule, reference=REFERENCES, check="raise").fit(ROWS)
    explanation = explainer.explain(ROWS)
    change = explanation.prediction - explanation.reference_value
    np.testing.assert_allclose(sums(explanation.contributions), change, atol=1e-10 * np.abs(change).max())
    alone = np.concatenate([explainer.transform(ROWS[row : row + 1]) for row in range(2)])
    largest = np.abs(explanation.contributions).max()
    np.testing.assert_allclose(alone, explanation.contributions[:2], atol=1e-10 * largest)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_beside_complex_numbers_sum_to_the_change(name):
    for layer in ("before", "mixed"):
        explainer = DeepLiftExplainer(network(name), rule="reveal_cancel", layer=layer, reference=REFERENCES).fit(ROWS)
        explanation = explainer.explain(ROWS)
        change = explanation.prediction - explanation.reference_value
        np.testing.assert_allclose(sums(explanation.contributions), change, atol=1e-10 * np.abs(change).max())


@pytest.mark.sampled(9)
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_tensorflow(name):
    model = network(name)
    x = tf.constant(ROWS)
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = model(x)
    expected = tape.gradient(output, x).numpy()
    for explainer in (GradientExplainer(model, kind="gradient"), LRPExplainer(model)):
        found = explainer.fit(ROWS).transform(ROWS)
        assert found.shape == expected.shape
        if isinstance(explainer, GradientExplainer):
            np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())


@pytest.mark.sampled(10)
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("layer", [None, "before"])
def test_integrated_gradients_are_those_of_a_slow_loop(name, layer):
    model = network(name)
    explainer = IntegratedGradientsExplainer(model, n_steps=8, reference=REFERENCES, layer=layer, check="ignore").fit(
        ROWS
    )
    found = explainer.transform(ROWS)
    of_inputs = keras.Model(model.inputs, model.get_layer("before").output) if layer else lambda x: x
    rest, x = keras.Sequential(model.layers[2:]) if layer else model, None
    x, references = np.asarray(of_inputs(ROWS)), np.asarray(of_inputs(REFERENCES))
    positions, weights = np.polynomial.legendre.leggauss(8)
    total = 0
    for reference in references:
        for position, weight in zip((positions + 1) / 2, weights / 2, strict=True):
            point = tf.constant(reference + position * (x - reference))
            with tf.GradientTape() as tape:
                tape.watch(point)
                output = rest(point)
            total = total + weight / 2 * tape.gradient(output, point).numpy() * (x - reference)
    np.testing.assert_allclose(found, total, atol=1e-10 * np.abs(total).max())


def test_other_methods_run():
    model = network("mix_by_transforms")
    for explainer in (OcclusionExplainer(model), ExpectedGradientsExplainer(model, random_state=0)):
        assert np.isfinite(explainer.fit(ROWS).transform(ROWS)).all()


@pytest.mark.advice
def test_a_network_of_complex_output_needs_a_target():
    """The advice works: a function of the output that is real."""
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Lambda(tf.signal.rfft)(inputs))
    rows = ROWS[:, 0]
    with pytest.raises(UnsupportedOpError, match=r"made of complex numbers.*such as a sum over tf.abs"):
        DeepLiftExplainer(model, target=0).fit(rows)
    explainer = DeepLiftExplainer(model, target=lambda z: tf.reduce_sum(tf.abs(z), 1), reference="zeros").fit(rows)
    np.testing.assert_allclose(explainer.transform(rows).sum(1), np.abs(np.fft.rfft(rows)).sum(1))
