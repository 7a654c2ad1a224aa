"""References: the inputs that stand for "no signal"."""

from importlib import import_module

# The module of each name, which is imported when the name is first used.
_HOMES = {
    "BackgroundFrequency": "sequence_references",
    "Blur": "blur",
    "Constant": "constant",
    "DinucleotideShuffle": "sequence_references",
    "NearestOther": "training_rows",
    "Permuted": "training_rows",
    "Reference": "reference",
    "Shuffle": "sequence_references",
    "TrainingSample": "training_rows",
    "reference_report": "reference_comparison",
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
