from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.exceptions import ConvergenceWarning

from skdeeplift import ExpectedGradientsExplainer, IntegratedGradientsExplainer
from skdeeplift.execution import schedules

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


def draw_by(fitted, seed):
    """Draw by another seed from now on, without compiling the network anew."""
    fitted.bound_.schedule = replace(fitted.bound_.schedule, seed=seed)


def contributions_by_hand(model, drawn):
    """Gradients at each point that was drawn, times the difference from its reference: one entry for each draw."""
    kernel, bias, last, _ = (each.numpy() for each in model.weights)
    contributions = []
    for reference, position in zip(drawn.arrays[0], drawn.path.positions[:, 0], strict=True):
        hidden = np.tanh((reference + position * (ROWS - reference)) @ kernel + bias)
        contributions.append((1 - hidden**2) * last[:, 1] @ kernel.T * (ROWS - reference))
    return np.array(contributions)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("target", [1, "all"])
def test_the_mean_comes_to_integrated_gradients(model, target):
    """Within the standard errors: of normal deviations from the limit the root of the mean square is near 1."""
    limit = IntegratedGradientsExplainer(model, reference=REFERENCES, target=target, n_steps=30).fit(ROWS).explain(ROWS)
    fitted, deviations = explainer(model, target=target, n_draws=1000), []
    for seed in range(12):
        draw_by(fitted, seed)
        explanation = fitted.explain(ROWS)
        deviations.append((explanation.contributions - limit.contributions) / explanation.standard_error)
    assert np.abs(deviations).max() < 5
    assert 0.7 < np.sqrt(np.square(deviations).mean()) < 1.4
    # All rows have the same draws, so that a mean over them is as uncertain as one; that over seeds is not.
    assert np.abs(np.mean(deviations, 0)).max() < 5 / np.sqrt(12)
    assert (explanation.standard_error < 0.1 * np.abs(limit.contributions).max()).all()
    few = explainer(model, target=target, n_draws=250).explain(ROWS)
    np.testing.assert_allclose(few.standard_error.mean() / explanation.standard_error.mean(), 2, rtol=0.2)


def test_equals_the_draws_one_by_one(model):
    fitted = explainer(model, n_draws=4)
    drawn = schedules.draw_references(fitted.references_, 4, fitted.bound_.seed)
    expected = contributions_by_hand(model, drawn).mean(0)
    np.testing.assert_allclose(fitted.transform(ROWS), expected, rtol=1e-4, atol=1e-6)


def test_draws_are_those_of_the_seed_alone(model):
    fitted = explainer(model, n_draws=50)
    contributions = fitted.transform(ROWS)
    np.testing.assert_array_equal(fitted.transform(ROWS), contributions)
    np.testing.assert_array_equal(explainer(model, n_draws=50).transform(ROWS), contributions)
    np.testing.assert_allclose(fitted.transform(ROWS[[5, 2]]), contributions[[5, 2]], rtol=1e-4, atol=1e-6)
    cut = explainer(model, n_draws=50, batch_size=7).transform(ROWS)
    np.testing.assert_allclose(cut, contributions, rtol=1e-4, atol=1e-6)
    assert np.abs(explainer(model, n_draws=50, random_state=1).transform(ROWS) - contributions).max() > 1e-3


def relative_errors(explanation):
    """The criterion of references: roots of sums of squares of standard errors and of contributions."""
    sizes = [np.linalg.norm(explanation[name], axis=1) for name in ("standard_error", "contributions")]
    return sizes[0] / sizes[1]


def test_auto_draws_until_errors_are_small(model):
    fitted = explainer(model, n_draws="auto", reference_tol=0.02)
    explanation = fitted.explain(ROWS)
    assert (relative_errors(explanation) <= 0.02).all()
    limit = IntegratedGradientsExplainer(model, reference=REFERENCES, target=1, n_steps=30).fit(ROWS).explain(ROWS)
    assert (np.abs(explanation.contributions - limit.contributions) < 5 * explanation.standard_error).all()
    np.testing.assert_allclose(explanation.reference_value, limit.reference_value, atol=0.05)
    np.testing.assert_array_equal(fitted.transform(ROWS), explanation.contributions)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("reference_tol", [0.05, 0.1])
