"""References, in the form for the loop over chunks."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

# Largest number of drawn references if a tolerance decides how many are enough.
AUTOMATIC_REFERENCES = 1024


class Path(NamedTuple):
    """Points on the straight path from each reference to each row, at which gradients are computed.

    ``positions`` of shape ``(n_references, n_steps)`` run from 0, the reference, to 1, the row; ``weights`` of shape
    ``(n_steps,)`` are those of a quadrature over them.
    """

    positions: np.ndarray
    weights: np.ndarray

    def cut(self, references, number, at_once):
        """Return the points for ``number`` references, in few equal pieces of at most ``at_once`` steps."""
        n_steps = len(self.weights)
        fewest = -(-n_steps // max(1, min(at_once, n_steps)))
        size = min((-(-n_steps // pieces) for pieces in range(fewest, 2 * fewest)), key=lambda size: -n_steps % size)
        n_pieces = -(-n_steps // size)
        chosen = self.positions[references]
        positions = np.pad(chosen, ((0, number - len(chosen)), (0, n_pieces * size - n_steps)), mode="edge")
        weights = np.pad(self.weights, (0, n_pieces * size - n_steps))
        return Path(np.moveaxis(positions.reshape(number, n_pieces, size), 0, -1), weights.reshape(n_pieces, size))


class References(NamedTuple):
    """References for the rows of a call.

    ``arrays`` holds one array for each input: ``(n_references, *features)`` where all rows share them, or
    ``(n_rows, n_references, *features)``. ``weights`` of shape ``(n_references,)`` sum to one.

    A ``source`` makes the references of rows when they are needed. Then only inputs with references passed for each row
    have arrays, and ``arrays`` is None without such inputs.
    """

    arrays: list | None
    per_row: bool
    weights: np.ndarray
    # Function of one array of rows for each input, the rows' classes, and the references that were passed for these
    # rows. It returns a function of the first and last reference, which returns one array (n_rows, stop - start,
    # *features) for each input.
    source: Any = None
    # Whether the source reads the predicted class of each row, and these classes.
    needs_classes: bool = False
    classes: np.ndarray | None = None
    # Whether references are drawn in random order, so that a mean over the first ones estimates the mean over all.
    is_random: bool = False
    # Points on the path from references to rows, for methods that compute gradients there.
    path: Path | None = None
    # Positions of the inputs whose references are the row's own values, so that they contribute zero.
    held: tuple = ()
    # Positions of the inputs whose references are shuffles of the row. A shuffle that equals its row is useless.
    shuffled: tuple = ()

    @property
    def n_rows(self):
        """Number of rows that the references belong to; None if they belong to any rows."""
        if not self.per_row:
            return None
        given = [array for array in self.arrays or () if array is not None]
        return len(given[0]) if given else None

    def take(self, rows):
        """Return the references of some of the rows."""
        return self._replace(
            arrays=self.map_arrays(lambda array: array[rows]) if self.per_row else self.arrays,
            classes=None if self.classes is None else self.classes[rows],
        )

    def first(self, number):
        """Return only the first references."""
        weights = self.weights[:number]
        chosen = (slice(None), slice(number)) if self.per_row else slice(number)
        return self._replace(arrays=self.map_arrays(lambda array: array[chosen]), weights=weights / weights.sum())

    def choose(self, positions):
        """Return references at some positions, which may repeat, with equal weights."""
        weights = np.full(len(positions), 1 / len(positions))
        if self.source is not None:
            return self._replace(source=ChosenSource(self.source, positions), weights=weights)
        chosen = (slice(None), positions) if self.per_row else positions
        return self._replace(arrays=self.map_arrays(lambda array: array[chosen]), weights=weights)

    def map_arrays(self, function):
        """Apply a function to the array of each input that has one, and return the arrays."""
        if self.arrays is None:
            return None
        return [None if array is None else function(array) for array in self.arrays]

    def of_rows(self, rows, start, stop):
        """Make references of a chunk of rows.

        Parameters
        ----------
        rows : list of ndarray
            All rows, one array for each input.
        start, stop : int
            First row of the chunk, and the row after the last.

        Returns
        -------
        make : callable
            Function of the first and last reference that returns one array for each input, of shape ``(stop - start, n,
            *features)``, or ``(n, *features)`` if all rows share the references.
        """
        if self.source is None:
            return partial(self._cut, slice(start, stop))
        own = self.take(slice(start, stop))
        return self.source([array[start:stop] for array in rows], own.classes, own.arrays)

    def _cut(self, rows, start, stop):
        chosen = (rows, slice(start, stop)) if self.per_row else slice(start, stop)
        return [array[chosen] for array in self.arrays]


class ChosenSource:
    """Source of some of the references of another source."""

    def __init__(self, source, positions):
        self.source, self.positions = source, positions

    def __call__(self, rows, classes, given):
        """Return a function that makes the references from ``start`` to ``stop``, as one array for each input."""
        make = self.source(rows, classes, given)

        def chosen(start, stop):
            positions = self.positions[start:stop]
            return [array[:, positions] for array in make(0, positions.max() + 1)]

        return chosen
