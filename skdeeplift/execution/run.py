"""The loop over chunks: rows and references in, sums over references out."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from skdeeplift.execution.chunks import (
    MOST_NUMBERS,
    Chunking,
    Part,
    choose_chunking,
    choose_chunking_of_copies,
    pieces,
    power_of_two_below,
)
from skdeeplift.execution.memory import Room, memory_limit, pairs_worth_a_call
from skdeeplift.execution.results import SQUARES, Sums
from skdeeplift.network.tensors import padded, to_tensor
from skdeeplift.propagation.pairing import Mode, Pairing, Request

# Bytes of a sum in float64, which is held twice while it is computed.
BYTES_OF_NUMBER = 16


def run_once(problem):
    """Explain rows against all of their references.

    Parameters
    ----------
    problem : Problem
        The rows, with their targets and references.

    Returns
    -------
    results : Results
    """
    loop, references = Loop(problem), problem.references
    weights = np.ones(1) if references is None else references.weights
    size = loop.size.references
    sums = Sums(problem, one_piece=size >= len(weights) and SQUARES.isdisjoint(problem.wanted))
    if problem.verbose:
        with progress(problem.n_rows * -(-len(weights) // size), problem.verbose) as bar:
            loop.add(sums, weights, bar=bar)
    else:
        loop.add(sums, weights)
    return sums.finish(np.full(problem.n_rows, len(weights)), 1 / (weights**2).sum())


def outputs_at(method, rows, batch_size="auto", fixed=None):
    """Compute the elements of the target tensor at some rows.

    Parameters
    ----------
    method : Method
        The compiled network.
    rows : list of ndarray
        One array for each input.
    batch_size : int or "auto", default="auto"
        Largest number of rows of a chunk.
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


