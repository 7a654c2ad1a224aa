"""What all explainers share: scikit-learn's conventions, and errors on bad input."""

import copy
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf
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


def test_frames_keep_names_and_index():
    frame = pd.DataFrame(ROWS, columns=list("abcd"), index=np.arange(100, 120))
    explainer = DeepLiftExplainer(classifier()).set_output(transform="pandas").fit(frame)
    np.testing.assert_array_equal(explainer.feature_names_in_, list("abcd"))
    np.testing.assert_array_equal(explainer.get_feature_names_out(), list("abcd"))
    table = explainer.transform(frame)
    assert list(table.columns) == list("abcd")
    assert table.index.equals(frame.index)
    explanation = explainer.explain(frame)
    np.testing.assert_array_equal(explanation.feature_names, list("abcd"))
    assert explanation.index.equals(frame.index)
    np.testing.assert_array_equal(explanation.contributions, table)


def test_fit_transform_equals_fit_and_transform(fitted):
    np.testing.assert_array_equal(DeepLiftExplainer(fitted.estimator).fit_transform(ROWS), fitted.transform(ROWS))


def test_fitting_twice_equals_fitting_once(fitted):
    again = DeepLiftExplainer(fitted.estimator).fit(ROWS[:3]).fit(ROWS)
    np.testing.assert_array_equal(again.transform(ROWS), fitted.transform(ROWS))


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


def test_failed_fit_leaves_the_estimator_as_it_was(fitted):
    explainer = DeepLiftExplainer(classifier()).fit(ROWS)
    before = explainer.transform(ROWS)
    state = dict(vars(explainer))
    with pytest.raises(ValueError, match="NaN"):
        explainer.fit(np.full((3, 4), np.nan))
    with pytest.raises(ValueError, match="features"):
        explainer.fit(np.zeros((3, 7)))
    assert vars(explainer) == state
    np.testing.assert_array_equal(explainer.transform(ROWS), before)


def test_rows_are_not_changed(fitted):
    rows = ROWS.copy()
    fitted.transform(rows)
    fitted.explain(rows, multipliers=True)
    np.testing.assert_array_equal(rows, ROWS)


def test_per_row_references_at_explain(fitted):
    references = np.random.default_rng(1).normal(size=(20, 3, 4)).astype(np.float32)
    together = fitted.explain(ROWS, reference=references)
    single = fitted.explain(ROWS[[7]], reference=references[[7]])
    np.testing.assert_allclose(together.contributions[[7]], single.contributions, rtol=1e-5, atol=1e-6)
    zeros = fitted.explain(ROWS, reference="zeros")
    np.testing.assert_array_equal(zeros.contributions, fitted.explain(ROWS, reference=np.zeros(4)).contributions)


def test_not_fitted():
    for method in ("transform", "explain", "get_feature_names_out"):
        with pytest.raises(NotFittedError):
            getattr(DeepLiftExplainer(classifier()), method)(*([ROWS] if method != "get_feature_names_out" else []))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((3, 5)), "X has 5 features, but DeepLiftExplainer is expecting 4"),
        (np.zeros((3, 4, 1)), "Found array with dim 3"),
        (np.zeros(4), "Expected 2D array, got 1D"),
        (np.full((3, 4), np.inf), "infinity"),
        (np.full((3, 4), np.nan), "NaN"),
        (np.zeros((0, 4)), "Found array with 0 sample"),
        ([["a", "b", "c", "d"]], "could not convert string to float"),
    ],
)
def test_bad_rows(fitted, rows, message):
    with pytest.raises(ValueError, match=message):
        fitted.transform(rows)


def test_sparse_rows(fitted):
    for method in (fitted.transform, DeepLiftExplainer(classifier()).fit):
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            method(scipy.sparse.csr_matrix(ROWS))


def test_network_of_another_width():
    with pytest.raises(ValueError, match=r"X has 7 features, but the network bound to DeepLiftExplainer takes 4\."):
        DeepLiftExplainer(classifier()).fit(np.zeros((3, 7)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((3, 5, 5)), r"X has shape \(3, 5, 5\), but the network .* takes \(n_rows, 5, 5, 2\)"),
        (np.zeros((3, 5, 4, 2)), r"X has shape \(3, 5, 4, 2\)"),
        (np.full((3, 5, 5, 2), np.nan), "NaN"),
        (np.zeros((0, 5, 5, 2)), "0 sample"),
    ],
)
def test_bad_images(rows, message):
    with pytest.raises(ValueError, match=message):
        DeepLiftExplainer(image_network()).fit(rows)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rule": "unknown"}, "'rule' parameter of DeepLiftExplainer must be a str among "),
        ({"reference": "unknown"}, "'mean'"),
        (
            {"reference": np.zeros(3)},
            r"shape \(3,\)\. Expected \(4,\), \(n_references, 4\) or \(n_rows, n_references, 4\)",
        ),
        ({"reference": np.zeros((7, 2, 4))}, r"one set of references per row, for 7 rows\. Got 20 rows"),
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
    with pytest.raises(ValueError, match=r"target='auto' can not choose among the network's 3 outputs"):
        DeepLiftExplainer(classifier(3, "linear")).fit(ROWS)
    with pytest.raises(ValueError, match="can not choose"):
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
    product = keras.layers.Lambda(lambda x: keras.ops.prod(x, axis=1, keepdims=True), name="product")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), product])
    with pytest.raises(
        UnsupportedOpError, match=r"DeepLiftExplainer has no rule for the op 'Prod' \(.*layer 'product'.*many varying"
    ):
        DeepLiftExplainer(model, target=0).fit(ROWS)


