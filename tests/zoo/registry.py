"""Registry of the zoo: each architecture is a function that returns a model and rows for it."""

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import keras
import numpy as np

N_ROWS = 6
# Copies of the rows that are timed.
COPIES = 8
# Modules of the zoo, in the order of the documentation's table.
KINDS = (
    "applications vision attention audio series recurrent text tabular recommenders sets graphs probabilistic physics "
    "discrete hub"
).split()
ARCHITECTURES = {}


class Architecture(NamedTuple):
    """One architecture, and how it is explained."""

    name: str
    kind: str
    function: Callable
    # Arguments of the explainer.
    arguments: dict
    # Part of the message of the error that explains why the network has no contributions; None if it has some.
    refusal: str | None
    # Package that the architecture is from.
    package: str | None
    # Whether references take over the padding of the row, so that f(reference) depends on the row.
    shares_padding: bool

    @property
    def is_available(self):
        """Return whether the package that the architecture is from is installed."""
        return self.package is None or find_spec(self.package) is not None

    @property
    def title(self):
        """Name in words, from the first line of the function's docstring."""
        return self.function.__doc__.partition("\n")[0].rstrip(".")

    def build(self):
        """Return the model, with random weights none of which has a special value, and its rows."""
        keras.utils.set_random_seed(0)
        model, rows = self.function()
        names = self.arguments.get("reference")
        if isinstance(names, dict):
            # Those of inputs that the model lacks are left out.
            self.arguments["reference"] = {name: each for name, each in names.items() if name in rows}
        if isinstance(model, keras.Model):
            # Cells of recurrent layers make their weights when they run first.
            model(rows, training=False)
            vary_constants(model)
        return model, rows

    def reference_rows(self, rows):
        """Return what each row is compared with, one reference for each row."""
        reference = self.arguments.get("reference", "mean")
        if not isinstance(reference, dict):
            return keras.tree.map_structure(lambda array: _reference_of(reference, array), rows)
        return {name: _reference_of(reference.get(name, "mean"), array) for name, array in rows.items()}


def _reference_of(reference, array):
    if reference == "held":
        return array
    if reference == "mean" and array.dtype.kind == "f":
        return np.repeat(array.mean(0, keepdims=True), len(array), 0)
    return np.full_like(array, reference if isinstance(reference, int | float) else 0)


def architecture(*, refusal=None, package=None, shares_padding=False, **arguments: Any):
    """Register a function that builds an architecture.

    Keyword arguments that are not named here are passed to the explainers.
    """

    def register(function):
        kind, name = function.__module__.rpartition(".")[2], function.__name__
        assert name not in ARCHITECTURES
        ARCHITECTURES[name] = Architecture(name, kind, function, arguments, refusal, package, shares_padding)
        return function

    return register


def all_architectures():
    """Return all architectures by name."""
    for kind in KINDS:
        importlib.import_module(f"tests.zoo.{kind}")
    return ARCHITECTURES


def vary_constants(model):
    """Add noise to the weights that are all equal, such as biases and moving averages, as training would."""
    generator = np.random.default_rng(0)
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight)
        is_varied = (weight.trainable or "moving" in weight.path) and values.dtype.kind == "f"
        if is_varied and values.size > 1 and np.ptp(values) == 0:
            weight.assign(values + generator.uniform(-0.2, 0.2, values.shape))


def normal(*shape, seed=1):
    """Draw rows of normal numbers of a shape."""
    return np.random.default_rng(seed).normal(size=(N_ROWS, *shape)).astype("float32")


def uniform(*shape, low=0.0, high=1.0, seed=1):
    """Draw rows of uniform numbers of a shape."""
    return np.random.default_rng(seed).uniform(low, high, (N_ROWS, *shape)).astype("float32")


def tokens(length, vocabulary, *, padded=False, seed=1):
    """Draw rows of token ids from 1; with padding by zeros at the end of every second row if ``padded``."""
    ids = np.random.default_rng(seed).integers(1, vocabulary, (N_ROWS, length)).astype("int32")
    if padded:
        ids[::2, -(length // 3) :] = 0
    return ids


def model_of(function, *shapes, dtypes=None, names=None):
    """Build a functional model from a function of its inputs."""
    inputs = [
        keras.Input(shape, dtype=dtypes[i] if dtypes else None, name=names[i] if names else None)
        for i, shape in enumerate(shapes)
    ]
    outputs = function(*inputs)
    if names:
        return keras.Model(dict(zip(names, inputs, strict=True)), outputs)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)
