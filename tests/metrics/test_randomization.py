import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from sklearn.neural_network import MLPClassifier

from skdeeplift import DeepLiftExplainer, GradientExplainer
from skdeeplift.metrics import randomization_check, rank_agreement
from tests.metrics.networks import classifier

ROWS = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    return DeepLiftExplainer(classifier(), rule="reveal_cancel").fit(ROWS)


def test_layers_forget_from_the_output_to_the_input(fitted):
    weights, before = fitted.estimator.get_weights(), fitted.transform(ROWS)
    cascading = randomization_check(fitted, ROWS)
    assert cascading.index.tolist() == ["last", "second", "hidden"]
    independent = randomization_check(fitted, ROWS, mode="independent")
    assert cascading["last"] == independent["last"]
    assert cascading["hidden"] != independent["hidden"]
    assert (cascading < 0.7).all()
    pd.testing.assert_series_equal(randomization_check(fitted, ROWS), cascading)
    assert (randomization_check(fitted, ROWS, random_state=1) != cascading).all()
    # The network is as it was, and so is the explainer.
    for array, other in zip(fitted.estimator.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(array, other)
    np.testing.assert_array_equal(fitted.transform(ROWS), before)


def test_compared_with_a_network_of_other_weights():
    """The gradient of a single layer is its kernel, so the explanation afterwards is the drawn kernel."""
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1, name="only")])
    explainer = GradientExplainer(model, kind="gradient").fit(ROWS)
    kernel, random = model.get_weights()[0], np.random.RandomState(3)
    draws = [random.normal(scale=np.sqrt(np.mean(kernel.astype(float) ** 2)), size=kernel.shape)]
    found = randomization_check(explainer, ROWS, measure="pearson", random_state=3, per_row=True)
    np.testing.assert_allclose(found["only"], np.corrcoef(kernel.ravel(), draws[0].ravel())[0, 1], rtol=1e-4)


def test_what_does_not_matter_changes_nothing():
    keras.utils.set_random_seed(0)
    x = keras.Input((6,))
    dead = layers.Rescaling(0.0)(layers.Dense(6, name="dead")(x))
    model = keras.Model(x, layers.Dense(2, "softmax", name="alive")(layers.Add()([x, dead])))
    explainer = DeepLiftExplainer(model).fit(ROWS)
    agreement = randomization_check(explainer, ROWS, layers=["dead", "alive"], measure="pearson", per_row=True)
    assert list(agreement) == ["dead", "alive"]
    np.testing.assert_allclose(agreement["dead"], 1, rtol=1e-5)
    assert agreement["alive"].mean() < 0.9


def test_options_and_frames(fitted):
    frame = pd.DataFrame(ROWS, columns=list("abcdef"), index=range(5, 25))
    explainer = DeepLiftExplainer(fitted.estimator).fit(frame)
    explanation = explainer.explain(frame, target=1)
    of_rows = randomization_check(explainer, frame, explanation=explanation, absolute=True, per_row=True)
    assert of_rows.index.equals(frame.index)
    means = randomization_check(explainer, frame, target=1, absolute=True)
    np.testing.assert_allclose(of_rows.mean(), means)
    of_top = randomization_check(explainer, frame, measure="top_k", target="all")
    assert of_top.between(0, 1).all()


@pytest.mark.slow
def test_perceptrons_and_recurrent_networks():
    y = np.where(ROWS[:, 0] > 0, "b", "a")
    explainer = DeepLiftExplainer(MLPClassifier((5,), max_iter=100, random_state=0)).fit(ROWS, y)
    before = explainer.predict_proba(ROWS)
    assert randomization_check(explainer, ROWS).index.tolist() == ["output", "hidden_1"]
    np.testing.assert_array_equal(explainer.predict_proba(ROWS), before)
    series = ROWS[:, :, None]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 1)), layers.LSTM(4, name="lstm"), layers.Dense(1, name="last")])
    explainer = DeepLiftExplainer(model).fit(series)
    agreement = randomization_check(explainer, series, mode="independent", per_row=True)
    assert len(agreement.columns) == 2
    assert (agreement.mean() < 0.95).all()
    assert rank_agreement(explainer.explain(series), explainer.explain(series)) == pytest.approx(1)


def test_what_can_not_be_randomised(fitted):
    with pytest.raises(
        ValueError, match=r"names of layers that have weights: 'last', 'second', 'hidden'. Got \['lost'\]"
    ):
        randomization_check(fitted, ROWS, layers=["lost"])
    model = keras.Sequential([keras.Input((6,)), layers.Lambda(lambda x: keras.ops.sum(x, 1, keepdims=True))])
    with pytest.raises(ValueError, match="no variables of floating-point numbers"):
        randomization_check(DeepLiftExplainer(model).fit(ROWS), ROWS)
