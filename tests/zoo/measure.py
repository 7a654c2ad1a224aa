"""Measurement of one architecture: whether its contributions sum to the change, and how long they take."""

import time
import warnings
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from skdeeplift import DeepLiftExplainer, IntegratedGradientsExplainer
from skdeeplift.exceptions import UnsupportedOpError

METHODS = {
    "rescale": (DeepLiftExplainer, {"rule": "rescale"}),
    "RevealCancel": (DeepLiftExplainer, {"rule": "reveal_cancel"}),
    "integrated gradients": (IntegratedGradientsExplainer, {}),
}
# Largest difference between the sum of contributions and the change, relative to the largest change of a row.
TOLERANCES = {"rescale": 1e-3, "RevealCancel": 1e-3, "integrated gradients": 1e-2}


class Outcome(NamedTuple):
    """How a method did on an architecture."""

    # Largest difference between a row's sum and its change, relative to the largest change.
    error: float
    # Messages of all warnings.
    warnings: list
    # Message of the error that was raised instead of contributions.
    refusal: str | None
    # Largest difference between what the package says that the model returns and what it returns.
    prediction_error: float = 0.0
    reference_error: float = 0.0
    # Seconds that `fit` and the first explanation took.
    seconds: float = 0.0


def explainer_of(architecture, model, method):
    """Return the explainer of a method for an architecture."""
    explainer, arguments = METHODS[method]
    return explainer(model, **architecture.arguments, **arguments)


def explain(architecture, model, rows, method, explainer=None):
    """Explain the rows of an architecture by a method; by an explainer that is not fitted yet, if there is one."""
    explainer = explainer_of(architecture, model, method) if explainer is None else explainer
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            explanation = explainer.fit(rows).explain(rows)
        except (UnsupportedOpError, ValueError) as error:
            return Outcome(np.inf, [], str(error))
    seconds = time.perf_counter() - start
    delta, change = explanation.convergence_delta, explanation.prediction - explanation.reference_value
    largest = np.abs(change).max()
    predicted = target_values(architecture, model, rows)
    at_reference = target_values(architecture, model, architecture.reference_rows(rows))
    return Outcome(
        float(np.abs(delta).max() / largest),
        # The package warns at the line of the user, other packages at their own.
        [str(warning.message) for warning in caught if warning.filename == __file__],
        None,
        _largest_difference(explanation.prediction, predicted),
        _largest_difference(explanation.reference_value, at_reference),
        seconds,
    )


def _largest_difference(values, others):
    return float(np.abs(values - others).max() / max(np.abs(others).max(), 1e-6)) if others is not None else 0.0


def target_values(architecture, model, rows):
    """Return the target at rows from the model itself; None if that is a logit under the model's output."""
    target, output = architecture.arguments.get("target", "auto"), architecture.arguments.get("output")
    values = model(rows, training=False) if isinstance(model, keras.Model) else model(tf.constant(rows))
    if output is not None:
        values = values[output]
    if callable(target):
        return np.asarray(target(values))
    if has_final_activation(model):
        return None
    values = np.asarray(values)
    if isinstance(target, dict):
        return sum(weight * values[:, index] for index, weight in target.items())
    return values[:, 0 if target == "auto" else target]


def has_final_activation(model):
    """Return whether the model ends in an activation, so that the explainers explain the logits under it."""
    if not isinstance(model, keras.Model):
        return False
    last = getattr(model, "operations", model.layers)[-1]
    final = getattr(last, "activation", None) in (keras.activations.sigmoid, keras.activations.softmax)
    return final or type(last).__name__ in ("Sigmoid", "Softmax")
