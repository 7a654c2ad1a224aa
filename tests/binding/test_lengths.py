import pickle

import dask.array as da
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer, IntegratedGradientsExplainer, OcclusionExplainer
from skdeeplift.binding import lengths
from skdeeplift.metrics import infidelity

GENERATOR = np.random.default_rng(0)
SHORT, LONG = (GENERATOR.normal(size=(6, length, 2)).astype(np.float32) for length in (5, 7))
SHORT_TOKENS, LONG_TOKENS = (GENERATOR.integers(1, 9, (6, length)) for length in (5, 7))


@pytest.fixture(scope="module")
def series_network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((None, 2)), layers.LSTM(3, name="memory"), layers.Dense(1)])


@pytest.fixture(scope="module")
def token_network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None,), dtype="int32")
    looked_up = layers.Embedding(9, 3, mask_zero=True, name="embedding")(inputs)
    return keras.Model(inputs, layers.Dense(1)(layers.LSTM(3)(looked_up)))


@pytest.mark.sampled(6)
@pytest.mark.parametrize(
    "reference",
    [
        "zeros",
        0.5,
        "blur",
        lambda X, random_state: X[:, None] / 2,
        lambda X, random_state: random_state.normal(size=(len(X), 3, *X.shape[1:])),
    ],
)
def test_references_without_a_length(series_network, reference):
    explainer, expected = (
        DeepLiftExplainer(series_network, reference=reference, random_state=0).fit(rows) for rows in (SHORT, LONG)
    )
    before = explainer.transform(SHORT)
    np.testing.assert_array_equal(explainer.transform(LONG), expected.transform(LONG))
    got, wanted = explainer.explain(LONG), expected.explain(LONG)
    np.testing.assert_array_equal(got.contributions, wanted.contributions)
    np.testing.assert_array_equal(got.reference_value, wanted.reference_value)
    np.testing.assert_array_equal(explainer.transform(SHORT), before)
    copied = pickle.loads(pickle.dumps(explainer)) if not callable(reference) else explainer
    np.testing.assert_allclose(copied.transform(LONG), wanted.contributions, rtol=1e-6)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("explainer_class", [GradientExplainer, IntegratedGradientsExplainer, OcclusionExplainer])
def test_other_methods_take_rows_of_another_length(series_network, explainer_class):
    options = {} if explainer_class is GradientExplainer else {"reference": "zeros"}
    explainer, expected = (explainer_class(series_network, **options).fit(rows) for rows in (SHORT, LONG))
    np.testing.assert_array_equal(explainer.transform(LONG), expected.transform(LONG))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("reference", ["mean", "sample", "permuted", np.zeros((5, 2)), np.zeros((1, 5, 2))])
@pytest.mark.advice
def test_references_with_a_length(series_network, reference):
    explainer = DeepLiftExplainer(series_network, reference=reference).fit(SHORT)
    with pytest.raises(ValueError, match=r"takes rows of this length, but reference=.* has another length"):
        explainer.transform(LONG)
    # The advice.
    given = explainer.explain(LONG, reference=np.zeros((7, 2))).contributions
    zeros = DeepLiftExplainer(series_network, reference="zeros").fit(SHORT)
    np.testing.assert_allclose(given, zeros.transform(LONG), rtol=1e-6)


def test_axes_of_known_size_stay(series_network):
    explainer = DeepLiftExplainer(series_network, reference="zeros").fit(SHORT)
    with pytest.raises(ValueError, match=r"X has shape \(6, 7, 3\), but the network bound to DeepLiftExplainer takes"):
        explainer.transform(np.zeros((6, 7, 3)))


def test_tokens_of_another_length_are_explained_as_after_a_fit_to_them(token_network, tmp_path):
    explainer, expected = (
        DeepLiftExplainer(token_network, reference="zeros").fit(rows) for rows in (SHORT_TOKENS, LONG_TOKENS)
    )
    wanted = expected.transform(LONG_TOKENS)
    np.testing.assert_array_equal(explainer.transform(LONG_TOKENS), wanted)
    named = explainer.explain(pd.DataFrame(LONG_TOKENS, columns=list("abcdefg")))
    np.testing.assert_array_equal(named.contributions, wanted)
    assert list(named.feature_names) == list("abcdefg")
    np.testing.assert_array_equal(explainer.transform(iter([LONG_TOKENS[:2], LONG_TOKENS[2:]])), wanted)
    for rows in (LONG_TOKENS, iter([LONG_TOKENS[:2], LONG_TOKENS[2:]])):
        np.testing.assert_array_equal(explainer.transform(rows, out=np.zeros((6, 7), np.float32)), wanted)
    with pytest.raises(ValueError, match=r"out= has shape \(6, 7, 1\). Expected \(n_rows, any\)"):
        explainer.transform(iter([LONG_TOKENS]), out=np.zeros((6, 7, 1), np.float32))
    np.save(tmp_path / "rows.npy", LONG_TOKENS)
    np.testing.assert_array_equal(explainer.transform(np.load(tmp_path / "rows.npy", mmap_mode="r")), wanted)
    lazily = explainer.transform(da.from_array(LONG_TOKENS, chunks=(4, 7)))
    np.testing.assert_allclose(lazily.compute(), wanted, rtol=1e-5, atol=1e-7)
    assert explainer.n_features_in_ == 5
    assert infidelity(explainer, LONG_TOKENS, random_state=0) == infidelity(expected, LONG_TOKENS, random_state=0)


@pytest.mark.slow
def test_layers_take_rows_of_another_length(token_network):
    explainer, expected = (
        DeepLiftExplainer(token_network, reference="zeros", layer="embedding").fit(rows)
        for rows in (SHORT_TOKENS, LONG_TOKENS)
    )
    np.testing.assert_array_equal(explainer.transform(LONG_TOKENS), expected.transform(LONG_TOKENS))


def test_networks_of_some_lengths_are_kept(series_network, monkeypatch):
    monkeypatch.setattr(lengths, "MOST_LENGTHS", 2)
    explainer = GradientExplainer(series_network).fit(SHORT)
    for length in (3, 4, 6, 7):
        explainer.transform(np.zeros((1, length, 2)))
    assert list(explainer.bound_.of_lengths) == [((None, 6, 2),), ((None, 7, 2),)]


class Series(keras.Model):
    def __init__(self):
        super().__init__()
        self.memory, self.output_layer = layers.LSTM(3), layers.Dense(1)

    def call(self, x):
        return self.output_layer(self.memory(x))


def test_network_that_declares_nothing():
    model = Series()
    model(SHORT[:1])
    explainer, expected = (DeepLiftExplainer(model, reference="zeros").fit(rows) for rows in (SHORT, LONG))
    np.testing.assert_array_equal(explainer.transform(LONG), expected.transform(LONG))
    with pytest.raises(ValueError, match=r"X has rows of shape \(5, 3\), on which the network .* fails"):
        explainer.transform(np.zeros((6, 5, 3)))


def test_function_with_an_open_signature():
    weights = tf.Variable([[1.0], [2.0]])
    function = tf.function(
        lambda x: tf.reduce_sum(tf.tanh(x @ weights), 1), input_signature=[tf.TensorSpec((None, None, 2))]
    )
    explainer, expected = (DeepLiftExplainer(function, reference="zeros").fit(rows) for rows in (SHORT, LONG))
    np.testing.assert_array_equal(explainer.transform(LONG), expected.transform(LONG))
