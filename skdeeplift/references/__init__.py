"""References: inputs without signal that rows are compared with."""

from skdeeplift.references.computed_references import Blur, Constant, Held
from skdeeplift.references.reference import Reference
from skdeeplift.references.reference_comparison import reference_report
from skdeeplift.references.sequence_references import BackgroundFrequency, DinucleotideShuffle, Shuffle
from skdeeplift.references.training_rows import NearestOther, Permuted, TrainingSample

__all__ = [
    "BackgroundFrequency",
    "Blur",
    "Constant",
    "DinucleotideShuffle",
    "Held",
    "NearestOther",
    "Permuted",
    "Reference",
    "Shuffle",
    "TrainingSample",
    "reference_report",
]
