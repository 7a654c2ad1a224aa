"""Standard errors over references, and as many references as a tolerance needs."""

import warnings

import keras
import numpy as np
import pytest
from scipy.stats import t
from sklearn.exceptions import ConvergenceWarning

from skdeeplift import DeepLiftExplainer
from skdeeplift.references import (
    DinucleotideShuffle,
    Permuted,
    TrainingSample,
)
from tests.binding.networks import (
    GENERATOR,
    ROWS,
    SEQUENCES,
    linear_network,
    sequence_network,
    table_network,
)


@pytest.fixture(scope="module")
def network():
    return sequence_network()


@pytest.mark.slow
@pytest.mark.parametrize(
    "reference", [DinucleotideShuffle(), pytest.param(Permuted(), marks=pytest.mark.slow)], ids=repr
)
def test_as_many_references_as_a_tolerance_needs(network, reference):
    explainer = DeepLiftExplainer(
        network, reference=reference, max_references=300, reference_tol=0.2, random_state=0, check="raise"
    ).fit(SEQUENCES)
    explanation = explainer.explain(SEQUENCES)

    def relative(explanation):
        of_rows = [(explanation[key] ** 2).sum((1, 2)) for key in ("standard_error", "contributions")]
        return np.sqrt(of_rows[0] / of_rows[1])

    settled = relative(explanation) <= 0.2
    assert (settled | (explanation.n_references == 300)).all()
    assert len(set(explanation.n_references)) > 1
    assert settled.any()
    for number, row in zip(*np.unique(explanation.n_references, return_index=True), strict=True):
        fixed = explainer.references_.first(number)._replace(is_random=False)
        of_row = explainer.explain(SEQUENCES[[row]], reference=fixed)
        for key in ("contributions", "standard_error", "reference_value", "reference_spread", "prediction"):
            np.testing.assert_allclose(of_row[key][0], explanation[key][row], rtol=1e-4, atol=1e-6)
        if number > 16:
            fewer = explainer.references_.first(number // 2)._replace(is_random=False)
            assert relative(explainer.explain(SEQUENCES[[row]], reference=fewer))[0] > 0.2 or number == 300
    np.testing.assert_array_equal(explainer.transform(SEQUENCES), explanation.contributions)


@pytest.mark.slow
def test_automatic_number_of_references():
    explainer = DeepLiftExplainer(table_network(), reference="permuted", max_references="auto", random_state=0)
    explanation = explainer.fit(ROWS).explain(ROWS + 3)
    assert len(explainer.references_.weights) == 1024
    assert explanation.n_references.max() < 1024
    errors = np.linalg.norm(explanation.standard_error, axis=1)
    assert (errors <= 0.05 * np.linalg.norm(explanation.contributions, axis=1)).all()
    # What is not drawn at random is taken as it is.
    assert set(DeepLiftExplainer(table_network(), max_references="auto").fit(ROWS).explain(ROWS).n_references) == {1}
    targets = DeepLiftExplainer(
        table_network(3), target="all", reference="permuted", max_references=64, reference_tol=0.1, random_state=0
    ).fit(ROWS)
    explanation = targets.explain(ROWS + 3)
    errors = np.linalg.norm(explanation.standard_error, axis=1) / np.linalg.norm(explanation.contributions, axis=1)
    assert (errors <= 0.1)[explanation.n_references < 64].all()


def test_too_few_references_for_a_tolerance():
    explainer = DeepLiftExplainer(
        table_network(), reference="permuted", max_references="auto", reference_tol=1e-6, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explainer.fit(ROWS)
    with pytest.warns(
        ConvergenceWarning, match="of 2 rows' contributions is above 1e-06 of their size after 1024"
    ) as seen:
        explainer.transform(ROWS[:2])
    assert set(explainer.explain(ROWS[:2], reference="zeros").n_references) == {1}
    assert len(seen) == 1


def test_targets_of_rows_and_adding_references():
    explainer = DeepLiftExplainer(
        table_network(3, "softmax"), reference="permuted", max_references=200, reference_tol=0.1, random_state=0
    ).fit(ROWS)
    explanation = explainer.explain(ROWS)
    np.testing.assert_array_equal(explanation.target, explainer.network_.model.predict(ROWS, verbose=0).argmax(1))
    np.testing.assert_allclose(
        explanation.contributions.sum(1), explanation.prediction - explanation.reference_value, rtol=1e-4, atol=1e-5
    )
    given = explainer.explain(ROWS, target=explanation.target)
    np.testing.assert_array_equal(given.contributions, explanation.contributions)


def coverage(explainer, X, references, answer, n_references):
    """Return the fraction of 95 % intervals that hold the answer; repetitions are on the first axis of references."""
    repetitions = len(references)
    explanation = explainer.explain(np.repeat(X, repetitions, 0), reference=references)
    width = t.ppf(0.975, n_references - 1) * explanation.standard_error
    varies = (explanation.standard_error > 0).any(0)
    return (np.abs(explanation.contributions - answer) <= width)[:, varies].mean()


@pytest.mark.slow
@pytest.mark.parametrize("row", range(3))
def test_standard_errors_of_training_rows_are_calibrated(row):
    rows = GENERATOR.normal(size=(10_000, 4)).astype(np.float32)
    explainer = DeepLiftExplainer(table_network(), reference="zeros", check="raise").fit(rows[:10])
    answer = explainer.explain(rows[[row]], reference=rows).contributions
    sample = TrainingSample().fit(rows)
    references = np.stack([sample.sample(None, 20, seed) for seed in range(200)])
    assert 0.92 <= coverage(explainer, rows[[row]], references, answer, 20) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("row", range(3))
def test_standard_errors_of_shuffles_are_calibrated(row):
    network = sequence_network(keras.layers.GlobalAveragePooling1D)
    explainer = DeepLiftExplainer(network, reference="zeros", check="raise").fit(SEQUENCES)
    shuffle, X = DinucleotideShuffle().fit(SEQUENCES), SEQUENCES[[row]]
    answer = explainer.explain(X, reference=shuffle.sample(X, 10_000, 1_000_000)).contributions
    references = np.concatenate([shuffle.sample(X, 100, seed) for seed in range(200)])
    assert 0.92 <= coverage(explainer, X, references, answer, 100) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("row", range(3))
def test_standard_errors_of_rare_contributions_have_the_right_size(network, row):
    """A maximum makes most contributions rare and large, so that intervals of Student's t, made for a normal
    distribution, hold the answer less often. The mean square of the standard error is their variance nevertheless.
    """
    explainer = DeepLiftExplainer(network, reference="zeros", check="raise").fit(SEQUENCES)
    shuffle, X = DinucleotideShuffle().fit(SEQUENCES), SEQUENCES[[row]]
    references = np.concatenate([shuffle.sample(X, 20, seed) for seed in range(2000)])
    explanation = explainer.explain(np.repeat(X, 2000, 0), reference=references)
    predicted = (explanation.standard_error.astype(np.float64) ** 2).mean(0).sum()
    np.testing.assert_allclose(predicted, explanation.contributions.var(0, ddof=1, dtype=np.float64).sum(), rtol=0.05)


@pytest.mark.slow
def test_standard_errors_of_weighted_references_are_calibrated():
    """The mean square of the standard error is the variance of many weighted means of independent draws."""
    weights = GENERATOR.dirichlet(np.ones(8))
    references = GENERATOR.normal(size=(4000, 8, 2)).astype(np.float32)
    explainer = DeepLiftExplainer(linear_network(2), reference="zeros").fit(np.ones((3, 2)))
    made = explainer.bound_.learn_references(explainer, references, [references[:, 0]], learning=False)
    made = made._replace(weights=weights)
    explanation = explainer.explain(np.zeros((4000, 2)), reference=made)
    expected = np.sum(weights**2)
    np.testing.assert_allclose((explanation.standard_error**2).mean(0), expected, rtol=0.1)
    np.testing.assert_allclose(explanation.contributions.var(0), expected, rtol=0.1)
