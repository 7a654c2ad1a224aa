import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeeplift import ContributionSelector, DeepLiftExplainer, MeanAbsoluteImportance
from tests import further_checks
from tests.selection.explainers import LinearExplainer
from tests.selection.tables import encoder, pets


@parametrize_with_checks(
    [ContributionSelector(LinearExplainer()), ContributionSelector(LinearExplainer(), threshold=0)]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", further_checks.NAMES)
def test_checks_that_are_not_run_by_themselves(name):
    further_checks.run_check(name, ContributionSelector(LinearExplainer()))


def test_select_from_model_takes_the_wrong_columns():
    """Why this selector is there: the mask over encoded columns is as long as the table, but in another order."""
    frame, y = pets()
    frame = frame.drop(columns=["pet", "color"]).assign(member=frame["weight"] > 0)
    flag = make_column_transformer(
        (OneHotEncoder(drop="first", sparse_output=False), ["member"]), remainder="passthrough"
    )
    y = frame["member"].astype(float)
    pipeline = make_pipeline(flag, LinearExplainer())
    silently = SelectFromModel(
        pipeline, max_features=1, importance_getter=lambda fitted: fitted[-1].feature_importances_
    )
    assert silently.fit(frame, y).get_feature_names_out().tolist() == ["age"]
    assert ContributionSelector(pipeline).fit(frame, y).get_feature_names_out().tolist() == ["member"]


def test_frames_come_out_as_they_were():
    frame, y = pets()
    selector = ContributionSelector(make_pipeline(encoder(), LinearExplainer()), n_features_to_select=2)
    table = selector.set_output(transform="pandas").fit(frame, y).transform(frame)
    pd.testing.assert_frame_equal(table, frame[["pet", "weight"]])
    selector.set_output(transform="default")
    np.testing.assert_array_equal(selector.transform(frame), frame[["pet", "weight"]].to_numpy())
    back = selector.inverse_transform(selector.transform(frame))
    assert back.shape == (60, 5)
    assert back[0].tolist() == [0, frame["pet"].iloc[0], 0, 0, frame["weight"].iloc[0]]


def test_missing_values_are_the_encoder_s_affair():
    frame, y = pets()
    frame.loc["row 3", "age"] = np.nan
    frame.loc["row 4", "color"] = None
    numbers = make_column_selector(dtype_include=np.number)
    imputed = make_column_transformer(
        (SimpleImputer(add_indicator=True), numbers), (OneHotEncoder(sparse_output=False), ["pet", "color"])
    )
    selector = ContributionSelector(make_pipeline(imputed, LinearExplainer()), n_features_to_select=2).fit(frame, y)
    assert selector.get_feature_names_out().tolist() == ["pet", "weight"]
    assert selector.transform(frame).shape == (60, 2)


def test_an_explainer_alone():
    X = np.random.default_rng(0).normal(size=(50, 4))
    y = X @ [0.1, 3.0, 0.0, -0.5]
    selector = ContributionSelector(LinearExplainer()).fit(X.tolist(), y.tolist())
    np.testing.assert_array_equal(selector.feature_importances_, LinearExplainer().fit(X, y).feature_importances_)
    np.testing.assert_array_equal(selector.get_support(), [False, True, False, False])
    assert selector.threshold_ == selector.feature_importances_.mean()


@pytest.mark.parametrize(
    ("parameters", "selected"),
    [
        # Importances 1, 2, 4 and 9 times the mean absolute value; the mean is 4, the median 3.
        ({}, [0, 0, 1, 1]),
        ({"threshold": "mean"}, [0, 0, 1, 1]),
        ({"threshold": "1.25*median"}, [0, 0, 1, 1]),
        ({"threshold": "0.5 * median"}, [0, 1, 1, 1]),
        ({"threshold": "1.5*mean"}, [0, 0, 0, 1]),
        ({"threshold": 1.5}, [0, 1, 1, 1]),
        ({"n_features_to_select": 3}, [0, 1, 1, 1]),
        ({"n_features_to_select": 4}, [1, 1, 1, 1]),
        ({"n_features_to_select": 0.5}, [0, 0, 1, 1]),
        ({"n_features_to_select": 0.01}, [0, 0, 0, 1]),
        ({"n_features_to_select": 3, "threshold": 3.0}, [0, 0, 1, 1]),
    ],
)
def test_columns_above_the_threshold_are_selected(parameters, selected):
    X = np.array([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    X = np.concatenate([X, -X])
    y = X @ [1.0, 2, 4, 9]
    selector = ContributionSelector(LinearExplainer(penalty=0), **parameters).fit(X, y)
    np.testing.assert_allclose(selector.feature_importances_, [1, 2, 4, 9], rtol=1e-12)
    np.testing.assert_array_equal(selector.get_support(), np.array(selected, bool))


def test_stability_tells_columns_that_decide_from_chance():
    """A column that decides is selected each time, one of many alike that do not decide is selected by chance."""
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 20))
    y = 2 * X[:, 7] + random.normal(size=80)
    parameters = dict(n_features_to_select=2, n_resamples=30, random_state=0)
    selector = ContributionSelector(LinearExplainer(), **parameters).fit(X, y)
    frequency = selector.selection_frequency_
    assert frequency[7] == 1
    assert frequency.sum() == pytest.approx(2)
    assert np.delete(frequency, 7).max() < 0.6
    assert selector.get_support().sum() == 2
    assert selector.get_support()[7]
    others = np.flatnonzero(selector.get_support() & (np.arange(20) != 7))
    assert frequency[others] == np.delete(frequency, 7).max()
    for n_jobs in (1, 2):
        again = ContributionSelector(LinearExplainer(), n_jobs=n_jobs, **parameters).fit(X, y)
        np.testing.assert_array_equal(again.selection_frequency_, frequency)
    by_frequency = ContributionSelector(LinearExplainer(), threshold="2*mean", n_resamples=30, random_state=0).fit(X, y)
    np.testing.assert_array_equal(by_frequency.get_support(), by_frequency.selection_frequency_ >= 0.6)
    assert by_frequency.get_support(indices=True).tolist() == [7]
    assert not hasattr(by_frequency.set_params(n_resamples=0).fit(X, y), "selection_frequency_")


def test_stability_of_raw_columns_with_rare_categories():
    """Resamples may miss a category, so that encoded columns differ between them."""
    frame, y = pets()
    frame["color"] = ["violet", *frame["color"][1:]]
    pipeline = make_pipeline(encoder(), LinearExplainer())
    selector = ContributionSelector(pipeline, n_features_to_select=2, n_resamples=12, random_state=0).fit(frame, y)
    np.testing.assert_array_equal(selector.selection_frequency_, [0, 1, 0, 0, 1])


def test_networks_in_threads():
    frame, _ = pets()
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)])
    pipeline = make_pipeline(encoder(), DeepLiftExplainer(model))
    parameters = dict(n_resamples=3, sample_fraction=0.8, random_state=0)
    one = ContributionSelector(pipeline, n_jobs=1, **parameters).fit(frame)
    two = ContributionSelector(pipeline, n_jobs=2, **parameters).fit(frame)
    np.testing.assert_array_equal(one.selection_frequency_, two.selection_frequency_)


