"""The networks, the rows, and what is compared; each benchmark runs in a process of its own."""

from typing import Any, NamedTuple

import numpy as np

from tests.benchmarks.measure import Measurement, duration, first_calls, interleaved, resident_memory


def mlp():
    """Dense network, 200 rows x 100 references, against the plain gradient of the 20,000 pairs."""
    import tensorflow as tf

    network, X, references = _mlp()
    explainer = _explainer(network, reference=references).fit(X)
    gradient, pairs = _plain_gradient(network, 0), tf.constant(np.repeat(X, len(references), 0))
    return interleaved(lambda: explainer.transform(X), lambda: gradient(pairs).numpy())


def mlp_shap():
    """Dense network, 200 rows x 100 references, against shap.DeepExplainer."""
    import shap

    network, X, references = _mlp()
    explainer = _explainer(network, reference=references).fit(X)
    other = shap.DeepExplainer(network, references)
    values = np.squeeze(other.shap_values(X[:3], check_additivity=False))
    np.testing.assert_allclose(values, explainer.transform(X[:3]), rtol=1e-2, atol=1e-5)
    # Its own check of sums would only slow it down.
    return interleaved(lambda: explainer.transform(X), lambda: other.shap_values(X, check_additivity=False))


def cnn():
    """Convolutional network, 256 rows x 1 reference, against the plain gradient of one logit."""
    import tensorflow as tf

    network, X = _cnn(), _images(256, (28, 28, 1))
    explainer = _explainer(network, target=3).fit(X)
    gradient, rows = _plain_gradient(_logits(network), 3), tf.constant(X)
    return interleaved(lambda: explainer.transform(X), lambda: gradient(rows).numpy())


def mobilenet():
    """MobileNetV2 at 96 x 96, 16 rows x 1 reference, against the plain gradient of one logit."""
    import tensorflow as tf

    X = _images(16, (96, 96, 3))
    network = _mobilenet(X)
    explainer = _explainer(network, target=3).fit(X)
    explanation = explainer.explain(X)
    change = np.abs(explanation.prediction - explanation.reference_value)
    np.testing.assert_array_less(np.abs(explanation.convergence_delta), 1e-4 * change)
    gradient, rows = _plain_gradient(network, 3), tf.constant(X)
    return interleaved(lambda: explainer.transform(X), lambda: gradient(rows).numpy())


def memory():
    """Peak memory over that after import, 100,000 rows x 100 references, against 1 GB."""
    import keras  # noqa: F401

    import skdeeplift  # noqa: F401

    before = resident_memory("VmRSS")
    X = np.random.default_rng(0).normal(size=(100_000, 30)).astype("float32")
    explainer = _explainer(_dense(30, 64, 64, 2), reference=X[:100], target=1).fit(X[:100])
    contributions = explainer.transform(X)
    assert contributions.shape == X.shape
    return Measurement([resident_memory("VmHWM") - before], [1024])


def first_cnn():
    """First fit and transform of a new convolutional network, against its gradient's first call."""
    X = _images(256, (28, 28, 1))
    return first_calls(lambda: _first_explanation(_cnn(), X), lambda: _first_gradient(_logits(_cnn()), X))


def first_resnet():
    """First fit and transform of a new ResNet50, against its gradient's first call."""
    X = _images(2, (224, 224, 3))
    return first_calls(lambda: _first_explanation(_resnet(), X), lambda: _first_gradient(_resnet(), X), rounds=3)


def cold_cnn():
    """First fit and transform in a new process, convolutional network, against 3 s."""
    return Measurement([duration(_first_explanation(_cnn(), _images(256, (28, 28, 1))))], [3])


def cold_resnet():
    """First fit and transform in a new process, ResNet50, against 25 s."""
    return Measurement([duration(_first_explanation(_resnet(), _images(2, (224, 224, 3))))], [25])


class Benchmark(NamedTuple):
    """A comparison, what its median ratio must not exceed, and the unit of what it compares."""

    run: Any
    bound: float
    unit: str = "s"
    # Budgets in seconds depend on the machine, so no test holds anyone to them.
    depends_on_machine: bool = False


BENCHMARKS = {
    "mlp": Benchmark(mlp, 0.8),
    "mlp-shap": Benchmark(mlp_shap, 1 / 3),
    "cnn": Benchmark(cnn, 1.5),
    "mobilenet": Benchmark(mobilenet, 1.5),
    "memory": Benchmark(memory, 1, "MB"),
    # Where a gradient traces one function, an explanation traces the network, its streams and the way back, and
    # compiles activations: 3 to 5 times as long, and the rest for noise in what runs only once.
    "first-cnn": Benchmark(first_cnn, 8),
    "first-resnet": Benchmark(first_resnet, 8),
    "cold-cnn": Benchmark(cold_cnn, 1, depends_on_machine=True),
    "cold-resnet": Benchmark(cold_resnet, 1, depends_on_machine=True),
}


def _explainer(network, **parameters):
    from skdeeplift import DeepLiftExplainer

    return DeepLiftExplainer(network, check="raise", random_state=0, **parameters)


def _plain_gradient(network, target):
    import tensorflow as tf

    @tf.function
    def gradient(rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            output = network(rows, training=False)[:, target]
        return tape.gradient(output, rows)

    return gradient


def _first_explanation(network, X):
    explainer = _explainer(network, target=3)
    return lambda: explainer.fit(X).transform(X)


def _first_gradient(network, X):
    import tensorflow as tf

    rows = tf.constant(X)
    return lambda: _plain_gradient(network, 3)(rows).numpy()


def _images(n_rows, shape):
    return np.random.default_rng(0).uniform(size=(n_rows, *shape)).astype("float32")


def _mlp():
    random = np.random.default_rng(0)
    X, references = (random.normal(size=(number, 2000)).astype("float32") for number in (200, 100))
    return _dense(2000, 256, 128, 1), X, references


def _dense(n_features, *units):
    import keras

    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(number, "relu", kernel_initializer="he_normal") for number in units[:-1]]
    return keras.Sequential([keras.Input((n_features,)), *hidden, keras.layers.Dense(units[-1])])


def _cnn():
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Conv2D(64, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(128, "relu"),
            keras.layers.Dense(10),
            keras.layers.Softmax(),
        ]
    )


def _logits(network):
    import keras

    return keras.Model(network.inputs, network.layers[-2].output)


def _resnet():
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.ResNet50(weights=None, classifier_activation=None)


def _mobilenet(X):
    """Batch normalisation gets random scales and the statistics of these rows, so that signals keep their size."""
    import keras

    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNetV2((96, 96, 3), weights=None, classifier_activation=None)
    random = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(random.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(random.normal(0, 0.2, layer.beta.shape))
            # Without momentum the moving statistics are those of the last rows.
            layer.momentum = 0.0
    network(X, training=True)
    return network