class Loop:
    """The chunks of rows and references of a problem.

    Parameters
    ----------
    problem : Problem
        The rows, with their targets and references.

    Attributes
    ----------
    mode : Mode
        How rows and references are laid out.
    size : Chunking
        Number of rows, references and targets of a chunk.
    room : Room
        Number of pairs that fit into memory.
    """

    def __init__(self, problem):
        method, references, fixed = problem.method, problem.references, problem.fixed
        self.problem, self.method, self.fixed = problem, method, fixed
        n_references = 1 if references is None else len(references.weights)
        if problem.schedule.references_at_once is not None and references.is_random:
            n_references = min(n_references, problem.schedule.references_at_once)
        # References take the row's mask, so that even shared references are run for each row.
        per_row = references is not None and (references.per_row or bool(method.masks))
        is_pair_size = method.needs_pair_size or fixed is not None
        self.mode = Mode.PAIR_SIZE if is_pair_size else Mode.PER_ROW if per_row else Mode.SHARED
        self.room = Room(method, problem.batch_size, fixed)
        n_rows, copies, most = problem.n_rows, method.copies, self.room.most
        if fixed is not None:
            self.size = Chunking(fixed, 1, 1 if copies is None else problem.n_targets)
        elif copies is not None:
            most_kept = min(MOST_NUMBERS, memory_limit() // BYTES_OF_NUMBER)
            self.size = choose_chunking_of_copies(
                n_rows, n_references, most, problem.n_targets, copies, method.numbers_kept, most_kept
            )
        else:
            n_targets = 1 if self.mode is Mode.PAIR_SIZE else problem.n_targets
            self.size = choose_chunking(n_rows, n_references, max(1, most // method.steps_at_once), n_targets)

    def add(self, sums, all_weights, first_reference=0, positions=None, bar=None):
        """Add contributions against some references.

        Parameters
        ----------
        sums : Sums
            The sums to add to.
        all_weights : ndarray of shape (n_references,)
            Weights of the references.
        first_reference : int, default=0
            Position of the first reference.
        positions : ndarray of int, default=None
            Positions of the rows that are explained; by default all.
        bar : tqdm, default=None
            Progress bar, which counts rows.
        """
        problem = self.problem if positions is None else self.problem.take(positions)
        n_rows, n_references, references = problem.n_rows, len(all_weights), problem.references
        values, repeats = _Values(problem, self.mode), self.method.copies or 1
        if self.method.copies is None and references is not None and references.path is not None:
            repeats = len(references.path.weights)

        def attempt(part):
            """Explain one part, one piece of the targets at a time."""
            if part.last - part.first < n_references:
                sums.widen()
            shape, rows, first, path = part.size, slice(part.start, part.stop), first_reference + part.first, None
            pairing = Pairing(self.mode, *shape, self.room.most)
            weights = padded(all_weights[part.first : part.last], shape.references, fill=0.0)
            if references is not None and references.path is not None:
                chosen = slice(first, first + pairing.references)
                path = references.path.cut(chosen, pairing.references, self.room.most // pairing.size)
            chunk = _Chunk(
                rows if positions is None else positions[rows],
                part.start,
                part.stop,
                first,
                first_reference + part.last,
                problem.target.take(rows, pairing.rows),
                Request(pairing, None, weights, problem.wanted, problem.letters, first, path),
                part.first_target,
            )
            if not self.method.uses_references:
                return self._add_rows(sums, chunk, problem.rows)
            needs_values_once = self.mode is Mode.SHARED or n_references <= shape.references
            if needs_values_once and problem.n_targets <= shape.targets:
                covered = part.stop - part.start == n_rows and part.last - part.first == n_references
                shares_references = self.mode is Mode.SHARED and not covered
                add, at_both = self._add_in_one_call, values.before_call(chunk, shares_references)
            else:
                add, at_both = self._add_pairs, values.at_both(chunk)
            return add(sums, chunk._replace(n_equal=values.n_equal), *at_both)

        of_references = range(0, n_references, self.size.references)
        of_rows = pieces(n_rows, self.size.rows, pairs_worth_a_call(self.method) // self.size.references)
        # Shared references are run once for all rows. Otherwise each row is run once for all of its references.
        order = product(of_references, of_rows)
        if self.mode is not Mode.SHARED:
            order = ((first, piece) for piece, first in product(of_rows, of_references))
        for first, (start, stop, n_padded) in order:
            last = min(first + self.size.references, n_references)
            shape = Chunking(self.fixed or n_padded, self.size.references, self.size.targets)
            self.room.go_through(Part(start, stop, first, last, shape), attempt, repeats)
            if bar is not None:
                bar.update(stop - start)

    def _add_in_one_call(self, sums, chunk, rows, references, at_reference):
        """Explain pairs: forward and back in one call."""
        target, method, pairing = chunk.target, self.method, chunk.request.pairing
        weights = None
        if not target.depends_on_output:
            weights = target.weights(_empty_outputs(method, pairing.rows))
        request = chunk.request._replace(target=target if weights is None else weights)
        outputs, at_reference, of_sources = method.explain(request, rows, references, at_reference)
        outputs = outputs.numpy()[:: pairing.references if self.mode is Mode.PAIR_SIZE else 1]
        at_reference = _of_references(at_reference.numpy(), pairing)
        sums.add(chunk, 0, of_sources)
        yield pairing.targets
        weights = target.weights(outputs, at_reference) if weights is None else weights
        sums.add_values(chunk, outputs, at_reference, weights)

    def _add_pairs(self, sums, chunk, at_input, at_reference):
        """Explain pairs: back for as many targets at once as a chunk has."""
        pairing = chunk.request.pairing
        outputs = at_input[0].numpy()[:: pairing.references if self.mode is Mode.PAIR_SIZE else 1]
        # Read before anything is added, in case memory runs out.
        at_references = _of_references(at_reference[0].numpy(), pairing)
        weights = chunk.target.weights(outputs, at_references)
        # Weights of pairs have an additional axis of references, and belong to a single target.
        is_single = chunk.target.is_pairwise
        pieces_of_targets = _targets_in_pieces(weights, pairing.targets, chunk.first_target)
        for first_target, of_targets in [(0, weights)] if is_single else pieces_of_targets:
            request = chunk.request._replace(target=of_targets)
            sums.add(chunk, first_target, self.method.contributions(request, at_input, at_reference))
            yield first_target + pairing.targets
        sums.add_values(chunk, outputs, at_references, weights)

    def _add_rows(self, sums, chunk, rows):
        """Explain rows without references: forward and back in one call, if there is no noise."""
        pairing, target, method, references = chunk.request.pairing, chunk.target, self.method, self.problem.references
        arrays = [to_tensor(array[chunk.start : chunk.stop], pairing.rows) for array in rows]
        if references is None:
            outputs, noise = _empty_outputs(method, pairing.rows), None
        else:
            outputs = method.forward(arrays)[0].numpy()
            chosen = slice(chunk.first_reference, chunk.first_reference + pairing.references)
            noise = [padded(array[chosen], pairing.references) for array in references.arrays]
        if references is None and target.depends_on_output:
            targets = [(0, target)]
        else:
            targets = _targets_in_pieces(target.weights(outputs), pairing.targets, chunk.first_target)
        for first_target, of_targets in targets:
            at_noise, of_sources = method.at_rows(chunk.request._replace(target=of_targets), arrays, noise)
            at_noise = at_noise.numpy()
            sums.add(chunk, first_target, of_sources)
            yield first_target + pairing.targets
        outputs = at_noise if references is None else outputs
        sums.add_values(chunk, outputs, None, target.weights(outputs))


class _Chunk(NamedTuple):
    """Some rows, and some of the references that they are compared with."""

    # Positions of the rows' sums.
    places: Any
    # Positions in the arrays of rows, and among the references.
    start: int
    stop: int
    first_reference: int
    last_reference: int
    target: Any
    request: Request
    # First target to explain; earlier targets were finished before memory ran out.
    first_target: int
    # Number of shuffles that equal their row, for each row; None if references are no shuffles.
    n_equal: Any = None


def _empty_outputs(method, n_rows):
    """Return an array of the outputs' shape and dtype, with arbitrary values."""
    return np.empty((n_rows, *method.target.shape[1:]), method.target.dtype.as_numpy_dtype)


def _of_references(values, pairing):
    """Return values at the references of a chunk, of shape ``(rows or 1, references, ...)``."""
    lead = 1 if pairing.mode is Mode.SHARED else pairing.rows
    return values.reshape(lead, pairing.references, *values.shape[1:])


def _targets_in_pieces(weights, size, start):
    """Yield the first target's number and the weights of each piece of targets that are explained at once."""
    for first in range(start, weights.shape[1], size):
        yield first, padded(weights[:, first : first + size], size, axis=1, fill=0.0)


class _Values:
    """Values of the network at the rows and references of chunks, each computed once and kept while needed."""

    def __init__(self, problem, mode):
        self.method, self.rows, self.references, self.mode = problem.method, problem.rows, problem.references, mode
        self.key, self.at_input, self.at_reference = None, None, None
        self.made_for, self.make, self.n_equal = None, None, None

    def before_call(self, chunk, shares_references):
        """Return tensors of the rows and the references; return values at references that chunks share."""
        rows = self._rows_of(chunk)
        if not shares_references:
            return rows, self._references_of(chunk), None
        key = chunk.first_reference, chunk.last_reference, chunk.request.pairing.references
        if self.key != key:
            self.at_reference = self.method.forward(self._references_of(chunk))
            self.key = key
        return rows, [], self.at_reference

    def at_both(self, chunk):
        """Return the network's values at the rows and at the references."""
        pairing = chunk.request.pairing
        if self.mode is Mode.SHARED:
            rows, key = self._rows_of(chunk), (chunk.first_reference, chunk.last_reference, pairing.references)
            if self.key == key:
                return self.method.forward(rows), self.at_reference
            at_input, self.at_reference = self.method.forward_both(rows, self._references_of(chunk))
            self.key = key
            return at_input, self.at_reference
        key = chunk.start, chunk.stop, pairing.references
        if self.key != key:
            self.at_input = self.method.forward(self._rows_of(chunk))
            self.key = key
        return self.at_input, self.method.runs.forward_references(self._references_of(chunk), self.at_input, pairing)

    def _references_of(self, chunk):
        pairing, first, last = chunk.request.pairing, chunk.first_reference, chunk.last_reference
        if self.mode is Mode.SHARED:
            return [to_tensor(array[first:last], pairing.references) for array in self.references.arrays]
        place = chunk.start, chunk.stop
        if self.made_for != place:
            self.made_for, self.make = place, self.references.of_rows(self.rows, *place)
        made = self.make(first, last)
        if self.references.shuffled:
            pairs = [(made[position], self.rows[position][slice(*place)]) for position in self.references.shuffled]
            self.n_equal = count_equal(pairs)
        return [_one_for_each_pair(array, self.references.per_row, pairing) for array in made]

    def _rows_of(self, chunk):
        pairing, start, stop = chunk.request.pairing, chunk.start, chunk.stop
        if self.mode is not Mode.PAIR_SIZE:
            return [to_tensor(array[start:stop], pairing.rows) for array in self.rows]
        of_pairs = [np.repeat(padded(array[start:stop], pairing.rows), pairing.references, 0) for array in self.rows]
        return [to_tensor(array) for array in of_pairs]


def count_equal(pairs):
    """Count the references of each row that equal the row in all of some inputs.

    Parameters
    ----------
    pairs : list of (ndarray, ndarray)
        References of shape ``(n_rows, n_references, *features)`` and rows of each input.

    Returns
    -------
    number : ndarray of int of shape (n_rows,)
    """
    equal = True
    for references, rows in pairs:
        equal = equal & (references == rows[:, None]).all(tuple(range(2, references.ndim)))
    return equal.sum(1)


def _one_for_each_pair(array, per_row, pairing):
    """Return references of a chunk as a tensor with one entry for each pair."""
    if per_row:
        array = padded(padded(array, pairing.rows), pairing.references, axis=1)
        array = array.reshape(-1, *array.shape[2:])
    else:
        array = np.tile(padded(array, pairing.references), (pairing.rows, *[1] * (array.ndim - 1)))
    return to_tensor(array)


def progress(total, verbose):
    """Return a progress bar over ``total`` rows, hidden if ``verbose`` is zero."""
    return tqdm(total=total, desc="Explaining", unit="row", disable=not verbose, leave=False)
