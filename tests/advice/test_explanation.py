"""Advice about explanations, metrics, data sets and memory."""

import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, Explanation, GradientExplainer, datasets, metrics
from tests.advice.following import follow

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(5, 3)).astype(np.float32)
LETTERS = np.eye(4, dtype=np.float32)[RANDOM.integers(4, size=(3, 6))]
pytestmark = pytest.mark.advice


@pytest.fixture(scope="module")
def model():
    dense = layers.Dense(4, "relu", name="hidden")
    return keras.Sequential([keras.Input((3,)), dense, layers.Dense(2), layers.Softmax()])


@pytest.fixture(scope="module")
def fitted(model):
    return DeepLiftExplainer(model, reference="zeros").fit(ROWS)


@pytest.fixture(scope="module")
def of_letters():
    model = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(3), layers.Softmax()])
    return DeepLiftExplainer(model, reference="zeros").fit(LETTERS)


def written(explanation, path):
    explanation.to_modisco(path)
    return sorted(path.iterdir() if path.is_dir() else path.parent.iterdir())


def test_files_of_modisco(of_letters, tmp_path):
    follow(
        "Use explain(X, hypothetical=True)",
        lambda: written(of_letters.explain(LETTERS), tmp_path / "one"),
        lambda: written(of_letters.explain(LETTERS, hypothetical=True), tmp_path / "two"),
    )
    follow(
        "Pass target= to explain",
        lambda: written(of_letters.explain(LETTERS, target="all", hypothetical=True), tmp_path / "three"),
        lambda: written(of_letters.explain(LETTERS, target=1, hypothetical=True), tmp_path / "four"),
    )


def test_shap(fitted, monkeypatch):
    """The command is one of pip, which this test does not run: afterwards the package is there."""

    class Values:
        def __init__(self, *arguments, **options):
            self.arguments = arguments

    shap = type(sys)("shap")
    shap.Explanation = Values

    def wrong():
        with monkeypatch.context() as without:
            without.setitem(sys.modules, "shap", None)
            fitted.explain(ROWS).to_shap()

    def right():
        with monkeypatch.context() as installed:
            installed.setitem(sys.modules, "shap", shap)
            return fitted.explain(ROWS).to_shap()

    follow("Use pip install shap", wrong, right)


def saved(explanation, path):
    explanation.save(path)
    return Explanation.load(path).contributions


def test_files_of_explanations(model, fitted, tmp_path):
    def maximum(output):
        return tf.reduce_max(output, 1)

    explanation = DeepLiftExplainer(model, target=maximum).fit(ROWS).explain(ROWS)

    def named():
        explanation.target = "maximum"
        return saved(explanation, tmp_path / "one.npz")

    follow("Give it a name first: explanation.target = 'name'", lambda: saved(explanation, tmp_path / "one.npz"), named)
    of_objects = fitted.explain(ROWS)
    of_objects.index = pd.interval_range(0, len(ROWS))

    def converted():
        of_objects.index = of_objects.index.map(str)
        return saved(of_objects, tmp_path / "two.npz")

    follow("Convert it to numbers or text", lambda: saved(of_objects, tmp_path / "two.npz"), converted)
    (tmp_path / "three.npz").write_bytes(b"no explanation")
    follow(
        "Expected a file that Explanation.save wrote",
        lambda: Explanation.load(tmp_path / "three.npz"),
        lambda: saved(fitted.explain(ROWS), tmp_path / "three.npz"),
    )


# Metrics


def test_units_of_a_layer(model, fitted):
    follow(
        "Pass an explainer fitted with layer=None",
        lambda: metrics.deletion_score(DeepLiftExplainer(model, layer="hidden").fit(ROWS), ROWS),
        lambda: metrics.deletion_score(DeepLiftExplainer(model, layer=None).fit(ROWS), ROWS),
    )
    follow(
        "Metrics take a fitted explainer, such as DeepLiftExplainer(...).fit(X)",
        lambda: metrics.deletion_score(model, ROWS),
        lambda: metrics.deletion_score(fitted, ROWS),
    )


