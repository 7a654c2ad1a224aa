import pickle

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.feature_selection import SelectFromModel
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeeplift import DeepLiftExplainer, MeanAbsoluteImportance
from skdeeplift.selection import mean_absolute_importance
from tests import further_checks

CONTRIBUTIONS = np.array([[0.5, 1.0, -1.0], [-1.5, 0.0, 2.0]])


@parametrize_with_checks([MeanAbsoluteImportance(), MeanAbsoluteImportance(groups=len, normalize=True)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", further_checks.NAMES)
def test_checks_that_are_not_run_by_themselves(name):
    further_checks.run_check(name, MeanAbsoluteImportance())


def test_by_hand():
    """Columns: (0.5 + 1.5) / 2 = 1, (1 + 0) / 2, (1 + 2) / 2; each with both rows half of their difference away."""
    fitted = MeanAbsoluteImportance().fit(CONTRIBUTIONS)
    np.testing.assert_array_equal(fitted.feature_importances_, [1.0, 0.5, 1.5])
    np.testing.assert_array_equal(fitted.feature_importances_std_, [0.5, 0.5, 0.5])
    assert fitted.n_samples_seen_ == 2
    np.testing.assert_array_equal(fitted.transform(CONTRIBUTIONS), np.abs(CONTRIBUTIONS))


def test_weights_by_hand():
    """Weights 3 and 1: (3 * 0.5 + 1 * 1.5) / 4 = 0.75, variance 3/4 * 1/4 * (1.5 - 0.5)**2 = 3/16."""
    fitted = MeanAbsoluteImportance().fit(CONTRIBUTIONS, sample_weight=[3, 1])
    np.testing.assert_allclose(fitted.feature_importances_, [0.75, 0.75, 1.25], rtol=1e-15)
    np.testing.assert_allclose(fitted.feature_importances_std_, np.sqrt([3 / 16] * 3), rtol=1e-15)


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        # Second group, row by row: |1 - 1| = 0 and |0 + 2| = 2; (1 + 1) / 2 and (0 + 2) / 2; sqrt(2) and 2.
        ("sum", [1.0, 1.0]),
        ("mean_absolute", [1.0, 1.0]),
        ("norm", [1.0, (np.sqrt(2) + 2) / 2]),
    ],
)
def test_within_a_group_by_hand(within, expected):
    fitted = MeanAbsoluteImportance(groups=["age", "pet", "pet"], within=within).fit(CONTRIBUTIONS)
    np.testing.assert_allclose(fitted.feature_importances_, expected, rtol=1e-15)
    assert fitted.groups_ == ["age", "pet"]
    np.testing.assert_array_equal(fitted.get_feature_names_out(), ["age", "pet"])
    second = {"sum": [0, 2], "mean_absolute": [1, 1], "norm": [np.sqrt(2), 2]}[within]
    np.testing.assert_allclose(fitted.transform(CONTRIBUTIONS), np.transpose([[0.5, 1.5], second]), rtol=1e-15)


def test_a_one_hot_column_counts_once():
    """f = 2 [cat] + 0 [dog] against half of each: a cat gets 1 and 0, a dog -1 and 0; the pet gets 1 either way."""
    one_hot = np.array([[1, 0], [0, 1], [1, 0]]) - 0.5
    fitted = MeanAbsoluteImportance(groups=["pet", "pet"]).fit(one_hot * [2, 0])
    assert fitted.feature_importances_ == [1.0]


@pytest.mark.parametrize(
    "groups",
    [
        ["b", "a", "b"],
        ("b", "a", "b"),
        np.array(["b", "a", "b"]),
        {"x": "b", "y": "a", "z": "b"},
        {0: "b", 1: "a", 2: "b"},
        {"x": "b", 1: "a", "z": "b"},
        {"b": ["x", "z"], "a": ["y"]},
        {"b": ["z", 0], "a": "y"},
        {"b": {0, 2}, "a": np.array([1])},
        {"x": "b", "y": "a", "z": "b"}.get,
    ],
)
def test_forms_of_groups(groups):
    frame = pd.DataFrame(CONTRIBUTIONS, columns=["x", "y", "z"], index=["first", "second"])
    transformer = MeanAbsoluteImportance(groups=groups).set_output(transform="pandas")
    table = transformer.fit_transform(frame)
    expected = pd.DataFrame({"b": [0.5, 0.5], "a": [1.0, 0.0]}, index=frame.index)
    pd.testing.assert_frame_equal(table, expected, check_column_type=False)
    np.testing.assert_array_equal(transformer.feature_importances_, [0.5, 0.5])
    assert transformer.groups_ == ["b", "a"]


