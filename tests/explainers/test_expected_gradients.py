import keras
import numpy as np
import pytest
from keras import layers
from sklearn.exceptions import ConvergenceWarning

from skdeeplift import ExpectedGradientsExplainer, IntegratedGradientsExplainer
from skdeeplift.execution import draws

ROWS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
REFERENCES = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    hidden = layers.Dense(16, "tanh", bias_initializer="normal")
    return keras.Sequential([keras.Input((5,)), hidden, layers.Dense(3)])


def explainer(model, **parameters):
    common = {"reference": REFERENCES, "target": 1, "random_state": 0}
    return ExpectedGradientsExplainer(model, **{**common, **parameters}).fit(ROWS)


@pytest.mark.parametrize("target", [1, "all"])
def test_the_mean_comes_to_integrated_gradients(model, target):
    """Within the standard errors: of normal deviations from the limit the root of the mean square is near 1."""
    limit = IntegratedGradientsExplainer(model, reference=REFERENCES, target=target, n_steps=30).fit(ROWS).explain(ROWS)
    fitted, deviations = explainer(model, target=target, n_samples=1000), []
    for seed in range(12):
        fitted._seed = seed
        explanation = fitted.explain(ROWS)
        deviations.append((explanation.contributions - limit.contributions) / explanation.standard_error)
    assert np.abs(deviations).max() < 5
    assert 0.7 < np.sqrt(np.square(deviations).mean()) < 1.4
    # All rows have the same draws, so that a mean over them is as uncertain as one; that over seeds is not.
    assert np.abs(np.mean(deviations, 0)).max() < 5 / np.sqrt(12)
    assert (explanation.standard_error < 0.1 * np.abs(limit.contributions).max()).all()
    few = explainer(model, target=target, n_samples=250).explain(ROWS)
    np.testing.assert_allclose(few.standard_error.mean() / explanation.standard_error.mean(), 2, rtol=0.2)


def test_equals_the_draws_one_by_one(model):
    """At the same references and points, by integrated gradients of one step that is moved there."""
    fitted = explainer(model, n_samples=4)
    drawn = draws.draw(fitted.references_, 4, fitted._seed)
    kernel, bias, last, _ = (each.numpy() for each in model.weights)
    contributions = []
    for reference, position in zip(drawn.arrays[0], drawn.path.positions[:, 0], strict=True):
        hidden = np.tanh((reference + position * (ROWS - reference)) @ kernel + bias)
        contributions.append((1 - hidden**2) * last[:, 1] @ kernel.T * (ROWS - reference))
    np.testing.assert_allclose(fitted.transform(ROWS), np.mean(contributions, 0), rtol=1e-4, atol=1e-6)


def test_draws_are_those_of_the_seed_alone(model):
    fitted = explainer(model, n_samples=50)
    contributions = fitted.transform(ROWS)
    np.testing.assert_array_equal(fitted.transform(ROWS), contributions)
    np.testing.assert_array_equal(explainer(model, n_samples=50).transform(ROWS), contributions)
    np.testing.assert_allclose(fitted.transform(ROWS[[5, 2]]), contributions[[5, 2]], rtol=1e-4, atol=1e-6)
    cut = explainer(model, n_samples=50, batch_size=7).transform(ROWS)
    np.testing.assert_allclose(cut, contributions, rtol=1e-4, atol=1e-6)
    assert np.abs(explainer(model, n_samples=50, random_state=1).transform(ROWS) - contributions).max() > 1e-3


def test_auto_draws_until_errors_are_small(model):
    fitted = explainer(model, n_samples="auto", reference_tol=0.02)
    explanation = fitted.explain(ROWS)
    assert (explanation.standard_error.max(1) <= 0.02 * np.abs(explanation.contributions).max(1)).all()
    limit = IntegratedGradientsExplainer(model, reference=REFERENCES, target=1, n_steps=30).fit(ROWS).explain(ROWS)
    assert (np.abs(explanation.contributions - limit.contributions) < 5 * explanation.standard_error).all()
    np.testing.assert_allclose(explanation.reference_value, limit.reference_value, atol=0.05)
    np.testing.assert_array_equal(fitted.transform(ROWS), explanation.contributions)


def test_auto_says_where_errors_stay_large(model, monkeypatch):
    monkeypatch.setattr(draws, "MOST_DRAWS", 200)
    with pytest.warns(ConvergenceWarning, match=r"After 200 draws .* of 8 rows .*reference_tol=0\.001"):
        explainer(model, n_samples="auto", reference_tol=1e-3)


def test_joined_draws_are_as_those_of_one_call(model):
    """The mean and the standard error of both halves together, against NumPy's of all draws."""
    fitted = explainer(model, n_samples=1)
    alone = []
    for seed in range(4):
        fitted._seed = seed
        alone.append(fitted.transform(ROWS))
    assert np.std(alone, 0).max() > 1e-3

    def results(position):
        fitted._fitted["n_samples"], fitted._seed = 50, position
        explained = fitted._explained()
        return fitted._run([ROWS], fitted._references_for([ROWS], explained), explained, ("contributions", "squares"))[
            0
        ]

    first, second = results(3), results(4)
    joined = draws._joined(first, second, 50)
    errors = [each.of_sources["standard_error"][0].astype(float) for each in (first, second)]
    means = [each.contributions[0].astype(float) for each in (first, second)]
    variances = [error**2 * 50 for error in errors]
    pooled = (49 * sum(variances) + 50 * sum((mean - sum(means) / 2) ** 2 for mean in means)) / 99
    np.testing.assert_allclose(joined.contributions[0], sum(means) / 2, rtol=1e-6)
    np.testing.assert_allclose(joined.of_sources["standard_error"][0], np.sqrt(pooled / 100), rtol=1e-3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "'n_samples' parameter of ExpectedGradientsExplainer"),
        ({"reference_tol": 0.0}, "'reference_tol' parameter"),
    ],
)
def test_bad_parameters(model, parameters, message):
    with pytest.raises(ValueError, match=message):
        explainer(model, **parameters)
