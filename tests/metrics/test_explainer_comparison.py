import time
from functools import partial

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skdeeplift import DeepLiftExplainer, GradientExplainer, OcclusionExplainer
from skdeeplift.metrics import (
    compare_explainers,
    deletion_score,
    explainer_comparison,
    infidelity,
    localization_auc,
    max_sensitivity,
    randomization_check,
    rank_agreement,
    sensitivity_n,
)
from tests.metrics.networks import classifier

ROWS = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def explainers():
    model = classifier()
    made = {
        "gradient": GradientExplainer(model),
        "rescale": DeepLiftExplainer(model, reference="zeros"),
        "occlusion": OcclusionExplainer(model, reference="mean"),
    }
    return {name: explainer.fit(ROWS) for name, explainer in made.items()}


def test_numbers_of_a_comparison(explainers):
    table = compare_explainers(explainers, ROWS)
    assert table.columns.tolist() == ["better", *explainers]
    assert table.index[-1] == "seconds"
    assert set(table.dtypes[1:]) == {np.dtype(float)}
    numbers = table[list(explainers)]
    assert (numbers.loc["seconds"] > 0).all()
    assert np.isnan(table.loc["summation_to_delta_error", "gradient"])
    errors = numbers.loc["summation_to_delta_error"]
    assert errors["rescale"] < 1e-5 < errors["occlusion"]
    assert numbers.drop(index="summation_to_delta_error").notna().all(axis=None)
    # What is erased becomes zero for all: the references of the first that has some.
    for name, explainer in explainers.items():
        for metric in (deletion_score, sensitivity_n, infidelity):
            assert table.loc[metric.__name__, name] == pytest.approx(metric(explainer, ROWS, fill="zeros"), rel=1e-5)
        assert table.loc["max_sensitivity", name] == pytest.approx(max_sensitivity(explainer, ROWS))
    others = [
        rank_agreement(*(explainers[each].explain(ROWS) for each in ("rescale", name)))
        for name in ("gradient", "occlusion")
    ]
    assert table.loc["rank_agreement", "rescale"] == pytest.approx(np.mean(others))


def test_rows_of_the_user_and_which_numbers_are_better(explainers):
    metrics = {
        "mean": "deletion_score",
        "blurred": partial(deletion_score, fill=0.5),
        "where": partial(localization_auc, positions=np.arange(6) < 3),
        "forgets": "randomization_check",
        "own": lambda explainer, X, explanation: 1.0,
    }
    table = compare_explainers(explainers, ROWS, metrics=metrics, fill="mean", target=2)
    assert table["better"].to_dict() == {
        "mean": "higher",
        "blurred": "higher",
        "where": "higher",
        "forgets": "lower",
        "own": "",
        "seconds": "lower",
    }
    explainer = explainers["rescale"]
    assert table.loc["mean", "rescale"] == pytest.approx(deletion_score(explainer, ROWS, fill="mean", target=2))
    assert table.loc["blurred", "rescale"] == pytest.approx(deletion_score(explainer, ROWS, fill=0.5, target=2))
    assert table.loc["where", "rescale"] == localization_auc(explainer, ROWS, np.arange(6) < 3, target=2)
    assert table.loc["forgets", "rescale"] == pytest.approx(randomization_check(explainer, ROWS, target=2).mean())


def test_progress_is_shown_once_a_comparison_takes_long(explainers, capsys, monkeypatch):
    monkeypatch.setattr(explainer_comparison, "DELAY", 0.5)

    def slow(explainer, X, explanation):
        time.sleep(0.4)
        return 1.0

    for verbose in (0, 1):
        compare_explainers(explainers, ROWS, metrics={"slow": slow}, verbose=verbose)
        assert ("slow of occlusion" in capsys.readouterr().err) == bool(verbose)
    compare_explainers(explainers, ROWS, metrics={"quick": lambda explainer, X, explanation: 1.0})
    assert capsys.readouterr().err == ""


def test_names_and_a_single_explainer(explainers):
    rescale, occlusion = explainers["rescale"], explainers["occlusion"]
    table = compare_explainers([rescale, occlusion, rescale], ROWS, metrics="rank_agreement")
    assert table.columns.tolist() == ["better", "DeepLiftExplainer_1", "OcclusionExplainer", "DeepLiftExplainer_2"]
    table = compare_explainers([rescale], ROWS, metrics=["rank_agreement", "deletion_score"])
    assert np.isnan(table.loc["rank_agreement", "DeepLiftExplainer"])
    assert compare_explainers([explainers["gradient"]], ROWS, metrics=["infidelity"]).notna().all(axis=None)


def test_errors(explainers):
    with pytest.raises(ValueError, match="at least one fitted explainer"):
        compare_explainers([], ROWS)
    with pytest.raises(ValueError, match="metrics= takes 'deletion_score'"):
        compare_explainers(explainers, ROWS, metrics=["accuracy"])
    with pytest.raises(ValueError, match=r"partial\(localization_auc"):
        compare_explainers(explainers, ROWS, metrics=["localization_auc"])
    with pytest.raises(NotFittedError):
        compare_explainers([DeepLiftExplainer(classifier())], ROWS)


def test_metrics_that_write_into_their_arguments(explainers):
    def write(explainer, X, explanation):
        found = X.sum() + explanation.contributions.sum()
        X[:], explanation.contributions[:], explanation.X[:] = 0, 0, 0
        return found

    rows = ROWS.copy()
    table = compare_explainers(explainers, rows, metrics={"written": write, "again": write})
    np.testing.assert_array_equal(rows, ROWS)
    np.testing.assert_array_equal(table.loc["written"], table.loc["again"])
