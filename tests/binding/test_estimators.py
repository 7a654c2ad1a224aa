"""Predictions, scores and tags of the trained estimator, and attributes of estimators."""

import keras
import numpy as np
import pytest
import sklearn
from keras.wrappers import SKLearnClassifier
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skdeeplift import DeepLiftExplainer, MeanAbsoluteImportance
from skdeeplift.binding.estimators import restore_on_error, with_attributes
from skdeeplift.network.trained import steps_of

X, Y = make_classification(60, 5, n_informative=2, n_redundant=0, shuffle=False, random_state=0)
MLP = MLPClassifier((5,), max_iter=30, random_state=0)


def bound():
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])


def test_predictions_are_those_of_the_estimator():
    explainer = DeepLiftExplainer(MLP).fit(X, Y)
    np.testing.assert_array_equal(explainer.predict(X), explainer.estimator_.predict(X))
    np.testing.assert_array_equal(explainer.predict_proba(X), explainer.estimator_.predict_proba(X))
    weights = np.arange(60.0)
    assert explainer.score(X, Y, weights) == explainer.estimator_.score(X, Y, weights)
    search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {}, cv=2)
    assert hasattr(DeepLiftExplainer(search), "decision_function")


def test_only_what_the_estimator_has():
    assert not hasattr(DeepLiftExplainer(MLP), "decision_function")
    assert not hasattr(DeepLiftExplainer(MLPRegressor()), "predict_proba")
    for name in ("predict", "predict_proba", "decision_function", "score"):
        assert not hasattr(DeepLiftExplainer(bound()), name)
    with pytest.raises(AttributeError, match="no attribute 'predict'"):
        DeepLiftExplainer(bound()).predict(X)


@pytest.mark.slow
def test_features_are_selected_by_scores():
    explainer = DeepLiftExplainer(clone(MLP).set_params(max_iter=200))
    assert permutation_importance(explainer.fit(X, Y), X, Y, random_state=0).importances_mean[:2].max() > 0.05
    for selector in (
        RFE(explainer, n_features_to_select=3),
        SequentialFeatureSelector(explainer, n_features_to_select=1, cv=2),
        SelectFromModel(explainer, max_features=2, threshold=-np.inf),
    ):
        selected = selector.fit(X, Y).get_support()
        assert 0 < selected.sum() < 5
    assert RFECV(explainer, cv=2, min_features_to_select=4).fit(X, Y).n_features_ >= 4
    # Only the first two columns tell the classes apart.
    assert SelectFromModel(explainer, max_features=1, threshold=-np.inf).fit(X, Y).get_support()[:2].any()


def test_a_bound_network_says_how_to_be_refitted():
    with pytest.raises(ValueError, match=r"4 features, but the network bound .* takes 5.*unfitted estimator"):
        RFE(DeepLiftExplainer(bound()), n_features_to_select=2).fit(X, Y)


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("make", [lambda: MLP, bound], ids=["trained", "bound"])
def test_search_for_parameters(make, n_jobs):
    pipeline = Pipeline(
        [
            ("select", SelectFromModel(DeepLiftExplainer(make()), max_features=2, threshold=-np.inf)),
            ("classify", LogisticRegression()),
        ]
    )
    choices = {
        "select__estimator__rule": ["rescale", "reveal_cancel"],
        "select__estimator__reference": ["mean", "sample"],
        "select__estimator__max_references": [5],
    }
    search = GridSearchCV(pipeline, choices, cv=2, n_jobs=n_jobs, error_score="raise").fit(X, Y)
    assert len(search.cv_results_["mean_test_score"]) == 4
    assert search.best_params_["select__estimator__max_references"] == 5


def test_metadata_is_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        mlp = clone(MLP).set_fit_request(sample_weight=True)
        explainer = DeepLiftExplainer(mlp).set_fit_request(sample_weight=True, target=True)
        explainer.set_transform_request(target=True)
        last = LogisticRegression().set_fit_request(sample_weight=False)
        pipeline = Pipeline([("explain", explainer), ("classify", last)])
        weights = np.linspace(0, 1, 60)
        fitted = pipeline.fit(X, Y, sample_weight=weights, target=Y)
    alone = DeepLiftExplainer(MLP).fit(X, Y, sample_weight=weights, target=Y)
    np.testing.assert_allclose(fitted[0].feature_importances_, alone.feature_importances_)
    np.testing.assert_allclose(fitted[0].transform(X, target=Y), alone.transform(X, target=Y))


class Noted(MLPClassifier):
    """A perceptron that notes what its `fit` gets."""

    def fit(self, X, y, sample_weight=None, groups=None):
        self.got_ = sample_weight, groups
        return super().fit(X, y)


