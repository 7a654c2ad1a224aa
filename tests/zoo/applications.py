"""Classics of ``keras.applications``, untrained, on small images."""

import keras
import numpy as np

from tests.zoo.registry import architecture, normal, uniform


def _untrained(name, size, *, pixels=False, momentum=0.0, **arguments):
    build = getattr(keras.applications, name)
    model = build(weights=None, input_shape=(size, size, 3), classes=4, classifier_activation=None, **arguments)
    rows = uniform(size, size, 3, high=255.0) if pixels else normal(size, size, 3)
    for weight in model.weights:
        if len(weight.shape) > 1:
            # Half of what comes out of a rectifier is zero.
            weight.assign(weight * np.sqrt(2))
    take_moving_averages(model, rows, momentum)
    return model, rows[:2]


def take_moving_averages(model, rows, momentum):
    """Take those of one batch, so that values neither vanish nor explode, as in a trained network."""
    of_batches = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in of_batches:
        layer.momentum = momentum
    model(rows, training=True)


@architecture(target=1)
def mobilenet():
    """MobileNet."""
    return _untrained("MobileNet", 32, alpha=0.25)


@architecture(target=1)
def mobilenet_v2():
    """MobileNetV2."""
    return _untrained("MobileNetV2", 32, alpha=0.35)


@architecture(target=1)
def mobilenet_v3():
    """MobileNetV3, small."""
    return _untrained("MobileNetV3Small", 32, pixels=True, alpha=0.75)


@architecture(target=1)
def vgg16():
    """VGG16."""
    return _untrained("VGG16", 32)


@architecture(target=1)
def resnet50():
    """ResNet50."""
    return _untrained("ResNet50", 32)


@architecture(target=1)
def resnet50_v2():
    """ResNet50V2."""
    return _untrained("ResNet50V2", 32)


@architecture(target=1)
def densenet121():
    """DenseNet121."""
    return _untrained("DenseNet121", 32)


@architecture(target=1)
def efficientnet_b0():
    """EfficientNetB0."""
    return _untrained("EfficientNetB0", 32, pixels=True, momentum=0.1)


@architecture(target=1)
def xception():
    """Xception."""
    return _untrained("Xception", 71)


@architecture(target=1)
def convnext_tiny():
    """ConvNeXt, tiny."""
    return _untrained("ConvNeXtTiny", 32, pixels=True)
