"""Reaches: the positions of a value that a mutation changes, as windows that grow from op to op.

The start of a window depends on the mutated position; its width does not. A window may extend beyond the ends of the
value, so that the starts of windows are equally spaced for all mutated positions.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True, eq=False)
class Reach:
    """Positions of a value that mutations change.

    Attributes
    ----------
    axis : int
        Axis of the positions in the value, where axis 0 is the axis of rows.
    first : ndarray of int of shape (n_positions,)
        Start of the window for each position of the input that may be mutated.
    width : int
        Number of positions in a window.
    length : int
        Number of positions of the value.
    """

    axis: int
    first: np.ndarray
    width: int
    length: int

    @property
    def is_inside(self):
        """True if no window extends beyond the ends of the value."""
        return self.first.min() >= 0 and self.first.max() + self.width <= self.length

    def slide(self, axis, length, *, left=0, size=1, stride=1):
        """Return the reach in the result of an op whose positions read some neighbouring positions.

        Parameters
        ----------
        axis, length : int
            Axis and number of the positions of the result.
        left : int, default=0
            Number of positions of padding before the first position. Negative if the first positions are cut off.
        size : int, default=1
            Number of positions from the first to the last position read.
        stride : int, default=1
            Distance between the first positions that neighbouring positions of the result read.

        Returns
        -------
        reach : Reach
        """
        first = -((size - 1 - left - self.first) // stride)
        last = (self.first + self.width - 1 + left) // stride
        return Reach(axis, first, max(1, int((last - first).max()) + 1), length)

    def rename(self, axis):
        """Return the same reach along an axis with another number."""
        return Reach(axis, self.first, self.width, self.length)

    def read_by(self, result, *, left=0, size=1, stride=1):
        """Return the windows that the positions of a result read, with the arguments of `slide`."""
        return Reach(self.axis, result.first * stride - left, (result.width - 1) * stride + size, self.length)

    @property
    def whole(self):
        """Windows of the whole value."""
        return Reach(self.axis, np.zeros_like(self.first), self.length, self.length)


def join(reaches):
    """Return windows that cover the windows of several reaches in values of the same shape."""
    if len(reaches) == 1:
        return reaches[0]
    first = np.min([reach.first for reach in reaches], 0)
    last = np.max([reach.first + reach.width for reach in reaches], 0)
    return Reach(reaches[0].axis, first, int((last - first).max()), reaches[0].length)


def place(changes, reach, wider, at, copies):
    """Place windows of changes into wider windows, with zeros around.

    Parameters
    ----------
    changes : tensor of shape (mutations * copies, ..., reach.width, ...)
        Changes in the windows of ``reach``.
    reach, wider : Reach
        The windows, and the windows to place them in.
    at : tensor of int of shape (mutations,)
        Mutated positions.
    copies : int
        Number of windows for each mutated position.

    Returns
    -------
    changes : tensor of shape (mutations * copies, ..., wider.width, ...)
    """
    before, axis = reach.first - wider.first, reach.axis
    if (before == before[0]).all():
        start = int(before[0])
        end = wider.width - start - reach.width
        if start > -reach.width and end > -reach.width:
            if start < 0 or end < 0:
                kept = [slice(None)] * axis + [slice(max(0, -start), reach.width - max(0, -end))]
                changes = changes[tuple(kept)]
            return pad_axis(changes, axis, max(0, start), max(0, end))
    places = tf.range(wider.width) - tf.gather(tf.constant(before, tf.int32), at)[:, None]
    # The extra entry after the window is zero.
    places = tf.where((places >= 0) & (places < reach.width), places, reach.width)
    if copies > 1:
        places = tf.repeat(places, copies, 0)
    return tf.gather(pad_axis(changes, axis, 0, 1), places, axis=axis, batch_dims=1)


def pad_axis(tensor, axis, before, after):
    """Pad an axis with zeros before and after its entries."""
    if before == after == 0:
        return tensor
    paddings = [[0, 0]] * len(tensor.shape)
    paddings[axis] = [before, after]
    return tf.pad(tensor, paddings)


def cut_windows(values, reach, rows, at):
    """Cut windows out of the values at some rows.

    Parameters
    ----------
    values : tensor of shape (n_rows, ..., reach.length, ...)
        A value of the network at the rows.
    reach : Reach
        The windows.
    rows, at : tensor of int of shape (mutations,)
        Row and mutated position of each window.

    Returns
    -------
    windows : tensor of shape (mutations, ..., reach.width, ...)
        Values in the windows. Positions beyond an end repeat the value at this end; `find_inside` finds them.
    """
    axis, shape = reach.axis, values.shape
    places = tf.clip_by_value(_positions(reach, at), 0, reach.length - 1) + rows[:, None] * reach.length
    between = list(range(1, axis))
    if any(shape[each] != 1 for each in between):
        behind = list(range(axis + 1, len(shape)))
        values = tf.transpose(values, [0, axis, *between, *behind])
        windows = tf.gather(tf.reshape(values, (-1, *(shape[each] for each in (*between, *behind)))), places)
        # Move the axes between rows and positions back before the positions.
        order = [0, *range(2, axis + 1), 1, *range(axis + 1, len(shape))]
        return tf.transpose(windows, order)
    rest = shape[axis + 1 :]
    windows = tf.gather(tf.reshape(values, (-1, *rest)), places)
    return tf.reshape(windows, (-1, *shape[1:axis], reach.width, *rest))


def find_inside(reach, at, rank):
    """Find the positions of windows inside the value, as booleans of shape (mutations, 1, ..., width, ...)."""
    positions = _positions(reach, at)
    inside = (positions >= 0) & (positions < reach.length)
    shape = [-1, *[1] * (rank - 1)]
    shape[reach.axis] = reach.width
    return tf.reshape(inside, shape)


def _positions(reach, at):
    """Compute the positions of windows, of shape (mutations, width)."""
    return tf.gather(tf.constant(reach.first, tf.int32), at)[:, None] + tf.range(reach.width)
