"""Blocks: the rows of a call, all at once or some at a time, with their targets and references."""

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skdeeplift.execution.references import References
from skdeeplift.network.bind import check_dense, check_lengths
from skdeeplift.rows.batches import NO_BATCHES, check_alike, gives_batches, is_on_disk, join, read_batches
from skdeeplift.rows.validation import lacks_last_axis

# Maximum count of numbers in a block and its results. It keeps blocks small in comparison with a network.
NUMBERS_OF_BLOCK = 2**21


class Block(NamedTuple):
    """Some rows, with their targets and references."""

    # Position of the first row.
    start: int
    rows: Any
    target: Any
    reference: Any


class RowSource:
    """Rows of a call: an array, a table, a memory map, batches, or a list or dict of inputs.

    Parameters
    ----------
    X : array-like, list or dict of array-like, or source of batches
        The user's rows.
    bound : Bound
        The network that takes the rows.
    target, reference : object, default=None
        The user's choices. Arrays with one entry for each row are split together with the rows.

    Attributes
    ----------
    in_batches : bool
        Whether rows come in batches.
    is_in_memory : bool
        Whether all rows are in memory, so that they can be one block.
    n_rows : int or None
        Number of rows; None if it is unknown before the last batch. Set by `check_lengths`.
    has_targets : bool
        Whether each row has its own target. Set by `check_lengths`.
    """

    def __init__(self, X, bound, target=None, reference=None):
        self.X, self.bound, self.network, self.target, self.reference = X, bound, bound.network, target, reference
        is_array = isinstance(X, np.ndarray)
        self.in_batches = not is_array and gives_batches(X)
        self.is_in_memory = not isinstance(X, np.memmap) if is_array else not self.in_batches and not is_on_disk(X)

    def check_lengths(self):
        """Count the rows, and raise an error if the number of row targets or row references differs."""
        self.n_rows = None
        if not self.in_batches:
            arrays = self.network.flatten(self.X)
            numbers = [int(each.shape[0]) if hasattr(each, "shape") else len(each) for each in arrays]
            check_lengths(numbers)
            self.n_rows = numbers[0]
        self.has_targets = self.bound.has_entry_per_row(self.target)
        if self.has_targets and isinstance(self.target, list):
            # Convert the list, because a part of a list could be as long as the network's output and change meaning.
            self.target = np.asarray(self.target)
        if not self.in_batches:
            # The targets of batches are aligned later, because each batch has its own index.
            self.target = self.bound.align_targets(self.target, self.X)
        if self.reference is None:
            fitted = self.bound.references
            if fitted is not None and fitted.n_rows is not None:
                self.reference = fitted
        self.lengths = {len(self.target)} if self.has_targets else set()
        self.lengths |= self._lengths_of_references()
        if self.n_rows is not None:
            self._compare_lengths(self.n_rows)

    def blocks(self, elements_of_results):
        """Yield blocks of about the same number of rows.

        If an error occurs, rows that came before the error are yielded first.

        Parameters
        ----------
        elements_of_results : callable
            Function from the number of elements of a row to the number of elements of its results.

        Yields
        ------
        block : Block
        """

        def rows_of_block(rows):
            """Return the number of rows of a block, a power of two that does not depend on the sizes of batches."""
            arrays = self.network.flatten(rows)
            shapes = [array.shape if hasattr(array, "shape") else np.shape(array[0:1]) for array in arrays]
            elements_of_row = sum(math.prod(int(size) for size in shape[1:]) for shape in shapes)
            elements = max(elements_of_results(elements_of_row), 1)
            return 1 << (max(NUMBERS_OF_BLOCK // elements, 1).bit_length() - 1)

        stop, pieces = 0, self._pieces_of_batches if self.in_batches else self._pieces_of_array
        for start, stop, rows in pieces(rows_of_block):
            if stop > min(self.lengths, default=stop):
                raise ValueError(
                    "target= and reference= of each row need one entry for each row of X, which has at least "
                    f"{stop}. Got {min(self.lengths)}."
                )
            target = cut_rows(self.target, start, stop) if self.has_targets else self.target
            yield Block(start, rows, target, self._cut_reference(start, stop))
        self._compare_lengths(stop)

    def _pieces_of_array(self, rows_of_block):
        size = rows_of_block(self.X)
        # Yield one piece even without rows, so that the check of rows raises its error.
        for start in range(0, max(self.n_rows, 1), size):
            stop = min(start + size, self.n_rows)
            yield start, stop, self._map_inputs(partial(cut_rows, start=start, stop=stop), self.X)

    def _map_inputs(self, function, value):
        """Apply a function to the array of each input, and return the results in the form of the user's rows."""
        if isinstance(value, dict):
            return {name: function(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)) and not self.network.is_single:
            return [function(each) for each in value]
        return function(value)

    def _pieces_of_batches(self, rows_of_block):
        start, number, pending = 0, 0, []

        def join_pending():
            nonlocal start, number
            piece = start, start + number, join(pending)
            start, number = start + number, 0
            pending.clear()
            return piece

        try:
            for rows, _, _ in read_batches(self.X):
                size = self._check_batch(rows)
                if pending:
                    for first, batch in zip(self.network.flatten(pending[0]), self.network.flatten(rows), strict=True):
                        check_alike(first, batch)
                pending.append(rows)
                number += size
                if number >= rows_of_block(rows):
                    yield join_pending()
        except Exception:
            if number:
                yield join_pending()
            raise
        if number:
            yield join_pending()
        if start == 0:
            raise ValueError(NO_BATCHES)

    def _check_batch(self, rows):
        """Return the number of rows of a batch, or raise an error if its first axis is not the axis of rows."""
        check_dense(rows)
        sizes = set()
        for array, spec in zip(self.network.flatten(rows), self.network.flat_specs, strict=True):
            shape = np.shape(array)
            if isinstance(array, (str, bytes)) or (array is None) or not (shape or len(spec.shape) == 1):
                raise ValueError(
                    f"X gives batches of rows, as arrays or tables. Got a batch of type {type(array).__name__}."
                )
            if len(shape) == len(spec.shape) - 1 and not lacks_last_axis(array, spec):
                raise ValueError(
                    f"A batch of X has shape {shape}, but the network bound to {self.bound.owner} takes "
                    f"{len(spec.shape)} axes, with the rows on the first axis. Make batches, as with "
                    "dataset.batch(256)."
                )
            sizes.add(shape[0] if shape else 0)
        if len(sizes) > 1:
            raise ValueError(f"All inputs need the same number of rows. A batch of X has {sorted(sizes)}.")
        return sizes.pop()

    def _compare_lengths(self, n_rows):
        if self.lengths - {n_rows}:
            raise ValueError(
                f"target= and reference= of each row need one entry for each of the {n_rows} rows of X. Got "
                f"{', '.join(map(str, sorted(self.lengths)))}."
            )

    def _lengths_of_references(self):
        """Return the lengths of all arrays of references that have one entry for each row."""
        if isinstance(self.reference, References):
            return {self.reference.n_rows} - {None}
        lengths = set()

        def note(array):
            lengths.add(len(array))
            return array

        self._map_references_of_rows(note)
        return lengths

    def _cut_reference(self, start, stop):
        rows = slice(start, stop)
        if isinstance(self.reference, References):
            return self.reference.take(rows)
        return self._map_references_of_rows(lambda array: array[rows])

    def _map_references_of_rows(self, function):
        """Apply a function to the references of each input whose references differ from row to row."""
        reference, network = self.reference, self.network
        if not (network.is_single or isinstance(reference, (list, tuple, dict))):
            # A single object or function makes the references of all inputs, so there is nothing to map.
            return reference

        def of_input(each, n_axes):
            is_array = not (each is None or isinstance(each, str) or callable(each))
            return function(each) if is_array and np.ndim(each) == n_axes + 1 else each

        entries = zip(network.flatten(reference), network.flat_specs, strict=True)
        mapped = [of_input(each, len(spec.shape)) for each, spec in entries]
        if isinstance(reference, dict):
            return dict(zip(network.input_names, mapped, strict=True))
        return mapped[0] if network.is_single else mapped


def cut_rows(array, start, stop):
    """Return some rows of an array or table, without reading the others."""
    return array.iloc[start:stop] if hasattr(array, "iloc") else array[start:stop]
