"""Checks of a network, its rows and their weights, before rows are explained."""

from numbers import Integral

import numpy as np
import tensorflow as tf

from skdeeplift.compat import check_sample_weight
from skdeeplift.dtypes import is_continuous, kind_of
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.bind import check_unmasked
from skdeeplift.perturbation.partition import expand_over_sources, is_whole_number
from skdeeplift.propagation.rules.rescale import machine_epsilon
from skdeeplift.references.random_paths import are_frequencies, are_letters
from skdeeplift.rows.validation import find_letters, input_labels
from skdeeplift.warn import warn

# Larger than the constants that networks usually compare with.
LARGE = 1e6
# Number of rows for which a layer is computed to find its letters.
SOME_ROWS = 16


def rows_are_independent(method, row, value=None):
    """Return whether a network computes the same values for a row alone and beside other rows.

    Parameters
    ----------
    method : Method
        The compiled network.
    row : list of ndarray
        One array of one row for each input.
    value : Value, default=None
        The value to compare, among the network's observable values; by default the target. A layer may have several
        entries for each row.

    Returns
    -------
    independent : bool
        False also if the network returns another number of rows than it takes, or returns them in another order.
    """
    position = 0 if value is None else method.shown.index(value)
    try:
        values, _ = method.forward_both(row, row)
        together = _together(method, row)[position].numpy()
    except UnsupportedOpError:
        raise
    except (tf.errors.InvalidArgumentError, ValueError):
        # An op that the processor cannot run, such as some channels-first convolutions, raises its own error here.
        method.forward(row)
        # Other errors mean that a value that the rules read has no axis of rows.
        return False
    alone = values[position].numpy()
    number = len(alone)
    if (number != 1 and value is None) or len(together) != 4 * number:
        return False
    if kind_of(alone.dtype) in "biu":
        return np.array_equal(alone, together[number : 2 * number])
    if not np.isfinite(alone).all():
        return True
    # Batches of different sizes are rounded differently. The largest intermediate value bounds the difference.
    coarse = machine_epsilon(alone.dtype) > 1e-4
    relative, rounding = (5e-2, 5e-2) if coarse else (1e-3, 1e-5)
    largest = max(float(np.abs(value.numpy()).max(initial=0)) for value in values if value.dtype.is_floating)
    difference = np.abs(alone.astype(np.float64) - together[number : 2 * number]).max()
    return difference <= relative * np.abs(alone).max() + rounding * largest


def _together(method, row):
    """Return the values that a network computes for a row beside other rows."""
    # The network may check or look up its numbers, and may need a token in each row to select the last token.
    for company in ((LARGE, 0), (1, 0)):
        try:
            return method.forward_both(_with_company(row, *company), row)[0]
        except tf.errors.InvalidArgumentError:
            continue
    return method.forward_both(_with_company(row, 1, 1), row)[0]


def _with_company(row, largest, smallest):
    """Return arrays of four rows: the second is the passed row, and the first and last have large floats.

    Large floats are needed, since a network that clips the norm of its batch mixes only large rows.
    """
    company = []
    for each in row:
        others = _filled_like(each, largest)
        company.append(np.concatenate([others, each, _filled_like(each, smallest), others]))
    return company


def _filled_like(array, value):
    if kind_of(array.dtype) != "f":
        value = min(value, 1)
    # The largest power of ten in half precision.
    return np.full_like(array, min(value, 1e4) if array.dtype.itemsize == 2 else value)


def _joins_rows(method):
    """Return the first op before the target that combines several rows to one number, or None.

    Only a value whose axes all have known sizes can lack the axis of rows. Values in loops may belong to a single row.
    """
    steps = method.graph.ancestors([method.target])
    read = {method.target, *(value for op in steps for value in op.inputs)}
    for op in steps:
        for value in read.intersection(op.outputs):
            # Outputs that nothing reads are skipped, such as the means of a batch normalisation.
            if value in method.carrying and is_continuous(value.dtype) and value.shape.is_fully_defined():
                return op
    return None


def warn_of_rounding(bound, method):
    """Warn that a method of derivatives ignores changes that pass through rounding ops."""
    if method.rounding_ops:
        first, more = method.graph.describe(method.rounding_ops[0]), len(method.rounding_ops) - 1
        others = f", and {more} more" if more else ""
        warn(
            f"The network rounds numbers on the way to the target, by {first}{others}. The derivative of such a step "
            f"is zero, so that {bound.owner} misses features that act through it. Use DeepLiftExplainer, which "
            "carries differences through rounding.",
            RuntimeWarning,
        )


