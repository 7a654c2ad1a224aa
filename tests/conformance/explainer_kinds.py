"""Every kind of explainer, and a table to explain, for tests of where contributions go."""

import functools

import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    MutagenesisExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
)
from tests.conformance.networks import floating_point, randomise_weights

N_ROWS, N_COLUMNS, N_TARGETS, N_REFERENCES = 11, 5, 3, 3
UNCHECKED = dict(check="ignore")
KINDS = {
    **{
        rule: (DeepLiftExplainer, dict(rule=rule, **UNCHECKED))
        for rule in ("rescale", "reveal_cancel", "genomics_default", "pass_through", "guided_backprop_rescale")
    },
    "integrated gradients": (IntegratedGradientsExplainer, dict(n_steps=4, **UNCHECKED)),
    "expected gradients": (ExpectedGradientsExplainer, dict(n_draws=6, random_state=0)),
    "gradient": (GradientExplainer, dict(kind="gradient")),
    "gradient times input": (GradientExplainer, dict(kind="gradient_x_input")),
    "saliency": (GradientExplainer, dict(kind="saliency")),
    "noisy gradient": (GradientExplainer, dict(kind="gradient", noise_scale=0.3, n_draws=3, random_state=0)),
    "guided backpropagation": (GuidedBackpropExplainer, dict(rule="guided_backprop")),
    "deconvnet": (GuidedBackpropExplainer, dict(rule="deconvnet", multiply_by_input=True)),
    "epsilon-LRP": (LRPExplainer, dict()),
    "mutagenesis": (MutagenesisExplainer, dict(letters_axis=-1)),
    "occlusion": (OcclusionExplainer, dict()),
    "Shapley values": (ShapleySamplingExplainer, dict(n_permutations=2, random_state=0)),
}
SUMMING = ["rescale", "reveal_cancel", "genomics_default", "occlusion", "Shapley values"]
# Two rows and all references, so that the last chunk has one row; few shapes are compiled, whatever the pieces.
BATCH_SIZE = 8
# Kinds that draw pairs of a row and a reference: the mean over references is not that of each.
DRAWS_PAIRS = {"expected gradients"}
# Kinds whose draws depend on the order of the columns.
DRAWS_COLUMNS = {"expected gradients", "noisy gradient"}
# Kinds that change all elements of a position together, which are the columns of a table.
OF_POSITIONS = {"mutagenesis"}
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(N_ROWS, N_COLUMNS))
REFERENCES = RANDOM.normal(size=(N_REFERENCES, N_COLUMNS))
# References of each row.
OWN_REFERENCES = RANDOM.normal(size=(N_ROWS, N_REFERENCES, N_COLUMNS))
OWN_TARGETS = RANDOM.integers(N_TARGETS, size=N_ROWS)


def of_kinds(*by_default, without=()):
    """Decorate a test of each kind of explainer without some, and with some by default."""
    marks = {kind: [] if kind in by_default else [pytest.mark.slow] for kind in KINDS}
    kinds = [kind for kind in KINDS if kind not in without]
    return pytest.mark.parametrize("kind", [pytest.param(kind, marks=marks[kind]) for kind in kinds])


def table_network(activation="tanh"):
    """A network of a table, in which every column has weights of its own."""
    with floating_point("float64"):
        model = keras.Sequential(
            [keras.Input((N_COLUMNS,)), layers.Dense(8, activation, name="first"), layers.Dense(8), layers.ReLU()]
        )
        model.add(layers.Dense(N_TARGETS))
    randomise_weights(model, seed=5)
    return model


def make(kind, model, **parameters):
    explainer, own = KINDS[kind]
    compares = "reference" in explainer._parameter_constraints
    parameters = {name: value for name, value in parameters.items() if name != "reference" or compares}
    return explainer(model, **{**own, **parameters})


@functools.cache
def fitted(kind):
    """The explainer of one target, fitted once for all tests."""
    return make(kind, table_network(), reference=REFERENCES, target=0, batch_size=BATCH_SIZE).fit(ROWS)


def explained(explainer, rows, **given):
    return explainer.explain(rows, **given).contributions


def assert_same(actual, expected):
    atol = 1e-9 * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def assert_all_different(arrays, axis):
    """Check that a permutation along an axis would show."""
    arrays = np.moveaxis(arrays, axis, 0)
    for position, array in enumerate(arrays):
        for other in arrays[:position]:
            assert np.abs(array - other).max() > 1e-4 * np.abs(arrays).max()
