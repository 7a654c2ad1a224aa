"""Advice about displays."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer, Explanation, GradientExplainer, IntegratedGradientsExplainer
from skdeeplift.plotting import (
    BeeswarmDisplay,
    ConvergenceDisplay,
    DependenceDisplay,
    HeatmapDisplay,
    ImageContributionDisplay,
    ImportanceDisplay,
    SequenceLogoDisplay,
    TokenDisplay,
    WaterfallDisplay,
    heatmap,
)
from skdeeplift.references import reference_report
from tests.advice.following import follow

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(5, 3)).astype(np.float32)
pytestmark = pytest.mark.advice


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    dense = layers.Dense(4, "relu", name="hidden")
    return keras.Sequential([keras.Input((3,)), dense, layers.Dense(12), layers.Softmax()])


@pytest.fixture(scope="module")
def fitted(model):
    return DeepLiftExplainer(model, target=1).fit(ROWS)


@pytest.fixture(scope="module")
def one(fitted):
    return fitted.explain(ROWS)


@pytest.fixture(scope="module")
def of_all(fitted):
    return fitted.explain(ROWS, target="all")


@pytest.fixture(scope="module")
def of_two():
    inputs = [keras.Input((3,), name="left"), keras.Input((3,), name="right")]
    model = keras.Model(inputs, layers.Dense(1)(layers.concatenate(inputs)))
    X = {"left": ROWS, "right": 2 * ROWS}
    return DeepLiftExplainer(model).fit(X).explain(X)


def explain(shape, X, cls=DeepLiftExplainer, call=(), **parameters):
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(1)])
    return cls(model, **{"reference": "zeros", **parameters}).fit(X).explain(X, **dict(call))


# Explanations and their parts


def test_explanations(fitted, one):
    follow(
        "For an explainer and its rows use BeeswarmDisplay.from_explainer(explainer, X)",
        lambda: BeeswarmDisplay.from_explanation(fitted),
        lambda: BeeswarmDisplay.from_explanation(one),
        lambda: BeeswarmDisplay.from_explainer(fitted, ROWS),
    )


def test_targets(fitted, one, of_all):
    follow(
        "Pass target=0, or another of 0, 1",
        lambda: BeeswarmDisplay.from_explanation(of_all),
        lambda: BeeswarmDisplay.from_explanation(of_all, target=0),
        lambda: BeeswarmDisplay.from_explanation(of_all, target=1),
    )
    follow(
        "Leave target= out, or explain with target=2",
        lambda: BeeswarmDisplay.from_explanation(one, target=2),
        lambda: BeeswarmDisplay.from_explanation(one),
        lambda: BeeswarmDisplay.from_explanation(fitted.explain(ROWS, target=2), target=2),
    )
    of_rows = fitted.explain(ROWS, target=[0, 1, 1, 0, 1])
    follow(
        "The rows' targets are 0, 1",
        lambda: BeeswarmDisplay.from_explanation(of_rows, target=2),
        lambda: BeeswarmDisplay.from_explanation(of_rows, target=1),
    )
    follow(
        "Pass target=, one of 0, 1, to draw the rows of this target, or explain all rows with one target",
        lambda: BeeswarmDisplay.from_explanation(of_rows),
        lambda: BeeswarmDisplay.from_explanation(of_rows, target=1),
        lambda: BeeswarmDisplay.from_explanation(fitted.explain(ROWS, target=1)),
    )
    follow(
        "Explain target='all', or use by_class=False",
        lambda: ImportanceDisplay.from_explanation(one, by_class=True),
        lambda: ImportanceDisplay.from_explanation(of_all, by_class=True),
        lambda: ImportanceDisplay.from_explanation(one, by_class=False),
    )


def test_parts(one, of_two):
    follow(
        "Pass part='left', or another of 'left', 'right'",
        lambda: BeeswarmDisplay.from_explanation(of_two),
        lambda: BeeswarmDisplay.from_explanation(of_two, part="left"),
    )
    follow(
        "Leave part= at None",
        lambda: BeeswarmDisplay.from_explanation(one, part="left"),
        lambda: BeeswarmDisplay.from_explanation(one, part=None),
    )


def test_single_rows(one):
    follow(
        "Pass row=, its label, or position=, its position",
        lambda: WaterfallDisplay.from_explanation(one),
        lambda: WaterfallDisplay.from_explanation(one, row=0),
        lambda: WaterfallDisplay.from_explanation(one, position=0),
    )
    follow(
        "row= is a label and position= a position. Pass one of the two",
        lambda: WaterfallDisplay.from_explanation(one, row=0, position=0),
        lambda: WaterfallDisplay.from_explanation(one, row=0),
        lambda: WaterfallDisplay.from_explanation(one, position=0),
    )


def test_labels_of_rows(fitted):
    labelled = fitted.explain(ROWS)
    labelled.index = pd.Index(["a", "b", "c", "c", "d"])
    follow(
        "For the row at this position, pass position=0",
        lambda: WaterfallDisplay.from_explanation(labelled, row=0),
        lambda: WaterfallDisplay.from_explanation(labelled, position=0),
        lambda: WaterfallDisplay.from_explanation(labelled, row="a"),
    )
    follow(
        "Pass position=, one of 2, 3",
        lambda: WaterfallDisplay.from_explanation(labelled, row="c"),
        lambda: WaterfallDisplay.from_explanation(labelled, position=2),
        lambda: WaterfallDisplay.from_explanation(labelled, position=3),
    )
    of_rows = fitted.explain(ROWS, target=[0, 1, 1, 0, 1])
    follow(
        "has another target. Pass position=, one of 1, 2, 4",
        lambda: WaterfallDisplay.from_explanation(of_rows, target=1, row=0),
        lambda: WaterfallDisplay.from_explanation(of_rows, target=1, position=4),
    )
    tokens = Explanation(contributions=np.ones((3, 2)), X=np.ones((3, 2), int), prediction=np.zeros(3))
    follow(
        "rows= takes labels of rows, and position= their positions. Pass one of the two",
        lambda: TokenDisplay.from_explanation(tokens, rows=[0], position=[1]),
        lambda: TokenDisplay.from_explanation(tokens, rows=[0]),
        lambda: TokenDisplay.from_explanation(tokens, position=[1]),
    )


def test_orders_of_rows(one, monkeypatch):
    follow(
        "order='prediction' needs predictions, and there are none. Pass order='sum'",
        lambda: HeatmapDisplay(one.contributions, one.feature_names).plot(order="prediction"),
        lambda: HeatmapDisplay(one.contributions, one.feature_names).plot(order="sum"),
    )
    monkeypatch.setattr(heatmap, "MOST_CLUSTERED", 4)
    follow(
        "more than 4. Pass order='sum', or fewer rows",
        lambda: HeatmapDisplay.from_explanation(one),
        lambda: HeatmapDisplay.from_explanation(one, order="sum"),
        lambda: HeatmapDisplay(one.contributions[:4], one.feature_names).plot(),
    )


def test_values_at_references(model, one):
    plain = GradientExplainer(model, target=1).fit(ROWS).explain(ROWS)
    advice = "Use an explainer that"
    follow(
        f"{advice} compares rows with a reference, such as DeepLiftExplainer",
        lambda: WaterfallDisplay.from_explanation(plain, row=0),
        lambda: WaterfallDisplay.from_explanation(one, row=0),
    )
    follow(
        f"{advice} does, such as DeepLiftExplainer",
        lambda: ConvergenceDisplay.from_explanation(plain),
        lambda: ConvergenceDisplay.from_explanation(one),
    )


def test_units_of_a_layer(model, one):
    units = DeepLiftExplainer(model, layer="hidden", target=1).fit(ROWS).explain(ROWS)
    follow(
        "Explain the network's input",
        lambda: DependenceDisplay.from_explanation(units, 0),
        lambda: DependenceDisplay.from_explanation(one, 0),
    )


def test_other_displays(one):
    images = RANDOM.normal(size=(2, 4, 4, 1)).astype(np.float32)
    explanation = explain((4, 4, 1), images)
    follow(
        "Use ImageContributionDisplay for images",
        lambda: BeeswarmDisplay.from_explanation(explanation),
        lambda: ImageContributionDisplay.from_explanation(explanation),
    )


# Convergence


@pytest.mark.slow
def test_convergence(model, fitted):
    follow(
        "Leave target= at None",
        lambda: ConvergenceDisplay.from_explainer(fitted, ROWS, over="references", target=1),
        lambda: ConvergenceDisplay.from_explainer(
            DeepLiftExplainer(model, target=1, reference="sample").fit(ROWS), ROWS, over="references", target=None
        ),
    )
    follow(
        "Use over='rows', or an IntegratedGradientsExplainer",
        lambda: ConvergenceDisplay.from_explainer(fitted, ROWS, over="steps"),
        lambda: ConvergenceDisplay.from_explainer(fitted, ROWS, over="rows"),
        lambda: ConvergenceDisplay.from_explainer(
            IntegratedGradientsExplainer(model, target=1).fit(ROWS), ROWS, over="steps"
        ),
    )
    report = reference_report(fitted, ROWS, references=["sample"])
    errors = {"": np.array([1e-4, 1e-3])}
    follow(
        "Pass one of the two",
        lambda: ConvergenceDisplay(errors=errors, report=report).plot(),
        lambda: ConvergenceDisplay(errors=errors).plot(),
        lambda: ConvergenceDisplay(report=report).plot(),
    )
    follow(
        "Report on one that has, such as 'sample'",
        lambda: ConvergenceDisplay.from_report(reference_report(fitted, ROWS, references=["zeros"])),
        lambda: ConvergenceDisplay.from_report(reference_report(fitted, ROWS, references=["sample"])),
    )


# Images, sequences and text


@pytest.mark.slow
def test_images():
    images, flat = (RANDOM.normal(size=(2, *shape)).astype(np.float32) for shape in ((8, 8, 1), (64,)))
    explanation, of_flat = explain((8, 8, 1), images), explain((64,), flat)
    follow(
        "Pass image_shape=, such as (8, 8)",
        lambda: ImageContributionDisplay.from_explanation(of_flat),
        lambda: ImageContributionDisplay.from_explanation(of_flat, image_shape=(8, 8)),
    )
    follow(
        "Explain the same X",
        lambda: ImageContributionDisplay.from_explanation({"a": explanation, "b": explain((8, 8, 1), 2 * images)}),
        lambda: ImageContributionDisplay.from_explanation({"a": explanation, "b": explain((8, 8, 1), images)}),
    )
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(12)])
    of_all = DeepLiftExplainer(model, target="all").fit(images).explain(images)
    follow(
        "Pass target=0, or one or several of",
        lambda: ImageContributionDisplay.from_explanation(of_all),
        lambda: ImageContributionDisplay.from_explanation(of_all, target=1),
        lambda: ImageContributionDisplay.from_explanation(of_all, target=[1, 2]),
    )
    axes = plt.subplots(3, 3)[1]
    follow(
        "ax= takes axes of a grid, or one axes for each picture",
        lambda: ImageContributionDisplay.from_explanation(explanation, ax=axes),
        lambda: ImageContributionDisplay.from_explanation(explanation, ax=axes[0, 0]),
    )


def test_sequences():
    letters, protein = (np.eye(n, dtype=np.float32)[RANDOM.integers(n, size=(2, 6))] for n in (4, 5))
    follow(
        "Use hypothetical=True in explain or from_explainer",
        lambda: SequenceLogoDisplay.from_explanation(explain((6, 4), letters), row=0, hypothetical=True),
        lambda: SequenceLogoDisplay.from_explanation(
            explain((6, 4), letters, call={"hypothetical": True}), row=0, hypothetical=True
        ),
    )
    follow(
        "Pass alphabet=, the letters in their order",
        lambda: SequenceLogoDisplay.from_explanation(explain((6, 5), protein), row=0),
        lambda: SequenceLogoDisplay.from_explanation(explain((6, 5), protein), row=0, alphabet="ABCDE"),
    )
    follow(
        "Pass rows of one-hot letters",
        lambda: SequenceLogoDisplay.from_explanation(explain((6, 4), 0.3 + letters), row=0),
        lambda: SequenceLogoDisplay.from_explanation(explain((6, 4), letters), row=0),
    )


def test_text():
    tokens = keras.Input((4,), dtype="int32")
    embedded = layers.Embedding(5, 2, name="embedding")(tokens)
    model = keras.Model(tokens, layers.Dense(1)(layers.Flatten()(embedded)))
    ids = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
    explanation = DeepLiftExplainer(model, layer="embedding", reference="zeros").fit(ids).explain(ids)
    del explanation["X"]
    follow(
        "Pass TokenDisplay's words=",
        lambda: TokenDisplay.from_explanation(explanation),
        lambda: TokenDisplay.from_explanation(explanation, words=["these are the words".split()] * 2),
    )
    follow(
        "Pass a word for each contribution",
        lambda: TokenDisplay.from_explanation(explanation, words=["these are words".split()] * 2),
        lambda: TokenDisplay.from_explanation(explanation, words=["these are the words".split()] * 2),
    )


def test_tables_as_text(one):
    follow(
        "Use BeeswarmDisplay or WaterfallDisplay for a table, or pass words=",
        lambda: TokenDisplay.from_explanation(one, rows=0),
        lambda: BeeswarmDisplay.from_explanation(one),
        lambda: WaterfallDisplay.from_explanation(one, row=0),
        lambda: TokenDisplay.from_explanation(one, rows=0, words=["these", "three", "words"]),
    )


def test_matplotlib(monkeypatch, one):
    """The command it names is one of pip, which this test does not run: afterwards the package is there."""
    import sys

    def wrong():
        with monkeypatch.context() as without:
            without.setitem(sys.modules, "matplotlib", None)
            BeeswarmDisplay.from_explanation(one)

    follow("Install it: pip install 'skdeeplift[plot]'", wrong, lambda: BeeswarmDisplay.from_explanation(one))


def test_vocabularies():
    tokens, by_word = np.array([[1, 2, 0]]), {"": 0, "good": 1, "bad": 2}
    explanation = Explanation(contributions=np.ones((1, 3)), prediction=np.ones(1), X=tokens)
    follow(
        "Pass a list with the word of each id, or a dict from ids to words",
        lambda: TokenDisplay.from_explanation(explanation, vocabulary=by_word),
        lambda: TokenDisplay.from_explanation(explanation, vocabulary=list(by_word)),
        lambda: TokenDisplay.from_explanation(explanation, vocabulary={id: word for word, id in by_word.items()}),
    )


def test_missing_values(fitted):
    rows = ROWS.copy()
    rows[0, 0] = np.nan
    explanation = fitted.explain(ROWS)
    explanation.contributions[0, 0] = np.nan
    follow(
        "Replace missing and infinite values before rows are explained; explanation.to_frame() shows all numbers",
        lambda: explanation.plot.waterfall(row=0),
        lambda: fitted.explain(np.nan_to_num(rows)).plot.waterfall(row=0),
    )


def test_keys_of_explanations(one, of_two):
    follow(
        "Take rows by position, as explanation[:10], columns by a list of names",
        lambda: one["Ada"],
        lambda: one[:10],
        lambda: one[["x0"]],
    )
    follow("from the dict explanation.contributions", lambda: of_two["left"], lambda: of_two.contributions["left"])
    follow(
        "Select rows, as explanation[:10], or take the array of one input or layer, explanation.contributions[key]",
        lambda: of_two[["x0"]],
        lambda: of_two[:10],
        lambda: of_two.contributions["left"],
    )
