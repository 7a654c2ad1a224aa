"""Every layer of Keras and every way to connect them: contributions add up, and a row's do not depend on other rows."""

import inspect

import keras
import numpy as np
import pytest
from keras import layers, ops

from skdeeplift import DeepLiftExplainer
from skdeeplift.exceptions import UnsupportedOpError
from tests.conformance.networks import ARCHITECTURES, LayerCase, floating_point, one_output, random_rows

CHANNELS_FIRST = {"data_format": "channels_first"}
# All functions of keras.activations that can be named as a layer's activation.
ACTIVATIONS = sorted(
    name
    for name, function in vars(keras.activations).items()
    if inspect.isfunction(function) and name not in ("get", "serialize", "deserialize", "threshold")
)


def dense_of_two():
    return layers.Dense(2, activation="sigmoid")


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
    "LayerNormalization": [((5,), dict()), ((3, 4), dict(axis=(1, 2)))],
    "GroupNormalization": [((3, 4), dict(groups=2))],
    "RMSNormalization": [((5,), dict())],
    "UnitNormalization": [((5,), dict())],
    "SpectralNormalization": [((5,), dict(layer=dense_of_two))],
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
        *(((6,), dict(activation=name)) for name in ACTIVATIONS if name not in ("glu", "sparsemax")),
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
    "TimeDistributed": [((3, 4), dict(layer=dense_of_two))],
}
LAYER_CASES = [LayerCase(layer, *case) for layer, cases in LAYERS.items() for case in cases if hasattr(layers, layer)]

# What no network here is made of, and why.
LEFT_OUT = {
    "takes tokens, numbers of categories or strings": """
        CategoryEncoding Discretization Embedding HashedCrossing Hashing IntegerLookup ReversibleEmbedding
        StringLookup TextVectorization
    """,
    "runs a loop over time steps": """
        Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D GRU GRUCell LSTM LSTMCell RNN SimpleRNN SimpleRNNCell
        StackedRNNCells
    """,
    "attends": "AdditiveAttention Attention GroupQueryAttention MultiHeadAttention",
    "lets the values of the input choose what passes": "Masking",
    "is only about training images": """
        AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization MaxNumBoundingBoxes
        MixUp RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
        RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue
        RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
        RandomShear RandomTranslation RandomZoom Solarization
    """,
    "computes with complex numbers": "MelSpectrogram STFTSpectrogram",
    "computes nothing itself": "InputLayer Layer Pipeline Wrapper",
    "calls another framework": "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper",
}
CASES = {
    **{case.name: case for case in LAYER_CASES},
    **{build.__name__: build for build in ARCHITECTURES},
}
ARCHITECTURE_NAMES = {build.__name__ for build in ARCHITECTURES}
# One of each layer, all functions, all ways to connect.
BY_DEFAULT = {
    *(LayerCase(layer, *cases[0]).name for layer, cases in LAYERS.items()),
    *(case.name for case in LAYER_CASES if case.layer == "Activation"),
    *ARCHITECTURE_NAMES,
}
N_ROWS = 5


