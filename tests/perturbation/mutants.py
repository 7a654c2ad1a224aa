"""Networks of sequences, and a loop over mutated rows to compare mutagenesis with."""

import keras
import numpy as np
from keras import layers

from skdeeplift import MutagenesisExplainer
from tests.conformance.networks import floating_point, randomise_weights


def sequences(n_rows, length, n_letters=4, seed=0):
    return np.eye(n_letters)[np.random.default_rng(seed).integers(n_letters, size=(n_rows, length))]


def network(build, length, n_letters=4, outputs=2, seed=0):
    """A network in double precision of what a function makes of the letters; a dense layer follows."""
    with floating_point("float64"):
        inputs = keras.Input((length, n_letters))
        hidden = build(inputs)
        if len(hidden.shape) > 2:
            hidden = layers.Flatten()(hidden)
        model = keras.Model(inputs, layers.Dense(outputs)(hidden))
    randomise_weights(model, seed)
    return model


def loop(predict, rows, letters_axis=-1):
    """Compute the changes of all outputs for each letter at each position, one mutated row after the other."""
    rows = np.moveaxis(rows, letters_axis, -1)
    before = predict(np.moveaxis(rows, -1, letters_axis))
    changes = np.zeros((*rows.shape, *before.shape[1:]))
    for position in np.ndindex(*rows.shape[1:-1]):
        for letter in range(rows.shape[-1]):
            mutated = rows.copy()
            mutated[(slice(None), *position)] = np.eye(rows.shape[-1])[letter]
            after = predict(np.moveaxis(mutated, -1, letters_axis))
            changes[(slice(None), *position, letter)] = after - before
    axis = letters_axis if letters_axis > 0 else rows.ndim + letters_axis
    return np.moveaxis(changes, rows.ndim - 1, axis)


def loop_of(model, rows):
    """Compute the changes of all outputs of a model, of all mutated rows in one batch."""
    length, n_letters = rows.shape[1:]
    mutated = np.tile(rows[:, None, None], (1, length, n_letters, 1, 1))
    for position in range(length):
        mutated[:, position, :, position] = np.eye(n_letters)
    after = np.asarray(model(mutated.reshape(-1, length, n_letters), training=False))
    before = np.asarray(model(rows, training=False))
    return after.reshape(*rows.shape, -1) - before[:, None, None]


def explained_in_windows(model, rows, **parameters):
    """The changes, and the plan by which windows were recomputed; None where whole rows were run."""
    explainer = MutagenesisExplainer(model, **{"target": "all", **parameters}).fit(rows)
    changes = explainer.transform(rows)
    [plan] = explainer.bound_.compiled().method.source_plans
    return changes, plan.windows


def check_windows(model, rows, *types):
    """Compare with the loop, and check that ops of some types ran on windows; return the plan."""
    changes, plan = explained_in_windows(model, rows)
    expected = loop_of(model, rows)
    np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    assert plan is not None
    ran = {model_op.type for model_op in plan.ops}
    assert set(types) <= ran, ran
    return plan
