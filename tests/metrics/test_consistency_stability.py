import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer
from skdeeplift.metrics import max_sensitivity
from tests.metrics.networks import classifier, linear

ROWS = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)


def test_sensitivity_of_a_linear_network():
    """Contributions 2 x move by 2 delta of at most 0.1: by 0.1 / x of themselves."""
    rows = np.array([[4.0], [-1.0], [0.0]])
    explainer = DeepLiftExplainer(linear(2.0), reference="zeros").fit(rows)
    sensitivity = max_sensitivity(explainer, rows, radius=0.1, n_draws=200, per_row=True)
    assert np.isnan(sensitivity[2])
    assert (sensitivity[:2] <= [0.025 + 1e-6, 0.1 + 1e-6]).all()
    assert (sensitivity[:2] > [0.024, 0.096]).all()
    assert max_sensitivity(explainer, rows, radius=0.1, n_draws=200) == pytest.approx(sensitivity[:2].mean())
    gradient = GradientExplainer(linear(2.0), kind="gradient").fit(rows)
    assert max_sensitivity(gradient, rows, radius=10.0) == 0


def test_the_target_stays_that_of_the_row():
    """Two logits x and -x: a large step changes which is larger, and the contribution to the first would turn."""
    model = keras.Sequential([keras.Input((1,)), layers.Dense(2, use_bias=False), layers.Softmax()])
    model.set_weights([np.array([[1.0, -1.0]])])
    rows = np.array([[0.1]])
    explainer = GradientExplainer(model, kind="gradient").fit(rows)
    assert max_sensitivity(explainer, rows, radius=5.0) == 0
    assert max_sensitivity(explainer, rows, radius=5.0, explanation=explainer.explain(rows)) == 0


@pytest.mark.parametrize("reference", ["mean", "blur", ROWS[:, None] / 2])
def test_references_of_all_kinds(reference):
    model = classifier()
    if isinstance(reference, str) and reference == "blur":
        series = keras.Sequential([keras.Input((6, 1)), layers.Flatten(), *model.layers])
        rows = ROWS[..., None]
    else:
        series, rows = model, ROWS
    explainer = DeepLiftExplainer(series, reference=reference).fit(rows)
    small, large = (max_sensitivity(explainer, rows, radius=radius) for radius in (1e-3, 1e-1))
    assert 0 < small < 0.1 * large
    assert max_sensitivity(explainer, rows) == max_sensitivity(explainer, rows)
    assert max_sensitivity(explainer, rows, n_draws=20) >= max_sensitivity(explainer, rows)
    every = max_sensitivity(explainer, rows, target="all", per_row=True)
    assert every.shape == (20, 3)
    np.testing.assert_allclose(every[:, 1], max_sensitivity(explainer, rows, target=1, per_row=True), rtol=1e-2)


def test_layers_and_several_inputs():
    first, second = keras.Input((2,), name="b"), keras.Input((3,), name="a")
    model = keras.Model([first, second], layers.Dense(1, use_bias=False)(layers.Concatenate()([first, second])))
    rows = {"b": ROWS[:, :2], "a": ROWS[:, 2:5]}
    explainer = DeepLiftExplainer(model, reference="zeros").fit(rows)
    named = max_sensitivity(explainer, rows, radius=0.01)
    assert named == pytest.approx(max_sensitivity(explainer, list(rows.values()), radius=0.01))
    assert named < 0.05
    of_layer = DeepLiftExplainer(classifier(), layer="hidden").fit(ROWS)
    assert 0 < max_sensitivity(of_layer, ROWS) < 1


def test_integers_do_not_move_by_a_little():
    model = keras.Sequential(
        [keras.Input((2,), dtype="int32"), layers.Embedding(3, 2), layers.Flatten(), layers.Dense(1)]
    )
    explainer = DeepLiftExplainer(model).fit(np.array([[1, 2]]))
    with pytest.raises(ValueError, match="takes integers"):
        max_sensitivity(explainer, np.array([[1, 2]]))
    with pytest.raises(ValueError, match="'radius' parameter"):
        max_sensitivity(explainer, np.array([[1, 2]]), radius=0)
