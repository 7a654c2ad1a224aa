import keras
import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.exceptions import NotFittedError

from skdeeplift import DeepLiftExplainer
from skdeeplift.references import Permuted, reference_report

ROWS = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
    return DeepLiftExplainer(model, reference="permuted", max_references=12, random_state=0).fit(ROWS)


def test_numbers_of_a_report(fitted):
    report = reference_report(fitted, ROWS[:6], references={"none": "zeros", "half": ROWS[:2]}, n_references=[3, 1, 99])
    expected = [("fitted", 1), ("fitted", 3), ("fitted", 12), ("none", 1), ("half", 1), ("half", 2)]
    assert report.index.tolist() == expected
    explanation = fitted.explain(ROWS[:6])
    zeros = fitted.explain(ROWS[:6], reference="zeros")
    three = fitted.explain(ROWS[:6], reference=fitted.references_.arrays[0][:3])
    sizes = np.linalg.norm(explanation.contributions, axis=1)
    own = report.loc["fitted"]
    errors = [np.linalg.norm(each.standard_error, axis=1) for each in (three, explanation)]
    assert np.isnan(own["standard_error"][1])
    np.testing.assert_allclose(own["standard_error"][12], (errors[1] / sizes).mean(), rtol=1e-5)
    np.testing.assert_allclose(
        own["standard_error"][3], (errors[0] / np.linalg.norm(three.contributions, axis=1)).mean(), rtol=1e-5
    )
    change = np.linalg.norm(three.contributions - explanation.contributions, axis=1) / sizes
    np.testing.assert_allclose(own["change"][3], change.mean(), rtol=1e-4)
    assert own["change"][12] == 0

    def correlation(first, second):
        pairs = zip(first.contributions, second.contributions, strict=True)
        return np.mean([spearmanr(one, other).statistic for one, other in pairs])

    np.testing.assert_allclose(own["rank_correlation"][3], correlation(three, explanation))
    np.testing.assert_allclose(own["rank_correlation_with_none"][3], correlation(three, zeros))
    np.testing.assert_allclose(report.loc[("none", 1), "rank_correlation_with_fitted"], correlation(zeros, explanation))
    predictions = fitted.network_.model.predict(fitted.references_.arrays[0], verbose=0)
    np.testing.assert_allclose(own["reference_value"][12], predictions.mean(), rtol=1e-4)
    np.testing.assert_allclose(own["reference_spread"][12], predictions.std(), rtol=1e-4)
    np.testing.assert_allclose(own["prediction"], explanation.prediction.mean(), rtol=1e-5)


def test_more_references_settle(fitted):
    report = reference_report(fitted, ROWS, references=[Permuted(), "mean", lambda X, _: X[:, None] / 2])
    assert set(report.index.get_level_values(0)) == {"fitted", "Permuted()", "mean", "<lambda>"}
    assert report.loc["fitted"].index.tolist() == [1, 2, 4, 8, 12]
    errors = report.loc["fitted"]["standard_error"]
    assert errors[12] < errors[4]
    assert report.loc["fitted"]["rank_correlation"].max() == pytest.approx(1)


def test_a_tolerance_of_the_explainer_does_not_matter(fitted):
    explainer = DeepLiftExplainer(
        fitted.estimator, reference="permuted", max_references=12, reference_tol=0.9, random_state=0
    ).fit(ROWS)
    report, expected = (reference_report(each, ROWS[:6], references=[]) for each in (explainer, fitted))
    np.testing.assert_allclose(report.to_numpy(), expected.to_numpy(), rtol=1e-5)


def test_what_can_not_be_reported(fitted):
    with pytest.raises(NotFittedError):
        reference_report(DeepLiftExplainer(fitted.estimator), ROWS)
    with pytest.raises(ValueError, match="reference= takes 'mean'"):
        reference_report(fitted, ROWS, references="unknown")
