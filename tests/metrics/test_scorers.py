import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import DeepLiftExplainer, GradientExplainer
from skdeeplift.metrics import (
    deletion_score,
    explanation_scorer,
    infidelity,
    localization_auc,
    max_sensitivity,
    randomization_check,
    rank_agreement,
    sensitivity_n,
)
from skdeeplift.metrics.scorers import GREATER_IS_BETTER
from tests.metrics.networks import both_or_none, classifier

ROWS = np.random.default_rng(0).normal(size=(24, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    return DeepLiftExplainer(classifier(), reference="zeros").fit(ROWS)


def test_scores_are_those_of_the_metrics(fitted):
    other = GradientExplainer(fitted.estimator).fit(ROWS)
    for name, options, expected in (
        ("deletion_score", {}, deletion_score(fitted, ROWS, fill="mean")),
        ("deletion_score", {"fill": "reference", "n_steps": 2}, deletion_score(fitted, ROWS, n_steps=2)),
        ("sensitivity_n", {"n": 2, "target": 1}, sensitivity_n(fitted, ROWS, fill="mean", n=2, target=1)),
        ("infidelity", {"n_draws": 7}, -infidelity(fitted, ROWS, fill="mean", n_draws=7)),
        ("max_sensitivity", {}, -max_sensitivity(fitted, ROWS)),
        ("rank_agreement", {"other": other}, rank_agreement(fitted.explain(ROWS), other.explain(ROWS))),
        ("randomization_check", {"layers": ["last"]}, -randomization_check(fitted, ROWS, layers=["last"])["last"]),
        ("localization_auc", {"positions": np.arange(6) < 2}, localization_auc(fitted, ROWS, np.arange(6) < 2)),
    ):
        score = explanation_scorer(name, **options)(fitted, ROWS)
        assert isinstance(score, float)
        assert score == pytest.approx(expected)
    assert explanation_scorer(lambda explainer, X: len(X))(fitted, ROWS) == 24
    positions = ROWS > 0
    assert explanation_scorer("localization_auc")(fitted, ROWS, positions) == localization_auc(fitted, ROWS, positions)


def test_every_metric_has_a_direction():
    assert {name for name, more in GREATER_IS_BETTER.items() if not more} == {
        "infidelity",
        "max_sensitivity",
        "randomization_check",
        "summation_to_delta_error",
    }


def test_scorers_are_cloned_and_pickled(fitted):
    scorer = explanation_scorer("infidelity", n_draws=5)
    for each in (clone(scorer), pickle.loads(pickle.dumps(scorer))):
        assert each(fitted, ROWS) == scorer(fitted, ROWS)
    assert "infidelity" in repr(scorer)


def test_a_search_chooses_rule_and_reference():
    """Contributions of relu(a + b - 1) against zeros tell the loss against zeros."""
    rows = np.random.default_rng(0).uniform(0, 2, (30, 2))
    scoring = {name: explanation_scorer(name, fill="zeros") for name in ("infidelity", "deletion_score")}
    parameters = {"rule": ["rescale", "pass_through"], "reference": ["zeros", 2.0]}
    search = GridSearchCV(
        DeepLiftExplainer(both_or_none(), check="ignore"), parameters, scoring=scoring, refit="infidelity", cv=2
    ).fit(rows)
    assert search.best_params_["reference"] == "zeros"
    assert search.best_params_["rule"] != "pass_through"
    assert search.best_score_ <= 0
    assert np.isfinite(search.cv_results_["mean_test_deletion_score"]).all()
    # One fold's score, by hand.
    explainer = DeepLiftExplainer(both_or_none(), reference="zeros").fit(rows[15:])
    position = search.cv_results_["params"].index({"rule": "rescale", "reference": "zeros"})
    found = search.cv_results_["split0_test_infidelity"][position]
    assert found == pytest.approx(-infidelity(explainer, rows[:15], fill="zeros"), rel=1e-5)


def test_networks_that_are_trained_in_each_fold():
    X, y = make_classification(60, 4, n_informative=2, n_redundant=0, shuffle=False, random_state=0)
    explainer = DeepLiftExplainer(MLPClassifier((5,), max_iter=60, random_state=0))
    search = GridSearchCV(
        explainer, {"reference": ["mean", "zeros"]}, scoring=explanation_scorer("sensitivity_n"), cv=2
    )
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert hasattr(search.best_estimator_, "feature_importances_")
    pipeline = make_pipeline(StandardScaler(), explainer)
    scores = cross_val_score(pipeline, X, y, scoring=explanation_scorer("deletion_score"), cv=2)
    assert (scores > 0).all()
    informative = explanation_scorer("localization_auc", positions=np.arange(4) < 2)
    pipeline.fit(X, y)
    expected = localization_auc(pipeline[-1], pipeline[:-1].transform(X), np.arange(4) < 2)
    assert informative(pipeline, X, y) == expected


def test_explainers_without_references_are_scored():
    explainer = GradientExplainer(classifier())
    assert cross_val_score(explainer, ROWS, scoring=explanation_scorer("deletion_score"), cv=2).mean() > 0


def test_what_can_not_be_scored(fitted):
    with pytest.raises(ValueError, match="metric= takes 'deletion_score'"):
        explanation_scorer("accuracy")
    with pytest.raises(ValueError, match=r"deletion_score takes the options fill, n_steps.*Got 'steps'"):
        explanation_scorer("deletion_score", steps=3)
    with pytest.raises(ValueError, match="other= is missing"):
        explanation_scorer("rank_agreement")
    with pytest.raises(TypeError, match="take a fitted explainer"):
        explanation_scorer("deletion_score")(MLPClassifier(), ROWS)


def test_metrics_that_write_into_their_argument(fitted):
    def write(explainer, X):
        X[:] = 0
        return 1.0

    rows = ROWS.copy()
    assert explanation_scorer(write)(fitted, rows) == 1
    np.testing.assert_array_equal(rows, ROWS)