def test_groups_that_are_not_next_to_each_other():
    contributions = np.random.default_rng(0).normal(size=(50, 7))
    labels = np.array([2, 0, 1, 2, 1, 0, 2])
    expected = [np.abs(contributions[:, labels == label].sum(1)).mean() for label in (2, 0, 1)]
    fitted = MeanAbsoluteImportance(groups=labels).fit(contributions)
    np.testing.assert_allclose(fitted.feature_importances_, expected, rtol=1e-14)


def test_images():
    contributions = np.random.default_rng(0).normal(size=(20, 4, 3, 2))
    fitted = MeanAbsoluteImportance().fit(contributions)
    np.testing.assert_allclose(fitted.feature_importances_, np.abs(contributions).mean(0), rtol=1e-14)
    np.testing.assert_allclose(fitted.feature_importances_std_, np.abs(contributions).std(0), rtol=1e-13)
    np.testing.assert_array_equal(fitted.transform(contributions), np.abs(contributions))
    with pytest.raises(ValueError, match=r"Only tables have feature names.*\(4, 3, 2\)"):
        fitted.get_feature_names_out()
    with config_context(transform_output="pandas"), pytest.raises(ValueError, match="set_output at its default"):
        fitted.transform(contributions)
    with pytest.raises(ValueError, match="set_output at its default"):
        fitted.set_output(transform="pandas").transform(contributions)
    with config_context(transform_output="pandas"):
        np.testing.assert_array_equal(
            fitted.set_output(transform="default").transform(contributions), np.abs(contributions)
        )


def test_segments_of_images():
    contributions = np.random.default_rng(0).normal(size=(20, 2, 3))
    segments = [["sky", "sky", "tree"], ["sky", "tree", "tree"]]
    fitted = MeanAbsoluteImportance(groups=segments).fit(contributions)
    sky = contributions[:, [0, 0, 1], [0, 1, 0]].sum(1)
    np.testing.assert_allclose(fitted.transform(contributions)[:, 0], np.abs(sky), rtol=1e-14)
    np.testing.assert_array_equal(fitted.get_feature_names_out(), ["sky", "tree"])


def classes():
    return np.random.default_rng(0).normal(size=(30, 4, 3))


def test_classes_are_averaged_or_kept_apart():
    contributions = classes()
    each = np.abs(contributions).mean(0)
    fitted = MeanAbsoluteImportance(n_classes=3).fit(contributions)
    np.testing.assert_allclose(fitted.feature_importances_, each.mean(1), rtol=1e-14)
    by_class = MeanAbsoluteImportance(n_classes=3, by_class=True).fit(contributions)
    np.testing.assert_allclose(by_class.feature_importances_, each, rtol=1e-14)
    np.testing.assert_allclose(by_class.feature_importances_std_, np.abs(contributions).std(0), rtol=1e-13)
    assert by_class.get_feature_names_out()[:4].tolist() == ["x0__0", "x0__1", "x0__2", "x1__0"]
    np.testing.assert_array_equal(by_class.transform(contributions), np.abs(contributions).reshape(30, 12))
    normalized = MeanAbsoluteImportance(n_classes=3, by_class=True, normalize=True).fit(contributions)
    np.testing.assert_allclose(normalized.feature_importances_, each / each.sum(0), rtol=1e-14)


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("groups", [None, ["u", "v", "u", "u"]])
def test_classes_in_columns(by_class, groups):
    contributions = classes()
    columns = [f"{name}__{label}" for name in "abcd" for label in ("cat", "dog", "tiger")]
    frame = pd.DataFrame(contributions.reshape(30, 12), columns=columns)
    parameters = dict(groups=groups, n_classes=3, by_class=by_class)
    expected = MeanAbsoluteImportance(**parameters).fit(contributions)
    of_frame = MeanAbsoluteImportance(**parameters).set_output(transform="pandas").fit(frame)
    of_array = MeanAbsoluteImportance(**parameters).fit(frame.to_numpy())
    for fitted in (of_frame, of_array):
        np.testing.assert_allclose(fitted.feature_importances_, expected.feature_importances_, rtol=1e-14)
        np.testing.assert_allclose(fitted.transform(frame), expected.transform(contributions), rtol=1e-14)
    names = list("abcd") if groups is None else ["u", "v"]
    if by_class:
        names = [f"{name}__{label}" for name in names for label in ("cat", "dog", "tiger")]
    assert of_frame.get_feature_names_out().tolist() == names == list(of_frame.transform(frame).columns)
    assert len(of_array.get_feature_names_out()) == len(names)


