"""Sums over layers are checked wherever nothing of a change passes beside the layers."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.exceptions import ConvergenceWarning

from skdeeplift import DeepLiftExplainer, ExpectedGradientsExplainer, IntegratedGradientsExplainer
from skdeeplift.exceptions import SummationToDeltaError, SummationToDeltaWarning

TOKENS = np.random.default_rng(0).integers(1, 9, (10, 6))
ROWS = np.random.default_rng(1).normal(size=(10, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def text():
    """Tokens, whose embedding bends sharply; the target is steep between zero and the embedded row."""
    keras.utils.set_random_seed(0)
    tokens = keras.Input((6,), dtype="int32")
    h = layers.Embedding(9, 4, name="embedding")(tokens)
    h = layers.GlobalAveragePooling1D(name="mean")(h)
    return keras.Model(tokens, layers.Dense(1)(keras.ops.relu(400 * h - 0.3)))


@pytest.mark.parametrize("layer", ["embedding", "mean", ["embedding", "mean"]])
def test_steps_that_do_not_add_up_at_a_layer(text, layer):
    few = IntegratedGradientsExplainer(text, layer=layer, n_steps=2, convergence_tol=1e-3).fit(TOKENS)
    with pytest.warns(SummationToDeltaWarning, match=r"In \d+ of 10 rows.*Raise n_steps") as caught:
        few.transform(TOKENS)
    assert len(caught) == 1
    if isinstance(layer, list):
        assert "layer '" in str(caught[0].message)
    with pytest.raises(SummationToDeltaError):
        few.set_params(check="raise").transform(TOKENS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        few.set_params(check="ignore").transform(TOKENS)


def test_steps_are_added_until_a_layer_sums(text):
    enough = IntegratedGradientsExplainer(text, layer="embedding", convergence_tol=1e-2).fit(TOKENS)
    explanation = enough.set_params(check="raise").explain(TOKENS)
    size = np.abs(explanation.contributions).sum((1, 2))
    assert (np.abs(explanation.convergence_delta) <= 1e-2 * size + 1e-4).all()
    assert explanation.n_steps.max() > explanation.n_steps.min()


def test_draws_that_miss_the_change_of_a_layer():
    x = keras.Input((1,))
    model = keras.Model(x, keras.ops.sigmoid(2000 * (layers.Rescaling(1.0, name="h")(x) - 0.5)))
    explainer = ExpectedGradientsExplainer(
        model, layer="h", reference="zeros", n_draws=3, random_state=0, pre_activation=False
    )
    with pytest.warns(ConvergenceWarning, match="the 3 draws miss much of the change"):
        explainer.fit(np.ones((2, 1), np.float32)).transform(np.ones((2, 1), np.float32))


@pytest.fixture(scope="module")
def branches():
    """Two branches; ``sum(a) + sum(b)`` rounds at a large number, so that it loses the change."""
    keras.utils.set_random_seed(0)
    x = keras.Input((4,))
    first, second = layers.Dense(3, "tanh", name="a")(x), layers.Dense(3, "tanh", name="b")(x)
    large = 1e9 + keras.ops.relu(-keras.ops.absolute(second))
    return keras.Model(x, keras.ops.sum(first + second + (large + first) - large, 1, keepdims=True))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("layer", "is_checked"), [(["a", "b"], True), ("a", False), ("b", False), (["b"], False)])
def test_branches_sum_together(branches, layer, is_checked):
    """Each branch alone leaves out what passes through the other."""
    explainer = DeepLiftExplainer(branches, layer=layer, reference="zeros").fit(ROWS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        explainer.transform(ROWS)
    assert [each.category for each in caught] == [SummationToDeltaWarning] * is_checked


def test_a_residual_connection_passes_beside_a_layer():
    keras.utils.set_random_seed(0)
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(1)(x + layers.Dense(4, "relu", name="h")(x)))
    explainer = IntegratedGradientsExplainer(model, layer="h", check="raise").fit(ROWS)
    explanation = explainer.explain(ROWS)
    # The connection's own part is missing.
    assert np.abs(explanation.convergence_delta).min() > 1e-3


def test_nothing_is_checked_where_tokens_pass_a_layer_by():
    """Two columns of tokens with a table each: what the other one changes is no contribution of the layer."""
    first, second = keras.Input((3,), dtype="int32"), keras.Input((3,), dtype="int32")
    hidden = layers.Embedding(9, 4, name="embedding")(first) + layers.Embedding(9, 4, name="other")(second)
    network = keras.Model([first, second], layers.Dense(1)(layers.Flatten()(hidden)))
    X = [TOKENS[:, :3], TOKENS[:, 3:]]
    explainer = IntegratedGradientsExplainer(network, layer="embedding", reference="zeros", check="raise").fit(X)
    assert np.abs(explainer.transform(X)).sum() > 0
