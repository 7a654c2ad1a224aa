"""Inputs that are held at the values of their row, beside inputs with references of other kinds."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

import skdeeplift
from skdeeplift import DeepLiftExplainer, ShapleySamplingExplainer
from skdeeplift.metrics import deletion_score
from skdeeplift.references import Held

GENERATOR = np.random.default_rng(0)
ROWS = {
    "signal": GENERATOR.normal(size=(20, 4)).astype(np.float32),
    "control": GENERATOR.normal(size=(20, 4)).astype(np.float32),
    "length": GENERATOR.integers(1, 9, (20, 1)).astype(np.float32),
}
REFERENCE = {"signal": GENERATOR.normal(size=(3, 4)), "control": "held", "length": Held()}
CLOSE = dict(rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((array.shape[1],), name=name) for name, array in ROWS.items()}
    joined = keras.layers.Concatenate()([inputs["signal"] * inputs["control"], inputs["control"], inputs["length"] / 8])
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(6, "tanh")(joined)))


def with_signal_alone(model, row):
    """Return the network as a function of the signal, at a row's values of all else."""

    @tf.function
    def network(signal):
        held = {name: tf.repeat(ROWS[name][[row]], tf.shape(signal)[0], 0) for name in ("control", "length")}
        return model({"signal": signal, **held})

    return network


