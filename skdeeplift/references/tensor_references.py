"""References as constants and as functions of TensorFlow, for explanations that run without this package."""

import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter1d

from skdeeplift.execution.function import TensorReferences
from skdeeplift.execution.references import ChosenSource
from skdeeplift.references.computed_references import Blur, Held
from skdeeplift.references.random_paths import COUNTER_STEP, FACTORS, SHIFTS
from skdeeplift.references.reference_sources import SampledReferences, SharedReferences
from skdeeplift.references.sequence_references import Shuffle


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
        if type(reference) is Shuffle:
            return _Shuffled(reference, maker.seed)
    what = "A function" if reference is None else type(reference).__name__
    raise ValueError(
        f"{what} makes the references of {name} in Python, and an exported function runs in TensorFlow alone. Fit an "
        "explainer with references that all rows share, such as an array or 'mean', or with 'shuffle' or 'blur'."
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


class _Shuffled:
    """Rows whose letters are in random order, which depends on the seed, the row and the number of the reference."""

    def __init__(self, shuffle, seed):
        self.axis, self.padding, self.seed = shuffle.axis_, shuffle.padding, seed

    def __call__(self, rows, numbers):
        axis, rank = self.axis, rows.shape.rank
        # Positions of one sequence, and its letters on the last axis.
        order = [*range(rank)] if axis is None else [*(each for each in range(rank) if each != axis), axis]
        in_order = tf.transpose(rows, order)
        columns = in_order[..., None] if axis is None else in_order
        columns = tf.reshape(columns, (rows.shape[0], -1, columns.shape[-1]))
        length, n_letters = columns.shape[1:]
        if axis is not None:
            inside = tf.reduce_any(columns != 0, 2)
        elif self.padding is None:
            inside = tf.ones(columns.shape[:2], tf.bool)
        else:
            inside = columns[:, :, 0] != self.padding
        places = tf.range(length)
        first = tf.reduce_min(tf.where(inside, places, length), 1, keepdims=True)
        last = tf.reduce_max(tf.where(inside, places, -1), 1, keepdims=True)
        # Whole numbers that tell letters, and frequencies of letters, apart.
        codes = tf.bitcast(tf.cast(columns, tf.float64), tf.uint64)
        counters = tf.reshape(tf.constant(_counters(length * n_letters)), (length, n_letters))
        of_rows = tf.reduce_sum(_mix(codes + counters), [1, 2])
        of_rows = _mix(of_rows + tf.constant(np.uint64(self.seed)))
        keys = _mix(of_rows[:, None] + tf.cast(numbers + 1, tf.uint64) * tf.constant(COUNTER_STEP))
        bits = _mix(keys[:, :, None] + tf.constant(_counters(length)))
        uniform = tf.cast(tf.bitwise.right_shift(bits, tf.constant(11, tf.uint64)), tf.float64) * 2.0**-53
        ahead, behind = (places < first)[:, None], (places > last)[:, None]
        keys = tf.where(ahead, tf.constant(-1, tf.float64), tf.where(behind, tf.constant(2, tf.float64), uniform))
        shuffled = tf.gather(columns, tf.argsort(keys, stable=True), axis=1, batch_dims=1)
        shuffled = tf.reshape(shuffled, (rows.shape[0], -1, *in_order.shape[1:]))
        back = [0, 1, *(1 + order.index(each) for each in range(1, rank))]
        return tf.transpose(shuffled, back)


def _counters(number):
    return np.arange(1, number + 1, dtype=np.uint64) * COUNTER_STEP


def _mix(bits):
    """Turn counters into random bits, as `skdeeplift.references.random_paths.mix_bits` does."""
    for shift, factor in zip(SHIFTS, (*FACTORS, np.uint64(1)), strict=True):
        bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, tf.constant(shift))) * tf.constant(factor)
    return bits
