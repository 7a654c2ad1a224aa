"""Saturation mutagenesis as users hold it."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from sklearn.base import clone

from skdeeplift import MutagenesisExplainer, config_context, metrics
from skdeeplift.plotting import SequenceLogoDisplay
from tests.perturbation.mutants import loop, loop_of, network, sequences

LENGTH = 30
ROWS = sequences(5, LENGTH)
# N as no letter, and as an unknown one.
ROWS_WITH_N = ROWS.copy()
ROWS_WITH_N[0, 4], ROWS_WITH_N[1, 9], ROWS_WITH_N[1, 29] = 0, 0.25, 0


def stack(inputs):
    hidden = layers.Conv1D(4, 5, padding="same", activation="relu")(inputs)
    hidden = layers.MaxPooling1D(2)(hidden)
    return layers.Conv1D(3, 3, activation="tanh", name="last")(hidden)


@pytest.fixture(scope="module")
def model():
    return network(stack, LENGTH, outputs=3)


@pytest.fixture(scope="module")
def expected(model):
    """Changes of all outputs, of shape (n_rows, length, letters, outputs)."""
    return loop_of(model, ROWS_WITH_N)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10)


def finds_ac(length=3):
    """A network that finds "AC"."""
    model = keras.Sequential([keras.Input((length, 4)), layers.Conv1D(1, 2, activation="relu"), layers.Flatten()])
    model.add(layers.Dense(1))
    kernel = np.zeros((2, 4, 1))
    kernel[0, 0] = kernel[1, 1] = 1
    model.set_weights([kernel, np.array([-1.0]), np.ones((length - 1, 1)), np.zeros(1)])
    return model


def test_values_by_hand():
    """In "GACNN", "AC" is there once. Another at the end needs A and C for both N."""
    rows = np.zeros((1, 5, 4))
    rows[0, [0, 1, 2], [2, 0, 1]] = 1
    explanation = MutagenesisExplainer(finds_ac(5), letters_axis=2, deletions=True).fit(rows).explain(rows)
    # Rows are positions, and columns the letters A, C, G and T.
    changes = [[0, 0, 0, 0], [0, -1, -1, -1], [-1, 0, -1, -1], [0, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(explanation.contributions[0], changes)
    # Without G nothing is lost.
    np.testing.assert_array_equal(explanation.deletions, [[0, -1, -1, 0, 0]])
    assert explanation.prediction == 1
    assert explanation.reference_value is None
    assert explanation.letters_axis == 1
    centered = MutagenesisExplainer(finds_ac(5), letters_axis=-1, kind="centered").fit(rows).transform(rows)
    np.testing.assert_allclose(centered[0, 1], [0.75, -0.25, -0.25, -0.25])
    own = MutagenesisExplainer(finds_ac(5), letters_axis=-1, kind="contribution").fit(rows).transform(rows)
    np.testing.assert_allclose(own[0].sum(1), [0, 0.75, 0.75, 0, 0])
    assert not own[rows == 0].any()


def test_all_targets_and_one(model, expected):
    explainer = MutagenesisExplainer(model, target="all").fit(ROWS)
    close(explainer.transform(ROWS_WITH_N), expected)
    alone = clone(explainer).set_params(target=1).fit(ROWS)
    close(alone.transform(ROWS_WITH_N), expected[..., 1])
    close(alone.explain(ROWS_WITH_N, target={0: 1.0, 2: -2.0}).contributions, expected[..., 0] - 2 * expected[..., 2])
    of_rows = np.array([0, 1, 2, 0, 1])
    close(alone.transform(ROWS_WITH_N, target=of_rows), expected[np.arange(5), ..., of_rows])
    weights = np.random.default_rng(0).normal(size=(5, 3))
    close(alone.transform(ROWS_WITH_N, target=weights), np.einsum("npao,no->npa", expected, weights))
    predicted = np.asarray(model(ROWS_WITH_N)).argmax(1)
    explanation = alone.explain(ROWS_WITH_N, target="predicted")
    close(explanation.contributions, expected[np.arange(5), ..., predicted])
    np.testing.assert_array_equal(explanation.target, predicted)


def test_functions_as_targets(model):
    def difference(outputs):
        return outputs[:, 0] * outputs[:, 1]

    explainer = MutagenesisExplainer(model, target=difference).fit(ROWS)
    close(explainer.transform(ROWS), loop(lambda rows: np.asarray(difference(model(rows))), ROWS))


def test_held_weights_are_those_of_the_row():
    """A profile's logits, weighted by their softmax at the row."""
    model = network(layers.Conv1D(1, 5, padding="same", activation="relu"), LENGTH, outputs=9)

    def profile(logits):
        return tf.reduce_sum(tf.stop_gradient(tf.nn.softmax(logits)) * logits, 1)

    explainer = MutagenesisExplainer(model, target=profile).fit(ROWS)
    weights = np.asarray(tf.nn.softmax(model(ROWS)))
    close(explainer.transform(ROWS), np.einsum("npao,no->npa", loop_of(model, ROWS), weights))