def test_auto_draws_no_more_than_the_criterion_needs(model, reference_tol):
    """All rows begin with 100 draws; a row with more would be beyond the tolerance with half of them."""
    fitted = explainer(model, n_draws="auto", reference_tol=reference_tol)
    explanation = fitted.explain(ROWS)
    drawn = [schedules.draw_references(fitted.references_, 100, fitted.bound_.seed)]
    for start in (100, 200, 400, 800, 1600):
        drawn.append(schedules.draw_references(fitted.references_, start, [fitted.bound_.seed, start]))
    of_draws = np.concatenate([contributions_by_hand(model, each) for each in drawn])
    assert len(set(explanation.n_references)) > 1
    for row, number in enumerate(explanation.n_references):
        for n_draws in (number, number // 2):
            contributions = of_draws[:n_draws, row]
            mean, error = contributions.mean(0), contributions.std(0, ddof=1) / np.sqrt(n_draws)
            if n_draws == number:
                np.testing.assert_allclose(explanation.contributions[row], mean, rtol=1e-4, atol=1e-6)
                np.testing.assert_allclose(explanation.standard_error[row], error, rtol=1e-3)
            is_enough = np.linalg.norm(error) <= reference_tol * np.linalg.norm(mean)
            assert is_enough == (n_draws == number) or number == 100


def test_auto_says_where_errors_stay_large(model, monkeypatch):
    monkeypatch.setattr(schedules, "MOST_DRAWS", 200)
    fitted = explainer(model, n_draws="auto", reference_tol=1e-3)
    with pytest.warns(ConvergenceWarning, match=r"After 200 draws .* of 8 rows .*reference_tol=0\.001") as caught:
        fitted.transform(ROWS)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_draws": 0}, "'n_draws' parameter of ExpectedGradientsExplainer"),
        ({"reference_tol": 0.0}, "'reference_tol' parameter"),
    ],
)
def test_bad_parameters(model, parameters, message):
    with pytest.raises(ValueError, match=message):
        explainer(model, **parameters)


@pytest.fixture(scope="module")
def saturated():
    """A probability that changes from 0 to 1 within a thousandth of the way."""
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, "sigmoid")])
    model.set_weights([np.array([[20_000.0]]), np.array([-10_000.0])])
    return model


@pytest.mark.parametrize("n_draws", [20, "auto"])
def test_draws_that_miss_the_change_of_a_probability_are_reported(saturated, n_draws):
    """The advice helps: the logit changes evenly, and its contribution is 20000."""
    rows = np.ones((3, 1))
    parameters = dict(reference="zeros", n_draws=n_draws, random_state=0)
    fitted = ExpectedGradientsExplainer(saturated, pre_activation=False, **parameters).fit(rows)
    with pytest.warns(ConvergenceWarning, match=r"In 3 of 3 rows the \d+ draws miss .* pre_activation=True") as caught:
        explanation = fitted.explain(rows)
    assert len(caught) == 1
    np.testing.assert_allclose(explanation.convergence_delta, 1, atol=0.01)
    assert explanation.standard_error.max() < 0.01
    with pytest.warns(ConvergenceWarning, match="draws miss"):
        fitted.transform(rows)
    logit = ExpectedGradientsExplainer(saturated, pre_activation=True, **parameters).fit(rows)
    np.testing.assert_allclose(logit.transform(rows), 20_000, rtol=1e-5)


def test_draws_that_do_not_miss_the_change_are_not_reported(model, recwarn):
    for seed in range(5):
        for target in (1, "all"):
            explainer(model, target=target, random_state=seed).transform(ROWS)
    assert not [each for each in recwarn if each.category is ConvergenceWarning]
