"""Scikit-learn-compatible explainers for TensorFlow and Keras networks."""

from importlib import import_module

__version__ = "0.1.0"

# Loaded when first used: TensorFlow takes seconds to import.
_HOMES = {
    "DeepLiftExplainer": "skdeeplift.explainers.deeplift",
    "Explanation": "skdeeplift.explainers.explanation",
}

__all__ = ["DeepLiftExplainer", "Explanation", "exceptions"]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "exceptions":
        return import_module("skdeeplift.exceptions")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
