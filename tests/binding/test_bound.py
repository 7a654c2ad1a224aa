import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeeplift import DeepLiftExplainer, GradientExplainer
from skdeeplift.binding import bound
from tests.binding.networks import IRIS, MLP, NAMES, ROWS, SPECIES, folded_layer, table_network

PAIRS = np.zeros((3, 2))


def table(outputs=2):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="hidden"), keras.layers.Dense(outputs)])


def two_inputs(form):
    inputs = {name: keras.Input((2,), name=name) for name in ("one", "other")}
    joined = keras.layers.Dense(1)(keras.layers.Concatenate()(list(inputs.values())))
    return keras.Model(inputs if form is dict else list(inputs.values()), joined)


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"target": 0}, ["x0", "x1"]),
        ({"target": "all"}, ["x0__0", "x0__1", "x1__0", "x1__1"]),
        ({"target": "all", "class_names": ["no", "yes"]}, ["x0__no", "x0__yes", "x1__no", "x1__yes"]),
        ({"target": 1, "layer": "hidden"}, ["hidden_0", "hidden_1", "hidden_2"]),
    ],
)
def test_columns_of_a_table(parameters, names):
    explainer = GradientExplainer(table(), **parameters).fit(PAIRS)
    assert explainer.get_feature_names_out().tolist() == names
    assert explainer.transform(PAIRS).shape == (3, len(names))


def test_given_names_are_checked():
    explainer = GradientExplainer(table(1)).fit(PAIRS)
    assert explainer.get_feature_names_out(["a", "b"]).tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="2"):
        explainer.get_feature_names_out(["a"])
    with pytest.raises(NotFittedError):
        GradientExplainer(table()).get_feature_names_out()


def test_what_is_no_table_has_no_columns():
    several = GradientExplainer(table(1), layer=["hidden"]).fit(PAIRS)
    with pytest.raises(ValueError, match=r"Only tables have feature names.*layer=\['hidden'\]"):
        several.get_feature_names_out()
    [array] = several.transform(PAIRS)
    assert array.shape == (3, 3)


@pytest.mark.parametrize("form", [dict, list])
def test_contributions_come_in_the_form_of_the_rows(form):
    explainer, rows = GradientExplainer(two_inputs(form)), {"one": PAIRS, "other": PAIRS}
    given = rows if form is dict else list(rows.values())
    assert type(explainer.fit(given).transform(given)) is form
    # Also where a network of a list is given a dict.
    assert set(explainer.transform(rows)) == {"one", "other"}


def test_frames_keep_names_and_index():
    frame = pd.DataFrame(ROWS, columns=list("abcd"), index=np.arange(100, 130))
    explainer = DeepLiftExplainer(table_network(activation="sigmoid")).set_output(transform="pandas").fit(frame)
    np.testing.assert_array_equal(explainer.feature_names_in_, list("abcd"))
    np.testing.assert_array_equal(explainer.get_feature_names_out(), list("abcd"))
    table = explainer.transform(frame)
    assert list(table.columns) == list("abcd")
    assert table.index.equals(frame.index)
    explanation = explainer.explain(frame)
    np.testing.assert_array_equal(explanation.feature_names, list("abcd"))
    assert explanation.index.equals(frame.index)
    np.testing.assert_array_equal(explanation.contributions, table)


def test_later_parameters_count_from_the_next_fit(fitted):
    explainer = DeepLiftExplainer(fitted.estimator).fit(ROWS).set_params(pre_activation=False)
    for copied in (explainer, pickle.loads(pickle.dumps(explainer))):
        np.testing.assert_allclose(copied.transform(ROWS), fitted.transform(ROWS), rtol=1e-6)
    assert not np.allclose(explainer.fit(ROWS).transform(ROWS), fitted.transform(ROWS))


