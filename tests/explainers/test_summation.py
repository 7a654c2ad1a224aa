import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer
from skdeeplift.exceptions import SummationToDeltaError, SummationToDeltaWarning


def test_contributions_that_do_not_add_up():
    """Differences of less than 1e-7 at an activation count as none, though later layers may blow them up."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, activation="relu"), keras.layers.Dense(1)])
    model.set_weights([np.array([[1e-9]]), np.zeros(1), np.array([[1e9]]), np.zeros(1)])
    rows = np.array([[1.0], [-1.0], [2.0]])
    message = r"In 2 of 3 rows .* f\(x\) - f\(reference\) is 1, .* sum to 0.* op 'Relu' \(.*'dense"
    with pytest.warns(SummationToDeltaWarning, match=message):
        DeepLiftExplainer(model, reference="zeros").fit(rows)
    with pytest.raises(SummationToDeltaError, match=message):
        DeepLiftExplainer(model, reference="zeros", check="raise").fit(rows)
    explainer = DeepLiftExplainer(model, reference="zeros", check="ignore").fit(rows)
    np.testing.assert_allclose(explainer.explain(rows).convergence_delta, [1.0, 0.0, 2.0])


def test_a_layer_need_not_pass_all_of_the_change():
    """relu(x) + 2 x at 3 from zero: the layer's part of the change, 9, is 3."""
    inputs = keras.Input((1,))
    outputs = keras.layers.ReLU(name="layer")(inputs) + 2 * inputs
    explainer = DeepLiftExplainer(keras.Model(inputs, outputs), layer="layer", reference="zeros", check="raise")
    explanation = explainer.fit(np.array([[3.0]])).explain(np.array([[3.0]]))
    np.testing.assert_allclose(explanation.contributions, [[3]])
    np.testing.assert_allclose(explanation.convergence_delta, [6])
