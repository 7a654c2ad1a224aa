"""The method that mutates letters, beside the explainer that users hold."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import MutagenesisExplainer
from skdeeplift.exceptions import BatchSizeWarning
from skdeeplift.perturbation import local_ops, local_plan
from tests.perturbation.mutants import explained_in_windows, loop, loop_of, network, sequences

LENGTH = 24


def convolution(inputs):
    return layers.Conv1D(3, 5, padding="same", activation="relu")(inputs)


@pytest.fixture(scope="module")
def model():
    return network(convolution, LENGTH)


def test_windows_that_are_wrong_are_noticed(model, monkeypatch):
    """A rule that is wrong for a network gives whole runs, and right numbers."""
    rows = sequences(2, LENGTH)

    def wrong(plan, op):
        found = local_ops.add_up(plan, op)
        return found._replace(run=lambda mutations: 2 * found.run(mutations))

    monkeypatch.setitem(local_plan.RULES, "BiasAdd", wrong)
    changes, plan = explained_in_windows(model, rows)
    assert plan is None
    np.testing.assert_allclose(changes, loop_of(model, rows), rtol=0, atol=1e-10)


def test_memory_that_runs_out_changes_no_numbers(model, monkeypatch):
    rows = sequences(4, LENGTH)
    explainer = MutagenesisExplainer(model, target="all", batch_size=16).fit(rows)
    expected, sizes = explainer.transform(rows), []
    method = explainer.bound_.compiled().method
    compiled = method.compiled

    def run_out(*constants):
        run = compiled(*constants)

        def run_or_fail(values, rows, at, letters, weights):
            sizes.append(letters.shape[0])
            if len(sizes) == 2:
                raise tf.errors.ResourceExhaustedError(None, None, "no memory")
            return run(values, rows, at, letters, weights)

        return run_or_fail

    monkeypatch.setattr(method, "compiled", run_out)
    with pytest.warns(BatchSizeWarning, match="continue with 8"):
        got = explainer.transform(rows)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10)
    assert max(sizes[2:]) < sizes[0]


def test_a_network_of_one_batch_size():
    inputs = keras.Input(batch_shape=(4, LENGTH, 4))
    fixed = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(convolution(inputs))))
    rows = sequences(6, LENGTH).astype("float32")
    changes = MutagenesisExplainer(fixed).fit(rows).transform(rows)

    def predict(rows):
        batches = np.resize(rows, (8, *rows.shape[1:])).reshape(2, 4, *rows.shape[1:])
        return np.concatenate([np.asarray(fixed(batch))[:, 0] for batch in batches])[:6]

    np.testing.assert_allclose(changes, loop(predict, rows), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_in_single_precision(model):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((LENGTH, 4))
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(convolution(inputs))))
    rows = sequences(3, LENGTH).astype("float32")
    expected = loop(lambda rows: model.predict(rows, verbose=0), rows)
    changes = MutagenesisExplainer(model, target="all").fit(rows).transform(rows)
    assert changes.dtype == np.float32
    np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_letters_that_are_whole_numbers():
    inputs = keras.Input((LENGTH, 4), dtype="int32")
    hidden = layers.Lambda(lambda letters: keras.ops.cast(letters, "float32"))(inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(convolution(hidden))))
    rows = sequences(2, LENGTH).astype("int32")
    expected = loop(lambda rows: np.asarray(model(rows))[:, 0], rows)
    np.testing.assert_allclose(MutagenesisExplainer(model).fit(rows).transform(rows), expected, atol=1e-6)


def test_mixed_precision_runs_whole_rows():
    inputs = keras.Input((LENGTH, 4))
    hidden = layers.Conv1D(3, 5, padding="same", activation="relu", dtype="mixed_bfloat16")(inputs)
    model = keras.Model(inputs, layers.Dense(1, dtype="float32")(layers.Flatten()(hidden)))
    rows = sequences(2, LENGTH).astype("float32")
    expected = loop(lambda rows: np.asarray(model(rows))[:, 0], rows)
    got = MutagenesisExplainer(model).fit(rows).transform(rows)
    np.testing.assert_allclose(got, expected, atol=1e-2 * np.abs(expected).max())
