"""Tests of the base of all explainers: scikit-learn's conventions, and errors on bad input."""

import copy
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import layers
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import DeepLiftExplainer
from skdeeplift.exceptions import (
    ModelFileError,
    ModelFileNotFoundError,
    UnsupportedOpError,
)

ROWS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
IMAGES = np.random.default_rng(0).normal(size=(6, 5, 5, 2)).astype(np.float32)


def classifier(outputs=1, activation="sigmoid"):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(outputs, activation=activation),
        ]
    )


def image_network():
    return keras.Sequential(
        [
            keras.Input((5, 5, 2)),
            keras.layers.Conv2D(3, 2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )


@pytest.fixture(scope="module")
def fitted():
    return DeepLiftExplainer(classifier()).fit(ROWS)


def test_pipeline_and_selection():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(1, activation="sigmoid")])
    selector = SelectFromModel(DeepLiftExplainer(model), max_features=5, threshold=-np.inf)
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), selector, LogisticRegression()).fit(X, y)
    importances = DeepLiftExplainer(model).fit(StandardScaler().fit_transform(X)).feature_importances_
    chosen = set(selector.get_feature_names_out()) if hasattr(selector, "estimator_") else None
    chosen = set(pipeline[1].get_feature_names_out(X.columns))
    assert chosen == set(X.columns[np.argsort(-importances)[:5]])
    assert pipeline.score(X, y) > 0.7


def test_select_from_model_with_nothing_else_said():
    support = SelectFromModel(DeepLiftExplainer(classifier())).fit(ROWS).get_support()
    assert 0 < support.sum() < 4


def test_fit_transform_equals_fit_and_transform(fitted):
    np.testing.assert_array_equal(DeepLiftExplainer(fitted.estimator).fit_transform(ROWS), fitted.transform(ROWS))


def test_images():
    explainer = DeepLiftExplainer(image_network()).fit(IMAGES)
    assert explainer.transform(IMAGES).shape == IMAGES.shape
    assert explainer.feature_importances_.shape == IMAGES.shape[1:]
    assert not hasattr(explainer, "n_features_in_")
    with pytest.raises(ValueError, match=r"Only tables have feature names.*\(n_rows, 5, 5, 2\)"):
        explainer.get_feature_names_out()


def test_clone_shares_the_network(fitted):
    copied = clone(DeepLiftExplainer(fitted.estimator, reference=ROWS[:2]).set_output(transform="pandas"))
    assert copied.estimator is fitted.estimator
    assert not hasattr(copied, "network_")
    assert copied.reference is not ROWS
    assert isinstance(copied.fit(ROWS).transform(ROWS), pd.DataFrame)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda explainer: pickle.loads(pickle.dumps(explainer))])
def test_copies_explain_as_the_original(fitted, duplicate):
    np.testing.assert_allclose(duplicate(fitted).transform(ROWS), fitted.transform(ROWS), rtol=1e-6)


def test_rows_are_not_changed(fitted):
    rows = ROWS.copy()
    fitted.transform(rows)
    fitted.explain(rows, multipliers=True)
    np.testing.assert_array_equal(rows, ROWS)


def test_not_fitted():
    for method in ("transform", "explain", "get_feature_names_out"):
        with pytest.raises(NotFittedError):
            getattr(DeepLiftExplainer(classifier()), method)(*([ROWS] if method != "get_feature_names_out" else []))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rule": "unknown"}, "'rule' parameter of DeepLiftExplainer must be a str among "),
        ({"reference": "unknown"}, "'mean'"),
        (
            {"reference": np.zeros(3)},
            r"shape \(3,\)\. Expected \(4,\), \(n_references, 4\) or \(n_rows, n_references, 4\)",
        ),
        ({"reference": np.zeros((7, 2, 4))}, r"separate references for each of 7 rows\. Got 20 rows"),
        ({"reference": np.full(4, np.nan)}, "holds NaN"),
        ({"reference": [["a", "b", "c", "d"]]}, "no array of numbers"),
        ({"target": 3}, "out of range"),
        ({"target": "unknown"}, "'auto'"),
        ({"target": (0, 1)}, "an integer from 0 to 0"),
        ({"check": "sometimes"}, "'check' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"max_references": 0}, "'max_references' parameter"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        DeepLiftExplainer(classifier(), **parameters).fit(ROWS)


def test_several_linear_outputs_need_a_choice():
    with pytest.raises(ValueError, match=r"target='auto' cannot choose among the network's 3 outputs"):
        DeepLiftExplainer(classifier(3, "linear")).fit(ROWS)
    with pytest.raises(ValueError, match="cannot choose"):
        DeepLiftExplainer(classifier(3, "sigmoid")).fit(ROWS)
    DeepLiftExplainer(classifier(3, "linear"), target="predicted").fit(ROWS)


def test_several_outputs():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [keras.layers.Dense(1)(inputs), keras.layers.Dense(1)(inputs)])
    with pytest.raises(ValueError, match="2 outputs"):
        DeepLiftExplainer(model).fit(ROWS)


def test_bad_files(tmp_path):
    with pytest.raises(ModelFileNotFoundError):
        DeepLiftExplainer(tmp_path / "none.keras").fit(ROWS)
    classifier().save(tmp_path / "whole.keras")
    content = (tmp_path / "whole.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.h5").write_text("no model")
    for name in ("cut.keras", "text.h5"):
        with pytest.raises(ModelFileError):
            DeepLiftExplainer(tmp_path / name).fit(ROWS)
    explained = DeepLiftExplainer(tmp_path / "whole.keras").fit(ROWS).transform(ROWS)
    np.testing.assert_allclose(explained, DeepLiftExplainer(classifier()).fit(ROWS).transform(ROWS), rtol=1e-6)


