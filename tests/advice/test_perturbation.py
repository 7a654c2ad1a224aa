"""Advice about windows, axes and groups of methods that perturb rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import MutagenesisExplainer, OcclusionExplainer, ShapleySamplingExplainer
from tests.advice.following import contributions, follow

ROWS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
IMAGES = np.random.default_rng(0).normal(size=(3, 4, 4, 2)).astype(np.float32)
EXPLAINERS = pytest.mark.parametrize("cls", [OcclusionExplainer, ShapleySamplingExplainer])
pytestmark = pytest.mark.advice


@pytest.fixture(scope="module")
def model():
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu"), layers.Dense(1)])


@pytest.fixture(scope="module")
def of_images():
    return keras.Sequential([keras.Input((4, 4, 2)), layers.Flatten(), layers.Dense(1)])


@pytest.fixture(scope="module")
def of_two():
    inputs = [keras.Input((3,), name="one"), keras.Input((3,), name="two")]
    return keras.Model(inputs, layers.Dense(1)(layers.concatenate(inputs)))


@pytest.mark.parametrize(
    ("cls", "parameter", "value"),
    [(OcclusionExplainer, "window_shape", 1), (ShapleySamplingExplainer, "sampling_axes", 1)],
)
def test_one_entry_for_each_input(of_two, cls, parameter, value):
    X = [ROWS, ROWS]

    def explain(value):
        return contributions(of_two, X, cls=cls, **{parameter: value})

    follow(
        "as a list needs one entry for each of 'one', 'two'. Got 3. To use one entry for all, pass an int or a tuple",
        lambda: explain([value] * 3),
        lambda: explain([value] * 2),
        lambda: explain(value),
        lambda: explain((value,)),
    )
    follow(
        "as a dict needs one entry for each of 'one', 'two'. Got entries for 'one'",
        lambda: explain({"one": value}),
        lambda: explain({"one": value, "two": value}),
    )


@EXPLAINERS
def test_sizes_that_are_not_known(cls):
    rows = keras.Input((4, 2))
    number = tf.Variable(3)
    cut = layers.Lambda(lambda x: x[:, :number], output_shape=(None, 2), name="cut")(rows)
    pooled = layers.GlobalAveragePooling1D(name="pooled")(cut)
    model = keras.Model(rows, layers.Dense(1)(pooled))
    X = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    follow(
        "Pass rows of one length, or another layer",
        lambda: contributions(model, X, cls=cls, layer="cut"),
        lambda: contributions(model, X, cls=cls),
        lambda: contributions(model, X, cls=cls, layer="pooled"),
    )


@pytest.mark.slow
@EXPLAINERS
def test_groups_of_columns(model, of_images, of_two, cls):
    def explain(groups, model=model, X=ROWS):
        return contributions(model, X, cls=cls, groups=groups)

    follow(
        "Pass an array of labels in this shape",
        lambda: explain({"all": list(range(32))}, of_images, IMAGES),
        lambda: explain(np.arange(32).reshape(4, 4, 2) // 8, of_images, IMAGES),
    )
    follow(
        "has no column in the group 'none'. Leave it out",
        lambda: explain({"some": [0, 1], "other": [2], "none": []}),
        lambda: explain({"some": [0, 1], "other": [2]}),
    )
    follow(
        "Name each column once",
        lambda: explain({"some": [0, 1], "other": [1, 2]}),
        lambda: explain({"some": [0, 1], "other": [2]}),
    )
    follow(
        "Name each column once, the remaining columns in a group of their own",
        lambda: explain({"some": [0, 1]}),
        lambda: explain({"some": [0, 1], "more": [2]}),
    )
    follow("positions go from 0 to 2", lambda: explain({"some": [0, 1, 3]}), lambda: explain({"some": [0, 1, 2]}))
    labels = "groups= as an array needs one label for each column"
    follow(labels, lambda: explain([[0], [0, 1]]), lambda: explain([0, 0, 1]))
    follow(labels, lambda: explain([0, 1]), lambda: explain([0, 0, 1]))
    follow(labels, lambda: explain([0, 1, np.nan]), lambda: explain([0, 1, 1]))
    follow(
        "groups= takes the columns of one input or layer",
        lambda: explain([0, 0, 1], of_two, [ROWS, ROWS]),
        lambda: explain([0, 0, 1]),
    )


def test_groups_and_windows(model):
    follow(
        "Pass groups= or windows, not both",
        lambda: contributions(model, ROWS, cls=OcclusionExplainer, groups=[0, 0, 1], window_shape=2),
        lambda: contributions(model, ROWS, cls=OcclusionExplainer, groups=[0, 0, 1]),
        lambda: contributions(model, ROWS, cls=OcclusionExplainer, window_shape=2),
    )
    follow(
        "Pass sampling_axes= or groups=, not both",
        lambda: contributions(model, ROWS, cls=ShapleySamplingExplainer, groups=[0, 0, 1], sampling_axes=1),
        lambda: contributions(model, ROWS, cls=ShapleySamplingExplainer, groups=[0, 0, 1]),
        lambda: contributions(model, ROWS, cls=ShapleySamplingExplainer, sampling_axes=1),
    )


def test_windows_of_images(of_images):
    def explain(window_shape):
        return contributions(of_images, IMAGES, cls=OcclusionExplainer, window_shape=window_shape)

    follow(
        "Pass sizes up to these, one for each axis, such as (3, 3, 2)",
        lambda: explain((5, 5, 2)),
        lambda: explain((4, 4, 2)),
        lambda: explain((3, 3, 2)),
    )
    follow(
        "Pass one number for all axes or one for each, such as (3, 3, 2)",
        lambda: explain((3, 3)),
        lambda: explain(2),
        lambda: explain((3, 3, 2)),
    )
    follow("takes whole numbers of at least 1", lambda: explain((0, 3, 2)), lambda: explain((1, 3, 2)))


def test_axes_of_images(of_images):
    def explain(axes):
        return contributions(of_images, IMAGES, cls=ShapleySamplingExplainer, sampling_axes=axes)

    follow("takes axes as whole numbers", lambda: explain((1.5,)), lambda: explain((1,)))
    follow("takes different axes of", lambda: explain((1, 4)), lambda: explain((1, 2)))


@pytest.mark.slow
def test_positions_and_letters_of_mutagenesis():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((12, 4)), layers.Conv1D(2, 3, activation="relu")])
    model.add(layers.Flatten())
    model.add(layers.Dense(1))
    rows = np.eye(4, dtype="float32")[np.random.default_rng(0).integers(4, size=(3, 12))]

    def changes(X=rows, **parameters):
        got = contributions(model, X, cls=MutagenesisExplainer, **parameters)
        chosen = parameters.get("positions")
        return got if chosen is None else got[:, chosen]

    follow(
        "Pass range(10, 20) for ten of them, or None for all",
        lambda: changes(positions=[0.5]),
        lambda: changes(positions=range(2, 12)),
        lambda: changes(positions=None),
    )
    follow(
        "Pass numbers from 0 to 11, or negative ones that count from the end",
        lambda: changes(positions=[3, 12]),
        lambda: changes(positions=[3, 11]),
        lambda: changes(positions=[-12, -1]),
    )
    follow("names none of the 12 positions", lambda: changes(positions=[]), lambda: changes(positions=None))
    follow(
        "Pass letters_axis=-1 for letters on the last axis, with any numbers in the rows",
        lambda: changes(2 * rows),
        lambda: changes(2 * rows, letters_axis=-1),
    )
    follow("letters_axis= is None for all inputs", lambda: changes(letters_axis=None), lambda: changes(letters_axis=-1))
    follow(
        "Pass a number from 1 on, or -1 for the last axis",
        lambda: changes(letters_axis=0),
        lambda: changes(letters_axis=2),
        lambda: changes(letters_axis=-1),
    )
    # Each letter is at most once here, and so is each position.
    few = np.eye(4, dtype="float32")[[[0, 1]]]
    short = keras.Sequential([keras.Input((2, 4)), layers.Flatten(), layers.Dense(1)])
    few[0, 1] = 0
    follow(
        "Pass the axis as an int: letters_axis=2 is the last one",
        lambda: contributions(short, few, cls=MutagenesisExplainer),
        lambda: contributions(short, few, cls=MutagenesisExplainer, letters_axis=2),
    )