def test_weights_are_routed_by_the_requests_of_both():
    """The explainer consumes its own metadata only, and the estimator gets what it has requested."""
    weights, groups = np.linspace(0, 1, 60), np.arange(60)
    noted = Noted((2,), max_iter=2, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        for of_estimator in (True, False):
            inner = clone(noted).set_fit_request(sample_weight=of_estimator, groups=True)
            scaler = StandardScaler().set_fit_request(sample_weight=False)
            for each in (inner, make_pipeline(scaler, inner)):
                explainer = DeepLiftExplainer(each)
                explainer.fit(X, Y, sample_weight=weights, groups=groups)
                got = steps_of(explainer.estimator_)[1].got_
                assert (got[0] is weights, got[1] is groups) == (of_estimator, True)
            own = explainer.references_.arrays[0]
            np.testing.assert_allclose(own[0], np.average(StandardScaler().fit_transform(X), 0, weights), atol=1e-9)
            explainer.set_fit_request(sample_weight=False)
            if of_estimator:
                explainer.fit(X, Y, sample_weight=weights)
                np.testing.assert_allclose(explainer.references_.arrays[0], 0, atol=1e-9)
            else:
                with pytest.raises(TypeError, match="not routed to any object"):
                    explainer.fit(X, Y, sample_weight=weights)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            DeepLiftExplainer(noted).fit(X, Y, sample_weight=weights)
        with pytest.raises(TypeError, match="unexpected argument"):
            DeepLiftExplainer(inner).fit(X, Y, other=weights)
        selector = SelectFromModel(DeepLiftExplainer(inner).set_fit_request(sample_weight=True))
        assert selector.fit(X, Y, groups=groups).estimator_.estimator_.got_[1] is groups
    explainer = DeepLiftExplainer(noted).fit(X, Y, sample_weight=weights)
    assert explainer.estimator_.got_[0] is weights


def test_metadata_that_nothing_takes():
    for explainer in (DeepLiftExplainer(bound()), DeepLiftExplainer(MLP)):
        with pytest.raises(TypeError, match=r"DeepLiftExplainer.fit\(\) got the metadata groups=.*set_fit_request"):
            explainer.fit(X, Y, groups=Y)


def test_a_pipeline_that_ends_in_a_network_has_the_tags_of_its_encoder():
    explainer = DeepLiftExplainer(make_pipeline(SimpleImputer().fit(X), bound()))
    tags = get_tags(explainer)
    assert tags.input_tags.allow_nan
    assert not tags.input_tags.three_d_array
    assert not tags.target_tags.required
    assert not hasattr(explainer.fit(X), "estimator_")
    for name in ("predict", "score"):
        assert not hasattr(explainer, name)


def test_tags_are_those_of_the_estimator():
    tags = get_tags(DeepLiftExplainer(MLP))
    assert tags.estimator_type == "classifier"
    assert tags.target_tags.required
    assert not tags.classifier_tags.multi_label
    assert get_tags(DeepLiftExplainer(MLP, target="all")).classifier_tags.multi_label
    assert get_tags(DeepLiftExplainer(make_pipeline(StandardScaler(), MLPRegressor()))).estimator_type == "regressor"
    assert get_tags(DeepLiftExplainer(bound())).estimator_type is None
    assert not get_tags(DeepLiftExplainer(bound())).target_tags.required


def test_attributes_come_back_after_an_error():
    estimator = MeanAbsoluteImportance().fit([[1.0]])
    before = dict(vars(estimator))
    with pytest.raises(KeyboardInterrupt), restore_on_error(estimator):  # noqa: PT012
        estimator.groups_, estimator.other_ = "changed", 1
        raise KeyboardInterrupt
    assert vars(estimator) == before
    with restore_on_error(estimator):
        estimator.other_ = 1
    assert estimator.other_ == 1


def test_a_copy_has_other_attributes_and_shares_all_others():
    class Counted:
        def __init__(self):
            self.parts, self.number = [], 1

        def __copy__(self):
            raise AssertionError("copied by the class")

    value = Counted()
    copied = with_attributes(value, number=2)
    assert (value.number, copied.number) == (1, 2)
    assert copied.parts is value.parts


def test_weights_are_routed_to_wrappers_of_keras():
    """All weight is on the first class, which the network then predicts everywhere."""

    def build(X, y):
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, "softmax", kernel_initializer="zeros")])
        model.compile(keras.optimizers.SGD(10.0), "categorical_crossentropy")
        return model

    weights = np.where(Y == 0, 1.0, 0.0)
    wrapper = SKLearnClassifier(build, fit_kwargs={"epochs": 5, "verbose": 0})
    with sklearn.config_context(enable_metadata_routing=True):
        with pytest.raises(UnsetMetadataPassedError, match="SKLearnClassifier"):
            DeepLiftExplainer(wrapper).fit(X, Y, sample_weight=weights)
        wrapper.set_fit_request(sample_weight=True)
        keras.utils.set_random_seed(0)
        explainer = DeepLiftExplainer(wrapper).fit(X, Y, sample_weight=weights)
    assert (np.asarray(explainer.network_.model(X)).argmax(1) == 0).mean() > 0.9