def test_no_model():
    with pytest.raises(TypeError, match=r"takes a keras\.Model"):
        DeepLiftExplainer(LogisticRegression()).fit(ROWS)


def test_op_without_a_rule():
    spectrum = keras.layers.Lambda(lambda x: tf.linalg.eigvalsh(x[..., None] * x[..., None, :]), name="spectrum")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), spectrum])
    with pytest.raises(
        UnsupportedOpError,
        match=r"DeepLiftExplainer has no rule for the op 'SelfAdjointEigV2' \(.*layer 'spectrum'.*matrix decomposition",
    ):
        DeepLiftExplainer(model, target=0).fit(ROWS)


def test_network_with_one_batch_size():
    model = keras.Sequential(
        [keras.Input(batch_shape=(8, 4)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1)]
    )
    free = keras.Sequential([keras.Input((4,)), *model.layers])
    expected = DeepLiftExplainer(free, reference=ROWS[:3]).fit(ROWS).transform(ROWS)
    np.testing.assert_allclose(
        DeepLiftExplainer(model, reference=ROWS[:3]).fit(ROWS).transform(ROWS), expected, rtol=1e-4, atol=1e-6
    )


def test_output_without_an_axis():
    inputs = keras.Input((4,))
    probability = keras.layers.Dense(1, activation="sigmoid")(inputs)
    model = keras.Model([inputs], keras.ops.squeeze(probability, -1))
    per_row = np.zeros((5, 2, 4))
    explanation = DeepLiftExplainer(model, reference=per_row).fit(ROWS[:5]).explain(ROWS[:5])
    weights = model.layers[1].get_weights()[0][:, 0]
    np.testing.assert_allclose(explanation.contributions, ROWS[:5] * weights, rtol=1e-5, atol=1e-6)


def test_verbose_shows_a_bar(fitted, capsys):
    DeepLiftExplainer(fitted.estimator, verbose=1).fit(ROWS).transform(ROWS)
    assert "Explaining" in capsys.readouterr().err


def test_a_random_op_is_named():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x + tf.random.normal(tf.shape(x)))])
    with pytest.raises(UnsupportedOpError, match=r"RandomStandardNormal.*random or has state"):
        DeepLiftExplainer(model, target=0).fit(ROWS)


def test_a_branch_that_other_rows_choose_is_an_error():
    def choose(x):
        return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.tanh(x), lambda: x)

    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(choose)])
    with pytest.raises(ValueError, match="output for a row depends on the other rows of its batch"):
        DeepLiftExplainer(model, target=0).fit(ROWS)
    # The advice: each row by itself.
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: tf.map_fn(choose, x))])
    DeepLiftExplainer(model, target=0, check="raise").fit(ROWS).transform(ROWS)


def test_a_condition_in_a_vectorised_map_is_an_error_with_advice():
    def choose(row):
        return tf.cond(tf.reduce_sum(row) > 0, lambda: tf.tanh(row), lambda: row)

    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: tf.vectorized_map(choose, x))])
    with pytest.raises(UnsupportedOpError, match=r"use tf.map_fn or tf.where instead"):
        DeepLiftExplainer(model, target=0).fit(ROWS)


def test_branches_are_not_advised_to_be_integrated():
    inputs = keras.Input((4,))
    chosen = keras.layers.Lambda(
        lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: tf.tanh(x), lambda: -x[:, :2])[:, :2], output_shape=(2,)
    )
    with pytest.raises(UnsupportedOpError, match="the condition is known only when the network runs") as error:
        DeepLiftExplainer(keras.Model(inputs, keras.layers.Dense(1)(chosen(inputs))), unsupported="integrate").fit(ROWS)
    assert "pass unsupported" not in str(error.value)


class Repeats(layers.Layer):
    """Takes as many steps as the input says."""

    def call(self, inputs):
        return tf.while_loop(lambda x: tf.reduce_sum(x) < 100.0, lambda x: [2.0 * x + 1.0], [inputs])[0]


@pytest.mark.parametrize(
    ("between", "message"),
    [
        (layers.Lambda(lambda x: x + tf.random.normal([3])), "random or has state"),
        (Repeats(), r"The number of iterations of the op '.*While' .* depends on the values"),
        (
            layers.Lambda(lambda x: tf.boolean_mask(x, x > 0)[:, None] * x),
            r"'Where' .*: the size of its result depends on",
        ),
    ],
)
def test_networks_that_cannot_be_explained(between, message):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(1)(between(layers.Dense(3)(inputs))))
    with pytest.raises(UnsupportedOpError, match=message):
        DeepLiftExplainer(model).fit(np.random.default_rng(0).normal(size=(4, 3)))


def test_html_is_short_and_links_to_the_documentation(fitted):
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(1000)])
    explainer = DeepLiftExplainer(model, reference=np.zeros((100, 1000)))
    html = explainer._repr_html_()
    assert len(html) < 60_000
    assert "skdeeplift.DeepLiftExplainer.html" in html
    assert "not fitted" in html.lower()
    assert "fitted" in fitted._repr_html_()


def test_parameters_of_calls_count_from_the_next_call(fitted, capsys):
    explainer = DeepLiftExplainer(fitted.estimator).fit(ROWS)
    expected = explainer.transform(ROWS)
    np.testing.assert_allclose(explainer.set_params(batch_size=3).transform(ROWS), expected, rtol=1e-5, atol=1e-6)
    assert "Explaining" not in capsys.readouterr().err
    explainer.set_params(verbose=1).transform(ROWS)
    assert "Explaining" in capsys.readouterr().err
