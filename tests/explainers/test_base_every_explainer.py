"""Rules that hold for every explainer."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from sklearn.base import clone
from sklearn.feature_selection import SelectFromModel

import skdeeplift
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer

EXPLAINERS = {
    name: getattr(skdeeplift, name)
    for name in skdeeplift.__all__
    if name.endswith("Explainer") and issubclass(getattr(skdeeplift, name), BaseExplainer)
}
ROWS = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), layers.Dense(6, "tanh"), layers.Dense(3, "softmax")])


@pytest.fixture(scope="module", params=EXPLAINERS)
def fitted(request, model):
    return EXPLAINERS[request.param](model, random_state=0).fit(ROWS)


def test_all_common_parameters_are_there_and_checked(fitted):
    names = set(fitted.get_params(deep=False))
    assert set(COMMON_CONSTRAINTS) <= names == set(fitted._parameter_constraints)


@pytest.mark.sampled(9)
def test_rows_stand_for_themselves_in_any_order(fitted):
    contributions, order = fitted.transform(ROWS), np.random.default_rng(1).permutation(9)
    np.testing.assert_array_equal(fitted.transform(ROWS), contributions)
    for rows in (order, [3], [5, 1]):
        np.testing.assert_allclose(fitted.transform(ROWS[rows]), contributions[rows], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_parameters_may_be_integers_of_numpy(fitted):
    """A grid of parameters may be an array."""
    numbers = {
        name: value
        for name, value in fitted.get_params(deep=False).items()
        if isinstance(value, int) and not isinstance(value, bool) and name != "verbose"
    }
    plain = {**numbers, "batch_size": 4, "target": 1}
    expected = clone(fitted).set_params(**plain).fit(ROWS).transform(ROWS)
    of_numpy = {name: np.int32(value) for name, value in plain.items()}
    np.testing.assert_array_equal(clone(fitted).set_params(**of_numpy).fit(ROWS).transform(ROWS), expected)


@pytest.mark.sampled(3)
def test_frames_names_and_selection(fitted, model):
    frame = pd.DataFrame(ROWS, columns=list("abcd"), index=range(10, 19))
    explainer = clone(fitted).set_params(target="all").set_output(transform="pandas").fit(frame)
    assert explainer.estimator is model
    table = explainer.transform(frame)
    assert list(table.columns) == [f"{name}__{target}" for name in "abcd" for target in range(3)]
    assert table.index.equals(frame.index)
    support = SelectFromModel(clone(fitted), max_features=2, threshold=-np.inf).fit(ROWS).get_support()
    assert support.sum() == 2


def test_pickles_explain_alike(fitted):
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(loaded.transform(ROWS), fitted.transform(ROWS), rtol=1e-5, atol=1e-7)


def test_explanations_have_the_fields_of_their_method(fitted):
    only_runs = type(fitted).__name__ in ("MutagenesisExplainer", "OcclusionExplainer", "ShapleySamplingExplainer")
    if only_runs:
        with pytest.raises(ValueError, match="multipliers"):
            fitted.explain(ROWS, multipliers=True)
    explanation = fitted.explain(ROWS, multipliers=not only_runs)
    assert explanation.contributions.shape == ROWS.shape
    assert only_runs or explanation.multipliers.shape == ROWS.shape
    assert explanation.prediction.shape == explanation.target.shape == (9,)
    assert "9 rows" in repr(explanation)
    with_references = hasattr(fitted, "references_")
    assert (explanation.reference_value is not None) == (explanation.convergence_delta is not None) == with_references


@pytest.mark.sampled(2)
def test_hypothetical_contributions_of_letters_are_those_of_the_row(fitted):
    """Hypothetical contributions of the letter that is there are what it contributes, against no letters."""
    letters = np.eye(4, dtype=np.float32)[[[0, 1, 2], [3, 3, 1]]]
    network = keras.Sequential(
        [keras.Input((3, 4)), layers.Conv1D(3, 2, activation="relu"), layers.Flatten(), layers.Dense(1)]
    )
    explainer = clone(fitted).set_params(estimator=network, target="auto")
    if hasattr(fitted, "references_"):
        explainer.set_params(reference="zeros")
    explainer.fit(letters)
    if type(fitted).__name__ in ("MutagenesisExplainer", "OcclusionExplainer", "ShapleySamplingExplainer"):
        with pytest.raises(ValueError, match="nor hypothetical"):
            explainer.explain(letters, hypothetical=True)
        return
    explanation = explainer.explain(letters, hypothetical=True, multipliers=True)
    np.testing.assert_allclose(
        explanation.hypothetical * letters, explanation.multipliers * letters, rtol=1e-5, atol=1e-6
    )


def test_rows_that_do_not_fit_are_errors(fitted):
    for rows, message in ((np.zeros((2, 5)), "expecting 4 features"), (np.full((2, 4), np.nan), "NaN")):
        with pytest.raises(ValueError, match=message):
            fitted.transform(rows)


def test_which_parameters_some_have_and_others_have_not(fitted):
    names, own = set(fitted.get_params(deep=False)), type(fitted).__name__
    assert ("unsupported" in names) == (own == "DeepLiftExplainer")
    checked = {"DeepLiftExplainer", "IntegratedGradientsExplainer", "ShapleySamplingExplainer"}
    assert ("check" in names) == (own in checked)
    assert ("n_draws" in names) == (own in {"ExpectedGradientsExplainer", "GradientExplainer"})
    assert ("n_permutations" in names) == (own == "ShapleySamplingExplainer")
    assert "n_samples" not in names
    assert fitted.pre_activation == "auto"


def test_parameters_of_calls_are_validated_at_each_call(fitted):
    """They count from the next call on, not from the next fit."""
    explainer = clone(fitted).fit(ROWS)
    bad = {"batch_size": 0, "n_jobs": 1.5, "verbose": "loud", "check": "bogus"}
    for name in bad.keys() & explainer.get_params(deep=False).keys():
        before = getattr(explainer, name)
        explainer.set_params(**{name: bad[name]})
        for call in (explainer.transform, explainer.explain, lambda _: explainer.feature_importances_):
            with pytest.raises(ValueError, match=f"The '{name}' parameter of {type(explainer).__name__}") as caught:
                call(ROWS)
            assert type(caught.value).__name__ == "InvalidParameterError"
        explainer.set_params(**{name: before})
    assert explainer.transform(ROWS).shape == ROWS.shape
