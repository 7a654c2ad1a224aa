"""Mutations of one-hot letters: the mutations that differ from a row, and mutated rows and windows."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.perturbation.partition import is_whole_number
from skdeeplift.perturbation.reach import Reach


class Letters(NamedTuple):
    """Layout of the one-hot letters in a value of the network."""

    # Shape of one row, and the axis of the letters in this shape.
    shape: tuple
    axis: int
    # Positions to mutate, in the order of the other axes.
    positions: tuple

    @property
    def number(self):
        """Number of letters of the alphabet."""
        return self.shape[self.axis]

    @property
    def n_positions(self):
        """Number of positions of a row."""
        return int(np.prod(self.shape)) // self.number

    @property
    def other_axes(self):
        """Axes of the positions, counted without the axis of rows."""
        return [axis for axis in range(len(self.shape)) if axis != self.axis]

    @property
    def reach(self):
        """Reach of a mutation in the value itself; None unless positions lie along exactly one axis."""
        long = [axis for axis in self.other_axes if self.shape[axis] > 1]
        if len(long) != 1:
            return None
        return Reach(long[0] + 1, np.arange(self.n_positions), 1, self.n_positions)

    def last(self, values):
        """Reshape an array or tensor to ``(rows, positions, letters)``."""
        library = tf if tf.is_tensor(values) else np
        order = [0, *(axis + 1 for axis in self.other_axes), self.axis + 1]
        return library.reshape(library.transpose(values, order), (-1, self.n_positions, self.number))

    def in_place(self, values, n_before=1):
        """Reshape an array or tensor of shape ``(..., positions, letters)`` to the shape of the value."""
        library = tf if tf.is_tensor(values) else np
        lead = values.shape[:n_before]
        values = library.reshape(values, (*lead, *(self.shape[axis] for axis in self.other_axes), self.number))
        order = list(range(n_before + len(self.other_axes)))
        order.insert(n_before + self.axis, len(order))
        return library.transpose(values, order)

    def find_changes(self, before, letters):
        """Compute the changes at the mutated positions.

        Parameters
        ----------
        before : tensor of shape (mutations, letters)
            Entries of the mutated positions.
        letters : tensor of int of shape (mutations, copies)
            New letters of the mutated positions.

        Returns
        -------
        changes : tensor of shape (mutations * copies, ...)
            Changes in the shape of the value, with one position.
        """
        changes = tf.one_hot(letters, self.number, dtype=before.dtype) - before[:, None]
        shape = [self.number if axis == self.axis else 1 for axis in range(len(self.shape))]
        return tf.reshape(changes, (-1, *shape))

    def mutate(self, rows, at, letters):
        """Put new letters into rows of shape ``(mutations, positions, letters)``, and reshape to the value's shape."""
        is_there = tf.range(self.n_positions) == at[:, None]
        letter = tf.cast(tf.one_hot(letters, self.number), rows.dtype)
        return self.in_place(tf.where(is_there[..., None], letter[:, None], rows))

    def shorten(self, rows, at):
        """Delete one position of each row: later positions move forward, and the last position holds no letter."""
        longer = tf.concat([rows, tf.zeros_like(rows[:, :1])], 1)
        places = tf.range(self.n_positions)
        places = tf.where(places < at[:, None], places, places + 1)
        return self.in_place(tf.gather(longer, places, axis=1, batch_dims=1))


class Entries(NamedTuple):
    """Mutations that differ from their rows; each entry may hold several letters of one position."""

    rows: np.ndarray
    at: np.ndarray
    # Array of shape (entries, copies).
    letters: np.ndarray

    def padded(self, start, size):
        """Return ``size`` entries from ``start``, padded by repeats of the last entry."""
        places = np.minimum(np.arange(start, start + size), len(self.rows) - 1)
        return Entries(*(array[places] for array in self))


def find_entries(values, letters, together):
    """Find the mutations that differ from rows.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_positions, n_letters)
        The rows, with letters on the last axis.
    letters : Letters
        The positions to mutate.
    together : bool
        Whether one entry holds all letters of a position.

    Returns
    -------
    entries : Entries
    """
    positions = np.array(letters.positions, int)
    differs = (values[:, positions, None] != np.eye(letters.number, dtype=values.dtype)).any(-1)
    if not together:
        rows, places, letter = np.nonzero(differs)
        return Entries(rows, positions[places], letter[:, None])
    order = np.argsort(~differs, axis=-1, kind="stable")
    has_letter = ~differs.all(-1)
    if has_letter.mean() < 0.5:
        # Most positions hold no single letter, so each entry holds all letters.
        rows, places = np.indices(has_letter.shape).reshape(2, -1)
        return Entries(rows, positions[places], order.reshape(-1, letters.number))
    rows, places = np.indices(has_letter.shape).reshape(2, -1)
    others = order[..., :-1].reshape(len(rows), -1)
    further = np.nonzero(~has_letter)
    last = np.repeat(order[further][:, -1:], others.shape[1], 1)
    return Entries(
        np.concatenate([rows, further[0]]),
        positions[np.concatenate([places, further[1]])],
        np.concatenate([others, last]),
    )


def resolve_positions(positions, n_positions, name):
    """Return the positions that a user chose.

    Parameters
    ----------
    positions : slice, range, array-like of int or None
        The user's choice; None for all.
    n_positions : int
        Number of positions of a row.
    name : str
        Name of the input or layer in errors.

    Returns
    -------
    positions : tuple of int
        Sorted positions without repetition.

    Raises
    ------
    ValueError
        If a position does not exist, or no position is chosen.
    """
    if positions is None:
        return tuple(range(n_positions))
    if isinstance(positions, slice):
        chosen = list(range(n_positions))[positions]
    else:
        chosen = list(positions) if np.iterable(positions) and not isinstance(positions, (str, dict)) else [None]
        if not all(map(is_whole_number, chosen)):
            raise ValueError(
                f"positions= takes a slice, a range or a list of whole numbers for {name!r}. Got {positions!r}. Pass "
                "range(10, 20) for ten of them, or None for all."
            )
        outside = [int(each) for each in chosen if not -n_positions <= each < n_positions]
        if outside:
            raise ValueError(
                f"positions= names {outside[0]}, and {name!r} has {n_positions} positions. Pass numbers from 0 to "
                f"{n_positions - 1}, or negative ones that count from the end."
            )
    if not len(chosen):
        raise ValueError(
            f"positions={positions!r} names none of the {n_positions} positions of {name!r}. Pass None for all."
        )
    return tuple(sorted({int(each) % n_positions for each in chosen}))
