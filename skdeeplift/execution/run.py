"""The loop over chunks: arrays in, sums over references out."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np

from skdeeplift.execution.chunks import (
    MOST_NUMBERS,
    Chunking,
    Part,
    choose_chunking,
    choose_chunking_of_copies,
    pieces,
    power_of_two_below,
)
from skdeeplift.execution.memory import Room, memory_limit
from skdeeplift.execution.progress import progress
from skdeeplift.execution.references import AUTOMATIC_REFERENCES
from skdeeplift.execution.results import SQUARES, Sums
from skdeeplift.execution.tensors import padded, to_tensor
from skdeeplift.propagation.pairing import Mode, Pairing
from skdeeplift.propagation.request import Request

# References of the first round, where as many are added as a tolerance needs.
FIRST_REFERENCES = 16
# In float64, and once more while it is summed.
BYTES_OF_NUMBER = 16


def run(
    method,
    rows,
    references,
    target,
    *,
    wanted=("contributions",),
    letters=None,
    batch_size="auto",
    fixed=None,
    verbose=0,
    tolerance=None,
):
    """Explain rows against references, in chunks.

    Parameters
    ----------
    method : Method
        The compiled network.
    rows : list of ndarray
        One array for each input.
    references : References or None
        What the rows are compared with, by a method that compares.
    target : Target
        What is explained.
    wanted : tuple of str
        What to compute of each source, of `skdeeplift.propagation.sums.TERMS`; squares give standard errors.
    letters : tuple of int or None, default=None
        For each source the axis of its one-hot letters, for hypothetical contributions.
    batch_size : int or "auto", default="auto"
        Pairs of a chunk at the most.
    fixed : int or None, default=None
        The only batch size that the network can run with.
    verbose : int, default=0
        Whether to show a progress bar.
    tolerance : float, default=None
        How large the standard error of a row's contributions may be beside them; no more references are then added to
        it, if they are drawn at random.

    Returns
    -------
    results : Results
        With ``unconverged``, if references are added: where the most that are added are too few for the tolerance.
    """
    loop = _Loop(method, rows, references, target, tuple(wanted), letters, batch_size, fixed, tolerance)
    if tolerance is not None and references is not None and references.is_random:
        return _until_precise(loop, tolerance, verbose)
    weights = np.ones(1) if references is None else references.weights
    sums = loop.sums(one_piece=loop.size.references >= len(weights) and not SQUARES.intersection(wanted))
    number_of_chunks = -(-len(weights) // loop.size.references)
    with progress(len(rows[0]) * number_of_chunks, verbose, "Explaining") as bar:
        loop.add(sums, weights, 0, bar=bar)
    return sums.finish(np.full(len(rows[0]), len(weights)), 1 / np.sum(weights**2), target)


def chunk_of_call(method, rows, references, target, *, wanted, letters, batch_size, fixed, tolerance):
    """Return how many rows, and how many pairs at the most, `run` would compute at once, which takes the same."""
    loop = _Loop(method, rows, references, target, tuple(wanted), letters, batch_size, fixed, tolerance)
    return loop.size.rows, loop.room.most


def predict(method, rows, batch_size="auto", fixed=None):
    """Compute what is explained at rows alone.

    Parameters
    ----------
    method : Method
        The compiled network.
    rows : list of ndarray
        One array for each input.
    batch_size : int or "auto", default="auto"
        Rows of a chunk at the most.
    fixed : int or None, default=None
        The only batch size that the network can run with.

    Returns
    -------
    outputs : ndarray of shape (n_rows, *target's axes)
    """
    room, outputs = Room(method, batch_size, fixed), []

    def attempt(part):
        chunk = [to_tensor(array[part.start : part.stop], part.size.rows) for array in rows]
        outputs.append(method.forward(chunk)[0].numpy()[: part.stop - part.start])
        yield 1

    for start, stop, n_padded in pieces(len(rows[0]), fixed or power_of_two_below(room.most)):
        room.go_through(Part(start, stop, 0, 1, Chunking(fixed or n_padded, 1)), attempt)
    return np.concatenate(outputs)


def _until_precise(loop, tolerance, verbose):
    """Add references to each row until the standard error of its contributions is small beside them."""
    n_rows, most = len(loop.rows[0]), len(loop.references.weights)
    sums = loop.sums()
    counts, going, start = np.zeros(n_rows, int), np.arange(n_rows), 0
    with progress(n_rows, verbose, "Explaining") as bar:
        while len(going) and start < most:
            stop = min(max(2 * start, FIRST_REFERENCES), most)
            loop.add(sums, np.ones(stop - start), start, going)
            counts[going], start = stop, stop
            still = sums.relative_standard_errors(going, stop) > tolerance
            bar.update(len(going) - still.sum())
            going = going[still]
    unconverged = np.zeros(n_rows, bool)
    # Fewer are all that the user wanted.
    unconverged[going] = most >= AUTOMATIC_REFERENCES
    sums.divide(counts)
    return sums.finish(counts, counts, loop.target)._replace(unconverged=unconverged)


class _Loop:
    """The chunks of rows and references of one call."""

    def __init__(self, method, rows, references, target, wanted, letters, batch_size, fixed, tolerance):
        self.method, self.rows, self.references, self.target = method, rows, references, target
        self.letters, self.fixed = letters, fixed
        self.n_targets = target.number(method.target.shape[1:])
        n_references = 1 if references is None else len(references.weights)
        if tolerance is not None:
            # One compiled function for all rounds, however many references they add.
            n_references = min(n_references, FIRST_REFERENCES)
            wanted = tuple(dict.fromkeys([*wanted, "contributions", "squares"]))
        self.wanted = wanted
        # A row's reference has the row's mask, so that shared references are run anew for each row.
        per_row = references is not None and (references.per_row or bool(method.masks))
        is_pair_size = method.needs_pair_size or fixed is not None
        self.mode = Mode.PAIR_SIZE if is_pair_size else Mode.PER_ROW if per_row else Mode.SHARED
        self.room = Room(method, batch_size, fixed)
        n_rows, copies, most = len(rows[0]), method.copies, self.room.most
        if fixed is not None:
            self.size = Chunking(fixed, 1, 1 if copies is None else self.n_targets)
        elif copies is not None:
            most_kept = min(MOST_NUMBERS, memory_limit() // BYTES_OF_NUMBER)
            self.size = choose_chunking_of_copies(
                n_rows, n_references, most, self.n_targets, copies, method.numbers_kept, most_kept
            )
        else:
            n_targets = 1 if self.mode is Mode.PAIR_SIZE else self.n_targets
            self.size = choose_chunking(n_rows, n_references, max(1, most // method.steps_at_once), n_targets)

    def sums(self, one_piece=False):
        """Nothing added up yet."""
        return Sums(self.method, len(self.rows[0]), self.n_targets, self.wanted, one_piece)

    def add(self, sums, all_weights, first_reference, positions=None, bar=None):
        """Add references, from the first on as many as there are weights, to all rows or those at some positions."""
        rows, references, target, size = self.rows, self.references, self.target, self.size
        if positions is not None:
            rows = [array[positions] for array in rows]
            references = references.take(positions)
            target = target.of_rows(positions)
        values = _Values(self.method, rows, references, self.mode)

        def attempt(part):
            """Explain one part, one piece of the targets after the other."""
            shape = part.size
            if part.last - part.first < len(all_weights):
                sums.widen()
            weights = padded(all_weights[part.first : part.last], shape.references, fill=0.0)
            pairing = Pairing(self.mode, *shape, self.room.most)
            places = slice(part.start, part.stop) if positions is None else positions[part.start : part.stop]
            of_rows = target.of_rows(slice(part.start, part.stop), pairing.rows)
            chunk = _Chunk(places, part.stop - part.start, pairing, of_rows, weights, part.first_target)
            first = first_reference + part.first
            where = part.start, part.stop, first, first_reference + part.last, pairing
            if not self.method.uses_references:
                arrays = [to_tensor(array[part.start : part.stop], pairing.rows) for array in rows]
                return self._add_rows(sums, chunk, arrays, part.first)
            if self._in_one_call(len(all_weights), shape):
                covered = part.stop - part.start == len(rows[0]) and part.last - part.first == len(all_weights)
                several = self.mode is Mode.SHARED and not covered
                return self._add_in_one_call(sums, chunk, *values.before_call(*where, several), first)
            return self._add_pairs(sums, chunk, *values.of_chunk(*where), first)

        has_path = references is not None and references.path is not None
        repeats = self.method.copies or (len(references.path.weights) if has_path else 1)
        for first, (start, stop, n_padded) in self._chunks(len(rows[0]), len(all_weights)):
            last, shape = min(first + size.references, len(all_weights)), size._replace(rows=self.fixed or n_padded)
            self.room.go_through(Part(start, stop, first, last, shape), attempt, repeats)
            if bar is not None:
                bar.update(stop - start)

    def _in_one_call(self, n_references, size):
        """Whether nothing that the network computes of a chunk's rows is needed for another chunk."""
        return (
            self.method.uses_references
            and self.n_targets <= size.targets
            and (self.mode is Mode.SHARED or n_references <= size.references)
        )

    def _add_in_one_call(self, sums, chunk, rows, references, at_reference, first_reference):
        """Explain pairs: forward and back in one call."""
        pairing, target, method = chunk.pairing, chunk.target, self.method
        empty = np.empty((pairing.rows, *method.target.shape[1:]), method.target.dtype.as_numpy_dtype)
        of_target = target if target.depends_on_output else target.weights(empty)
        request = self._request(chunk, of_target, first_reference)
        outputs, at_reference, of_pieces = method.explain(request, rows, references, at_reference)
        outputs = outputs.numpy()[:: pairing.references if self.mode is Mode.PAIR_SIZE else 1]
        at_reference = at_reference.numpy()
        sums.add(chunk.places, chunk.number, 0, of_pieces, chunk.weights)
        yield pairing.targets
        sums.add_values(chunk, outputs, at_reference, target.weights(outputs))

    def _add_pairs(self, sums, chunk, at_input, at_reference, first_reference):
        """Explain pairs: back for as many targets at once as a chunk has."""
        pairing = chunk.pairing
        outputs = at_input[0].numpy()[:: pairing.references if self.mode is Mode.PAIR_SIZE else 1]
        # Read before anything is added, in case that memory runs out.
        over_elements, at_references = chunk.target.weights(outputs), at_reference[0].numpy()
        request = self._request(chunk, None, first_reference)
        for first_target, of_targets in _in_pieces(over_elements, pairing.targets, chunk.first_target):
            of_pieces = self.method.contributions(request._replace(target=of_targets), at_input, at_reference)
            sums.add(chunk.places, chunk.number, first_target, of_pieces, chunk.weights)
            yield first_target + pairing.targets
        sums.add_values(chunk, outputs, at_references, over_elements)

    def _request(self, chunk, target, first_reference):
        """Request what is wanted of a chunk, for the weights of some targets."""
        path = self._path(chunk.pairing, first_reference)
        return Request(chunk.pairing, target, chunk.weights, self.wanted, self.letters, first_reference, path)

    def _path(self, pairing, first_reference):
        """Where gradients are taken of a chunk, in pieces of as many steps as it has room for."""
        if self.references is None or self.references.path is None:
            return None
        chosen = slice(first_reference, first_reference + pairing.references)
        return self.references.path.cut(chosen, pairing.references, self.room.most // pairing.size)

    def _add_rows(self, sums, chunk, arrays, first):
        """Explain rows that are compared with nothing: forward and back in one call, if there is no noise."""
        pairing, target, method, noise = chunk.pairing, chunk.target, self.method, None
        request = self._request(chunk, target, first)
        outputs = np.empty((pairing.rows, *method.target.shape[1:]), method.target.dtype.as_numpy_dtype)
        if self.references is not None:
            outputs = method.forward(arrays)[0].numpy()
            chosen = slice(first, first + pairing.references)
            noise = [padded(array[chosen], pairing.references) for array in self.references.arrays]
        if target.depends_on_output and self.references is None:
            outputs, of_pieces = method.at_rows(request, arrays)
            outputs = outputs.numpy()
            sums.add(chunk.places, chunk.number, 0, of_pieces, chunk.weights)
        else:
            for first_target, of_targets in _in_pieces(target.weights(outputs), pairing.targets, chunk.first_target):
                at_noise, of_pieces = method.at_rows(request._replace(target=of_targets), arrays, noise)
                at_noise = at_noise.numpy()
                sums.add(chunk.places, chunk.number, first_target, of_pieces, chunk.weights)
                yield first_target + pairing.targets
            outputs = at_noise if self.references is None else outputs
        sums.add_values(chunk, outputs, None, target.weights(outputs))

    def _chunks(self, n_rows, n_references):
        """Shared references are run once for all rows; otherwise the rows are, once for all of their references."""
        of_references, of_rows = range(0, n_references, self.size.references), pieces(n_rows, self.size.rows)
        if self.mode is Mode.SHARED:
            return product(of_references, of_rows)
        return ((first, piece) for piece, first in product(of_rows, of_references))


class _Chunk(NamedTuple):
    """Some rows, and some of what they are compared with."""

    # Where the rows' sums go, and how many they are.
    places: Any
    number: int
    pairing: Pairing
    target: Any
    weights: np.ndarray
    # Those before it were added before memory ran out.
    first_target: int


def _in_pieces(over_elements, size, start):
    """Yield the number of the first target, and weights, of as many targets as are explained at once."""
    for first in range(start, over_elements.shape[1], size):
        yield first, padded(over_elements[:, first : first + size], size, axis=1, fill=0.0)


class _Values:
    """What the network computes at the rows of a chunk and at their references, each once while it is needed."""

    def __init__(self, method, rows, references, mode):
        self.method, self.rows, self.references, self.mode = method, rows, references, mode
        self.kept_for, self.at_input, self.at_reference = None, None, None
        self.made_for, self.make = None, None

    def before_call(self, start, stop, first, last, pairing, several):
        """Return tensors of the rows and of their references; if several chunks share these, their values instead."""
        rows = self._rows(start, stop, pairing)
        if not several:
            return rows, self._references(start, stop, first, last, pairing), None
        key = first, last, pairing.references
        if self.kept_for != key:
            self.at_reference = self.method.forward(self._references(start, stop, first, last, pairing))
            self.kept_for = key
        return rows, [], self.at_reference

    def of_chunk(self, start, stop, first, last, pairing):
        """Return values at the rows from start to stop, and at the references from first to last."""
        if self.mode is Mode.SHARED:
            return self._with_shared(start, stop, first, last, pairing)
        key = start, stop, pairing.references
        if self.kept_for != key:
            self.at_input = self.method.forward(self._rows(start, stop, pairing))
            self.kept_for = key
        references = self._references(start, stop, first, last, pairing)
        return self.at_input, self.method.forward_references(references, self.at_input, pairing)

    def _with_shared(self, start, stop, first, last, pairing):
        rows = self._rows(start, stop, pairing)
        key = first, last, pairing.references
        if self.kept_for == key:
            return self.method.forward(rows), self.at_reference
        references = self._references(start, stop, first, last, pairing)
        at_input, self.at_reference = self.method.forward_both(rows, references)
        self.kept_for = key
        return at_input, self.at_reference

    def _references(self, start, stop, first, last, pairing):
        if self.mode is Mode.SHARED:
            return [to_tensor(array[first:last], pairing.references) for array in self.references.arrays]
        if self.made_for != (start, stop):
            self.made_for, self.make = (start, stop), self.references.of_rows(self.rows, start, stop)
        return [_of_pairs(array, self.references.per_row, pairing) for array in self.make(first, last)]

    def _rows(self, start, stop, pairing):
        if self.mode is not Mode.PAIR_SIZE:
            return [to_tensor(array[start:stop], pairing.rows) for array in self.rows]
        of_pairs = [np.repeat(padded(array[start:stop], pairing.rows), pairing.references, 0) for array in self.rows]
        return [to_tensor(array, len(array)) for array in of_pairs]


def _of_pairs(array, per_row, pairing):
    """References of a chunk, one for each pair."""
    if per_row:
        array = padded(padded(array, pairing.rows), pairing.references, axis=1)
        array = array.reshape(-1, *array.shape[2:])
    else:
        array = np.tile(padded(array, pairing.references), (pairing.rows, *[1] * (array.ndim - 1)))
    return to_tensor(array, len(array))