def check_independence(bound, method, arrays):
    """Raise an error if the network's output for a row depends on the other rows of its batch.

    If the ops of the network do not show that rows stay apart, two rows are run alone and beside others.

    Parameters
    ----------
    bound : Bound
        The bound network.
    method : Method
        The compiled network.
    arrays : list of ndarray
        Rows; the first and the last are tried.

    Raises
    ------
    ValueError
        If rows depend on each other.
    """
    if bound.network.batch_size is not None or method.is_rowwise:
        return
    rows = [[array[:1] for array in arrays], [array[-1:] for array in arrays]]
    joining = _joins_rows(method)
    if joining is not None or not all(rows_are_independent(method, row) for row in rows):
        look_for = "a reduction, a reshape or a softmax over the batch axis"
        if joining is not None:
            look_for = f"{method.graph.describe(joining)}, which makes numbers without an axis of rows"
        raise ValueError(
            "The network's output for a row depends on the other rows of its batch, or the output has another number "
            "of rows than the input. A row has contributions only if the network treats each row by itself. Look for "
            f"{look_for}."
        )
    if bound.layer is not None and not all(
        rows_are_independent(method, rows[0], source.value) for source in method.sources
    ):
        raise ValueError(
            f"layer={bound.layer!r} names a layer whose output does not have one entry for each row on its first axis. "
            "Pass a layer whose output has."
        )


def check_sources(bound, method, positions=None):
    """Raise an error if a method, or a source, has no multipliers.

    Parameters
    ----------
    bound : Bound
        The bound network.
    method : Method
        The compiled network.
    positions : sequence of int, default=None
        Positions of the sources that need multipliers; by default all.

    Raises
    ------
    ValueError
        If the method only compares outputs, or an input holds integers that are looked up in a table.
    """
    if not method.has_multipliers:
        raise ValueError(
            f"{bound.owner} compares the network's outputs, and has neither multipliers nor hypothetical "
            "contributions. Pass multipliers=False and hypothetical=False."
        )
    # Integers that are used as numbers, and look up none, contribute zero by a method that differentiates.
    looked_up = [
        label
        for number, (label, source) in enumerate(zip(input_labels(bound.network), method.sources, strict=False))
        if (positions is None or number in positions)
        and any(method.takes_integers or not start.dtype.is_integer for start, _ in source.starts or ())
    ]
    if looked_up:
        without = (
            "Indices have no multipliers and no hypothetical contributions, but the numbers that are looked up have "
            "both."
            if method.takes_integers
            else "Indices have no derivative, but the numbers that are looked up have one."
        )
        raise ValueError(
            f"The network uses {' and '.join(looked_up)} as indices of a lookup, such as tokens of an embedding. "
            f'{without} Fit an explainer with the name of the layer that looks them up, such as layer="embedding".'
        )


def find_letters_axes(bound, arrays, hypothetical, held=()):
    """Return the axis of one-hot letters of each source, for hypothetical contributions.

    Parameters
    ----------
    bound : Bound
        The bound network.
    arrays : list of ndarray
        Rows, one array for each input.
    hypothetical : bool, int, list or dict
        The axis, counted with the axis of rows, or True to find it. With several inputs, one entry for each, or True
        for those that hold letters.
    held : tuple of int, default=()
        Positions of the inputs that are held at the row's values, and not explained.

    Returns
    -------
    axes : tuple of (int or None)
        Axes, counted without the axis of rows; None for inputs without hypothetical contributions.

    Raises
    ------
    ValueError
        If the rows hold no one-hot letters.
    """
    if bound.layer is not None:
        raise ValueError(
            f"hypothetical= needs letters in the network's input, and the explainer has layer={bound.layer!r}. Fit an "
            "explainer with layer=None."
        )
    labels, names = input_labels(bound.network), bound.network.input_names
    asked, is_one = hypothetical, not isinstance(hypothetical, (list, tuple, dict))
    if isinstance(asked, dict):
        if unknown := sorted(map(str, set(asked) - set(names))):
            raise ValueError(f"hypothetical= names the input {unknown[0]!r}, which is none of {', '.join(names)}.")
        asked = [asked.get(name, False) for name in names]
    asked = [asked] * len(arrays) if is_one else list(asked)
    if len(asked) != len(arrays):
        raise ValueError(f"hypothetical= as a list needs one entry for each of {len(arrays)} inputs. Got {len(asked)}.")
    for each in asked:
        if not isinstance(each, (bool, np.bool_, Integral)):
            raise ValueError(f"hypothetical= takes True, False or an int that names an axis. Got {each!r}.")
    several = is_one and len(arrays) > 1
    if several and hypothetical is not True:
        raise ValueError(
            f"hypothetical= names an axis of one input, and the network has the inputs {', '.join(labels)}. Pass True, "
            f"or a dict such as {{{names[0]!r}: {hypothetical}}}."
        )
    axes = []
    for position, (array, axis, label) in enumerate(zip(arrays, asked, labels, strict=True)):
        is_out = axis is False or (several and (position in held or not _may_hold_letters(array)))
        axes.append(None if is_out else find_letters(array, axis, label))
    if all(axis is None for axis in axes):
        raise ValueError(
            f"hypothetical=True looks for one-hot letters in {' and '.join(labels)}, and none of these holds any. Pass "
            "rows with one 1 and zeros elsewhere for each letter, or a dict of the input's name to its axis of letters."
        )
    return tuple(axes)


