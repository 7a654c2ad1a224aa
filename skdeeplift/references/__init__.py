"""Where "no signal" comes from."""

from importlib import import_module

# Loaded when first used.
_HOMES = {
    "BackgroundFrequency": "sequence",
    "Blur": "blur",
    "Constant": "constant",
    "DinucleotideShuffle": "sequence",
    "NearestOther": "training",
    "Permuted": "training",
    "Reference": "reference",
    "Shuffle": "sequence",
    "TrainingSample": "training",
    "reference_report": "report",
}

__all__ = [
    "BackgroundFrequency",
    "Blur",
    "Constant",
    "DinucleotideShuffle",
    "NearestOther",
    "Permuted",
    "Reference",
    "Shuffle",
    "TrainingSample",
    "reference_report",
]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
