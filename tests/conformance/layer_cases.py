"""Each layer of Keras that takes and gives floating-point numbers, with arguments that make it compute differently."""

import inspect

import keras
import numpy as np
from keras import layers, ops

from tests.conformance.networks import LayerCase

CHANNELS_FIRST = {"data_format": "channels_first"}
# All functions of keras.activations that can be named as a layer's activation.
ACTIVATIONS = sorted(
    name
    for name, function in vars(keras.activations).items()
    if inspect.isfunction(function) and name not in ("get", "serialize", "deserialize", "threshold")
)


def dense_of_two():
    return layers.Dense(2, activation="sigmoid")


def convolution_of_two():
    return layers.Conv1D(2, 2, activation="relu")


def all_but_the_second():
    """A mask under which each of four queries sees itself and what comes before, and nobody the second."""
    mask = np.tril(np.ones((1, 4, 4), bool))
    mask[:, 1:, 1] = False
    return mask


def threshold_above_a_fifth(tensor):
    return keras.activations.threshold(tensor, threshold=0.2, default_value=-0.5)


def squared_plus_sine(tensor):
    return ops.square(tensor) + ops.sin(tensor)


# Each layer's input shape and arguments, as often as it has something else to compute.
LAYERS = {
    "Dense": [((5,), dict(units=4)), ((3, 4), dict(units=5)), ((5,), dict(units=4, use_bias=False))],
    "EinsumDense": [((3, 4), dict(equation="abc,bcde->ade", output_shape=(2, 3), bias_axes="e"))],
    "Conv1D": [
        ((8, 3), dict(filters=4, kernel_size=3)),
        ((8, 3), dict(filters=4, kernel_size=3, strides=2, padding="same")),
        ((9, 3), dict(filters=2, kernel_size=3, dilation_rate=2)),
        ((9, 3), dict(filters=2, kernel_size=3, dilation_rate=2, padding="causal")),
        ((6, 4), dict(filters=4, kernel_size=2, groups=2)),
        ((3, 8), dict(filters=2, kernel_size=3, **CHANNELS_FIRST)),
    ],
    "Conv2D": [
        ((5, 6, 2), dict(filters=3, kernel_size=(2, 3))),
        ((5, 6, 2), dict(filters=3, kernel_size=3, strides=2, padding="same")),
        ((7, 7, 2), dict(filters=2, kernel_size=3, dilation_rate=2)),
        ((7, 6, 2), dict(filters=2, kernel_size=2, dilation_rate=(2, 3), padding="same")),
        ((5, 5, 4), dict(filters=6, kernel_size=2, groups=2)),
        ((5, 5, 4), dict(filters=4, kernel_size=3, groups=4, strides=2, padding="same")),
        ((2, 5, 6), dict(filters=3, kernel_size=2, padding="same", **CHANNELS_FIRST)),
    ],
    "Conv3D": [
        ((4, 4, 4, 2), dict(filters=2, kernel_size=2)),
        ((4, 5, 4, 2), dict(filters=2, kernel_size=2, strides=2, padding="same")),
        ((5, 4, 4, 1), dict(filters=2, kernel_size=2, dilation_rate=2)),
        ((3, 3, 3, 4), dict(filters=4, kernel_size=2, groups=2)),
        ((2, 3, 4, 3), dict(filters=2, kernel_size=2, **CHANNELS_FIRST)),
    ],
    "DepthwiseConv1D": [
        ((7, 3), dict(kernel_size=3, depth_multiplier=2, padding="same")),
        ((7, 3), dict(kernel_size=2, strides=2)),
        ((7, 3), dict(kernel_size=2, dilation_rate=2)),
    ],
    "DepthwiseConv2D": [
        ((5, 5, 3), dict(kernel_size=2, depth_multiplier=2)),
        ((5, 5, 2), dict(kernel_size=3, strides=2, padding="same")),
        ((6, 6, 2), dict(kernel_size=2, dilation_rate=2, depth_multiplier=2)),
        ((2, 5, 5), dict(kernel_size=2, **CHANNELS_FIRST)),
    ],
    "SeparableConv1D": [
        ((7, 3), dict(filters=4, kernel_size=3, depth_multiplier=2, padding="same")),
        ((7, 3), dict(filters=2, kernel_size=2, dilation_rate=2)),
    ],
    "SeparableConv2D": [
        ((5, 5, 2), dict(filters=3, kernel_size=2, depth_multiplier=2)),
        ((5, 5, 2), dict(filters=3, kernel_size=3, strides=2, padding="same")),
    ],
    "Conv1DTranspose": [
        ((5, 3), dict(filters=2, kernel_size=3, strides=2)),
        ((5, 3), dict(filters=2, kernel_size=3, strides=2, padding="same", output_padding=1)),
        ((5, 3), dict(filters=2, kernel_size=2, dilation_rate=2)),
        ((3, 5), dict(filters=2, kernel_size=3, strides=2, **CHANNELS_FIRST)),
    ],
    "Conv2DTranspose": [
        ((3, 4, 2), dict(filters=2, kernel_size=2, strides=2)),
        ((3, 4, 2), dict(filters=2, kernel_size=3, strides=2, padding="same", output_padding=1)),
        ((3, 4, 2), dict(filters=2, kernel_size=2, dilation_rate=2)),
        ((2, 3, 4), dict(filters=2, kernel_size=2, strides=2, **CHANNELS_FIRST)),
    ],
    "Conv3DTranspose": [
        ((2, 3, 2, 2), dict(filters=2, kernel_size=2, strides=2)),
        ((2, 3, 2, 2), dict(filters=2, kernel_size=3, strides=2, padding="same", output_padding=1)),
        ((2, 2, 3, 2), dict(filters=2, kernel_size=2, strides=2, **CHANNELS_FIRST)),
    ],
    "BatchNormalization": [
        ((4,), dict()),
        ((4, 4, 3), dict()),
        ((3, 4, 4), dict(axis=1)),
        ((4, 3), dict(scale=False)),
        ((4, 3), dict(center=False, axis=1)),
    ],
    "LayerNormalization": [
        ((5,), dict()),
        ((3, 4), dict(axis=(1, 2))),
        ((3, 4), dict(axis=1)),
        ((5,), dict(scale=False, center=False)),
        ((5,), dict(rms_scaling=True)),
    ],
    "GroupNormalization": [
        ((3, 4), dict(groups=2)),
        ((3, 4), dict(groups=1)),
        ((3, 4), dict(groups=-1)),
        ((4, 2, 3), dict(groups=2, axis=1)),
        ((3, 4), dict(groups=2, scale=False, center=False)),
    ],
    "RMSNormalization": [((5,), dict()), ((3, 4), dict(axis=(1, 2)))],
    "UnitNormalization": [((5,), dict()), ((3, 4), dict(axis=1)), ((3, 4), dict(axis=(1, 2)))],
    "SpectralNormalization": [((5,), dict(layer=dense_of_two)), ((5, 3), dict(layer=convolution_of_two))],
    "Normalization": [
        ((3,), dict(mean=[0.5, -1.0, 2.0], variance=[2.0, 0.5, 1.5])),
        ((3, 2), dict(mean=[0.5, -1.0, 2.0], variance=[2.0, 0.5, 1.5], axis=1, invert=True)),
    ],
    "Rescaling": [((4,), dict(scale=-0.5, offset=2.0)), ((3, 2), dict(scale=[2.0, 0.3], offset=[0.1, -1.0]))],
    "MaxPooling1D": [
        ((8, 2), dict(pool_size=2), "relu"),
        ((8, 2), dict(pool_size=3, strides=1, padding="same")),
        ((7, 2), dict(pool_size=3, strides=2, padding="same"), "relu"),
        ((2, 8), dict(pool_size=3, strides=2, **CHANNELS_FIRST), "relu"),
    ],
    "MaxPooling2D": [
        ((6, 6, 2), dict(pool_size=2), "relu"),
        ((6, 5, 2), dict(pool_size=3, strides=1, padding="same")),
        ((6, 5, 2), dict(pool_size=(3, 2), strides=(2, 1), padding="same"), "relu"),
        ((2, 6, 6), dict(pool_size=3, strides=2, **CHANNELS_FIRST), "relu"),
    ],
    "MaxPooling3D": [
        ((4, 4, 4, 2), dict(pool_size=2), "relu"),
        ((4, 3, 4, 1), dict(pool_size=3, strides=1, padding="same"), "relu"),
        ((2, 4, 3, 4), dict(pool_size=2, strides=1, **CHANNELS_FIRST)),
    ],
    "AveragePooling1D": [
        ((8, 2), dict(pool_size=2)),
        ((7, 2), dict(pool_size=3, strides=2, padding="same")),
        ((2, 8), dict(pool_size=3, strides=2, **CHANNELS_FIRST)),
    ],
    "AveragePooling2D": [
        ((6, 6, 2), dict(pool_size=2)),
        ((6, 5, 2), dict(pool_size=3, strides=1, padding="same")),
        ((2, 6, 5), dict(pool_size=3, strides=2, padding="same", **CHANNELS_FIRST)),
    ],
    "AveragePooling3D": [
        ((4, 4, 4, 2), dict(pool_size=2)),
        ((4, 3, 4, 1), dict(pool_size=3, strides=1, padding="same")),
        ((2, 4, 3, 4), dict(pool_size=2, strides=1, **CHANNELS_FIRST)),
    ],
    "GlobalMaxPooling1D": [((5, 3), dict(), "relu"), ((3, 5), dict(**CHANNELS_FIRST))],
    "GlobalMaxPooling2D": [((4, 3, 3), dict(), "relu"), ((3, 4, 3), dict(keepdims=True, **CHANNELS_FIRST))],
    "GlobalMaxPooling3D": [((3, 3, 2, 3), dict(), "relu"), ((3, 3, 2, 3), dict(**CHANNELS_FIRST))],
    "GlobalAveragePooling1D": [((5, 3), dict()), ((3, 5), dict(**CHANNELS_FIRST))],
    "GlobalAveragePooling2D": [((4, 3, 3), dict()), ((3, 4, 3), dict(keepdims=True, **CHANNELS_FIRST))],
    "GlobalAveragePooling3D": [((3, 3, 2, 3), dict()), ((3, 3, 2, 3), dict(**CHANNELS_FIRST))],
    "AdaptiveMaxPooling1D": [((7, 2), dict(output_size=3), "relu")],
    "AdaptiveMaxPooling2D": [((5, 6, 2), dict(output_size=(2, 4)), "relu")],
    "AdaptiveMaxPooling3D": [((4, 3, 5, 1), dict(output_size=2), "relu")],
    "AdaptiveAveragePooling1D": [((7, 2), dict(output_size=3))],
    "AdaptiveAveragePooling2D": [((5, 6, 2), dict(output_size=(2, 4)))],
    "AdaptiveAveragePooling3D": [((4, 3, 5, 1), dict(output_size=2))],
    "Add": [([(4,), (4,), (4,)], dict()), ([(3, 4), (1, 4)], dict())],
    "Subtract": [([(4,), (4,)], dict())],
    "Multiply": [([(4,), (4,), (4,)], dict()), ([(3, 4), (3, 1)], dict())],
    "Average": [([(4,), (4,), (4,)], dict())],
    "Maximum": [([(4,), (4,)], dict()), ([(4,), (4,), (4,)], dict(), "relu")],
    "Minimum": [([(4,), (4,)], dict()), ([(4,), (4,), (4,)], dict(), "relu")],
    "Concatenate": [
        ([(4,), (2,)], dict()),
        ([(3, 2), (4, 2)], dict(axis=1)),
        ([(3, 2, 2), (3, 1, 2), (3, 2, 2)], dict(axis=-2)),
    ],
    "Dot": [
        ([(4,), (4,)], dict(axes=1)),
        ([(3, 4), (2, 4)], dict(axes=2)),
        ([(3, 4), (3, 4)], dict(axes=1)),
        ([(3, 4), (2, 4)], dict(axes=2, normalize=True)),
    ],
    "Flatten": [((3, 2), dict()), ((2, 3, 2), dict(**CHANNELS_FIRST))],
    "Reshape": [((6,), dict(target_shape=(2, 3))), ((4, 3), dict(target_shape=(2, -1)))],
    "Permute": [((2, 3, 2), dict(dims=(3, 1, 2)))],
    "RepeatVector": [((4,), dict(n=3))],
    "ZeroPadding1D": [((4, 2), dict(padding=(1, 2)))],
    "ZeroPadding2D": [((3, 4, 2), dict(padding=((1, 0), (2, 1)))), ((2, 3, 4), dict(padding=1, **CHANNELS_FIRST))],
    "ZeroPadding3D": [((2, 3, 2, 2), dict(padding=(1, 0, 2)))],
    "Cropping1D": [((6, 2), dict(cropping=(1, 2)))],
    "Cropping2D": [((5, 4, 2), dict(cropping=((1, 0), (2, 1)))), ((2, 4, 4), dict(cropping=1, **CHANNELS_FIRST))],
    "Cropping3D": [((4, 3, 3, 2), dict(cropping=((1, 0), (1, 1), (0, 1))))],
    "UpSampling1D": [((4, 2), dict(size=3))],
    "UpSampling2D": [
        ((3, 4, 2), dict(size=(2, 3))),
        ((3, 4, 2), dict(size=(2, 3), interpolation="bilinear")),
        ((4, 4, 2), dict(interpolation="bicubic")),
        ((4, 4, 2), dict(interpolation="lanczos3")),
        ((2, 3, 4), dict(interpolation="bilinear", **CHANNELS_FIRST)),
    ],
    "UpSampling3D": [((2, 3, 2, 2), dict(size=(2, 1, 3)))],
    "Resizing": [
        ((5, 6, 2), dict(height=3, width=4)),
        ((5, 6, 2), dict(height=7, width=4, interpolation="nearest")),
        ((5, 6, 2), dict(height=3, width=4, antialias=True)),
    ],
    "CenterCrop": [((5, 6, 2), dict(height=3, width=4))],
    "MultiHeadAttention": [
        ((4, 3), dict(num_heads=2, key_dim=3)),
        ([(4, 3), (5, 2)], dict(num_heads=2, key_dim=3, value_dim=2, output_shape=2)),
        ([(2, 3), (3, 3), (3, 2)], dict(num_heads=1, key_dim=2, use_bias=False)),
        ((4, 3), dict(num_heads=2, key_dim=3, flash_attention=False, dropout=0.5)),
        ((4, 3), dict(num_heads=2, key_dim=3), "relu", dict(use_causal_mask=True)),
        ((4, 3), dict(num_heads=2, key_dim=3), "linear", dict(attention_mask=all_but_the_second)),
        ((2, 3, 3), dict(num_heads=2, key_dim=2, attention_axes=(2,))),
    ],
    "GroupQueryAttention": [
        ((4, 3), dict(head_dim=3, num_query_heads=4, num_key_value_heads=2)),
        ([(4, 3), (5, 3)], dict(head_dim=2, num_query_heads=2, num_key_value_heads=1)),
        ((4, 3), dict(head_dim=2, num_query_heads=2, num_key_value_heads=1), "relu", dict(use_causal_mask=True)),
        (
            (4, 3),
            dict(head_dim=2, num_query_heads=2, num_key_value_heads=2),
            "linear",
            dict(attention_mask=all_but_the_second),
        ),
    ],
    "Attention": [
        ([(4, 3), (5, 3)], dict()),
        ([(4, 3), (5, 3), (5, 3)], dict(use_scale=True)),
        ([(4, 3), (5, 3)], dict(score_mode="concat", use_scale=True)),
        ([(4, 3), (5, 3)], dict(), "linear", dict(use_causal_mask=True)),
    ],
    "AdditiveAttention": [
        ([(4, 3), (5, 3)], dict()),
        ([(4, 3), (5, 3), (5, 3)], dict(use_scale=False)),
        ([(4, 3), (5, 3)], dict(), "linear", dict(use_causal_mask=True)),
    ],
    "Softmax": [((5,), dict()), ((3, 4), dict(axis=1)), ((3, 4), dict(axis=(1, 2)))],
    "ReLU": [
        ((6,), dict()),
        ((6,), dict(max_value=0.5)),
        ((6,), dict(negative_slope=0.2)),
        ((6,), dict(threshold=0.3)),
        ((6,), dict(max_value=0.5, negative_slope=0.2, threshold=0.1)),
    ],
    "LeakyReLU": [((6,), dict(negative_slope=0.2))],
    "PReLU": [((6,), dict()), ((3, 4), dict(shared_axes=[1]))],
    "ELU": [((6,), dict()), ((6,), dict(alpha=0.5))],
    "Activation": [
        *(((6,), dict(activation=name)) for name in ACTIVATIONS if name != "glu"),
        ((6,), dict(activation=threshold_above_a_fifth)),
        ((3, 4), dict(activation="softmax")),
    ],
    # As an Activation, Keras takes glu's output to be as wide as its input.
    "Lambda": [((6,), dict(function=keras.activations.glu)), ((4,), dict(function=squared_plus_sine))],
    "Dropout": [((4,), dict(rate=0.5))],
    "SpatialDropout1D": [((3, 4), dict(rate=0.5))],
    "SpatialDropout2D": [((3, 2, 2), dict(rate=0.5))],
    "SpatialDropout3D": [((2, 2, 2, 2), dict(rate=0.5))],
    "AlphaDropout": [((4,), dict(rate=0.5))],
    "GaussianDropout": [((4,), dict(rate=0.5))],
    "GaussianNoise": [((4,), dict(stddev=0.5))],
    "ActivityRegularization": [((4,), dict(l2=0.1))],
    "Identity": [((4,), dict())],
    "STFTSpectrogram": [
        *(
            ((64, 1), dict(mode=mode, frame_length=16, frame_step=8, fft_length=16))
            for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
        ),
        ((40, 2), dict(frame_length=12, frame_step=5, fft_length=16, window=None, expand_dims=True)),
    ],
    "MelSpectrogram": [
        (
            (256,),
            dict(
                fft_length=64,
                sequence_stride=32,
                sampling_rate=1000,
                num_mel_bins=8,
                max_freq=500,
                mag_exp=0.1,
                ref_power=4.0,
            ),
        ),
        (
            (256,),
            dict(
                fft_length=128,
                sequence_stride=64,
                sampling_rate=1000,
                num_mel_bins=4,
                mag_exp=0.1,
                top_db=1,
                ref_power=15.0,
            ),
        ),
    ],
    "TimeDistributed": [((3, 4), dict(layer=dense_of_two))],
}
LAYER_CASES = [LayerCase(layer, *case) for layer, cases in LAYERS.items() for case in cases if hasattr(layers, layer)]
