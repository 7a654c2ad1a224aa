"""One network of each family in keras.applications, as large as it is, on small images."""

import inspect
import os
from typing import NamedTuple

import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer
from tests.conformance.networks import randomise_weights


class Application(NamedTuple):
    """A network and the smallest image it takes."""

    name: str
    size: int = 32
    # Pixels from 0 to 255, where the network scales them itself.
    takes_pixels: bool = False

    @property
    def family(self):
        """Name of the module in Keras."""
        return getattr(keras.applications, self.name).__module__.rpartition(".")[2]

    def build(self):
        """Build it with one output, and give it random weights under which its values stay of size one."""
        keras.utils.set_random_seed(0)
        model = getattr(keras.applications, self.name)(
            weights=None, input_shape=(self.size, self.size, 3), classes=1, classifier_activation=None
        )
        randomise_weights(model)
        for weight in model.weights:
            if len(weight.shape) > 1:
                # Half of what comes out of a Relu is zero.
                weight.assign(weight * np.sqrt(2))
        match_moving_statistics(model, self.images(8, seed=1))
        return model

    def images(self, number, seed):
        generator, shape = np.random.default_rng(seed), (number, self.size, self.size, 3)
        images = generator.uniform(0, 255, shape) if self.takes_pixels else generator.normal(size=shape)
        return images.astype("float32")


def match_moving_statistics(model, images):
    """Take a batch's mean and variance for the moving ones, roughly."""
    generator = np.random.default_rng(0)
    normalisations = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    for layer in normalisations:
        layer.momentum = 0.0
    model(images, training=True)
    for layer in normalisations:
        mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
        layer.moving_mean.assign(mean + np.sqrt(variance) * generator.normal(scale=0.2, size=mean.shape))
        layer.moving_variance.assign(variance * generator.uniform(0.7, 1.4, variance.shape))


BY_DEFAULT = [Application("MobileNetV2")]
SLOW = [
    Application("MobileNet"),
    Application("MobileNetV3Small", takes_pixels=True),
    Application("ResNet50V2"),
    Application("VGG16"),
    Application("Xception", size=71),
]
# Each takes a minute or more, most of which TensorFlow needs for tracing thousands of ops.
ONLY_IF_ASKED_FOR = [
    Application("ConvNeXtTiny", takes_pixels=True),
    Application("DenseNet121"),
    Application("EfficientNetB0", takes_pixels=True),
    Application("EfficientNetV2B0", takes_pixels=True),
    Application("InceptionResNetV2", size=75),
    Application("InceptionV3", size=75),
    Application("NASNetMobile"),
    Application("ResNet50"),
    Application("VGG19"),
]
ASKED_FOR = pytest.mark.skipif(
    "SKDEEPLIFT_ALL_APPLICATIONS" not in os.environ, reason="takes minutes; set SKDEEPLIFT_ALL_APPLICATIONS=1"
)
TOLERANCES = {"rescale": 1e-4, "reveal_cancel": 1e-3}


def applications():
    """Parameters for the test, with their marks."""
    groups = [((), BY_DEFAULT), (pytest.mark.slow, SLOW), ((pytest.mark.slow, ASKED_FOR), ONLY_IF_ASKED_FOR)]
    for marks, choices in groups:
        yield from (pytest.param(choice, id=choice.name, marks=marks) for choice in choices)


@pytest.mark.parametrize("application", applications())
def test_contributions_sum_to_the_change_of_the_output(application):
    model, images = application.build(), application.images(2, seed=2)
    row, references = images[:1], {"zeros": np.zeros_like(images[:1]), "random": images[1:]}
    explainer = DeepLiftExplainer(model, reference="zeros")
    at_row, at_zeros, at_random = np.asarray(model(np.concatenate([row, *references.values()]), training=False))[:, 0]
    changes = np.array([at_row - at_zeros, at_row - at_random], np.float64)
    assert 1e-2 < np.abs(changes).max() < 1e3
    for rule, tolerance in TOLERANCES.items():
        explainer.set_params(rule=rule).fit(row)
        totals = [explainer.explain(row, reference=each).contributions.sum(dtype=float) for each in references.values()]
        np.testing.assert_allclose(totals, changes, rtol=0, atol=tolerance * np.abs(changes).max(), err_msg=rule)
    keras.backend.clear_session(free_memory=False)


def test_every_family_of_keras_is_tested():
    builders = {name: value for name, value in vars(keras.applications).items() if inspect.isfunction(value)}
    families = {builder.__module__.rpartition(".")[2] for builder in builders.values()}
    assert families == {application.family for application in [*BY_DEFAULT, *SLOW, *ONLY_IF_ASKED_FOR]}