def test_groups_by_names_of_features_with_classes():
    frame = pd.DataFrame(
        classes().reshape(30, 12), columns=[f"{name}__{label}" for name in "abcd" for label in range(3)]
    )
    by_name = MeanAbsoluteImportance(n_classes=3, groups={"a": 0, "b": 1, "c": 0, "d": 0}).fit(frame)
    by_position = MeanAbsoluteImportance(n_classes=3, groups=[0, 1, 0, 0]).fit(frame)
    np.testing.assert_array_equal(by_name.feature_importances_, by_position.feature_importances_)


def test_classes_of_images():
    contributions = np.random.default_rng(0).normal(size=(10, 4, 3, 2))
    fitted = MeanAbsoluteImportance(n_classes=2, by_class=True).fit(contributions)
    assert fitted.feature_importances_.shape == (4, 3, 2)
    assert fitted.transform(contributions).shape == contributions.shape
    mean = MeanAbsoluteImportance(n_classes=2).fit(contributions)
    np.testing.assert_allclose(mean.feature_importances_, np.abs(contributions).mean((0, 3)), rtol=1e-14)
    assert mean.transform(contributions).shape == (10, 4, 3)


def test_normalized_importances_sum_to_one():
    fitted = MeanAbsoluteImportance(normalize=True).fit(CONTRIBUTIONS)
    np.testing.assert_allclose(fitted.feature_importances_, [1 / 3, 1 / 6, 1 / 2], rtol=1e-15)
    np.testing.assert_allclose(fitted.feature_importances_std_, [1 / 6] * 3, rtol=1e-15)
    nothing = MeanAbsoluteImportance(normalize=True).fit(np.zeros((3, 2)))
    np.testing.assert_array_equal(nothing.feature_importances_, [0, 0])


@settings(deadline=None, max_examples=60)
@given(
    cuts=st.lists(st.integers(1, 199), max_size=12, unique=True),
    offset=st.sampled_from([0.0, 1.0, 1e6, 1e9]),
    weighted=st.booleans(),
    seed=st.integers(0, 5),
)
def test_chunks_do_not_matter(cuts, offset, weighted, seed):
    """Also for numbers of which only the last digits differ, where sums of squares would lose them."""
    random = np.random.default_rng(seed)
    contributions = offset + random.normal(size=(200, 5))
    weights = random.uniform(0, 3, 200) * random.integers(0, 2, 200) + 1e-3 if weighted else None
    whole = MeanAbsoluteImportance().fit(contributions, sample_weight=weights)
    chunked = MeanAbsoluteImportance()
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), 200], strict=True):
        chunked.partial_fit(
            contributions[start:stop], sample_weight=weights if weights is None else weights[start:stop]
        )
    np.testing.assert_allclose(chunked.feature_importances_, whole.feature_importances_, rtol=1e-12)
    # The numbers themselves are known to eps * offset.
    tolerance = 1e-12 + 4 * np.finfo(float).eps * offset
    np.testing.assert_allclose(chunked.feature_importances_std_, whole.feature_importances_std_, rtol=tolerance)
    expected = np.sqrt(np.cov(np.abs(contributions).T, aweights=weights, ddof=0).diagonal())
    np.testing.assert_allclose(whole.feature_importances_std_, expected, rtol=1e-10 + tolerance)
    assert chunked.n_samples_seen_ == 200