def test_targets_by_label(by_name):
    predicted = by_name.explain(IRIS)
    assert set(predicted.target) <= set(NAMES)
    np.testing.assert_array_equal(predicted.target, by_name.predict(IRIS))
    rows = by_name.explain(IRIS, target=NAMES[SPECIES])
    np.testing.assert_array_equal(rows.target, NAMES[SPECIES])
    np.testing.assert_allclose(rows.contributions, by_name.transform(IRIS, target=NAMES[SPECIES]))
    np.testing.assert_allclose(rows.contributions[-1], by_name.explain(IRIS[-1:], target="virginica").contributions[0])
    difference = by_name.explain(IRIS, target={"setosa": 1, "virginica": -1}).contributions
    first, third = (by_name.explain(IRIS, target=name).contributions for name in ("setosa", "virginica"))
    np.testing.assert_allclose(difference, first - third, atol=1e-12)
    with pytest.raises(ValueError, match=r"class 'rose', which is none of \['setosa'"):
        by_name.explain(IRIS, target="rose")
    with pytest.raises(ValueError, match="fit an explainer with target='all'"):
        by_name.transform(IRIS, target="all")


@pytest.fixture(scope="module")
def of_two():
    return DeepLiftExplainer(MLP).fit(IRIS, np.where(SPECIES > 0, "yes", "no"))


def test_two_classes_and_one_logit(of_two):
    """The logit is that of the second class, and its negative that of the first."""
    as_it_is = of_two.transform(IRIS)
    np.testing.assert_array_equal(of_two.explain(IRIS, target="yes").contributions, as_it_is)
    np.testing.assert_array_equal(of_two.explain(IRIS, target="no").contributions, -as_it_is)
    rows = np.where(np.arange(len(IRIS)) % 2, "yes", "no")
    signs = np.where(np.arange(len(IRIS)) % 2, 1, -1)[:, None]
    explanation = of_two.explain(IRIS, target=rows)
    np.testing.assert_array_equal(explanation.contributions, signs * as_it_is)
    np.testing.assert_allclose(explanation.convergence_delta, 0, atol=1e-9)
    weighted = of_two.explain(IRIS, target={"yes": 2.0, "no": 0.5}).contributions
    np.testing.assert_allclose(weighted, 1.5 * as_it_is, rtol=1e-12)


def test_classes_name_columns():
    explainer = DeepLiftExplainer(MLP, target="all").set_output(transform="pandas").fit(IRIS, NAMES[SPECIES])
    table = explainer.transform(IRIS[3:5])
    assert table.columns[:3].tolist() == [f"sepal length (cm)__{name}" for name in NAMES]
    assert table.index.tolist() == [3, 4]
    assert explainer.explain(IRIS[:2]).class_names.tolist() == NAMES.tolist()
    # Of a bound network they are given.
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    explainer = DeepLiftExplainer(model, target="all", class_names=NAMES).fit(IRIS)
    assert explainer.get_feature_names_out()[1] == "sepal length (cm)__versicolor"
    single = explainer.explain(IRIS, target="versicolor").contributions
    np.testing.assert_allclose(single, explainer.explain(IRIS).contributions[..., 1], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"class_names= has 2 names, but .* shape \(3,\)"):
        DeepLiftExplainer(model, class_names=["a", "b"]).fit(IRIS)


def test_contributions_go_back_to_raw_columns():
    frame = pd.DataFrame({"no": 1.0, "kind": np.where(IRIS.iloc[:, 0] > 6, "long", "short"), "width": IRIS.iloc[:, 1]})
    encoder = ColumnTransformer([("scaled", StandardScaler(), ["width"]), ("one", OneHotEncoder(), ["kind"])])
    pipeline = make_pipeline(encoder, MLP)
    encoded = DeepLiftExplainer(pipeline, target="all", to_source=False).fit(frame, SPECIES).explain(frame)
    explainer = DeepLiftExplainer(pipeline, target="all").set_output(transform="pandas").fit(frame, SPECIES)
    explanation = explainer.explain(frame)
    by_hand = np.zeros((len(frame), 3, 3))
    by_hand[:, 1] = encoded.contributions[:, 1] + encoded.contributions[:, 2]
    by_hand[:, 2] = encoded.contributions[:, 0]
    np.testing.assert_allclose(explanation.contributions, by_hand, atol=1e-12)
    assert explanation.feature_names.tolist() == ["no", "kind", "width"]
    assert explanation.X is frame
    assert explainer.transform(frame).columns.tolist()[3:5] == ["kind__0", "kind__1"]
    np.testing.assert_allclose(explainer.feature_importances_, np.abs(by_hand).mean((0, 2)), atol=1e-12)
    np.testing.assert_allclose(explanation.convergence_delta, 0, atol=1e-9)
    with pytest.raises(ValueError, match="have no multipliers"):
        explainer.explain(frame, multipliers=True)
    with pytest.raises(ValueError, match=r"PCA.*it mixes columns\. Pass to_source=False"):
        DeepLiftExplainer(make_pipeline(PCA(2), MLP), to_source=True).fit(IRIS, SPECIES)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda explainer: pickle.loads(pickle.dumps(explainer))])
