"""References as constants and as functions of TensorFlow, for explanations that run without this package."""

import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter1d

from skdeeplift.execution.function import TensorReferences
from skdeeplift.execution.references import ChosenSource
from skdeeplift.references.computed_references import Blur, Held
from skdeeplift.references.reference_sources import SampledReferences, SharedReferences
from skdeeplift.references.tensor_shuffles import SHUFFLES


def as_tensors(references, names):
    """Return references in a form in which TensorFlow makes them of any rows.

    Parameters
    ----------
    references : References
        The references that an explainer learned.
    names : list of str
        Names of the inputs, for errors.

    Returns
    -------
    references : TensorReferences
        Arrays that all rows share, and functions that make the others.

    Raises
    ------
    ValueError
        If references belong to the rows that they were given for, or Python makes them.
    """
    n_inputs, number = len(names), len(references.weights)
    if not references.per_row:
        return TensorReferences(references.arrays, [None] * n_inputs, np.arange(number))
    if references.arrays is not None:
        raise ValueError(
            f"The references of the explainer belong to the {references.n_rows} rows of fit, and an exported function "
            "explains any rows. Fit an explainer with references that all rows share, or that are made of each row."
        )
    source, numbers = references.source, np.arange(number)
    if isinstance(source, ChosenSource):
        source, numbers = source.source, source.positions
    arrays, makers = [None] * n_inputs, [None] * n_inputs
    for maker, positions, n_made in source.makers:
        for place, position in enumerate(positions):
            if isinstance(maker, SharedReferences):
                array = maker.arrays[place]
                arrays[position] = array[numbers] if n_made > 1 else np.repeat(array[:1], number, 0)
            else:
                makers[position] = _in_tensors(maker, names[position])
    return TensorReferences(arrays, makers, numbers.astype(np.int32), references.held)


def _in_tensors(maker, name):
    """Return a function of TensorFlow that makes the references of one input."""
    reference = getattr(maker, "reference", getattr(maker, "chooser", None))
    if isinstance(maker, SampledReferences):
        if type(reference) is Held:
            return _hold
        if type(reference) is Blur:
            return _Blurred(reference)
        if type(reference) in SHUFFLES:
            return SHUFFLES[type(reference)](reference, maker.seed)
    what = "A function" if reference is None else type(reference).__name__
    raise ValueError(
        f"{what} makes the references of {name} in Python, and an exported function runs in TensorFlow alone. Fit an "
        "explainer with references that all rows share, such as an array or 'mean', or with 'shuffle', "
        "'dinucleotide_shuffle' or 'blur'."
    )


def _hold(rows, numbers):
    return tf.repeat(rows[:, None], tf.shape(numbers)[0], 1)


class _Blurred:
    """Rows blurred along some axes, by one matrix for each."""

    def __init__(self, blur):
        self.blur = blur

    def __call__(self, rows, numbers):
        blurred = rows
        for axis, sigma in enumerate(self.blur.sigma_, 1):
            if sigma > 0:
                matrix = gaussian_filter1d(np.eye(rows.shape[axis]), sigma, 0, mode=self.blur.mode)
                blurred = tf.tensordot(blurred, tf.constant(matrix, rows.dtype), [[axis], [1]])
                last = rows.shape.rank - 1
                blurred = tf.transpose(blurred, [*range(axis), last, *range(axis, last)])
        return _hold(blurred, numbers)