def _may_hold_letters(array):
    """Return whether one of several inputs holds one-hot letters, or their frequencies, along an axis."""
    if array.ndim < 3 or kind_of(array.dtype) != "f" or not array.any():
        return False
    axes = [axis for axis in range(1, array.ndim) if array.shape[axis] > 1]
    return any(are(array, axis).all() for are in (are_letters, are_frequencies) for axis in axes)


def find_replaced_letters(bound, method, arrays):
    """Return the axis of one-hot letters of each input or layer whose letters are replaced.

    Parameters
    ----------
    bound : Bound
        The bound network, with the parameter ``letters_axis``.
    method : Method
        The compiled network.
    arrays : list of ndarray
        Rows, one array for each input.

    Returns
    -------
    axes : tuple of (int or None)
        Axes, counted without the axis of rows; None if letters are not replaced.

    Raises
    ------
    ValueError
        If no input holds one-hot letters along the named axis, or along any axis.
    """
    names, given = bound.source_names, bound.parameters["letters_axis"]
    labels = input_labels(bound.network) if bound.layer is None else [f"layer {name!r}" for name in names]
    if bound.layer is not None:
        arrays = [tensor.numpy() for tensor in method.source_values([array[:SOME_ROWS] for array in arrays])]
    axes, reasons = [], []
    given = expand_over_sources(given, names, "letters_axis=")
    for array, label, axis in zip(arrays, labels, given, strict=True):
        found = None
        if is_whole_number(axis):
            if not -array.ndim <= axis < array.ndim or axis % array.ndim == 0:
                raise ValueError(
                    f"letters_axis={axis} is no axis of {label}'s features: {label} has shape {array.shape}, with the "
                    "rows first. Pass a number from 1 on, or -1 for the last axis."
                )
            found = int(axis) % array.ndim - 1
        elif axis is not None and array.ndim == 2 and len(arrays) == 1:
            # The columns of a table are the letters of one position.
            found = 0
        elif axis is not None:
            try:
                found = find_letters(array, True, label, "letters_axis", "'auto'")
            except ValueError as error:
                reasons.append(str(error))
            # Among several inputs, an input with a single position is no sequence.
            if found is not None and len(arrays) > 1 and array[0].size == array.shape[found + 1]:
                reasons.append(f"{label} has one position.")
                found = None
        axes.append(found)
    if all(axis is None for axis in axes):
        raise ValueError(
            f"{bound.owner} replaces one-hot letters. {' '.join(reasons) or 'letters_axis= is None for all inputs.'} "
            "Pass letters_axis=-1 for letters on the last axis, with any numbers in the rows."
        )
    return tuple(axes)


def check_weights(sample_weight, rows):
    """Return the checked weights of rows, scaled if their sums would overflow or lose digits.

    Weights are relative to each other, so that a common factor changes nothing. A power of two causes no rounding.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,)
        The user's weights.
    rows : ndarray of shape (n_rows, ...)
        The rows.

    Returns
    -------
    sample_weight : ndarray of shape (n_rows,)
        Nonnegative weights.

    Raises
    ------
    ValueError
        If the rows do not have one finite, nonnegative weight each, or a weight is masked.
    """
    check_unmasked(sample_weight, "sample_weight=")
    weights = check_sample_weight(sample_weight, rows, ensure_non_negative=True)
    largest, limits = weights.max(initial=0), np.finfo(weights.dtype)
    # Sums and products of weights between these cube roots stay normal numbers.
    if largest == 0 or np.cbrt(limits.tiny) <= largest <= np.cbrt(limits.max):
        return weights
    return np.ldexp(weights, -np.frexp(largest)[1])
