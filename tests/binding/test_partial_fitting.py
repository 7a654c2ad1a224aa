"""Fitting chunk by chunk equals fitting once, where all rows are kept."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import DeepLiftExplainer, GradientExplainer
from skdeeplift.references import Constant
from tests.advice.following import follow
from tests.binding.networks import ROWS, table_network

WEIGHTS = np.linspace(0.0, 2.0, len(ROWS))
CHUNKS = [slice(0, 11), slice(11, 12), slice(12, None)]


def fitted_in_chunks(explainer, X=ROWS, weights=None):
    for chunk in CHUNKS:
        rows = {name: array[chunk] for name, array in X.items()} if isinstance(X, dict) else X[chunk]
        assert explainer.partial_fit(rows, sample_weight=None if weights is None else weights[chunk]) is explainer
    return explainer


def halves(X):
    return X[:, None] / 2


@pytest.mark.sampled(6)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("reference", ["mean", "minimum", "sample", "zeros", 0.5, halves, Constant("mean")])
def test_chunks_give_what_all_rows_give(reference, weights):
    explainer = DeepLiftExplainer(table_network(), reference=reference, max_references=50, random_state=0)
    expected = clone(explainer).fit(ROWS, sample_weight=weights)
    chunked = fitted_in_chunks(explainer, weights=weights)
    np.testing.assert_allclose(chunked.transform(ROWS), expected.transform(ROWS), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(chunked.feature_importances_, expected.feature_importances_, rtol=1e-4)
    copied = pickle.loads(pickle.dumps(chunked)).partial_fit(ROWS)
    np.testing.assert_array_equal(copied.transform(ROWS[:2]), chunked.partial_fit(ROWS).transform(ROWS[:2]))


def test_importances_are_of_a_sample_of_all_chunks_until_another_fit():
    """Each row has one column that is not zero, so that importances count the rows of the sample."""
    layers = [keras.Input((40,)), keras.layers.Dense(1, kernel_initializer="ones")]
    explainer = GradientExplainer(keras.Sequential(layers), max_samples=7, random_state=0)
    rows = np.eye(40, dtype=np.float32)
    kept = np.flatnonzero(fitted_in_chunks(explainer, rows).feature_importances_)
    np.testing.assert_allclose(explainer.feature_importances_[kept], 1 / 7)
    assert len(kept) == 7
    assert kept.max() >= 12
    explainer.fit(rows[:20]).partial_fit(rows[30:35])
    np.testing.assert_array_equal(np.flatnonzero(explainer.feature_importances_), np.arange(30, 35))


def test_several_inputs_and_encoders():
    inputs = [keras.Input((4,), name="a"), keras.Input((4,), name="b")]
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(3, "tanh")(inputs[0]) * inputs[1][:, :3]))
    X = {"a": ROWS, "b": ROWS[::-1]}
    for reference in ("mean", "sample", {"a": "mean", "b": "held"}):
        explainer = DeepLiftExplainer(model, reference=reference, random_state=0)
        expected = clone(explainer).fit(X).transform(X)
        chunked = fitted_in_chunks(explainer, X).transform(X)
        for name in X:
            np.testing.assert_allclose(chunked[name], expected[name], rtol=1e-4, atol=1e-5)
    frame = pd.DataFrame(ROWS, columns=list("abcd"))
    explainer = DeepLiftExplainer(make_pipeline(StandardScaler().fit(frame), table_network()))
    expected = clone(explainer).fit(frame).transform(frame)
    np.testing.assert_allclose(fitted_in_chunks(explainer, frame).transform(frame), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="feature names should match"):
        explainer.partial_fit(frame[["b", "a", "c", "d"]])


def test_a_chunk_that_fails_changes_nothing():
    explainer = DeepLiftExplainer(table_network()).partial_fit(ROWS[:5])
    before, state = explainer.transform(ROWS), dict(vars(explainer))
    with pytest.raises(ValueError, match="NaN"):
        explainer.partial_fit(np.full((3, 4), np.nan))
    assert vars(explainer) == state
    np.testing.assert_array_equal(explainer.transform(ROWS), before)
    series = DeepLiftExplainer(keras.Sequential([keras.Input((None, 2)), keras.layers.LSTM(2), keras.layers.Dense(1)]))
    series.partial_fit(np.zeros((2, 3, 2)))
    with pytest.raises(ValueError, match=r"X has shape \(2, 4, 2\), but the network .* takes \(n_rows, 3, 2\)"):
        series.partial_fit(np.zeros((2, 4, 2)))


@pytest.mark.advice
def test_references_that_need_all_rows():
    explainer = DeepLiftExplainer(table_network(), reference="median")
    assert not hasattr(explainer, "partial_fit")
    advice = 'Pass reference="mean", "minimum", "sample" or one that learns nothing, such as "zeros", or call fit'

    def with_cause():
        try:
            explainer.partial_fit(ROWS)
        except AttributeError as error:
            raise error.__cause__ from None

    following = [
        lambda reference=reference: clone(explainer).set_params(reference=reference).partial_fit(ROWS).transform(ROWS)
        for reference in ("mean", "minimum", "sample", "zeros")
    ]
    follow(advice, with_cause, *following, lambda: clone(explainer).fit(ROWS).transform(ROWS))
    per_row = np.zeros((len(ROWS), 1, 4))
    follow(
        "Pass references that all rows share, or call fit with all rows",
        lambda: DeepLiftExplainer(table_network(), reference=per_row).partial_fit(ROWS),
        lambda: DeepLiftExplainer(table_network(), reference=per_row[0]).partial_fit(ROWS).transform(ROWS),
        lambda: DeepLiftExplainer(table_network(), reference=per_row).fit(ROWS).transform(ROWS),
    )


def test_untrained_estimators_have_none():
    with pytest.raises(AttributeError) as caught:
        DeepLiftExplainer(MLPClassifier()).partial_fit(ROWS)
    assert "trains its estimator in fit" in str(caught.value.__cause__)