def test_inside_a_search():
    frame, y = pets(90)
    labels = np.where(y > y.median(), "high", "low")

    class OfLabels(LinearExplainer):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X, (y == "high").astype(float), sample_weight)

    selector = ContributionSelector(make_pipeline(encoder(), OfLabels()), n_features_to_select=1)
    classifier = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude=np.number)), remainder="passthrough"
    )
    pipeline = make_pipeline(selector.set_output(transform="pandas"), classifier, LogisticRegression())
    search = GridSearchCV(pipeline, {"contributionselector__n_features_to_select": [1, 2]}, cv=3).fit(frame, labels)
    assert search.best_params_ == {"contributionselector__n_features_to_select": 2}
    assert search.best_score_ > 0.9


def test_copies_select_alike():
    frame, y = pets()
    selector = ContributionSelector(make_pipeline(encoder(), LinearExplainer()), threshold="median").fit(frame, y)
    loaded = pickle.loads(pickle.dumps(selector))
    np.testing.assert_array_equal(loaded.transform(frame), selector.transform(frame))
    assert clone(selector).get_params()["threshold"] == "median"
    assert not hasattr(selector.estimator[-1], "mean_")


def test_resamples_keep_classes_in_proportion():
    class Counts(LinearExplainer):
        seen = []

        def fit(self, X, y, sample_weight=None):
            self.seen.append(np.bincount(y).tolist())
            return super().fit(X, y, sample_weight)

    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.repeat([0, 1], [8, 32])
    ContributionSelector(Counts(), n_resamples=5, random_state=0).fit(X, y)
    assert Counts.seen == [[8, 32]] + [[4, 16]] * 5