def test_pickle_and_copy(by_name, duplicate):
    copied = duplicate(by_name)
    np.testing.assert_array_equal(copied.transform(IRIS), by_name.transform(IRIS))
    np.testing.assert_array_equal(copied.predict(IRIS), by_name.predict(IRIS))
    assert copied.network_.model is not by_name.network_.model


def test_pickle_keeps_the_precision():
    single = IRIS.to_numpy(np.float32)
    explainer = DeepLiftExplainer(MLPClassifier((6,), max_iter=5, solver="lbfgs", random_state=0)).fit(single, SPECIES)
    assert pickle.loads(pickle.dumps(explainer)).transform(single).dtype == np.float32
    assert explainer.transform(single).dtype == np.float32


def test_pickles_are_small():
    """They hold the weights, and the rows of fit only until importances are computed from these."""
    wide = np.random.RandomState(0).normal(size=(20, 500))
    mlp = MLPClassifier((100,), max_iter=2, random_state=0)
    model = keras.Sequential([keras.Input((500,)), keras.layers.Dense(100, activation="relu"), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(wide, np.eye(2)[np.arange(20) % 2], verbose=0)
    for explainer, size_of_rows in (
        (DeepLiftExplainer(mlp, reference="zeros").fit(wide, np.arange(20) % 2), wide.nbytes),
        (DeepLiftExplainer(model, target=0).fit(wide), wide.nbytes // 2),
    ):
        estimator = getattr(explainer, "estimator_", None)
        weights = model.get_weights() if estimator is None else estimator.coefs_ + estimator.intercepts_
        size = sum(array.nbytes for array in weights)
        assert len(pickle.dumps(explainer)) < 1.1 * size + size_of_rows
        explainer.feature_importances_  # noqa: B018
        assert len(pickle.dumps(explainer)) < 1.1 * size


def test_hashes_are_those_of_what_is_explained(by_name):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    explainer = DeepLiftExplainer(model, target=0)
    assert joblib.hash(explainer) == joblib.hash(clone(explainer)) == joblib.hash(copy.deepcopy(explainer))
    before = joblib.hash(explainer)
    model.layers[0].set_weights([np.ones((4, 2)), np.zeros(2)])
    assert joblib.hash(explainer) != before
    assert joblib.hash(by_name) == joblib.hash(pickle.loads(pickle.dumps(by_name)))


def test_threads_share_what_is_compiled(by_name):
    explainer, expected, compiled = copy.deepcopy(by_name), by_name.transform(IRIS), []
    hooks = explainer.bound_.hooks

    def make_method(*arguments):
        compiled.append(arguments)
        return hooks.make_method(*arguments)

    explainer.bound_.hooks = hooks._replace(make_method=make_method)
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(explainer.transform, [IRIS] * 6))
    for result in results:
        np.testing.assert_array_equal(result, expected)
    assert len(compiled) == 1


def test_units_of_several_entries_of_a_row_are_no_table():
    explainer, rows = folded_layer()
    assert explainer.transform(rows).shape == (4, 5, 4)
    with pytest.raises(ValueError, match="Only tables have feature names"):
        explainer.get_feature_names_out()
    assert explainer.explain(rows).feature_names is None


def test_class_names_that_are_floating_point_numbers():
    """An array of floats then holds a class for each row, wherever rows are cut."""
    explainer = DeepLiftExplainer(table_network(3, "softmax"), class_names=[0.0, 0.5, 1.0]).fit(ROWS)
    target = np.arange(30) % 3 / 2
    expected = explainer.transform(ROWS, target=np.arange(30) % 3 / 2)
    by_index = DeepLiftExplainer(explainer.estimator).fit(ROWS).transform(ROWS, target=np.arange(30) % 3)
    np.testing.assert_allclose(expected, by_index, rtol=1e-6)
    got = explainer.transform(iter(np.split(ROWS, 3)), target=target)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_few_targets_stay_compiled(monkeypatch):
    """Those used last do, so that functions in turn are compiled once; all objects of the others are freed."""
    monkeypatch.setattr(bound, "MOST_COMPILED", 3)
    explainer = DeepLiftExplainer(table_network(2), reference=ROWS[:3], target=0).fit(ROWS)
    made = []
    hooks = explainer.bound_.hooks

    def make_method(*arguments):
        made.append(weakref.ref(hooks.make_method(*arguments)))
        return made[-1]()

    explainer.bound_.hooks = hooks._replace(make_method=make_method)
    functions = [lambda output, factor=factor: output[:, 0] * factor for factor in range(1, 7)]
    graphs = []
    for function in functions:
        explainer.transform(ROWS, target=function)
        explainer.transform(ROWS, target=functions[0])
        graphs.append(weakref.ref(explainer.bound_.compiled(function).method.graph))
    assert len(made) == len(functions)
    np.testing.assert_allclose(
        explainer.transform(ROWS, target=functions[2]), 3 * explainer.transform(ROWS), rtol=1e-5, atol=1e-6
    )
    gc.collect()
    assert sum(method() is not None for method in made) <= 3
    assert sum(graph() is not None for graph in graphs) <= 3


@pytest.mark.parametrize(
    ("target", "change"),
    [
        ({0: 1.0}, lambda target: target.update({0: 5.0, 1: 2.0})),
        ([1.0, 0.0], lambda target: target.append(3.0)),
        (np.array([1.0, 0.0]), lambda target: target.fill(7.0)),
    ],
)
def test_target_that_is_changed_after_fit(target, change):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    rows = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    expected = DeepLiftExplainer(model, target=0, reference="zeros").fit(rows).transform(rows)
    fitted = DeepLiftExplainer(model, target=target, reference="zeros").fit(rows)
    change(target)
    for explainer in (fitted, pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_allclose(explainer.transform(rows), expected, rtol=1e-6)


@pytest.mark.parametrize("names", [["a", "a"], np.array([1, 1]), ("a", "a")])
def test_names_of_classes_that_are_not_different(names):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="class_names= takes one name for each class, and each name once"):
        DeepLiftExplainer(model, target=0, class_names=names).fit(np.ones((2, 3)))


def test_a_single_output_has_one_name_or_those_of_two_classes():
    model = table(1)
    one = DeepLiftExplainer(model, class_names=["price"]).fit(PAIRS)
    assert one.explain(PAIRS).class_names.tolist() == ["price"]
    as_it_is = one.explain(PAIRS + 1).contributions
    for target in ("price", 0, np.array([0, 0, 0]), np.array(["price"] * 3)):
        np.testing.assert_array_equal(one.explain(PAIRS + 1, target=target).contributions, as_it_is)
    two = DeepLiftExplainer(model, class_names=["no", "yes"], target="all").fit(PAIRS)
    explanation = two.explain(PAIRS)
    assert explanation.class_names.tolist() == ["no", "yes"]
    # The output stands for the second.
    assert set(explanation.to_frame()["class"]) == {"yes"}
    assert two.get_feature_names_out().tolist() == ["x0__yes", "x1__yes"]
    with pytest.raises(ValueError, match="class_names= has 3 names"):
        DeepLiftExplainer(model, class_names=["a", "b", "c"]).fit(PAIRS)


def test_one_of_several_outputs_has_its_name():
    inputs = keras.Input((2,))
    heads = {"price": keras.layers.Dense(1)(inputs), "kind": keras.layers.Dense(3, "softmax")(inputs)}
    model = keras.Model(inputs, heads)
    assert DeepLiftExplainer(model, output="price").fit(PAIRS).explain(PAIRS).class_names.tolist() == ["price"]
    assert DeepLiftExplainer(model, output="kind").fit(PAIRS).explain(PAIRS).class_names is None
    named = DeepLiftExplainer(model, output="price", class_names=["euros"]).fit(PAIRS)
    assert named.explain(PAIRS).class_names.tolist() == ["euros"]


def test_functions_of_outputs_need_no_names_of_classes():
    explainer = DeepLiftExplainer(table_network(3, "softmax"), class_names=["a", "b", "c"]).fit(ROWS)
    of_function = explainer.explain(ROWS, target=lambda outputs: 2 * outputs[:, 1])
    of_class = explainer.set_params(pre_activation=False).fit(ROWS).explain(ROWS, target="b")
    np.testing.assert_allclose(of_function.contributions, 2 * of_class.contributions, rtol=1e-4, atol=1e-6)
