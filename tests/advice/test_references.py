"""Advice about references."""

import dask.array as da
import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift import (
    DeepLiftExplainer,
    GradientExplainer,
)
from skdeeplift.references import (
    BackgroundFrequency,
    Blur,
    Constant,
    DinucleotideShuffle,
    NearestOther,
    TrainingSample,
    reference_report,
)
from tests.advice.following import assert_result, contributions, follow

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(8, 3)).astype(np.float32)
LETTERS = np.eye(4, dtype=np.float32)[RANDOM.integers(4, size=(5, 6))]
OF_ROWS = np.repeat(ROWS[:, None] * 0.5, 2, 1)
pytestmark = pytest.mark.advice


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu"), layers.Dense(1)])


@pytest.fixture(scope="module")
def of_two():
    inputs = [keras.Input((3,), name="one"), keras.Input((3,), name="two")]
    return keras.Model(inputs, layers.Dense(1)(layers.Dense(4, "relu")(layers.concatenate(inputs))))


def explain(estimator, X=ROWS, **parameters):
    return contributions(estimator, X, **parameters)


def test_references_of_other_rows(model):
    explainer = DeepLiftExplainer(model, reference=OF_ROWS).fit(ROWS)
    follow(
        "Pass the references of these rows as explain(X, reference=...)",
        lambda: explainer.transform(ROWS[:3]),
        lambda: explainer.explain(ROWS[:3], reference=OF_ROWS[:3]),
    )
    follow(
        "Pass the references of these rows as explain(X, reference=...)",
        lambda: explainer.explain(ROWS[:3], reference=OF_ROWS),
        lambda: explainer.explain(ROWS[:3], reference=OF_ROWS[:3]),
    )


def test_references_of_lazy_rows(model):
    lazy = da.from_array(ROWS, chunks=(4, 3))
    follow(
        "Pass rows in memory, or references that all rows share",
        lambda: DeepLiftExplainer(model, reference=OF_ROWS, max_samples=4).fit(lazy),
        lambda: DeepLiftExplainer(model, reference=OF_ROWS).fit(ROWS).transform(ROWS),
        lambda: DeepLiftExplainer(model, reference=OF_ROWS[0], max_samples=4).fit(lazy).transform(lazy).compute(),
    )
    explainer = DeepLiftExplainer(model, reference=OF_ROWS).fit(ROWS)
    follow(
        "Pass each chunk with its references as explain(X, reference=...)",
        lambda: explainer.transform(lazy),
        lambda: [
            explainer.explain(lazy[start : start + 4].compute(), reference=OF_ROWS[start : start + 4])
            for start in (0, 4)
        ],
    )


@pytest.mark.parametrize("name", ["mean", "sample"])
def test_references_that_are_learned(model, name):
    explainer = DeepLiftExplainer(model).fit(ROWS)
    fitted = {"mean": Constant("mean"), "sample": TrainingSample()}[name].fit(ROWS)
    follow(
        "Fit an explainer with it, or pass to explain an array, a fitted object of skdeeplift.references, or a name "
        "that needs no training rows",
        lambda: explainer.explain(ROWS, reference=name),
        lambda: explain(model, reference=name),
        lambda: explainer.explain(ROWS, reference=ROWS.mean(0)),
        lambda: explainer.explain(ROWS, reference=fitted),
    )
    with pytest.raises(ValueError, match="that needs no training rows") as caught:
        explainer.explain(ROWS, reference=name)
    names = str(caught.value).partition("needs no training rows: ")[2].rstrip(".").replace("'", "").split(", ")
    assert "zeros" in names
    assert_result(explainer.explain(ROWS, reference="zeros"))


def test_no_references(model):
    explainer = GradientExplainer(model).fit(ROWS)
    follow(
        "Pass reference=None",
        lambda: explainer.explain(ROWS, reference="zeros"),
        lambda: explainer.explain(ROWS, reference=None),
    )
    follow(
        "Pass an explainer with references, such as DeepLiftExplainer",
        lambda: reference_report(GradientExplainer(model).fit(ROWS), ROWS),
        lambda: reference_report(DeepLiftExplainer(model).fit(ROWS), ROWS).dropna(),
    )


