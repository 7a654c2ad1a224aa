"""Times of architectures relative to the plain gradient; ``python -m tests.zoo.timing NAMES`` prints them as JSON."""

import json
import os
import re
import statistics
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.benchmarks.measure import duration, limit_threads
from tests.zoo.measure import TOLERANCES, explain, explainer_of
from tests.zoo.registry import COPIES, all_architectures

ROUNDS = 5
SECONDS_OF_ROUND = 0.05


def plain_gradient(architecture, model):
    """Return TensorFlow's compiled gradient of the target.

    It is taken with respect to inputs of floating-point numbers, and to the tables in which tokens are looked up.
    """
    target, output = architecture.arguments.get("target", "auto"), architecture.arguments.get("output")

    @tf.function(autograph=False)
    def gradient(inputs):
        flat = [tensor for tensor in tf.nest.flatten(inputs) if tensor.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(flat)
            values = model(inputs, training=False) if isinstance(model, keras.Model) else model(inputs)
            values = values if output is None else values[output]
            if callable(target):
                values = target(values)
            elif isinstance(target, int):
                values = values[:, target]
        return tape.gradient(values, [*flat, *_tables(model)], unconnected_gradients="zero")

    return gradient


def _tables(model):
    every = model._flatten_layers() if isinstance(model, keras.Model) else []
    tables = (layers.Embedding, layers.ReversibleEmbedding)
    return [weight.value for layer in every if isinstance(layer, tables) for weight in layer.trainable_weights]


def measure(architecture):
    """Return how each method does on an architecture."""
    results = {}
    for method in TOLERANCES:
        # The network is built anew, so that nothing is compiled yet.
        model, rows = architecture.build()
        copies = COPIES if architecture.kind != "applications" else 1
        rows = keras.tree.map_structure(lambda array, copies=copies: np.concatenate([array] * copies), rows)
        explainer = explainer_of(architecture, model, method)
        gradient, tensors = plain_gradient(architecture, model), keras.tree.map_structure(tf.constant, rows)

        def differentiate(gradient=gradient, tensors=tensors):
            return [np.asarray(tf.convert_to_tensor(each)) for each in gradient(tensors)]

        first = duration(differentiate)
        outcome = explain(architecture, model, rows, method, explainer)
        results[method] = {"outcome": describe(outcome, TOLERANCES[method])}
        if outcome.refusal is None:
            steady = _steady_ratio(differentiate, explainer, rows, ROUNDS if outcome.seconds < 10 else 1)
            results[method] |= {"first": outcome.seconds / first, "steady": steady}
        keras.backend.clear_session(free_memory=False)
    return results


def _steady_ratio(differentiate, explainer, rows, rounds):
    explainer.set_params(check="ignore")
    number = max(1, round(SECONDS_OF_ROUND / duration(differentiate))) if rounds > 1 else 1
    if rounds > 1:
        explainer.transform(rows)
    return statistics.median(
        duration(lambda: explainer.transform(rows), number) / duration(differentiate, number) for _ in range(rounds)
    )


def describe(outcome, tolerance):
    """Return how a method did, in words."""
    if outcome.refusal is not None:
        # Names of ops are those of this network alone.
        reason = re.sub(r" \('[^']*'(, layer '[^']*')?\)", "", outcome.refusal.replace("\n", " "))
        sentence = re.split(r"(?<=[a-z'])[.:;] ", reason)[0]
        return f"refused: {sentence}".replace("*", r"\*").replace("`", "")
    if outcome.error <= tolerance and not outcome.warnings:
        return "exact" if tolerance <= 1e-3 else "within 0.01"
    return "warned"


if __name__ == "__main__":
    limit_threads()
    warnings.simplefilter("ignore")
    architectures = all_architectures()
    for name in sys.argv[1:]:
        print(json.dumps([name, measure(architectures[name])]), flush=True)