@pytest.mark.sampled(6)
@pytest.mark.parametrize(
    "positions", [slice(3, 9), range(4, 20, 3), [7, -1, 7], np.array([2, 29]), slice(-4, None), [0]], ids=str
)
def test_other_positions_are_not_a_number(model, expected, positions):
    explainer = MutagenesisExplainer(model, positions=positions, target=0, deletions=True).fit(ROWS)
    explanation = explainer.explain(ROWS_WITH_N)
    chosen = np.zeros(LENGTH, bool)
    chosen[list(range(LENGTH))[positions] if isinstance(positions, slice) else list(positions)] = True
    close(explanation.contributions[:, chosen], expected[..., 0][:, chosen])
    assert np.isnan(explanation.contributions[:, ~chosen]).all()
    np.testing.assert_array_equal(np.isnan(explanation.deletions), np.tile(~chosen, (5, 1)))
    np.testing.assert_array_equal(np.isfinite(explainer.feature_importances_), np.tile(chosen[:, None], (1, 4)))


def test_deletions(model):
    explainer = MutagenesisExplainer(model, target=0, deletions=True).fit(ROWS)
    explanation, before = explainer.explain(ROWS), np.asarray(model(ROWS))[:, 0]
    for position in (0, 11, LENGTH - 1):
        shorter = np.concatenate([ROWS[:, :position], ROWS[:, position + 1 :], np.zeros((5, 1, 4))], 1)
        close(explanation.deletions[:, position], np.asarray(model(shorter))[:, 0] - before)
    assert MutagenesisExplainer(model, target=0).fit(ROWS).explain(ROWS).deletions is None


def with_tracks():
    """A network of letters, a control track and a number."""
    inputs = {"letters": keras.Input((LENGTH, 4)), "track": keras.Input((LENGTH, 1)), "size": keras.Input((1,))}
    hidden = layers.Conv1D(4, 5, padding="same", activation="relu")(inputs["letters"])
    hidden = layers.Multiply()([layers.Concatenate()([hidden, inputs["track"]]), layers.Conv1D(5, 3, padding="same")(
        inputs["track"])])  # fmt: skip
    hidden = layers.Flatten()(layers.Conv1D(2, 3, activation="tanh")(hidden))
    return keras.Model(inputs, layers.Dense(1)(layers.Concatenate()([hidden, inputs["size"]])))


def test_several_inputs():
    keras.utils.set_random_seed(1)
    model, random = with_tracks(), np.random.default_rng(0)
    X = {"letters": ROWS[:2], "track": random.normal(size=(2, LENGTH, 1)), "size": random.normal(size=(2, 1))}
    X = {name: array.astype("float32") for name, array in X.items()}
    changes = MutagenesisExplainer(model).fit(X).transform(X)
    held = {name: X[name] for name in ("track", "size")}
    expected = loop(lambda letters: np.asarray(model({"letters": letters, **held}))[:, 0], X["letters"])
    np.testing.assert_allclose(changes["letters"], expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    # They are held, and not without an effect.
    assert np.isnan(changes["track"]).all()
    assert np.isnan(changes["size"]).all()
    by_name = {"letters": 2, "track": None, "size": None}
    again = MutagenesisExplainer(model, letters_axis=by_name, positions={"letters": [3], "track": None, "size": None})
    np.testing.assert_array_equal(again.fit(X).transform(X)["letters"][:, 3], changes["letters"][:, 3])


def test_letters_on_another_axis(model, expected):
    inputs = keras.Input((4, LENGTH), dtype="float64")
    channels_first = keras.Model(inputs, model(layers.Permute((2, 1), dtype="float64")(inputs)))
    rows = ROWS_WITH_N.swapaxes(1, 2)
    explainer = MutagenesisExplainer(channels_first, target=0).fit(ROWS.swapaxes(1, 2))
    close(explainer.transform(rows), expected[..., 0].swapaxes(1, 2))
    named = MutagenesisExplainer(channels_first, target=0, letters_axis=1).fit(rows)
    close(named.transform(rows), expected[..., 0].swapaxes(1, 2))


def test_rows_of_any_numbers(model):
    rows = np.random.default_rng(0).normal(size=(2, LENGTH, 4))
    changes = MutagenesisExplainer(model, target=0, letters_axis=-1).fit(rows).transform(rows)
    close(changes, loop_of(model, rows)[..., 0])


def test_layers_that_make_letters(model, expected):
    """Of a network that takes tokens."""
    encode = layers.Lambda(
        lambda tokens: tf.one_hot(tokens, 4, dtype=tf.float64), (LENGTH, 4), name="encode", dtype="float64"
    )
    inputs = keras.Input((LENGTH,), dtype="int32")
    of_tokens = keras.Model(inputs, model(encode(inputs)))
    tokens = ROWS.argmax(-1).astype("int32")
    explainer = MutagenesisExplainer(of_tokens, layer="encode", target=0).fit(tokens)
    close(explainer.transform(tokens), loop_of(model, ROWS)[..., 0])


@pytest.mark.slow
def test_numbers_do_not_depend_on_chunks_blocks_or_workers(model, expected):
    explainer = MutagenesisExplainer(model, target=0, batch_size=7).fit(ROWS)
    close(explainer.transform(ROWS_WITH_N), expected[..., 0])
    close(explainer.set_params(n_jobs=2, batch_size=1).transform(ROWS_WITH_N), expected[..., 0])
    close(pickle.loads(pickle.dumps(explainer)).transform(ROWS_WITH_N), expected[..., 0])
    out = np.zeros((5, LENGTH, 4))
    explainer.transform((ROWS_WITH_N[start : start + 2] for start in (0, 2, 4)), out=out)
    close(out, expected[..., 0])
    with config_context(jit_compile=True):
        close(MutagenesisExplainer(model, target=0).fit(ROWS).transform(ROWS_WITH_N), expected[..., 0])
    with config_context(jit_compile=False):
        close(MutagenesisExplainer(model, target=0).fit(ROWS).transform(ROWS_WITH_N), expected[..., 0])


def test_repeated_rows_have_their_own_targets(model, expected):
    """Rows at the end that are alike are computed once."""
    rows, targets = ROWS_WITH_N[[0, 1, 1, 1]], np.array([0, 0, 1, 2])
    got = MutagenesisExplainer(model, target=0).fit(ROWS).transform(rows, target=targets)
    close(got, expected[[0, 1, 1, 1], ..., targets])


def test_rows_of_other_lengths():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, 4))
    hidden = layers.Conv1D(4, 5, activation="relu", padding="same")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(hidden)))
    explainer = MutagenesisExplainer(model).fit(ROWS.astype("float32"))
    longer = sequences(2, 41, seed=5).astype("float32")
    changes = loop(lambda rows: np.asarray(model(rows))[:, 0], longer)
    np.testing.assert_allclose(explainer.transform(longer), changes, atol=1e-6)


