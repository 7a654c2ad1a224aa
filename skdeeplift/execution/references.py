"""References, as the loop over chunks takes them."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

# How many are drawn at the most where a tolerance says how many are enough.
AUTOMATIC_REFERENCES = 1024


class Path(NamedTuple):
    """Points on the straight path from each reference to each row, at which gradients are taken.

    ``positions`` of shape ``(n_references, n_steps)`` run from 0, the reference, to 1, the row; ``weights`` of shape
    ``(n_steps,)`` are those of a quadrature over them.
    """

    positions: np.ndarray
    weights: np.ndarray

    def cut(self, references, number, at_once):
        """The part of ``number`` references, in a few equal pieces of at most ``at_once`` steps, padded little."""
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

    Where there is a ``source``, it makes the references of any rows when they are needed. Only the inputs whose
    references were given for each row then have arrays; without such inputs ``arrays`` is None.
    """

    arrays: list | None
    per_row: bool
    weights: np.ndarray
    # Takes one array of rows for each input, their classes, and the references that were given for these rows; returns
    # a function from start and stop of the references to one array (n_rows, stop - start, *features) for each input.
    source: Any = None
    # Whether the source reads the class that the network predicts of each row, and these classes.
    needs_classes: bool = False
    classes: np.ndarray | None = None
    # Whether they are drawn at random, in random order, so that a mean over fewer estimates one over more.
    is_random: bool = False
    # Where between references and rows a method looks that looks there.
    path: Path | None = None
    # Positions of the inputs whose references are the row's own values, so that they contribute nothing.
    held: tuple = ()
    # Positions of the inputs whose references are shuffles of the row. A shuffle that equals its row says nothing.
    shuffled: tuple = ()

    @property
    def n_rows(self):
        """Number of rows that references were given for; None if the references go with any rows."""
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
        """Return the first references only."""
        weights = self.weights[:number]
        chosen = (slice(None), slice(number)) if self.per_row else slice(number)
        return self._replace(arrays=self.map_arrays(lambda array: array[chosen]), weights=weights / weights.sum())

    def choose(self, positions):
        """Return references at some positions, perhaps several times, each with the same weight."""
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
            Which of them.

        Returns
        -------
        make : callable
            From start and stop of the references to one array for each input, ``(stop - start, n, *features)``, or
            ``(n, *features)`` where all rows share them.
        """
        if self.source is None:
            return partial(self._cut, slice(start, stop))
        own = self.take(slice(start, stop))
        return self.source([array[start:stop] for array in rows], own.classes, own.arrays)

    def _cut(self, rows, start, stop):
        chosen = (rows, slice(start, stop)) if self.per_row else slice(start, stop)
        return [array[chosen] for array in self.arrays]


class ChosenSource:
    """A source of some of another one's references."""

    def __init__(self, source, positions):
        self.source, self.positions = source, positions

    def __call__(self, rows, classes, given):
        """Return a function that makes the references from ``start`` to ``stop``, as one array for each input."""
        make = self.source(rows, classes, given)

        def chosen(start, stop):
            positions = self.positions[start:stop]
            return [array[:, positions] for array in make(0, positions.max() + 1)]

        return chosen
