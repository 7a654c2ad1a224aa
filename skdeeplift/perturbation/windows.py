"""Occlusion: one window, or one group of features, after the other is taken from the reference.

Zeiler and Fergus 2014 (arXiv:1311.2901), section 4.2, with the reference in the place of a grey square.
"""

import numpy as np
import tensorflow as tf

from skdeeplift.perturbation.parts import parts_of_groups
from skdeeplift.perturbation.per_source import for_each_source, is_whole_number, known_shape
from skdeeplift.perturbation.scheme import Scheme


def make_covers(sources, names, columns, parameters):
    """Make the windows over some inputs or layers, or the groups of their elements.

    Parameters
    ----------
    sources : list of Source
        What is perturbed.
    names : list of str
        Of the inputs or layers.
    columns : array-like of str or None
        Names of a table's columns.
    parameters : dict
        Those of `OcclusionExplainer`.

    Returns
    -------
    covers : list of Windows or Parts
        One for each source.

    Raises
    ------
    ValueError
        If windows or groups do not fit.
    """
    shapes = [known_shape(source, name) for source, name in zip(sources, names, strict=True)]
    window_shape, step = parameters["window_shape"], parameters["step"]
    if parameters["groups"] is not None:
        if not (is_whole_number(window_shape) and is_whole_number(step) and window_shape == step == 1):
            raise ValueError(
                f"groups= and windows exclude each other. Got groups, window_shape={window_shape!r} and step={step!r}."
            )
        return parts_of_groups(parameters["groups"], shapes, names, columns if parameters["layer"] is None else None)
    windows, by_size = [], parameters["normalize"] == "window_size"
    window_shapes = for_each_source(window_shape, names, "window_shape=")
    steps = for_each_source(step, names, "step=")
    for shape, name, window, each in zip(shapes, names, window_shapes, steps, strict=True):
        window = _for_each_axis(window, shape, name, "window_shape=")
        if any(size > whole for size, whole in zip(window, shape, strict=True)):
            raise ValueError(
                f"window_shape= {window} is larger than a row of {name!r}, which has shape {shape}. Pass sizes up to "
                f"these, one for each axis{_example(shape)}."
            )
        each = _for_each_axis(each, shape, name, "step=")
        windows.append(Windows(shape, window, each, by_size=by_size))
    return windows


def _for_each_axis(value, shape, name, parameter):
    """One whole number for each axis of a row."""
    several = isinstance(value, (tuple, list, np.ndarray))
    if several and len(value) != len(shape):
        raise ValueError(
            f"{parameter} has {len(value)} entries, and a row of {name!r} has {len(shape)} axes: its shape is {shape}. "
            f"Pass one number for all axes or one for each{_example(shape)}."
        )
    numbers = tuple(value) if several else (value,) * len(shape)
    if not all(is_whole_number(number) and number > 0 for number in numbers):
        raise ValueError(f"{parameter} takes whole numbers of at least 1 for {name!r}. Got {value!r}.")
    return tuple(map(int, numbers))


def _example(shape):
    """A window for images, whose last axis holds channels."""
    return f", such as {(*(min(3, size) for size in shape[:-1]), shape[-1])}" if len(shape) > 1 else ""


class Windows:
    """Windows of one shape that slide over a source, those at its edges wholly within it.

    Parameters
    ----------
    shape : tuple of int
        Of the source, without the batch.
    window_shape, step : tuple of int
        Size of a window and distance between the beginnings of windows, along each axis.
    by_size : bool, default=False
        Whether an element's contribution is also divided by the number of elements of a window.
    """

    def __init__(self, shape, window_shape, step, by_size=False):
        self.shape, self.window_shape, self.step = shape, window_shape, step
        self._grid = tuple(
            (size - window) // each + 1 for size, window, each in zip(shape, window_shape, step, strict=True)
        )
        self.number = int(np.prod(self._grid))
        # Of each axis' elements the windows that cover it: from the first on, up to another one.
        self._first, self._stop = [], []
        for size, window, each, windows in zip(shape, window_shape, step, self._grid, strict=True):
            positions = np.arange(size)
            first = np.maximum(-(-(positions - window + 1) // each), 0)
            self._first.append(first)
            self._stop.append(np.maximum(np.minimum(positions // each + 1, windows), first))
        counts = np.ones(())
        for first, stop in zip(self._first, self._stop, strict=True):
            counts = np.multiply.outer(counts, stop - first)
        self._shares = 1 / np.maximum(counts, 1) / (np.prod(window_shape) if by_size else 1)

    def covered(self, indices):
        """Which elements lie in a window; indices of shape (copies,) give (copies, *source's axes)."""
        inside = (indices >= 0) & (indices < self.number)
        covered = tf.reshape(inside, (-1, *[1] * len(self.shape)))
        places = tf.unravel_index(tf.clip_by_value(indices, 0, self.number - 1), self._grid)
        for axis, (size, window, step) in enumerate(zip(self.shape, self.window_shape, self.step, strict=True)):
            shape = [1] * len(self.shape)
            shape[axis] = size
            distance = tf.range(size) - places[axis][:, None] * step
            along = (distance >= 0) & (distance < window)
            covered &= tf.reshape(along, (-1, *shape))
        return covered

    def spread(self, changes):
        """Give each element the mean of the changes of windows that cover it, zero where none does."""
        before = changes.shape[:-1]
        changes = tf.reshape(changes, (*before, *self._grid))
        for axis, (first, stop) in enumerate(zip(self._first, self._stop, strict=True), len(before)):
            changes = _sum_between(changes, first, stop, axis)
        return changes * self._shares


def _sum_between(tensor, first, stop, axis):
    """Sums of the entries from ``first`` up to ``stop`` along an axis."""
    if np.array_equal(first, np.arange(tensor.shape[axis])) and ((stop - first) == 1).all():
        return tensor
    if ((stop - first) == 1).all():
        return tf.gather(tensor, first, axis=axis)
    zeros = tf.zeros_like(tf.gather(tensor, [0], axis=axis))
    # A window that changes nothing leaves the running sum as it is, so that differences of it are exact zeros too.
    running = tf.concat([zeros, tf.cumsum(tensor, axis)], axis)
    return tf.gather(running, stop, axis=axis) - tf.gather(running, first, axis=axis)


class OneByOne(Scheme):
    """Each window, or each part, by itself is taken from the reference.

    Parameters
    ----------
    covers : list of Windows or Parts
        What is taken from the reference of each source, of one at a time.
    """

    def __init__(self, covers):
        self.covers = list(covers)
        numbers = [cover.number for cover in self.covers]
        self.number = self.parts = sum(numbers)
        self._begins = np.cumsum([0, *numbers[:-1]])

    def kept(self, indices, drawn):
        """Tell which elements keep the row's value."""
        return [
            ~cover.covered(indices - int(begin))[:, None]
            for cover, begin in zip(self.covers, self._begins, strict=True)
        ]

    def changes(self, values, at_input, at_reference, drawn):
        """Compute what the target loses with each window."""
        return tf.transpose(at_input - values, [1, 2, 3, 0])[None]

    def spread(self, changes):
        """Share the changes out over the elements."""
        return [
            cover.spread(changes[..., begin : begin + cover.number])
            for cover, begin in zip(self.covers, self._begins, strict=True)
        ]