EXPLAINERS = {
    "DeepLiftExplainer": {},
    "IntegratedGradientsExplainer": {"n_steps": 20},
    "ExpectedGradientsExplainer": {"n_draws": 30},
    "OcclusionExplainer": {},
    "ShapleySamplingExplainer": {},
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", EXPLAINERS)
def test_the_others_are_explained_at_the_values_of_the_row(model, name):
    make = getattr(skdeeplift, name)
    options = {"random_state": 0, **EXPLAINERS[name]}
    explainer = make(model, reference=REFERENCE, **options).fit(ROWS)
    explanation = explainer.explain(ROWS)
    for held in ("control", "length"):
        assert not explanation.contributions[held].any()
        assert not explainer.feature_importances_[held].any()
        assert explanation.standard_error is None or not explanation.standard_error[held].any()
    assert explainer.feature_importances_["signal"].all()
    if name in ("ExpectedGradientsExplainer", "ShapleySamplingExplainer"):
        # Another number of players, and references in another order, are drawn otherwise.
        return
    for row in (0, 7):
        alone = make(with_signal_alone(model, row), reference=REFERENCE["signal"], **options).fit(ROWS["signal"])
        expected = alone.explain(ROWS["signal"][[row]])
        np.testing.assert_allclose(explanation.contributions["signal"][[row]], expected.contributions, **CLOSE)
        np.testing.assert_allclose(explanation.reference_value[[row]], expected.reference_value, **CLOSE)


@pytest.fixture(scope="module")
def explained(model):
    explainer = DeepLiftExplainer(model, reference=REFERENCE, check="raise").fit(ROWS)
    return explainer, explainer.transform(ROWS)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("options", [{"n_jobs": 2, "batch_size": 4}, {"batch_size": 1}, {"batch_size": 7}])
def test_chunks_and_parts(model, explained, options):
    explainer = DeepLiftExplainer(model, reference=REFERENCE, check="raise", **options).fit(ROWS)
    for name, array in explainer.transform(ROWS).items():
        np.testing.assert_allclose(array, explained[1][name], **CLOSE)


def test_copies_and_single_calls(model, explained):
    explainer, expected = explained
    copied = pickle.loads(pickle.dumps(explainer))
    zeros = DeepLiftExplainer(model, reference="zeros").fit(ROWS)
    some = {name: array[5:8] for name, array in ROWS.items()}
    batches = ({name: array[start : start + 6] for name, array in ROWS.items()} for start in range(0, 20, 6))
    for name in ROWS:
        np.testing.assert_allclose(copied.transform(ROWS)[name], expected[name], **CLOSE)
        np.testing.assert_allclose(explainer.transform(some)[name], expected[name][5:8], **CLOSE)
        np.testing.assert_allclose(
            zeros.explain(ROWS, reference=REFERENCE).contributions[name], expected[name], **CLOSE
        )
    for name, array in explainer.transform(batches).items():
        np.testing.assert_allclose(array, expected[name], **CLOSE)


def test_rows_of_dask(model, explained):
    da = pytest.importorskip("dask.array")
    lazy = {name: da.from_array(array, chunks=(6, *array.shape[1:])) for name, array in ROWS.items()}
    explainer = DeepLiftExplainer(model, reference={**REFERENCE, "signal": "mean"}, max_samples=10).fit(lazy)
    expected = DeepLiftExplainer(model, reference={**REFERENCE, "signal": "mean"}).fit(ROWS).transform(ROWS)
    for name, array in explainer.transform(lazy).items():
        np.testing.assert_allclose(array.compute(), expected[name], **CLOSE)
    assert not explainer.feature_importances_["control"].any()


def test_metrics_replace_nothing_of_a_held_input(model, explained):
    assert np.isfinite(deletion_score(explained[0], ROWS))


def test_tokens_with_a_mask_of_their_own():
    keras.utils.set_random_seed(1)
    tokens, mask = keras.Input((5,), dtype="int32", name="tokens"), keras.Input((5,), name="mask")
    embedded = keras.layers.Embedding(9, 3)(tokens) * mask[..., None]
    model = keras.Model([tokens, mask], keras.layers.Dense(1)(keras.layers.Flatten()(keras.ops.tanh(embedded))))
    X = [GENERATOR.integers(1, 9, (6, 5)), GENERATOR.integers(0, 2, (6, 5)).astype(np.float32)]
    explainer = DeepLiftExplainer(model, reference={"tokens": 0, "mask": "held"}, check="raise").fit(X)
    explanation = explainer.explain(X)
    at_reference = model.predict([np.zeros_like(X[0]), X[1]], verbose=0)[:, 0]
    np.testing.assert_allclose(explanation.reference_value, at_reference, rtol=1e-5, atol=1e-6)
    assert not explanation.contributions[1].any()
    assert not explanation.contributions[0][X[1] == 0].any()


def masked_attention():
    """A network whose second input says which items of the first count."""
    items, mask = keras.Input((4, 3), name="items"), keras.Input((4,), dtype="int32", name="mask")
    attention_mask = keras.ops.cast(mask, "bool")[:, None]
    hidden = keras.layers.MultiHeadAttention(1, 3)(items, items, attention_mask=attention_mask)
    return keras.Model({"items": items, "mask": mask}, keras.layers.Dense(1)(hidden[:, 0]))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("kind", [DeepLiftExplainer, ShapleySamplingExplainer])
@pytest.mark.parametrize("reference", ["mean", "minimum"])
def test_a_mask_that_would_hide_all_is_held_by_default(kind, reference):
    network, number = masked_attention(), np.array([4, 2, 3, 1, 3, 4])
    X = {
        "items": np.random.default_rng(1).normal(size=(6, 4, 3)),
        "mask": (np.arange(4) < number[:, None]).astype(np.int32),
    }
    found, given = (
        kind(network, reference=each, check="raise", random_state=0).fit(X).transform(X)
        for each in (reference, {"items": reference, "mask": "held"})
    )
    np.testing.assert_array_equal(found["items"], given["items"])
    assert found["items"].any(-1).tolist() == (X["mask"] == 1).tolist()
    assert not found["mask"].any()


def test_a_reference_that_is_given_for_a_mask_counts():
    network, X = masked_attention(), {"items": GENERATOR.normal(size=(6, 4, 3)), "mask": np.array([[1, 1, 1, 0]] * 6)}
    of_whole = DeepLiftExplainer(network, reference={"items": "mean", "mask": 1}, check="raise").fit(X).transform(X)
    assert of_whole["mask"].astype(bool).tolist() == [[False, False, False, True]] * 6
    for reference in ({"items": "mean", "mask": "zeros"}, "zeros", "sample"):
        explainer = DeepLiftExplainer(network, reference=reference).fit(X)
        assert not explainer.references_.held


def test_a_mask_is_held_by_default_in_rows_of_dask():
    da = pytest.importorskip("dask.array")
    network, mask = masked_attention(), np.array([[1, 1, 1, 0]] * 3 + [[1, 0, 0, 0]] * 3)
    X = {"items": GENERATOR.normal(size=(6, 4, 3)), "mask": mask}
    lazy = {name: da.from_array(array, chunks=(3, *array.shape[1:])) for name, array in X.items()}
    expected = DeepLiftExplainer(network, check="raise").fit(X).transform(X)
    for name, array in DeepLiftExplainer(network, check="raise").fit(lazy).transform(lazy).items():
        np.testing.assert_allclose(array.compute(), expected[name], **CLOSE)
