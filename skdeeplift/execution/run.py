"""The loop over chunks: arrays in, sums over references out."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.execution.chunks import choose_chunking, pieces
from skdeeplift.execution.memory import automatic_batch_size
from skdeeplift.execution.progress import progress
from skdeeplift.network.target import row_classes, target_weights
from skdeeplift.propagation.pairing import Mode, Pairing


class References(NamedTuple):
    """References for the rows of a call.

    ``arrays`` holds one array for each input: ``(n_references, *features)`` where all rows share them, or
    ``(n_rows, n_references, *features)``. ``weights`` of shape ``(n_references,)`` sum to one.
    """

    arrays: list
    per_row: bool
    weights: np.ndarray


class Results(NamedTuple):
    """What a call computed.

    The first three are lists of one array for each source, or None where they were not wanted; standard errors need
    more than one reference. ``target`` is each row's index where rows have targets of their own, else -1.
    """

    contributions: list
    multipliers: list
    standard_error: list
    prediction: np.ndarray
    reference_value: np.ndarray
    target: np.ndarray


def run(streams, rows, references, target, *, wanted=("contributions",), batch_size="auto", fixed=None, verbose=0):
    """Explain rows against references, in chunks.

    Parameters
    ----------
    streams : Streams
        The compiled network.
    rows : list of ndarray
        One array for each input.
    references : References
        What the rows are compared with.
    target : {"single", "predicted"}, dict, or ndarray of shape (n_rows,)
        As `skdeeplift.network.target` checks it.
    wanted : tuple of {"contributions", "multipliers", "squares"}
        What to compute; squares give standard errors.
    batch_size : int or "auto", default="auto"
        Pairs of a chunk at the most.
    fixed : int or None, default=None
        The only batch size that the network can run with.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    results : Results
    """
    n_rows, n_references = len(rows[0]), len(references.weights)
    mode = Mode.PAIR_SIZE if streams.needs_pair_size else Mode.PER_ROW if references.per_row else Mode.SHARED
    if fixed is not None:
        size = choose_chunking(n_rows, n_references, 1)._replace(rows=fixed)
    else:
        size = choose_chunking(
            n_rows, n_references, automatic_batch_size(streams) if batch_size == "auto" else batch_size
        )
    results = _Sums(streams, n_rows, wanted, one_piece=size.references >= n_references and "squares" not in wanted)
    shape = tuple(streams.target.shape[1:])
    with progress(n_rows * -(-n_references // size.references), verbose, "Explaining") as bar:
        for first in range(0, n_references, size.references):
            chosen = slice(first, first + size.references)
            weights = _padded(references.weights[chosen], size.references, fill=0.0)
            shared = None
            for start, stop, padded in pieces(n_rows, size.rows):
                pairing = Pairing(mode, fixed or padded, size.references)
                chunk = [_padded(array[start:stop], pairing.rows) for array in rows]
                if mode is Mode.PAIR_SIZE:
                    chunk = [np.repeat(array, size.references, 0) for array in chunk]
                at_input, at_reference = _forward(streams, chunk, references, start, stop, chosen, pairing, shared)
                if mode is Mode.SHARED:
                    shared = at_reference
                logits = at_input[0].numpy()[:: size.references if mode is Mode.PAIR_SIZE else 1]
                of_chunk = target if isinstance(target, (str, dict)) else _padded(target[start:stop], pairing.rows)
                over_elements = target_weights(of_chunk, shape, logits)
                sums = streams.contributions(
                    pairing, at_input, at_reference, over_elements, weights, wanted=tuple(wanted)
                )
                results.add(slice(start, stop), sums, weights, over_elements, logits, at_reference[0], pairing)
                if not isinstance(of_chunk, (str, dict)) or of_chunk == "predicted":
                    results.target[start:stop] = row_classes(of_chunk, logits)[: stop - start]
                bar.update(stop - start)
    return results.finish(references.weights)


class _Sums:
    """Sums over references, in float64 unless one chunk holds them all."""

    def __init__(self, streams, n_rows, wanted, one_piece):
        self.wanted, self.streams, self.one_piece = wanted, streams, one_piece
        self.sums = [{} for _ in streams.sources]
        self.prediction, self.reference_value = np.zeros(n_rows), np.zeros(n_rows)
        self.target = np.full(n_rows, -1)
        self.n_rows = n_rows

    def add(self, rows, sums, weights, over_elements, logits, target_at_reference, pairing):
        number = rows.stop - rows.start
        for of_source, source, tensors in zip(self.sums, self.streams.sources, sums, strict=True):
            dtype = source.dtype.as_numpy_dtype if self.one_piece else np.float64
            for name, tensor in zip(self.wanted, tensors, strict=True):
                array = tensor.numpy()[:number]
                if pairing.references == 1:
                    array = array * array.dtype.type(weights[0]) if weights[0] != 1 else array
                if name not in of_source:
                    of_source[name] = np.zeros((self.n_rows, *array.shape[1:]), dtype)
                of_source[name][rows] += array
        axes = tuple(range(1, logits.ndim))
        over_elements = over_elements.astype(np.float64)
        self.prediction[rows] = (logits * over_elements).sum(axes)[:number]
        values = target_at_reference.numpy().astype(np.float64)
        if pairing.mode is Mode.SHARED:
            mean = np.tensordot(weights, values, (0, 0))[None]
        else:
            values = values.reshape(pairing.rows, pairing.references, *values.shape[1:])
            mean = np.tensordot(values, weights, (1, 0))
        value = (mean * over_elements).sum(axes)
        self.reference_value[rows] += value[:number] if len(value) > 1 else value

    def finish(self, weights):
        dtype = [source.dtype.as_numpy_dtype for source in self.streams.sources]
        contributions, multipliers = (
            [of_source[name].astype(kind, copy=False) for of_source, kind in zip(self.sums, dtype, strict=True)]
            if name in self.wanted
            else None
            for name in ("contributions", "multipliers")
        )
        errors = None
        if "squares" in self.wanted and len(weights) > 1:
            errors = [
                _standard_error(of_source, weights, kind) for of_source, kind in zip(self.sums, dtype, strict=True)
            ]
        return Results(contributions, multipliers, errors, self.prediction, self.reference_value, self.target)


def _standard_error(of_source, weights, dtype):
    # Of a weighted mean of independent draws; with equal weights the usual s / sqrt(n).
    variance = np.maximum(of_source["squares"] - of_source["contributions"] ** 2, 0)
    effective = 1 / np.sum(weights**2)
    return np.sqrt(variance / max(effective - 1, np.finfo(float).tiny)).astype(dtype)


def _forward(streams, chunk, references, start, stop, chosen, pairing, shared):
    """Values at the rows of a chunk and at their references; shared ones are computed once."""
    rows = [tf.convert_to_tensor(array) for array in chunk]
    if shared is not None:
        return streams.forward(rows), shared
    if pairing.mode is Mode.SHARED:
        return streams.forward_both(rows, [_tensor(array[chosen], pairing.references) for array in references.arrays])
    of_pairs = [_of_pairs(array, references.per_row, start, stop, chosen, pairing) for array in references.arrays]
    return streams.forward(rows), streams.forward(of_pairs)


def _of_pairs(array, per_row, start, stop, chosen, pairing):
    """References of a chunk, one for each pair."""
    if per_row:
        array = _padded(_padded(array[start:stop, chosen], pairing.rows), pairing.references, axis=1)
        return tf.convert_to_tensor(array.reshape(-1, *array.shape[2:]))
    array = _padded(array[chosen], pairing.references)
    return tf.convert_to_tensor(np.tile(array, (pairing.rows, *[1] * (array.ndim - 1))))


def _tensor(array, size):
    return tf.convert_to_tensor(_padded(array, size))


def _padded(array, size, axis=0, fill=None):
    """Repeat the last entry along an axis, or ``fill``, until there are ``size``."""
    missing = size - array.shape[axis]
    if missing == 0:
        return array
    last = array.take([-1] * missing, axis)
    return np.concatenate([array, last if fill is None else np.full_like(last, fill)], axis)
