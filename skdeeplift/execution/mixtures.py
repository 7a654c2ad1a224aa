"""Mixtures of rows and references, with an order for each row in which parts are taken from references."""

from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.execution.chunks import choose_chunking, evenly, pieces
from skdeeplift.execution.memory import Room
from skdeeplift.network.tensors import padded
from skdeeplift.perturbation.perturbation import sum_weighted
from skdeeplift.propagation import replay
from skdeeplift.propagation.pairing import with_axis_of_references


class Mixtures(NamedTuple):
    """Mixtures of rows and references: the first parts in an order are taken from references."""

    # For each input, an array of int: the part of each element of a row.
    labels: list
    # Position of each part in the order of a mixture, of shape (1 or n_rows, 1 or n_mixtures, n_parts).
    ranks: np.ndarray
    # Number of parts of a mixture that are taken from the reference, of shape (1 or n_rows, n_mixtures).
    counts: np.ndarray
    # Weights over the target's elements, of shape (1 or n_rows, n_targets, *target's axes).
    target_weights: np.ndarray


def compute_at_mixtures(method, rows, references, mixtures, *, batch_size="auto", fixed=None):
    """Compute the target at mixtures of rows and references.

    Parameters
    ----------
    method : Method
        The compiled network.
    rows : list of ndarray
        One array for each input.
    references : References
        References to take parts from. Values are averaged over references.
    mixtures : Mixtures
        The parts of the rows that are taken from references.
    batch_size : int or "auto", default="auto"
        Number of mixtures to run at once.
    fixed : int or None, default=None
        Batch size of a network that takes only one.

    Returns
    -------
    values : ndarray of shape (n_rows, n_mixtures, n_targets)
        In float64.
    """
    most = Room(method, batch_size, fixed).most
    ranks, counts = mixtures.ranks.astype(np.int32), mixtures.counts.astype(np.int32)
    n_rows, n_mixtures, n_references = len(rows[0]), counts.shape[1], len(references.weights)
    size = choose_chunking(n_rows, n_references, most)
    at_once = evenly(n_mixtures, max(1, most // (size.rows * size.references)))
    labels = [array.astype(np.int32) for array in mixtures.labels]
    values = np.zeros((n_rows, n_mixtures, mixtures.target_weights.shape[1]))
    for start, stop, n_padded in pieces(n_rows, size.rows):
        cut = partial(_cut_rows, start=start, stop=stop, size=n_padded)
        make = references.of_rows(rows, start, stop)
        of_chunk = [cut(array) for array in rows]
        for first in range(0, n_references, size.references):
            last = min(first + size.references, n_references)
            others = make(first, last)
            others = [padded(array, n_padded) if references.per_row else array[None] for array in others]
            others = [padded(array, size.references, axis=1) for array in others]
            for mixture in range(0, n_mixtures, at_once):
                end = min(mixture + at_once, n_mixtures)
                chosen = cut(ranks)
                if ranks.shape[1] > 1:
                    chosen = padded(chosen[:, mixture:end], at_once, axis=1)
                number = padded(cut(counts[:, mixture:end]), at_once, axis=1)
                some = Mixtures(labels, chosen, number, cut(mixtures.target_weights).astype(np.float64))
                tensors = tf.nest.map_structure(tf.convert_to_tensor, [of_chunk, others, some])
                # One function for each shape, since TensorFlow warns if one function is retraced for many shapes.
                shapes = tuple(tuple(tensor.shape) for tensor in tf.nest.flatten(tensors))
                computed = method.compiled(_at_mixtures, method, fixed, shapes)(*tensors)
                # Of shape (mixtures, rows, references, targets).
                known = computed.numpy()[: end - mixture, : stop - start, : last - first]
                means = np.einsum("mnrt,r->nmt", known, references.weights[first:last])
                values[start:stop, mixture:end] += means
    return values


def _at_mixtures(method, fixed, shapes, rows, references, mixtures):
    """Run the network on the mixtures of a chunk, for tensors of the given ``shapes``."""

    def to_fixed(tensor):
        """Pad a batch with its last entry to the network's fixed batch size, if it has one."""
        if fixed is None:
            return tensor
        return tf.concat([tensor, tf.repeat(tensor[-1:], fixed - tensor.shape[0], 0)], 0)

    counts = mixtures.counts
    replaced = tf.transpose(mixtures.ranks < counts[..., None], [1, 0, 2])
    given, held = {}, list(method.graph.held)
    for value, row, reference, label in zip(method.graph.inputs, rows, references, mixtures.labels, strict=True):
        shape = row.shape[1:]
        of_elements = tf.gather(replaced, tf.reshape(label, [-1]), axis=2)
        of_elements = tf.reshape(of_elements, (*replaced.shape[:2], 1, *shape))
        # Axes of mixtures, rows and references come first.
        mixed = tf.where(of_elements, reference, row[:, None])
        lead = counts.shape[1], row.shape[0], reference.shape[1]
        given[value] = to_fixed(tf.reshape(tf.broadcast_to(mixed, (*lead, *shape)), (-1, *shape)))
    if held:
        # Values that a target function captures are those of the unchanged row, as in its explanation.
        of_rows = dict(zip(method.graph.inputs, map(to_fixed, rows), strict=True))
        for value, tensor in zip(held, replay.run(method.graph, of_rows, held), strict=True):
            rest = tensor.shape[1:]
            tensor = tensor[: lead[1]][None, :, None]
            given[value] = to_fixed(tf.reshape(tf.broadcast_to(tensor, (*lead, *rest)), (-1, *rest)))
    [target] = replay.run(method.graph, given, [method.target])
    number = int(np.prod(lead))
    target = tf.reshape(target[:number], (*lead, *method.target.shape[1:]))
    return sum_weighted(target, with_axis_of_references(mixtures.target_weights, method.target.shape.rank))


def _cut_rows(array, start, stop, size):
    """Slice the entries of a chunk's rows from an array, unless all rows share one entry."""
    return array if len(array) == 1 and stop > 1 else padded(array[start:stop], size)
