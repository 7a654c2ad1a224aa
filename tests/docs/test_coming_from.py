"""Each call on the right of the tables of equivalent calls runs, and means what the one on the left means."""

import csv

import keras
import numpy as np
import pytest

import skdeeplift
from tests.docs.pages import DOCS

FOLDER = DOCS / "user_guide" / "coming_from"


def rows_of(name):
    with open(FOLDER / f"{name}.csv", encoding="utf-8", newline="") as file:
        [_, *rows] = csv.reader(file)
    return [[cell.strip("`") for cell in row] for row in rows]


PACKAGES = sorted(path.stem for path in FOLDER.glob("*.csv"))
CALLS = [(package, *row) for package in PACKAGES for row in rows_of(package)]


@pytest.fixture(scope="module")
def namespace(tmp_path_factory):
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    layers = [keras.layers.Dense(6, "relu", name="hidden"), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    onehot_model = keras.Sequential(
        [
            keras.Input((5, 4)),
            keras.layers.Conv1D(2, 2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    folder = tmp_path_factory.mktemp("coming_from")
    model.save(folder / "model.h5")
    (folder / "genome.fa").write_text(">chr1\n" + "GATTACAGCATGCCGTA" * 150 + "\n")
    (folder / "regions.bed").write_text("chr1\t1000\t1100\nchr1\t1200\t1300\n")
    sequence, control = keras.Input((30, 4), name="sequence"), keras.Input((30, 2), name="control")
    hidden = keras.layers.Conv1D(3, 3, padding="same", activation="relu")(sequence)
    profile = keras.layers.Conv1D(1, 3, padding="same", name="profile")(hidden)
    counts = keras.layers.Dense(1, name="counts")(keras.layers.GlobalAveragePooling1D()(hidden))
    joined = keras.layers.Flatten()(keras.layers.Concatenate()([hidden, control]))
    dna = np.eye(4, dtype="float32")[random.integers(0, 4, (3, 30))]
    return {
        **{name: getattr(skdeeplift, name) for name in skdeeplift.__all__},
        "folder": folder,
        "bpnet": keras.Model(sequence, {"profile": profile, "counts": counts}),
        "with_control": keras.Model([sequence, control], keras.layers.Dense(1)(joined)),
        "dna": dna,
        "inputs": {"sequence": dna, "control": random.normal(size=(3, 30, 2)).astype("float32")},
        "model": model,
        "X": random.normal(size=(3, 4)).astype("float32"),
        "background": random.normal(size=(8, 4)).astype("float32"),
        "b": np.full(4, 0.5, "float32"),
        "y": np.array([2, 0, 1]),
        "mask": np.array([0, 0, 1, 1]),
        "onehot_model": onehot_model,
        "onehot": np.eye(4, dtype="float32")[random.integers(0, 4, (3, 5))],
        "weights": random.normal(size=(2, 4, 3)),
        "bias": np.zeros(3),
    }


def test_all_packages_are_there():
    assert PACKAGES == ["bpnet-lite", "captum", "deepexplain", "deeplift", "shap", "tangermeme"]
    assert len(CALLS) > 40


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("package", "there", "here"), CALLS, ids=[f"{call[0]}-{call[1]}" for call in CALLS])
# Fifty steps do not resolve each kink of a network that is not trained.
@pytest.mark.filterwarnings("ignore::skdeeplift.exceptions.SummationToDeltaWarning")
def test_each_equivalent_call_runs(package, there, here, namespace, monkeypatch):
    monkeypatch.chdir(namespace["folder"])
    if '"model.h5"' in here:
        assert isinstance(eval(here, namespace), skdeeplift.DeepLiftExplainer)
        return
    if here.endswith(".to_shap()"):
        pytest.importorskip("shap")
    result = eval(here, namespace)
    if hasattr(result, "fit"):
        result = result.fit(namespace["background"]).transform(namespace["X"])
        assert result.shape == (3, 4)
    if here.endswith(".to_shap()"):
        result = result.values
    for array in result if isinstance(result, tuple) else [result]:
        assert np.isfinite(array).all()
        assert np.abs(array).max() > 0 or there.endswith(("convergence_delta=True)", "weights, bias, ...)"))


def gradient(model, X, target):
    """The plain gradient of a logit."""
    import tensorflow as tf

    hidden, last = model.layers[-2:]
    with tf.GradientTape() as tape:
        rows = tf.constant(X)
        tape.watch(rows)
        logits = tf.matmul(hidden(rows), last.kernel) + last.bias
        chosen = logits[:, target]
    return tape.gradient(chosen, rows).numpy(), logits.numpy()


def call(package, there, namespace):
    [here] = [here for of, left, here in CALLS if (of, left) == (package, there)]
    return eval(here, namespace)


def test_means_the_same(namespace):
    """Of a network small enough to say what the packages' own definitions give."""
    model, X, background, b = (namespace[name] for name in ("model", "X", "background", "b"))
    slope, logits = gradient(model, X, 2)
    np.testing.assert_allclose(
        call("deepexplain", 'de.explain("grad*input", T, X, xs)', namespace), slope * X, rtol=1e-5
    )
    np.testing.assert_allclose(
        call("deepexplain", 'de.explain("saliency", T, X, xs)', namespace), np.abs(slope), rtol=1e-5
    )
    _, at_reference = gradient(model, b[None], 2)
    for package, there in (
        ("captum", "DeepLift(model).attribute(X, baselines=b, target=2)"),
        ("deepexplain", 'de.explain("deeplift", T, X, xs, baseline=b)'),
    ):
        total = call(package, there, namespace).sum(1)
        np.testing.assert_allclose(total, logits[:, 2] - at_reference[:, 2], rtol=1e-5, atol=1e-6)
    _, of_background = gradient(model, background, 2)
    shapley = call("captum", "DeepLiftShap(model).attribute(X, baselines=background, target=2)", namespace).sum(1)
    np.testing.assert_allclose(shapley, logits[:, 2] - of_background[:, 2].mean(), rtol=1e-5, atol=1e-6)
    every = call("shap", "shap.DeepExplainer(model, background).shap_values(X)", namespace).reshape(3, 4, 3)
    np.testing.assert_allclose(every.sum(1), logits - of_background.mean(0), rtol=1e-5, atol=1e-6)
    predicted = call("shap", "ranked_outputs=1", namespace).sum(1)
    _, of_mean = gradient(model, background.mean(0, keepdims=True), 2)
    winners = logits.argmax(1)
    np.testing.assert_allclose(predicted, logits[range(3), winners] - of_mean[0, winners], rtol=1e-5, atol=1e-6)
    own = call("deepexplain", "T * ys", namespace).sum(1)
    np.testing.assert_allclose(own, (logits - of_mean)[range(3), namespace["y"]], rtol=1e-5, atol=1e-6)
