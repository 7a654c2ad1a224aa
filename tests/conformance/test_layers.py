"""Every layer of Keras and every way to connect them: contributions add up, and a row's do not depend on other rows."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer
from tests.conformance.layer_cases import LAYER_CASES, LAYERS
from tests.conformance.networks import ARCHITECTURES, LayerCase, floating_point, random_rows

# What no network here is made of, and why.
LEFT_OUT = {
    "takes strings or two numbers for one": "HashedCrossing StringLookup TextVectorization",
    "is only about training images": """
        AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization MaxNumBoundingBoxes
        MixUp RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
        RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue
        RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
        RandomShear RandomTranslation RandomZoom Solarization
    """,
    "computes nothing itself": "InputLayer Layer Pipeline Wrapper",
    "calls another framework": "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper",
}
# What the networks of test_sequences.py are made of.
IN_SEQUENCES = """
    Bidirectional CategoryEncoding ConvLSTM1D ConvLSTM2D ConvLSTM3D Discretization Embedding GRU GRUCell Hashing
    IntegerLookup LSTM LSTMCell Masking RNN ReversibleEmbedding SimpleRNN SimpleRNNCell StackedRNNCells
""".split()
CASES = {
    **{case.name: case for case in LAYER_CASES},
    **{build.__name__: build for build in ARCHITECTURES},
}
ARCHITECTURE_NAMES = {build.__name__ for build in ARCHITECTURES}
# One of each layer but those for volumes, what TensorFlow can do on CPUs only if compiled, all functions, all ways to
# connect.
BY_DEFAULT = {
    *(LayerCase(layer, *cases[0]).name for layer, cases in LAYERS.items() if not layer.endswith("3D")),
    *(case.name for case in LAYER_CASES if case.layer in ("Activation", "Conv3D") or "groups" in case.arguments),
    *ARCHITECTURE_NAMES,
}
N_ROWS = 5
# A layer normalisation of equal elements multiplies by 31 what it subtracts, and float32's rounding of it.
ROUNDS_COARSELY = {"normalised_far_from_zero": 10}


class Network:
    """A model, its rows, and what they are compared with in each mode."""

    def __init__(self, case, dtype):
        self.model = case.build() if isinstance(case, LayerCase) else case()
        self.rows = random_rows(self.model, N_ROWS)
        self.mixes_rows = isinstance(case, LayerCase) and case.mixes_rows
        single_precision = dtype == "float32" or (isinstance(case, LayerCase) and case.computes_in_float32)
        self.tolerance = 1e-5 if single_precision else 1e-10
        self.tolerance *= ROUNDS_COARSELY.get(getattr(case, "__name__", None), 1)
        others = random_rows(self.model, 2 * N_ROWS, seed=2)
        map_structure = keras.tree.map_structure
        self.references = {
            "zeros": map_structure(lambda array: np.zeros_like(array[:1]), self.rows),
            "mean": map_structure(lambda array: array.mean(0, keepdims=True), self.rows),
            # The second row meets itself.
            "shared": map_structure(lambda own, other: np.stack([other[0], own[1], other[1]]), self.rows, others),
            "per row": map_structure(lambda array: array.reshape(N_ROWS, 2, *array.shape[1:]), others),
        }
        self.explainers = {}
        # Where this processor cannot run the network, it shows here.
        self.with_rule("rescale")

    def predict(self, rows):
        if not self.mixes_rows:
            return np.asarray(self.model(rows, training=False), np.float64)[:, 0]
        return np.concatenate([np.asarray(self.model(row[None], training=False), np.float64)[:, 0] for row in rows])

    def mean_prediction_at(self, mode):
        references = self.references[mode]
        if mode != "per row":
            return self.predict(references).mean()
        flat = keras.tree.map_structure(lambda array: array.reshape(-1, *array.shape[2:]), references)
        return self.predict(flat).reshape(N_ROWS, 2).mean(1)

    def with_rule(self, rule, reference="shared"):
        """Explain by a rule; in fit for as many references as later, so that nothing is compiled twice."""
        if (rule, reference) not in self.explainers:
            given = "mean" if reference == "mean" else self.references["shared"]
            explainer = DeepLiftExplainer(self.model, rule=rule, reference=given).fit(self.rows)
            self.explainers = {(rule, reference): explainer}
        [self.explainer] = self.explainers.values()

    def contributions(self, mode, *, only_row=None, batch_size="auto"):
        """One array of shape (rows, features) for all inputs together."""
        chosen = slice(None) if only_row is None else slice(only_row, only_row + 1)
        rows = keras.tree.map_structure(lambda array: array[chosen], self.rows)
        self.explainer.set_params(batch_size=batch_size)
        if mode in ("mean", "shared"):
            contributions = self.explainer.transform(rows)
        else:
            # That of zeros the explainer makes itself.
            reference = "zeros" if mode == "zeros" else self.references[mode]
            if mode == "per row" and only_row is not None:
                reference = keras.tree.map_structure(lambda array: array[only_row], reference)
            contributions = self.explainer.explain(rows, reference=reference).contributions
        flat = keras.tree.flatten(contributions)
        return np.concatenate([array.reshape(len(array), -1) for array in flat], 1, dtype=np.float64)


@pytest.fixture(scope="module")
def network(request):
    name, dtype = request.param
    case = CASES[name]
    with floating_point(dtype):
        try:
            built = Network(case, dtype)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            skip_if_not_on_this_processor(case)
            raise
        yield built
    # Python frees the memory in its own time; to make it do so after each network would take half of all time.
    keras.backend.clear_session(free_memory=False)


def skip_if_not_on_this_processor(case):
    """Skip convolutions that only some processors have: with the channels first, or dilated and transposed."""
    model = case.build() if isinstance(case, LayerCase) else case()
    try:
        tf.function(model, autograph=False)(random_rows(model, N_ROWS))
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        pytest.skip("TensorFlow cannot run this network on this processor.")


def networks(*dtypes, by_default):
    """Parameters for the fixture; slow where a network is not in ``by_default`` or the dtype is not the first."""
    for dtype in dtypes:
        for name, case in CASES.items():
            slow = name not in by_default or dtype != dtypes[0]
            marks = pytest.mark.slow if slow else ()
            if dtype == "float32" or not isinstance(case, LayerCase) or case.runs_in_float64:
                yield pytest.param((name, dtype), id=f"{name}-{dtype}", marks=marks)


@pytest.mark.sampled(18)
@pytest.mark.parametrize("network", networks("float32", "float64", by_default=BY_DEFAULT), indirect=True)
@pytest.mark.parametrize(
    "mode", ["shared", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("zeros", "mean", "per row"))]
)
def test_contributions_sum_to_the_change_of_the_output(network, mode):
    network.with_rule("rescale", "mean" if mode == "mean" else "shared")
    change = network.predict(network.rows) - network.mean_prediction_at(mode)
    totals = network.contributions(mode).sum(1)
    largest = np.abs(change).max()
    assert largest > 1e-3
    np.testing.assert_allclose(totals, change, rtol=0, atol=network.tolerance * largest)


@pytest.mark.sampled(19)
@pytest.mark.parametrize("network", networks("float32", "float64", by_default=BY_DEFAULT), indirect=True)
@pytest.mark.parametrize("rule", ["reveal_cancel", pytest.param("genomics_default", marks=pytest.mark.slow)])
def test_parts_sum_to_the_change_of_the_output(network, rule):
    change = network.predict(network.rows) - network.mean_prediction_at("shared")
    network.with_rule(rule)
    totals = network.contributions("shared").sum(1)
    np.testing.assert_allclose(totals, change, rtol=0, atol=10 * network.tolerance * np.abs(change).max())


@pytest.mark.sampled(21)
@pytest.mark.parametrize("network", networks("float64", by_default=ARCHITECTURE_NAMES), indirect=True)
@pytest.mark.parametrize("rule", ["rescale", pytest.param("reveal_cancel", marks=pytest.mark.slow)])
def test_contributions_of_a_row_do_not_depend_on_its_batch(network, rule):
    network.with_rule(rule)
    together = network.contributions("shared")
    alone = [network.contributions("shared", only_row=number) for number in range(N_ROWS)]
    tolerance = network.tolerance * np.abs(together).max()
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=tolerance)
    for batch_size in (1, 3):
        in_batches = network.contributions("shared", batch_size=batch_size)
        np.testing.assert_allclose(in_batches, together, rtol=0, atol=tolerance)


@pytest.mark.sampled(10)
@pytest.mark.parametrize("network", networks("float64", by_default=ARCHITECTURE_NAMES), indirect=True)
def test_references_of_each_row_are_as_if_the_row_were_alone(network):
    network.with_rule("rescale")
    together = network.contributions("per row")
    alone = [network.contributions("per row", only_row=number) for number in range(N_ROWS)]
    tolerance = network.tolerance * np.abs(together).max()
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=tolerance)


def test_every_layer_of_keras_is_tested_or_left_out_for_a_reason():
    left_out = {name for names in LEFT_OUT.values() for name in names.split()}
    covered = {getattr(layers, name, None) for name in [*LAYERS, *IN_SEQUENCES, *left_out]}
    public = {name: layer for name, layer in vars(layers).items() if inspect.isclass(layer)}
    missing = sorted(name for name, layer in public.items() if issubclass(layer, layers.Layer) and layer not in covered)
    assert not missing
    assert not left_out & {*LAYERS, *IN_SEQUENCES}