def test_training_shows(model):
    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    explainer = MutagenesisExplainer(copied, target=0).fit(ROWS)
    before = explainer.transform(ROWS)
    copied.set_weights([1.1 * each for each in copied.get_weights()])
    after = explainer.transform(ROWS)
    assert np.abs(after - before).max() > 1e-3
    close(after, loop_of(copied, ROWS)[..., 0])


def test_logos_and_metrics_take_contributions(model):
    explainer = MutagenesisExplainer(model, target=0, kind="contribution").fit(ROWS)
    display = SequenceLogoDisplay.from_explainer(explainer, ROWS[:1])
    heights = np.where(ROWS[0] == 1, explainer.transform(ROWS[:1])[0], 0)
    np.testing.assert_allclose(display.heights[:, :4], heights, atol=1e-12)
    changes = MutagenesisExplainer(model, target=0).fit(ROWS).explain(ROWS[:1])
    np.testing.assert_allclose(SequenceLogoDisplay(changes.contributions[0]).plot().heights, changes.contributions[0])
    curve = metrics.deletion_curve(explainer, ROWS, axes=1, fill="zeros", n_steps=LENGTH)
    order = np.argsort(-explainer.transform(ROWS).sum(-1), axis=1)
    erased = ROWS.copy()
    erased[np.arange(5), order[:, 0]] = 0
    close(curve.value[:, 1], np.asarray(model(erased))[:, 0])
    assert np.isfinite(metrics.infidelity(explainer, ROWS, axes=1, fill="zeros", random_state=0))


def test_both_strands(model, expected):
    """A mutation is there on both strands."""

    def other_strand(rows):
        return rows[:, ::-1, ::-1]

    explainer = MutagenesisExplainer(model, target=0, deletions=True).fit(ROWS)
    explanation = explainer.explain(ROWS_WITH_N, both_strands=True)
    other = other_strand(loop_of(model, other_strand(ROWS_WITH_N))[..., 0])
    close(explanation.contributions, (expected[..., 0] + other) / 2)
    shorter = np.concatenate([ROWS_WITH_N[:, :3], ROWS_WITH_N[:, 4:], np.zeros((5, 1, 4))], 1)
    at_both = [np.asarray(model(rows))[:, 0] for rows in (shorter, other_strand(shorter))]
    close(explanation.prediction + explanation.deletions[:, 3], np.mean(at_both, 0))


def test_profiles():
    """The logits of a profile are weighted by their softmax at the row."""
    model = network(layers.Conv1D(1, 5, padding="same", activation="relu"), LENGTH, outputs=9)
    explainer = MutagenesisExplainer(model, target="profile").fit(ROWS)
    weights = np.asarray(tf.nn.softmax(model(ROWS)))
    centred = loop_of(model, ROWS)
    centred -= centred.mean(-1, keepdims=True)
    close(explainer.transform(ROWS), np.einsum("npao,no->npa", centred, weights))
