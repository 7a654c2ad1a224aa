"""Importances, which are computed when they are first read."""

import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from skdeeplift import DeepLiftExplainer, GradientExplainer, OcclusionExplainer
from skdeeplift.binding import importances
from skdeeplift.execution.schedules import Schedule
from tests.binding.networks import IRIS, NAMES, ROWS, SPECIES, table_network


def test_rows_count_by_their_weights(by_name):
    weights = np.where(SPECIES == 0, 1.0, 0.0)
    frozen = DeepLiftExplainer(FrozenEstimator(by_name.estimator_), reference="zeros").fit(IRIS, sample_weight=weights)
    only = DeepLiftExplainer(FrozenEstimator(by_name.estimator_), reference="zeros").fit(IRIS[SPECIES == 0])
    np.testing.assert_allclose(frozen.feature_importances_, only.feature_importances_, rtol=1e-12)
    weighted = DeepLiftExplainer(FrozenEstimator(by_name.estimator_), reference="sample").fit(
        IRIS, sample_weight=weights
    )
    sampled = DeepLiftExplainer(FrozenEstimator(by_name.estimator_), reference="sample").fit(IRIS[SPECIES == 0])
    np.testing.assert_allclose(weighted.transform(IRIS), sampled.transform(IRIS), atol=1e-10)
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        DeepLiftExplainer(FrozenEstimator(by_name.estimator_)).fit(IRIS, sample_weight=-weights)


def test_targets_of_rows_in_fit(by_name):
    explainer = DeepLiftExplainer(FrozenEstimator(by_name.estimator_)).fit(IRIS, target=NAMES[2 - SPECIES])
    contributions = explainer.explain(IRIS, target=NAMES[2 - SPECIES]).contributions
    np.testing.assert_allclose(explainer.feature_importances_, np.abs(contributions).mean(0))


@pytest.fixture
def runs(monkeypatch):
    """The numbers of rows of all problems that are run."""
    seen, run = [], Schedule.run

    def watched(problem):
        seen.append(problem.n_rows)
        return run(problem)

    monkeypatch.setattr(Schedule, "run", staticmethod(watched))
    return seen


@pytest.fixture(scope="module")
def classifier():
    return table_network(3, "softmax")


def test_fit_explains_nothing_and_importances_are_computed_once(runs, classifier):
    explainer = DeepLiftExplainer(classifier).fit(ROWS)
    explainer.get_feature_names_out()
    assert "DeepLiftExplainer" in repr(explainer)
    # In a notebook an explainer is shown with its attributes.
    before = explainer._repr_html_()
    assert not runs
    importances = explainer.feature_importances_
    assert runs == [30]
    if hasattr(BaseEstimator, "_get_fitted_attr_html"):
        assert explainer._repr_html_().count("feature_importances_") > before.count("feature_importances_")
    assert explainer.feature_importances_ is importances
    explainer.fit(ROWS[:5])
    assert explainer.feature_importances_.shape == (4,)
    assert runs == [30, 5]
    assert not hasattr(DeepLiftExplainer(classifier), "feature_importances_")


def test_threads_compute_them_once(runs, classifier):
    explainer = DeepLiftExplainer(classifier).fit(ROWS)
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: explainer.feature_importances_, range(6)))
    assert runs == [30]
    assert all(result is results[0] for result in results)


@pytest.mark.parametrize("options", [{}, {"reference": "nearest_other", "max_references": 3}], ids=repr)
def test_pickles_have_them_before_and_after_they_are_read(runs, classifier, options):
    explainer = DeepLiftExplainer(classifier, **options).fit(ROWS, sample_weight=np.arange(30.0))
    before = pickle.loads(pickle.dumps(explainer))
    expected = explainer.feature_importances_
    runs.clear()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(explainer)).feature_importances_, expected)
    assert not runs
    np.testing.assert_allclose(before.feature_importances_, expected, rtol=1e-6)
    assert runs == [30]


