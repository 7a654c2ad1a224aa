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


def predict_by(model):
    return lambda rows: np.asarray(model(rows, training=False))


def explained_in_windows(model, rows, **parameters):
    """The changes, and the plan by which windows were recomputed; None where whole rows were run."""
    explainer = MutagenesisExplainer(model, **{"target": "all", **parameters}).fit(rows)
    changes = explainer.transform(rows)
    [plan] = explainer.bound_.compiled().method.source_plans
    return changes, plan.windows