def test_fills(model, fitted):
    plain = GradientExplainer(model).fit(ROWS)
    follow(
        'Pass fill="zeros", fill="mean" or another reference',
        lambda: metrics.deletion_score(plain, ROWS, fill="reference"),
        lambda: metrics.deletion_score(plain, ROWS, fill="zeros"),
        lambda: metrics.deletion_score(plain, ROWS, fill="mean"),
        lambda: metrics.deletion_score(plain, ROWS, fill=ROWS[0]),
    )
    follow(
        "Pass more rows to learn it from, or an array",
        lambda: metrics.deletion_score(fitted, ROWS[:1], fill="mean"),
        lambda: metrics.deletion_score(fitted, ROWS, fill="mean"),
        lambda: metrics.deletion_score(fitted, ROWS[:1], fill=np.zeros(3)),
    )


def test_targets_of_explanations(fitted):
    explanation = fitted.explain(ROWS, target=1)
    follow(
        "Pass target=None",
        lambda: metrics.deletion_score(fitted, ROWS, explanation=explanation, target=1),
        lambda: metrics.deletion_score(fitted, ROWS, explanation=explanation, target=None),
    )


def test_noise(fitted):
    def infidelity(**parameters):
        return metrics.infidelity(fitted, ROWS, random_state=0, **parameters)

    follow("Pass axes=None", lambda: infidelity(perturbation="noise", axes=1), lambda: infidelity(perturbation="noise"))
    without = fitted.explain(ROWS)
    follow(
        'Pass explanation=explainer.explain(X, multipliers=True), or perturbation="removal"',
        lambda: infidelity(perturbation="noise", explanation=without),
        lambda: infidelity(perturbation="noise", explanation=fitted.explain(ROWS, multipliers=True)),
        lambda: infidelity(perturbation="removal", explanation=without),
    )


def test_noise_on_tokens():
    tokens = keras.Input((3,), dtype="int32")
    model = keras.Model(tokens, layers.Dense(1)(layers.Flatten()(layers.Embedding(5, 2)(tokens))))
    ids = np.array([[0, 1, 2], [3, 4, 0]])
    explainer = DeepLiftExplainer(model, reference="zeros").fit(ids)
    explanation = explainer.explain(ids)
    given = Explanation(**{**explanation, "multipliers": np.ones((2, 3))})

    def infidelity(perturbation):
        return metrics.infidelity(explainer, ids, explanation=given, perturbation=perturbation, random_state=0)

    follow('Pass perturbation="removal"', lambda: infidelity("noise"), lambda: infidelity("removal"))


def test_parts_of_raw_columns():
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0))
    explainer = DeepLiftExplainer(pipeline, to_source=True).fit(ROWS, [0, 1, 0, 1, 0])
    follow(
        "Pass axes=None",
        lambda: metrics.deletion_score(explainer, ROWS, axes=1),
        lambda: metrics.deletion_score(explainer, ROWS, axes=None),
    )


# Data sets


def test_lengths():
    follow(
        "Pass a larger length=, a smaller max_sites=, or fewer or shorter motifs",
        lambda: datasets.make_motif_sequences(5, length=10, random_state=0).data,
        lambda: datasets.make_motif_sequences(5, length=200, random_state=0).data,
        lambda: datasets.make_motif_sequences(5, length=24, max_sites=1, random_state=0).data,
        lambda: datasets.make_motif_sequences(5, length=10, motifs={"short": "GA"}, random_state=0).data,
    )
    follow(
        "Pass a larger length=, or a smaller event_length=",
        lambda: datasets.make_event_series(5, length=10, event_length=8, random_state=0).data,
        lambda: datasets.make_event_series(5, length=100, event_length=8, random_state=0).data,
        lambda: datasets.make_event_series(5, length=10, event_length=4, random_state=0).data,
    )
