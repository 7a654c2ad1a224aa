"""Occlusion: windows or groups of features are replaced by the reference, one after the other.

Zeiler and Fergus 2014 (arXiv:1311.2901), section 4.2, cover windows with a grey square instead of the reference.
"""

import numpy as np
import tensorflow as tf

from skdeeplift.perturbation.partition import expand_over_sources, is_whole_number, partition_by_groups, require_shape
from skdeeplift.perturbation.perturbation import Scheme


def make_covers(sources, names, columns, parameters):
    """Make the windows over inputs or layers, or the groups of their elements.

    Parameters
    ----------
    sources : list of Source
        The values to perturb.
    names : list of str
        Names of the inputs or layers.
    columns : array-like of str or None
        Names of a table's columns.
    parameters : dict
        Parameters of `OcclusionExplainer`.

    Returns
    -------
    covers : list of Windows or Partition
        Windows or groups of each source.

    Raises
    ------
    ValueError
        If windows or groups do not fit the sources.
    """
    shapes = [require_shape(source, name) for source, name in zip(sources, names, strict=True)]
    window_shape, step = parameters["window_shape"], parameters["step"]
    if parameters["groups"] is not None:
        if not (is_whole_number(window_shape) and is_whole_number(step) and window_shape == step == 1):
            raise ValueError(
                f"Pass groups= or windows, not both. Got groups, window_shape={window_shape!r} and step={step!r}."
            )
        columns = columns if parameters["layer"] is None else None
        return partition_by_groups(parameters["groups"], shapes, names, columns)
    windows, by_size = [], parameters["normalize"] == "window_size"
    window_shapes = expand_over_sources(window_shape, names, "window_shape=")
    steps = expand_over_sources(step, names, "step=")
    for shape, name, window, each in zip(shapes, names, window_shapes, steps, strict=True):
        window = _expand_over_axes(window, shape, name, "window_shape=")
        if any(size > whole for size, whole in zip(window, shape, strict=True)):
            raise ValueError(
                f"window_shape= {window} is larger than a row of {name!r}, which has shape {shape}. Pass sizes up to "
                f"these, one for each axis{_suggest_window(shape)}."
            )
        each = _expand_over_axes(each, shape, name, "step=")
        if any(far > size < whole for far, size, whole in zip(each, window, shape, strict=True)):
            raise ValueError(
                f"step= {each} is larger than window_shape= {window} for {name!r}, so that no window would cover the "
                "elements between windows, and these would seem to contribute nothing. Pass a step up to the window's "
                "size along each axis."
            )
        windows.append(Windows(shape, window, each, by_size=by_size))
    return windows


def _expand_over_axes(value, shape, name, parameter):
    """Expand a parameter to one integer for each axis of a row."""
    several = isinstance(value, (tuple, list, np.ndarray))
    if several and len(value) != len(shape):
        raise ValueError(
            f"{parameter} has {len(value)} entries, and a row of {name!r} has {len(shape)} axes: its shape is {shape}. "
            f"Pass one number for all axes or one for each{_suggest_window(shape)}."
        )
    numbers = tuple(value) if several else (value,) * len(shape)
    if not all(is_whole_number(number) and number > 0 for number in numbers):
        raise ValueError(f"{parameter} takes whole numbers of at least 1 for {name!r}. Got {value!r}.")
    return tuple(map(int, numbers))


def _suggest_window(shape):
    """Suggest a window for images with channels on the last axis."""
    return f", such as {(*(min(3, size) for size in shape[:-1]), shape[-1])}" if len(shape) > 1 else ""


class Windows:
    """Windows of one shape that slide over a source. The last window along an axis may be cut at the edge.

    Parameters
    ----------
    shape : tuple of int
        Shape of the source, without the batch.
    window_shape, step : tuple of int
        Size of a window, and distance between the starts of neighbouring windows, along each axis. A step is at most
        the size of the window, unless the window covers its axis.
    by_size : bool, default=False
        Whether to also divide contributions by the number of elements of a window.
    """

    def __init__(self, shape, window_shape, step, by_size=False):
        self.shape, self.window_shape, self.step = shape, window_shape, step
        self._grid = tuple(
            -(-(size - window) // each) + 1 for size, window, each in zip(shape, window_shape, step, strict=True)
        )
        self.number = int(np.prod(self._grid))
        # For each element along each axis, the range of windows that cover it: the first window, and one past the last.
        self._first, self._stop = [], []
        for size, window, each, windows in zip(shape, window_shape, step, self._grid, strict=True):
            positions = np.arange(size)
            first = np.maximum(-(-(positions - window + 1) // each), 0)
            self._first.append(first)
            self._stop.append(np.minimum(positions // each + 1, windows))
        counts, sizes = np.ones(()), np.ones(())
        for first, stop in zip(self._first, self._stop, strict=True):
            counts = np.multiply.outer(counts, stop - first)
        for size, window, each, windows in zip(shape, window_shape, step, self._grid, strict=True):
            sizes = np.multiply.outer(sizes, np.minimum(size - each * np.arange(windows), window))
        self._shares, whole = 1 / counts / (np.prod(window_shape) if by_size else 1), sizes.flat[0]
        # Ratio of the size of an uncut window to the size of each window.
        self._growth = whole / sizes if by_size and sizes.min() < whole else None

    def find_covered(self, indices):
        """Find the elements in some windows, as booleans of shape (copies, *source's axes)."""
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

    def share_out(self, changes):
        """Compute the mean change of the windows that cover each element."""
        before = changes.shape[:-1]
        changes = tf.reshape(changes, (*before, *self._grid))
        if self._growth is not None:
            changes *= self._growth
        for axis, (first, stop) in enumerate(zip(self._first, self._stop, strict=True), len(before)):
            changes = _sum_between(changes, first, stop, axis)
        return changes * self._shares


def _sum_between(tensor, first, stop, axis):
    """Sum the entries from ``first`` up to, but without, ``stop`` along an axis."""
    if np.array_equal(first, np.arange(tensor.shape[axis])) and ((stop - first) == 1).all():
        return tensor
    if ((stop - first) == 1).all():
        return tf.gather(tensor, first, axis=axis)
    zeros = tf.zeros_like(tf.gather(tensor, [0], axis=axis))
    # A window without effect does not change the running sum, so that its differences are exact zeros.
    running = tf.concat([zeros, tf.cumsum(tensor, axis)], axis)
    return tf.gather(running, stop, axis=axis) - tf.gather(running, first, axis=axis)


class OneByOne(Scheme):
    """Windows or parts that are replaced by the reference one at a time.

    Parameters
    ----------
    covers : list of Windows or Partition
        The windows or parts of each source.
    """

    def __init__(self, covers):
        self.covers = list(covers)
        numbers = [cover.number for cover in self.covers]
        self.number = self.parts = sum(numbers)
        self._begins = np.cumsum([0, *numbers[:-1]])

    def find_kept(self, indices, drawn):
        """Find the elements that keep the value of the row."""
        return [
            ~cover.find_covered(indices - int(begin))[:, None]
            for cover, begin in zip(self.covers, self._begins, strict=True)
        ]

    def compute_changes(self, values, at_input, at_reference, drawn):
        """Compute the loss of the target when each window or part is replaced."""
        return tf.transpose(at_input - values, [1, 2, 3, 0])[None]

    def share_out(self, changes):
        """Divide the changes of windows or parts among their elements."""
        return [
            cover.share_out(changes[..., begin : begin + cover.number])
            for cover, begin in zip(self.covers, self._begins, strict=True)
        ]