def test_clusters_have_a_number(model):
    follow(
        "Pass max_references= as an int, or TrainingSample('kmeans', n_clusters=...)",
        lambda: explain(model, reference="kmeans", max_references="auto"),
        lambda: explain(model, reference="kmeans", max_references=3),
        lambda: explain(model, reference=TrainingSample("kmeans", n_clusters=2), max_references="auto"),
    )
    follow(
        "Pass a smaller n_clusters=, or more rows",
        lambda: explain(model, ROWS[:2], reference=TrainingSample("kmeans", n_clusters=3)),
        lambda: explain(model, ROWS[:2], reference=TrainingSample("kmeans", n_clusters=2)),
        lambda: explain(model, ROWS, reference=TrainingSample("kmeans", n_clusters=3)),
    )


def test_references_of_several_inputs(of_two):
    X = [ROWS, 2 * ROWS]
    follow(
        "All inputs need the same number of references, or one",
        lambda: explain(of_two, X, reference=[ROWS[:2], ROWS[:3]]),
        lambda: explain(of_two, X, reference=[ROWS[:2], ROWS[:2]]),
        lambda: explain(of_two, X, reference=[OF_ROWS, OF_ROWS]),
    )
    follow(
        "All inputs need the same number of references, or one",
        lambda: explain(of_two, X, reference=[ROWS[:2], TrainingSample("kmeans", n_clusters=3)]),
        lambda: explain(of_two, X, reference=[ROWS[:3], TrainingSample("kmeans", n_clusters=3)]),
        lambda: explain(of_two, X, reference=[ROWS[:1], TrainingSample("kmeans", n_clusters=3)]),
    )
    clusters = TrainingSample("kmeans", n_clusters=2)
    uneven = [np.repeat(ROWS[:2], [3, 5], 0), np.repeat(ROWS[:2], [6, 2], 0)]
    follow(
        "Pass one reference object for all inputs",
        lambda: explain(of_two, uneven, reference=[clusters, clusters]),
        lambda: explain(of_two, uneven, reference=clusters),
    )


def test_numbers_that_are_not_finite(model):
    follow(
        "Pass finite numbers",
        lambda: explain(model, reference=np.array([0.0, np.nan, 1.0])),
        lambda: explain(model, reference=np.array([0.0, 0.0, 1.0])),
    )


def test_constants(model):
    follow(
        "Pass one number for each feature of X",
        lambda: explain(model, reference=Constant([0.0, 1.0])),
        lambda: explain(model, reference=Constant([0.0, 1.0, 2.0])),
    )


def test_series_in_columns():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3, "relu"), layers.Dense(1)])
    rows = RANDOM.normal(size=(4, 6)).astype(np.float32)
    follow(
        "If the columns are steps of a series, pass axes=1",
        lambda: explain(model, rows, reference=Blur()),
        lambda: explain(model, rows, reference=Blur(axes=1)),
    )


def of_letters(shape):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(3, "relu"), layers.Dense(1)])


def test_letters_on_either_axis():
    rows = np.eye(4, dtype=np.float32)[[RANDOM.permutation(4) for _ in range(5)]]
    model = of_letters((4, 4))
    follow(
        "Pass axis=",
        lambda: explain(model, rows, reference="dinucleotide_shuffle"),
        lambda: explain(model, rows, reference=DinucleotideShuffle(axis=-1)),
        lambda: explain(model, rows, reference=DinucleotideShuffle(axis=1)),
    )


def test_letters_that_nobody_knows():
    unknown, model = np.full((5, 6, 4), 0.25, np.float32), of_letters((6, 4))
    follow(
        "Pass frequencies=",
        lambda: explain(model, unknown, reference=BackgroundFrequency(axis=-1)),
        lambda: explain(model, unknown, reference=BackgroundFrequency(axis=-1, frequencies=[0.1, 0.4, 0.4, 0.1])),
    )


def test_classes_of_rows():
    classes = np.arange(8) % 2
    follow(
        "Pass them as fit(X, y)",
        lambda: NearestOther().fit(ROWS),
        lambda: NearestOther(n_neighbors=1).fit(ROWS, classes).choose(ROWS, 1, 0, classes),
    )
    fitted = NearestOther(n_neighbors=1).fit(ROWS, classes)
    follow("Pass them as y", lambda: fitted.choose(ROWS, 1, 0), lambda: fitted.choose(ROWS, 1, 0, y=classes))
    follow(
        "Pass more rows, or a smaller n_neighbors=",
        lambda: NearestOther(n_neighbors=4).fit(ROWS[:4], classes[:4]),
        lambda: NearestOther(n_neighbors=4).fit(ROWS, classes).choose(ROWS, 4, 0, classes),
        lambda: NearestOther(n_neighbors=2).fit(ROWS[:4], classes[:4]).choose(ROWS[:4], 2, 0, classes[:4]),
    )