def test_an_error_while_they_are_read_is_raised_at_each_time(classifier):
    explainer = DeepLiftExplainer(classifier).fit(ROWS).set_params(batch_size=0)
    for _ in range(2):
        with pytest.raises(ValueError, match="'batch_size' parameter"):
            explainer.feature_importances_  # noqa: B018
    explainer.set_params(batch_size="auto")
    assert explainer.feature_importances_.shape == (4,)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("target", ["auto", "predicted"])
@pytest.mark.parametrize("make", [DeepLiftExplainer, GradientExplainer, OcclusionExplainer])
def test_of_the_predicted_class_they_are_those_of_all_classes(classifier, make, target):
    """Means over the logits of all classes, less their common mean, which no softmax depends on."""
    explainer = make(classifier, target=target).fit(ROWS)
    of_all = make(classifier, target="all", center_logits=True).fit(ROWS).explain(ROWS).contributions
    expected = np.abs(of_all).mean((0, 2))
    np.testing.assert_allclose(explainer.feature_importances_, expected, rtol=1e-5)
    # Contributions to the predicted class alone are others.
    assert not np.allclose(np.abs(explainer.transform(ROWS)).mean(0), expected, rtol=0.05)
    weights = np.linspace(0, 1, 30)
    weighted = make(classifier, target=target).set_params(**weighted_reference(explainer))
    weighted.fit(ROWS, sample_weight=weights)
    expected = np.average(np.abs(of_all).mean(2), 0, weights)
    np.testing.assert_allclose(weighted.feature_importances_, expected, rtol=1e-5)


def weighted_reference(explainer):
    """Parameters for the reference of an explainer, which weights would move otherwise."""
    return {"reference": explainer.references_.arrays[0]} if hasattr(explainer, "references_") else {}


def test_of_any_other_target_they_are_mean_absolute_contributions(classifier):
    for target in (1, "all", {0: 1, 2: -1}, lambda output: output[:, 0], np.array([1.0, 0.0, -1.0])):
        explainer = DeepLiftExplainer(classifier, target=target).fit(ROWS)
        contributions = np.abs(explainer.explain(ROWS).contributions)
        expected = contributions.mean((0, 2)) if contributions.ndim == 3 else contributions.mean(0)
        np.testing.assert_allclose(explainer.feature_importances_, expected, rtol=1e-5)
    of_rows = np.arange(30) % 3
    explainer = DeepLiftExplainer(classifier).fit(ROWS, target=of_rows)
    expected = np.abs(explainer.transform(ROWS, target=of_rows)).mean(0)
    np.testing.assert_allclose(explainer.feature_importances_, expected, rtol=1e-5)
    single = DeepLiftExplainer(table_network(1, "sigmoid")).fit(ROWS)
    np.testing.assert_allclose(single.feature_importances_, np.abs(single.transform(ROWS)).mean(0), rtol=1e-5)


@pytest.mark.slow
def test_of_many_rows_they_are_those_of_a_draw(classifier):
    explainer = DeepLiftExplainer(classifier, target=0, max_samples=5, random_state=0).fit(ROWS)
    absolute = np.abs(explainer.transform(ROWS))
    assert any(
        np.allclose(explainer.feature_importances_, absolute[list(rows)].mean(0), rtol=1e-5)
        for rows in itertools.combinations(range(30), 5)
    )


def test_many_results_are_kept_in_parts(classifier, monkeypatch):
    expected = DeepLiftExplainer(classifier, target="all").fit(ROWS).feature_importances_
    sizes, run = [], Schedule.run
    monkeypatch.setattr(Schedule, "run", lambda _, problem: sizes.append(problem.n_rows) or run(problem))
    monkeypatch.setattr(importances, "MOST_NUMBERS", 4 * 3 * 8)
    got = DeepLiftExplainer(classifier, target="all").fit(ROWS).feature_importances_
    assert sizes == [8, 8, 8, 6]
    np.testing.assert_allclose(got, expected, rtol=1e-6)
