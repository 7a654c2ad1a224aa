"""Advice about files, rows, references and targets whose wrong calls take a few lines each."""

import json
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers, ops

from skdeeplift import DeepLiftExplainer, OcclusionExplainer, mean_normalise_weights_for_sequence_convolution
from skdeeplift.command_line.data_files import read_rows
from skdeeplift.command_line.result_files import check_writable
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.rows.output import Output
from tests.advice.following import contributions, follow
from tests.network.keras_2_files import SEQUENTIAL_WEIGHTS, write_keras_2
from tests.network.test_files_hostile import rewrite_member

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(8, 3)).astype(np.float32)
pytestmark = pytest.mark.advice


def network(head=None, units=1):
    """Make a small network, with a head behind its dense layer."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    outputs = layers.Dense(units)(inputs)
    return keras.Model(inputs, outputs if head is None else head(outputs))


@pytest.fixture(scope="module")
def model():
    return network()


def test_rows_of_a_length_that_fails():
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Conv1D(1, 3)(inputs))))
    explainer = DeepLiftExplainer(model, reference="zeros").fit(np.ones((4, 5, 2)))
    follow(
        "Pass rows of the length of those in fit, or of another length that the network takes",
        lambda: explainer.transform(np.ones((4, 2, 2))),
        lambda: explainer.transform(np.ones((4, 5, 2))),
        lambda: explainer.transform(np.ones((4, 6, 2))),
    )


def test_first_lines_of_tables(tmp_path):
    def read(text, **options):
        path = tmp_path / "rows.csv"
        path.write_text(text)
        return read_rows(path, **options)

    follow(
        "Write a name for each field into the first line; name a column of row labels with --index",
        lambda: read("a,b\n1,2,3\n4,5,6\n"),
        lambda: read("id,a,b\n1,2,3\n4,5,6\n", index="id"),
    )
    follow(
        "If it is no row, delete the line; if it is one, write its first number as 0.0",
        lambda: read("0,1,2\n3,4,7\n"),
        lambda: read("3,4,7\n"),
        lambda: read("0.0,1,2\n3,4,7\n"),
    )
    follow(
        "Fill in the values, or write names that are no numbers into the first line",
        lambda: read("1,,2\n3,4,5\n"),
        lambda: read("1.0,0,2\n3,4,5\n"),
        lambda: read("a,b,c\n3,4,5\n"),
    )


def test_files_that_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    path.write_text("1")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(PermissionError, match="the file is read-only"):
        check_writable(path, [".csv"])


def test_rows_of_motif_discovery(tmp_path):
    letters = np.eye(4)[RANDOM.integers(4, size=(3, 6))]
    explanation = Explanation(hypothetical=letters, letters_axis=1, X=None)
    follow(
        "Pass them as X=",
        lambda: explanation.to_modisco(tmp_path),
        lambda: len(explanation.to_modisco(tmp_path, X=letters)),
    )


def test_masked_rows(model):
    masked = np.ma.masked_array(ROWS, ROWS > 1)
    follow(
        "Pass X.filled(...) with the number that the network takes for a missing value",
        lambda: contributions(model, masked),
        lambda: contributions(model, masked.filled(0.0)),
    )


def test_networks_that_were_never_built(tmp_path):
    never_built = keras.Sequential([layers.Dense(1)])
    never_built.save(tmp_path / "model.keras")

    def built():
        never_built.build((None, *ROWS.shape[1:]))
        return contributions(never_built, ROWS)

    advice = "or build it by model.build((None, *X.shape[1:]))"
    follow(advice, lambda: contributions(tmp_path / "model.keras", ROWS), lambda: contributions(network(), ROWS))
    follow(advice, lambda: contributions(never_built, ROWS), built)


def test_archives_that_grow(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    rewrite_member(path, "assets/zeros", lambda _: b"\0" * 200_000_000, zipfile.ZIP_DEFLATED)
    follow(
        "If you trust it, load it with Keras yourself and pass the keras.Model",
        lambda: contributions(path, ROWS),
        lambda: contributions(keras.saving.load_model(path), ROWS),
    )


def test_architectures_of_early_keras(tmp_path):
    path = tmp_path / "network.json"
    path.write_text(json.dumps({"name": "Graph", "layers": [], "input_config": []}))
    pair = path, write_keras_2(tmp_path / "weights.h5", None, SEQUENTIAL_WEIGHTS)

    def built_anew():
        model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        model.set_weights([np.ones((2, 1)), np.zeros(1)])
        return contributions(model, ROWS[:, :2])

    follow("Build the same layers with Keras 3", lambda: contributions(pair, ROWS[:, :2]), built_anew)


def test_axis_of_letters():
    weights, bias = RANDOM.normal(size=(9, 4, 1, 8)), np.zeros(8)
    follow(
        "Pass the axis of the letters: axis_of_normalisation=",
        lambda: mean_normalise_weights_for_sequence_convolution(weights, bias),
        lambda: mean_normalise_weights_for_sequence_convolution(weights, bias, axis_of_normalisation=1),
    )


def test_steps_of_windows(model):
    follow(
        "Pass a step up to the window's size along each axis",
        lambda: OcclusionExplainer(model, window_shape=1, step=2).fit(ROWS),
        lambda: OcclusionExplainer(model, window_shape=2, step=2).fit(ROWS).transform(ROWS),
    )


def test_references(model):
    follow(
        "Pass another reference for one input at least",
        lambda: contributions(model, ROWS, reference="held"),
        lambda: contributions(model, ROWS, reference="zeros"),
    )

    def scaled(X, random_state, factor):
        return factor * X[:, None]

    follow(
        "Pass a lambda, such as lambda X: function(X, ...)",
        lambda: contributions(model, ROWS, reference=scaled),
        lambda: contributions(model, ROWS, reference=lambda X: scaled(X, None, 0.5)),
    )

    def of_one_row(row):
        return np.stack([0 * row, row / 2])

    follow(
        "pass lambda X: np.stack([function(row) for row in X])",
        lambda: contributions(model, ROWS, reference=of_one_row),
        lambda: contributions(model, ROWS, reference=lambda X: np.stack([of_one_row(row) for row in X])),
    )

    def grows(X):
        return np.zeros((len(X), 1 if len(X) == 1 else 2, 3))

    follow(
        "the same number of references, one or more, for each row",
        lambda: contributions(model, ROWS, reference=grows),
        lambda: contributions(model, ROWS, reference=lambda X: np.zeros((len(X), 2, 3))),
    )


def test_labels_of_a_batch():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    follow(
        "y and sample_weight of a batch have one entry for each of its rows",
        lambda: DeepLiftExplainer(model).fit(iter([(ROWS, None, 3)])),
        lambda: DeepLiftExplainer(model).fit(iter([(ROWS, np.ones(8), np.ones(8))])).transform(ROWS),
    )


def test_numbers_that_are_too_large_for_a_narrow_array():
    large = np.full((2, 2), 70000, np.float32)

    def write(array):
        Output(array, (2, 2), np.float32, "out=").write(0, large)
        return array

    follow(
        "Pass an array of float32",
        lambda: write(np.zeros((2, 2), np.float16)),
        lambda: write(np.zeros((2, 2), np.float32)),
    )

    def write_batches(n_rows):
        output = Output(np.zeros((n_rows, 2), np.float32), (None, 2), np.float32, "out=")
        for start in (0, 2):
            output.write(start, np.ones((2, 2), np.float32))
        output.close(4)
        return output.array

    for wrong in (3, 5):
        follow(
            "Pass an array with one entry for each row of X",
            lambda wrong=wrong: write_batches(wrong),
            lambda: write_batches(4),
        )


def test_classes_of_moved_softmaxes():
    cut = network(lambda z: ops.softmax(z)[:, 1:], units=2)
    follow(
        'Pass target="auto", or a network that returns all classes',
        lambda: contributions(cut, ROWS, class_names=["no", "yes"], target="no"),
        lambda: contributions(cut, ROWS, target="auto"),
        lambda: contributions(network(ops.softmax, units=2), ROWS, class_names=["no", "yes"], target="no"),
    )
    both = network(lambda z: layers.Softmax(axis=(1, 2))(layers.Reshape((2, 3))(z)), units=6)
    follow(
        "Pass center_logits=False",
        lambda: contributions(both, ROWS, target="all", center_logits=True),
        lambda: contributions(both, ROWS, target="all", center_logits=False),
    )


def test_targets_by_label(model):
    table = pd.DataFrame(ROWS, index=list("abcdefgh"))
    of_two, target = network(units=2), pd.Series([0, 1] * 4)
    explainer = DeepLiftExplainer(of_two, target=0).fit(ROWS)
    follow(
        "Pass target.to_numpy() for targets in the order of the rows",
        lambda: explainer.transform(table, target=target),
        lambda: explainer.transform(table, target=target.to_numpy()),
    )
    follow(
        "Pass np.array(target) for indices, or np.array(target, float) for weights",
        lambda: explainer.transform(ROWS[:2], target=[0, 1]),
        lambda: explainer.transform(ROWS[:2], target=np.array([0, 1])),
        lambda: explainer.transform(ROWS[:2], target=np.array([0, 1], float)),
    )