def test_large_tables_are_cut(monkeypatch):
    contributions = np.random.default_rng(0).normal(size=(101, 6)).astype(np.float32)
    whole = MeanAbsoluteImportance().fit(contributions)
    monkeypatch.setattr(mean_absolute_importance, "BATCH_ELEMENTS", 6 * 7)
    cut = MeanAbsoluteImportance().fit(contributions)
    np.testing.assert_allclose(cut.feature_importances_, whole.feature_importances_, rtol=1e-14)
    np.testing.assert_allclose(cut.feature_importances_std_, whole.feature_importances_std_, rtol=1e-13)


def test_single_precision_is_added_up_in_double():
    contributions = np.full((1_000_000, 1), 0.1, np.float32)
    fitted = MeanAbsoluteImportance().fit(contributions)
    np.testing.assert_allclose(fitted.feature_importances_, float(np.float32(0.1)), rtol=1e-13)
    assert fitted.transform(contributions[:2]).dtype == np.float32


def test_weights_are_repetitions():
    contributions = np.random.default_rng(0).normal(size=(10, 3))
    weights = np.array([0, 1, 2, 3, 1, 0, 1, 2, 1, 1])
    weighted = MeanAbsoluteImportance().fit(contributions, sample_weight=weights)
    repeated = MeanAbsoluteImportance().fit(np.repeat(contributions, weights, 0))
    np.testing.assert_allclose(weighted.feature_importances_, repeated.feature_importances_, rtol=1e-14)
    np.testing.assert_allclose(weighted.feature_importances_std_, repeated.feature_importances_std_, rtol=1e-13)


def test_chunks_of_zero_weight_change_nothing():
    fitted = MeanAbsoluteImportance().partial_fit(CONTRIBUTIONS).partial_fit(9 * CONTRIBUTIONS, sample_weight=[0, 0])
    np.testing.assert_array_equal(fitted.feature_importances_, [1.0, 0.5, 1.5])


def test_selectors_of_scikit_learn_take_the_importances():
    fitted = MeanAbsoluteImportance().fit(CONTRIBUTIONS)
    X = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(SelectFromModel(fitted, prefit=True).transform(X), X[:, [0, 2]])
    selector = SelectFromModel(MeanAbsoluteImportance(), max_features=1).fit(CONTRIBUTIONS)
    np.testing.assert_array_equal(selector.get_support(), [False, False, True])


def test_behind_an_explainer():
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    rows = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    explainer = DeepLiftExplainer(model, target="all")
    pipeline = make_pipeline(explainer, MeanAbsoluteImportance(n_classes=3, groups=["u", "v", "v", "u"])).fit(rows)
    contributions = explainer.fit(rows).transform(rows).reshape(20, 4, 3).astype(np.float64)
    sums = np.stack([contributions[:, [0, 3]].sum(1), contributions[:, [1, 2]].sum(1)], 1)
    np.testing.assert_allclose(pipeline[-1].feature_importances_, np.abs(sums).mean((0, 2)), rtol=1e-12)
    single = MeanAbsoluteImportance(n_classes=3).fit(explainer.transform(rows))
    np.testing.assert_allclose(single.feature_importances_, explainer.feature_importances_, rtol=1e-6)


def test_copies_continue_alike():
    fitted = MeanAbsoluteImportance(groups=["a", "b", "b"]).fit(CONTRIBUTIONS)
    loaded = pickle.loads(pickle.dumps(fitted)).partial_fit(CONTRIBUTIONS)
    np.testing.assert_allclose(loaded.feature_importances_, fitted.feature_importances_, rtol=1e-15)
    assert loaded.n_samples_seen_ == 4
    assert clone(fitted).get_params() == fitted.get_params()