class Network:
    """A model, its rows, and what they are compared with in each mode."""

    def __init__(self, case, dtype):
        self.model = case.build() if isinstance(case, LayerCase) else case()
        self.rows = random_rows(self.model, N_ROWS)
        self.explainer = DeepLiftExplainer(self.model).fit(self.rows)
        single_precision = dtype == "float32" or (isinstance(case, LayerCase) and case.computes_in_float32)
        self.tolerance = 1e-5 if single_precision else 1e-10
        others = random_rows(self.model, 2 * N_ROWS, seed=2)
        map_structure = keras.tree.map_structure
        self.references = {
            "zeros": map_structure(lambda array: np.zeros_like(array[:1]), self.rows),
            "mean": map_structure(lambda array: array.mean(0, keepdims=True), self.rows),
            # The second row meets itself.
            "shared": map_structure(lambda own, other: np.stack([other[0], own[1], other[1]]), self.rows, others),
            "per row": map_structure(lambda array: array.reshape(N_ROWS, 2, *array.shape[1:]), others),
        }

    def predict(self, rows):
        return np.asarray(self.model(rows, training=False), np.float64)[:, 0]

    def mean_prediction_at(self, mode):
        references = self.references[mode]
        if mode != "per row":
            return self.predict(references).mean()
        flat = keras.tree.map_structure(lambda array: array.reshape(-1, *array.shape[2:]), references)
        return self.predict(flat).reshape(N_ROWS, 2).mean(1)

    def contributions(self, mode, *, only_row=None, batch_size="auto"):
        """One array of shape (rows, features) for all inputs together."""
        chosen = slice(None) if only_row is None else slice(only_row, only_row + 1)
        rows = keras.tree.map_structure(lambda array: array[chosen], self.rows)
        self.explainer.set_params(batch_size=batch_size)
        # "zeros" and "mean" the explainer finds by itself.
        reference = {"zeros": "zeros", "mean": None}.get(mode, self.references[mode])
        contributions = keras.tree.flatten(self.explainer.explain(rows, reference=reference).contributions)
        return np.concatenate([array.reshape(len(array), -1) for array in contributions], 1, dtype=np.float64)


@pytest.fixture(scope="module")
def network(request):
    name, dtype = request.param
    with floating_point(dtype):
        yield Network(CASES[name], dtype)
    # Python frees the memory in its own time; to make it do so after each network would take half of all time.
    keras.backend.clear_session(free_memory=False)


def networks(*dtypes, by_default):
    """Parameters for the fixture; slow where a network is not in ``by_default`` or the dtype is not the first."""
    for dtype in dtypes:
        for name, case in CASES.items():
            slow = name not in by_default or dtype != dtypes[0]
            marks = pytest.mark.slow if slow else ()
            if dtype == "float32" or not isinstance(case, LayerCase) or case.runs_in_float64:
                yield pytest.param((name, dtype), id=f"{name}-{dtype}", marks=marks)


@pytest.mark.parametrize("network", networks("float32", "float64", by_default=BY_DEFAULT), indirect=True)
@pytest.mark.parametrize("mode", ["zeros", "mean", "shared", pytest.param("per row", marks=pytest.mark.slow)])
def test_contributions_sum_to_the_change_of_the_output(network, mode):
    change = network.predict(network.rows) - network.mean_prediction_at(mode)
    totals = network.contributions(mode).sum(1)
    largest = np.abs(change).max()
    assert largest > 1e-3
    np.testing.assert_allclose(totals, change, rtol=0, atol=network.tolerance * largest)


@pytest.mark.parametrize("network", networks("float64", by_default=ARCHITECTURE_NAMES), indirect=True)
def test_contributions_of_a_row_do_not_depend_on_its_batch(network):
    together = network.contributions("shared")
    alone = [network.contributions("shared", only_row=number) for number in range(N_ROWS)]
    tolerance = network.tolerance * np.abs(together).max()
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=tolerance)
    for batch_size in (1, 3):
        in_batches = network.contributions("shared", batch_size=batch_size)
        np.testing.assert_allclose(in_batches, together, rtol=0, atol=tolerance)


def test_sparsemax_has_no_rule():
    inputs = keras.Input((4,))
    model = one_output(inputs, layers.Dense(3, activation="sparsemax", name="dense")(inputs))
    with pytest.raises(UnsupportedOpError, match=r"no rule for the op .* layer 'dense'"):
        DeepLiftExplainer(model).fit(random_rows(model, N_ROWS))


def test_every_layer_of_keras_is_tested_or_left_out_for_a_reason():
    left_out = {name for names in LEFT_OUT.values() for name in names.split()}
    covered = {getattr(layers, name, None) for name in [*LAYERS, *left_out]}
    public = {name: layer for name, layer in vars(layers).items() if inspect.isclass(layer)}
    missing = sorted(name for name, layer in public.items() if issubclass(layer, layers.Layer) and layer not in covered)
    assert not missing
    assert not left_out & set(LAYERS)