class Starts(LinearExplainer):
    """Explainer that notes the seeds of its own and of the network inside it."""

    seen = []

    def __init__(self, network=None, random_state=3):
        self.network, self.random_state, self.penalty = network, random_state, 1e-3

    def fit(self, X, y, sample_weight=None):
        self.seen.append((self.random_state, self.network.random_state))
        return super().fit(X, y, sample_weight)


def test_resamples_are_trained_from_other_seeds():
    table = np.random.default_rng(0).normal(size=(40, 2))
    explainer = Starts(MLPClassifier(random_state=7))
    for estimator in (explainer, make_pipeline(StandardScaler(), explainer)):
        Starts.seen.clear()
        selector = ContributionSelector(estimator, n_resamples=4, random_state=0)
        (own, *seeds), again = list(selector.fit(table, table[:, 0]) and Starts.seen), len(Starts.seen)
        assert own == (3, 7)
        assert len({seed for pair in seeds for seed in pair}) == 8
        selector.fit(table, table[:, 0])
        assert Starts.seen[again:] == [own, *seeds]
        assert explainer.get_params()["network__random_state"] == 7


def test_resamples_of_an_ensemble_and_of_a_trained_network():
    """A trained network has no seed to draw, and each member of an ensemble has one."""
    frame, y = pets()
    network = MLPClassifier((3,), max_iter=3, random_state=0)
    ensemble = VotingClassifier([("a", network), ("b", network)], voting="soft")
    encoded = encoder().fit_transform(frame)
    for estimator in (ensemble, FrozenEstimator(clone(network).fit(encoded, y > 0))):
        pipeline = make_pipeline(encoder(), DeepLiftExplainer(estimator))
        frequency = ContributionSelector(pipeline, n_resamples=2, random_state=0).fit(frame, y > 0).selection_frequency_
        assert frequency.shape == (5,)
        assert 0 < frequency.max() <= 1


def test_resamples_leave_rows_without_weight_out():
    class Weights(LinearExplainer):
        seen = []

        def fit(self, X, y, sample_weight=None):
            self.seen.append(sorted(sample_weight))
            return super().fit(X, y, sample_weight)

    table, weights = np.random.default_rng(0).normal(size=(40, 2)), np.repeat([0.0, 2.0], [30, 10])
    ContributionSelector(Weights(), n_resamples=3, random_state=0).fit(table, table[:, 0], sample_weight=weights)
    assert Weights.seen == [sorted(weights)] + [[2.0] * 5] * 3


X = pd.DataFrame(np.random.default_rng(0).normal(size=(10, 3)), columns=list("abc"))


@pytest.mark.parametrize(
    ("estimator", "parameters", "message"),
    [
        (LinearExplainer(), {"n_features_to_select": 4}, "n_features_to_select=4 is more than the 3 columns of X"),
        (LinearExplainer(), {"n_features_to_select": 0}, "'n_features_to_select' parameter"),
        (LinearExplainer(), {"n_features_to_select": 1.0}, "'n_features_to_select' parameter"),
        (LinearExplainer(), {"groups": "all"}, "'groups' parameter"),
        (LinearExplainer(), {"groups": {"a": ["a"], "b": ["b"]}}, "must have every column, but misses 'c'"),
        (LinearExplainer(), {"groups": ["a", "b", "d"]}, "names or positions of raw columns.*Got 'd'.*'a', 'b', 'c'"),
        (LinearExplainer(), {"groups": ["a", ("a", "b"), "c"]}, "the raw column 'a' twice"),
        (LinearExplainer(), {"threshold": "most"}, "threshold"),
        (LinearExplainer(), {"sample_fraction": 0.0}, "'sample_fraction' parameter"),
        (PCA(), {}, "selected by feature_importances_, and PCA has none"),
        (make_pipeline(StandardScaler(), PCA()), {}, "PCA has none"),
        (make_pipeline(PCA(), LinearExplainer()), {}, "it mixes columns"),
        (make_pipeline(OneHotEncoder(), LinearExplainer()), {}, "Sparse|sparse"),
    ],
)
def test_bad_input(estimator, parameters, message):
    selector = ContributionSelector(estimator, **parameters)
    before = dict(vars(selector))
    with pytest.raises((ValueError, TypeError), match=message):
        selector.fit(X, X["a"])
    assert vars(selector) == before