def test_later_parameters_count_from_the_next_fit():
    fitted = MeanAbsoluteImportance().fit(CONTRIBUTIONS).set_params(groups=["a", "b", "b"], normalize=True)
    np.testing.assert_array_equal(fitted.partial_fit(CONTRIBUTIONS).feature_importances_, [1.0, 0.5, 1.5])
    assert fitted.transform(CONTRIBUTIONS).shape == (2, 3)
    assert fitted.fit(CONTRIBUTIONS).transform(CONTRIBUTIONS).shape == (2, 2)


FRAME = pd.DataFrame(CONTRIBUTIONS, columns=["x", "y", "z"])


@pytest.mark.parametrize(
    ("parameters", "X", "message"),
    [
        (
            {"groups": ["a", "b"]},
            FRAME,
            r"one label for each column, an array of shape \(3,\)\. Got an array of shape \(2,\)",
        ),
        ({"groups": {"x": "a", "z": "b"}}, FRAME, r"must have every column, but misses 'y'"),
        ({"groups": {"a": ["x"]}}, FRAME, r"misses 'y', 'z'"),
        ({"groups": {"a": ["x", "y"], "b": ["y", "z"]}}, FRAME, "has the column 'y' twice"),
        ({"groups": {"a": ["x", "y", "unknown"]}}, FRAME, "the column 'unknown', which does not exist.*'x', 'y', 'z'"),
        ({"groups": {"a": [0, 1, 3]}}, FRAME, "the column 3, which does not exist"),
        ({"groups": lambda name: [name]}, FRAME, "hashable labels.*list"),
        ({"groups": {0: "a"}}, np.zeros((2, 2, 2)), "names only for the columns of a table"),
        ({"groups": [["a", "b"]]}, np.zeros((2, 2, 2)), r"shape \(2, 2\)\. Got an array of shape \(1, 2\)"),
        ({"by_class": True}, FRAME, "by_class=True needs contributions to several classes. Pass n_classes="),
        ({"n_classes": 2}, FRAME, r"multiple of 2, or a last axis of 2. Got contributions of shape \(2, 3\)"),
        ({"n_classes": 2}, np.zeros((2, 2, 3)), r"shape \(2, 2, 3\)"),
        ({"n_classes": 3}, pd.DataFrame(np.ones((2, 6)), columns=list("abcdef")), "'feature__class'"),
        ({"n_classes": 0}, FRAME, "'n_classes' parameter"),
        ({"within": "product"}, FRAME, "'within' parameter"),
        ({}, FRAME * np.nan, "contains NaN"),
    ],
)
def test_bad_input(parameters, X, message):
    transformer = MeanAbsoluteImportance(**parameters)
    before = dict(vars(transformer))
    with pytest.raises(ValueError, match=message):
        transformer.fit(X)
    assert vars(transformer) == before


def test_classes_before_features():
    columns = [f"{name}__{label}" for label in range(3) for name in "ab"]
    with pytest.raises(ValueError, match="feature by feature"):
        MeanAbsoluteImportance(n_classes=3).fit(pd.DataFrame(np.ones((2, 6)), columns=columns))


def test_bad_chunks_change_nothing():
    images = np.ones((2, 3, 4))
    fitted = MeanAbsoluteImportance().partial_fit(images)
    for bad in (np.ones((2, 3, 5)), np.ones((2, 4, 3)), np.full((2, 3, 4), np.inf)):
        with pytest.raises(ValueError, match=r"shape|features|infinity"):
            fitted.partial_fit(bad)
    with pytest.raises(ValueError, match="Negative"):
        fitted.partial_fit(images, sample_weight=[1, -1])
    assert fitted.n_samples_seen_ == 2
    np.testing.assert_array_equal(fitted.partial_fit(3 * images).feature_importances_, np.full((3, 4), 2.0))
    with pytest.raises(ValueError, match="only zeros"):
        MeanAbsoluteImportance().fit(images, sample_weight=[0, 0])


def test_lazy_contributions_without_rows():
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        MeanAbsoluteImportance().fit(da.zeros((0, 3), chunks=(1, 3)))
