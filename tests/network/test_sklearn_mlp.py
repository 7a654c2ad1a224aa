"""scikit-learn's perceptrons as networks."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skdeeplift.network.trained import model_of_mlp

RANDOM = np.random.RandomState(0)
X = RANDOM.normal(size=(40, 5))
TARGETS = {
    "two classes": (X[:, 0] > 0).astype(int),
    "three classes": np.digitize(X[:, 0], [-0.5, 0.5]),
    "several labels": np.stack([X[:, 0] > 0, X[:, 1] > 0], 1).astype(int),
    "number": X[:, 0] * X[:, 1],
    "numbers": X[:, :3] ** 2,
    "counts": np.floor(np.abs(X[:, 0]) * 3),
}


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("hidden", [(), (4,), (6, 3)])
@pytest.mark.parametrize("name", TARGETS)
def test_model_computes_what_the_perceptron_does(name, activation, hidden):
    is_classifier = name in ("two classes", "three classes", "several labels")
    make = MLPClassifier if is_classifier else MLPRegressor
    mlp = make(hidden_layer_sizes=hidden, activation=activation, max_iter=5, random_state=0)
    if name == "counts":
        if "loss" not in mlp.get_params():
            pytest.skip("This version of scikit-learn has no other loss.")
        mlp.set_params(loss="poisson")
    mlp.fit(X, TARGETS[name])
    model = model_of_mlp(mlp, "float64")
    expected = mlp.predict_proba(X) if is_classifier else mlp.predict(X).reshape(len(X), -1)
    if name == "two classes":
        expected = expected[:, 1:]
    np.testing.assert_allclose(np.asarray(model(X)), expected, rtol=1e-12)


def test_layers_have_names():
    mlp = MLPClassifier(hidden_layer_sizes=(4, 3), max_iter=2).fit(X, TARGETS["two classes"])
    assert [layer.name for layer in model_of_mlp(mlp, "float32").layers] == ["hidden_1", "hidden_2", "output"]
    assert model_of_mlp(mlp, "float32").dtype == "float32"
