"""Networks in half, mixed and double precision."""

from contextlib import contextmanager

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer
from skdeeplift.exceptions import SummationToDeltaWarning
from skdeeplift.network.bind import bind
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.plan import Plan
from skdeeplift.propagation.rules.rescale import machine_epsilon
from skdeeplift.propagation.rulesets import RESCALE
from skdeeplift.propagation.streams import Streams
from tests.conformance.networks import floating_point, one_output, random_rows

N_ROWS = 5


@contextmanager
def policy(name):
    """Let Keras compute in a dtype, or keep variables in single precision and compute in half."""
    if not name.startswith("mixed"):
        with floating_point(name):
            yield
        return
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def dense():
    inputs = keras.Input((8,))
    hidden = inputs
    for activation in ("relu", "tanh", "gelu"):
        hidden = layers.Dense(8, activation=activation)(hidden)
    return one_output(inputs, hidden - layers.Dense(8)(inputs))


def convolutional():
    inputs = keras.Input((8, 8, 2))
    hidden = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(inputs))
    return one_output(inputs, layers.Conv2D(3, 2, activation="silu")(layers.MaxPooling2D(2)(hidden)))


def normalised():
    inputs = keras.Input((4, 6))
    hidden = layers.Dense(6, activation="gelu")(layers.LayerNormalization()(layers.Dense(6)(inputs)))
    return one_output(inputs, layers.GroupNormalization(2)(layers.RMSNormalization()(hidden + inputs)))


def attending():
    inputs = keras.Input((4, 6))
    hidden = layers.LayerNormalization()(layers.Dense(6)(inputs))
    hidden = hidden + layers.MultiHeadAttention(2, 3)(hidden, hidden)
    hidden = hidden + layers.Dense(6)(layers.Dense(12, activation="gelu")(layers.LayerNormalization()(hidden)))
    return one_output(inputs, layers.GlobalAveragePooling1D()(hidden))


NETWORKS = [dense, convolutional, normalised, attending]


def explained(model, rule):
    """Contributions of some rows against shared references, the change of the output, and the output's size."""
    rows, references = random_rows(model, N_ROWS), random_rows(model, 3, seed=2)
    explainer = DeepLiftExplainer(model, rule=rule, reference="zeros", check="ignore").fit(rows)
    contributions = explainer.explain(rows, reference=references).contributions
    at_rows, at_references = (
        np.asarray(model(given, training=False)).astype(float)[:, 0] for given in (rows, references)
    )
    return contributions, at_rows - at_references.mean(), np.abs(at_rows).max()


@pytest.mark.sampled(9)
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("mixed_float16", "rescale"),
        ("mixed_bfloat16", "reveal_cancel"),
        pytest.param("mixed_float16", "reveal_cancel", marks=pytest.mark.slow),
        pytest.param("mixed_bfloat16", "rescale", marks=pytest.mark.slow),
        *(
            pytest.param(name, rule, marks=pytest.mark.slow)
            for name in ("float16", "bfloat16")
            for rule in ("rescale", "reveal_cancel")
        ),
    ],
)
@pytest.mark.parametrize("build", NETWORKS)
def test_half_precision(build, name, rule):
    with policy(name):
        model = build()
        contributions, change, size = explained(model, rule)
        unit = machine_epsilon(tf.as_dtype(model.layers[-1].compute_dtype))
    assert contributions.dtype == ("float32" if name.startswith("mixed") else name)
    totals = contributions.astype(float).reshape(N_ROWS, -1).sum(1)
    # What it is compared with is the difference of two rounded numbers.
    np.testing.assert_allclose(totals, change, rtol=0, atol=2e-2 * np.abs(change).max() + unit * size)


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_multipliers_beyond_the_range_of_half_precision(rule):
    """The values of relu(relu(x * 1e-4) * 1e4) * 1e3 are 1000 x at most; the multiplier at the first relu is 1e7."""
    with policy("float16"):
        inputs = keras.Input((1,))
        model = keras.Model(inputs, layers.ReLU()(layers.ReLU()(inputs * 1e-4) * 1e4) * 1e3)
        rows = np.array([[-1.0], [0.5], [2.0]], "float16")
        contributions = DeepLiftExplainer(model, rule=rule, reference="zeros").fit(rows).transform(rows)
    np.testing.assert_allclose(contributions, [[0.0], [500.0], [2000.0]], rtol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("build", NETWORKS)
def test_double_precision_is_kept(build):
    with policy("float64"):
        model = build()
        contributions, change, _ = explained(model, "reveal_cancel")
        plan = plan_of(model)
    assert {value.dtype for step in plan.difference_steps for value in step.outputs if value.dtype.is_floating} == {
        tf.float64
    }
    totals = contributions.reshape(N_ROWS, -1).sum(1)
    np.testing.assert_allclose(totals, change, rtol=0, atol=1e-11 * np.abs(change).max())


def plan_of(model):
    graph = bind(model, random_rows(model, 1)).graph
    return Plan(graph, graph.outputs[0], graph.inputs, RESCALE)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["float32", "float64", "mixed_bfloat16", "float16"])
def test_check_follows_the_coarsest_precision(name, recwarn):
    """Contributions of a mixed network are in single precision, which its values do not have."""
    with policy(name):
        model = attending()
        graph = bind(model, random_rows(model, 1)).graph
        coarsest = Streams(graph, graph.outputs[0], [Source(value) for value in graph.inputs], RESCALE).coarsest_dtype
        assert coarsest.name == name.removeprefix("mixed_")
        rows = random_rows(model, N_ROWS)
        DeepLiftExplainer(model).fit(rows).explain(rows)
    assert not [warning for warning in recwarn if issubclass(warning.category, SummationToDeltaWarning)]