def test_a_failed_fit_changes_nothing():
    frame, y = pets()
    selector = ContributionSelector(make_pipeline(encoder(), LinearExplainer())).fit(frame, y)
    support = selector.get_support()
    with pytest.raises(ValueError, match="NaN"):
        selector.fit(frame.assign(age=np.nan), y)
    np.testing.assert_array_equal(selector.get_support(), support)
    assert selector.n_features_in_ == 5


def test_importances_of_contributions_of_contributions():
    """The two classes agree where nothing is encoded."""
    table = np.random.default_rng(0).normal(size=(50, 3))
    y = table @ [1.0, 2.0, 3.0]
    explainer = LinearExplainer().fit(table, y)
    importances = MeanAbsoluteImportance().fit(explainer.transform(table)).feature_importances_
    selector = ContributionSelector(LinearExplainer()).fit(table, y)
    np.testing.assert_allclose(selector.feature_importances_, importances, rtol=1e-12)


def scores_on_noise(selector, X, y, honest):
    """Accuracy of a classifier on the selected columns, selected inside cross-validation or before it."""
    classifier = LogisticRegression()
    if honest:
        return cross_val_score(make_pipeline(selector, classifier), X, y, cv=5).mean()
    return cross_val_score(classifier, selector.fit_transform(X, y), y, cv=5).mean()


@pytest.mark.slow
def test_selection_inside_cross_validation_is_honest():
    """On pure noise nothing can be predicted: a refit in each fold says so, a network that saw all rows does not."""
    explainer = DeepLiftExplainer(MLPClassifier((16,), max_iter=60, random_state=0))
    honest, leaking = [], []
    for seed in range(12):
        random = np.random.default_rng(seed)
        X, y = random.normal(size=(80, 400)).astype(np.float32), random.permutation(np.repeat([0, 1], 40))
        selector = ContributionSelector(explainer, n_features_to_select=20)
        honest.append(scores_on_noise(selector, X, y, True))
        leaking.append(scores_on_noise(selector, X, y, False))
    print(f"on noise: {np.mean(honest):.3f} selected in each fold, {np.mean(leaking):.3f} selected before")
    assert abs(np.mean(honest) - 0.5) <= 0.05
    assert np.mean(leaking) > np.mean(honest) + 0.1


def test_encoders_may_return_sparse_tables():
    frame = pd.DataFrame({"letter": list("abcdefghij") * 3, "digit": list("0123456789") * 3})
    y = np.arange(30) % 2
    encoder = ColumnTransformer([("letters", OneHotEncoder(), ["letter"]), ("digits", OneHotEncoder(), ["digit"])])
    assert scipy.sparse.issparse(encoder.fit_transform(frame))
    dense = clone(encoder).set_params(sparse_threshold=0)
    explainer = DeepLiftExplainer(MLPClassifier((3,), max_iter=5, random_state=0))
    expected, got = (ContributionSelector(make_pipeline(each, explainer)).fit(frame, y) for each in (dense, encoder))
    np.testing.assert_array_equal(got.feature_importances_, expected.feature_importances_)
    np.testing.assert_array_equal(got.transform(frame), expected.transform(frame))
    nested = ContributionSelector(make_pipeline(encoder, make_pipeline(StandardScaler(with_mean=False), explainer)))
    assert nested.fit(frame, y).feature_importances_.all()
    # Where the pipeline is the user's own, the error names the other way round.
    with pytest.raises(TypeError, match=r"explainer of make_pipeline\(encoder, model\)"):
        make_pipeline(encoder, explainer).fit(frame, y)
    DeepLiftExplainer(make_pipeline(encoder, explainer.estimator)).fit(frame, y).transform(frame)