def test_wrong_rows_in_per_row_references(fitted):
    explainer = DeepLiftExplainer(fitted.estimator, reference=np.zeros((20, 2, 4))).fit(ROWS)
    with pytest.raises(ValueError, match="references of their own for 20 rows, and X has 3"):
        explainer.transform(ROWS[:3])


def test_learned_reference_at_explain(fitted):
    with pytest.raises(ValueError, match=r"reference='mean' is learned in fit"):
        fitted.explain(ROWS, reference="mean")


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


def test_later_parameters_count_from_the_next_fit(fitted):
    explainer = DeepLiftExplainer(fitted.estimator).fit(ROWS).set_params(pre_activation=False)
    for copied in (explainer, pickle.loads(pickle.dumps(explainer))):
        np.testing.assert_allclose(copied.transform(ROWS), fitted.transform(ROWS), rtol=1e-6)
    assert not np.allclose(explainer.fit(ROWS).transform(ROWS), fitted.transform(ROWS))


def test_references_are_copied(fitted):
    references = ROWS[:3].copy()
    explainer = DeepLiftExplainer(fitted.estimator, reference=references).fit(ROWS)
    before = explainer.transform(ROWS)
    references += 5
    np.testing.assert_array_equal(explainer.transform(ROWS), before)


def test_columns_of_a_reference_are_compared():
    frame = pd.DataFrame(ROWS, columns=list("abcd"))
    with pytest.raises(ValueError, match="feature names should match"):
        DeepLiftExplainer(classifier(), reference=frame[list("dcba")][:2]).fit(frame)


def test_refit_on_images_forgets_the_table():
    explainer = DeepLiftExplainer(classifier()).fit(pd.DataFrame(ROWS, columns=list("abcd")))
    explainer.set_params(estimator=image_network()).fit(IMAGES)
    assert not hasattr(explainer, "n_features_in_")
    assert not hasattr(explainer, "feature_names_in_")


def test_verbose_shows_a_bar(fitted, capsys):
    DeepLiftExplainer(fitted.estimator, verbose=1).fit(ROWS)
    assert "Explaining" in capsys.readouterr().err


def test_a_random_op_is_named():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x + tf.random.normal(tf.shape(x)))])
    with pytest.raises(UnsupportedOpError, match=r"RandomStandardNormal.*random or has state"):
        DeepLiftExplainer(model, target=0).fit(ROWS)


def test_a_branch_that_values_choose_is_an_error():
    def choose(x):
        return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.tanh(x), lambda: x)

    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(choose)])
    with pytest.raises(UnsupportedOpError, match=r"If.*which branch is taken is known only when the network runs"):
        DeepLiftExplainer(model, target=0).fit(ROWS)


def test_random_numbers_by_place_in_the_batch_are_named():
    inputs = keras.Input((4,))
    noisy = keras.layers.Lambda(lambda x: x * tf.random.stateless_uniform(tf.shape(x), (1, 2)), output_shape=(4,))
    with pytest.raises(ValueError, match=r"look for the op 'StatelessRandomUniformV2' .* where in the batch a row is"):
        DeepLiftExplainer(keras.Model(inputs, keras.layers.Dense(1)(noisy(inputs)))).fit(ROWS)


def test_branches_are_not_advised_to_be_integrated():
    inputs = keras.Input((4,))
    chosen = keras.layers.Lambda(
        lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: tf.tanh(x), lambda: -x), output_shape=(4,)
    )
    with pytest.raises(UnsupportedOpError, match="which branch is taken") as error:
        DeepLiftExplainer(keras.Model(inputs, keras.layers.Dense(1)(chosen(inputs))), unsupported="integrate").fit(ROWS)
    assert "integrate" not in str(error.value)


def test_rows_of_several_lengths():
    with pytest.raises(TypeError, match="rows of one length"):
        DeepLiftExplainer(classifier()).fit([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0]])
