"""Requests for one chunk of rows and references, and functions over the values of its pairs.

A chunk holds ``rows`` rows and ``references`` references for each row, so ``rows * references`` pairs, row by row. The
third stream holds each pair once for each target.
"""

import enum
import math
from typing import Any, NamedTuple

import tensorflow as tf

from skdeeplift.dtypes import is_whole
from skdeeplift.network.tensors import to_tensor


class Difference(NamedTuple):
    """A difference-from-reference over pairs of rows and references.

    ``delta`` is the value at the input minus the value at the reference. ``spread`` is the positive part minus the
    negative part, where ``delta = positive + negative``. It is carried if a rule tells parts apart. ``signed_spread``
    is carried if parts are returned. In it a part keeps its name where a decreasing function turns its sign, as in the
    original implementation.
    """

    delta: tf.Tensor
    spread: tf.Tensor | None = None
    signed_spread: tf.Tensor | None = None

    def map(self, function):
        """Apply a function to each part that is carried."""
        return Difference(*(None if part is None else function(part) for part in self))


def identity(tensor):
    """Return a coefficient unchanged, for a difference; spreads take its absolute value."""
    return tensor


class Purpose(enum.Enum):
    """Results of a pass over the network that are read."""

    # The spreads, for each pair. Differences that are read are known from the first two streams.
    SPREADS = "spreads"
    # The gradient, for each target.
    GRADIENT = "gradient"
    # The differences themselves.
    DIFFERENCES = "differences"


_HALVES = {tf.float16: tf.float32, tf.bfloat16: tf.float32}


def difference_dtype(dtype):
    """Return the dtype that differences of values of a dtype are carried in.

    Differences of half precision are carried in single precision; those of truth values and of whole numbers, which
    double precision holds exactly, in double precision.
    """
    return tf.float64 if is_whole(dtype) else _HALVES.get(dtype, dtype)


def to_difference_dtype(tensor):
    """Cast a tensor of numbers or truth values to the dtype that its differences are carried in."""
    return tf.cast(tensor, difference_dtype(tensor.dtype)) if difference_dtype(tensor.dtype) != tensor.dtype else tensor


class Mode(enum.Enum):
    """Layouts of rows and references in the first two streams."""

    # All rows have the same references: streams of `rows` and of `references`, which meet by broadcasting.
    SHARED = "shared"
    # Each row has its own: streams of `rows` and of `rows * references`.
    PER_ROW = "per row"
    # Both streams have one entry for each pair. This is right for every network, wherever the batch is in its values.
    PAIR_SIZE = "pair size"


class Pairing(NamedTuple):
    """Sizes of a chunk, and the layout of its rows and references.

    Parameters
    ----------
    mode : Mode
        Layout of rows and references.
    rows : int
        Number of rows.
    references : int
        Number of references for each row.
    targets : int, default=1
        Number of targets that differences of each pair are carried for. One if the mode is PAIR_SIZE.
    at_once : int, default=1
        Largest batch that the network is run on, for a method that runs each pair several times.
    """

    mode: Mode
    rows: int
    references: int
    targets: int = 1
    at_once: int = 1

    @property
    def pairs(self):
        """Number of pairs of the chunk."""
        return self.rows * self.references

    @property
    def size(self):
        """Batch size of the third stream."""
        return self.pairs * self.targets

    @property
    def lead(self):
        """Axes that the batch of the third stream consists of."""
        return self.rows, self.references, self.targets

    @property
    def input_lead(self):
        """Axes of rows and of references in the batch of the first stream."""
        return self.rows, self.references if self.mode is Mode.PAIR_SIZE else 1

    @property
    def reference_lead(self):
        """Axes of rows and of references in the batch of the second stream."""
        return 1 if self.mode is Mode.SHARED else self.rows, self.references

    def combine(self, function, at_input=(), at_reference=(), at_pairs=(), differences=()):
        """Apply a function to values of all pairs, elementwise over the leading axis.

        Parameters
        ----------
        function : callable
            Takes the tensors of ``differences``, ``at_pairs``, ``at_input`` and ``at_reference``, with axes in front
            that broadcast, and returns a tensor or a tuple of them.
        at_input, at_reference : sequence of tensor, default=()
            Values of the first and of the second stream.
        at_pairs : sequence of tensor, default=()
            Values of pairs that are the same for all targets.
        differences : sequence of tensor, default=()
            Values of the third stream.

        Returns
        -------
        results : tensor or tuple of tensor
            Results at the batch size of the third stream.
        """
        if self.mode is Mode.PAIR_SIZE:
            return function(*differences, *at_pairs, *at_input, *at_reference)
        streams = (
            (at_pairs, (self.rows, self.references)),
            (at_input, self.input_lead),
            (at_reference, self.reference_lead),
        )
        [fold] = {tensor.shape[0] // math.prod(axes) for tensors, axes in streams for tensor in tensors}
        if self.references == 1 == fold * self.targets:
            results, lead = function(*differences, *at_pairs, *at_input, *at_reference), (self.size,)
        else:
            lead = self._without_unused(*self.lead, fold)
            tensors = [_set_lead(tensor, lead) for tensor in differences]
            for of_stream, axes in streams:
                tensors += [_set_lead(tensor, self._without_unused(*axes, 1, fold)) for tensor in of_stream]
            results = function(*tensors)
        if isinstance(results, tuple):
            return tuple(_flatten_lead(result, lead) for result in results)
        return _flatten_lead(results, lead)

    def with_axes(self, at_input, at_reference):
        """Give a value of each stream axes in front that broadcast, ``(rows or 1, references or 1)``."""
        both = (at_input, self.input_lead), (at_reference, self.reference_lead)
        return tuple(_split_batch(tensor, lead) for tensor, lead in both)

    def split_batch(self, tensor):
        """Give a value of the third stream the axes ``(rows, references, targets)`` in front."""
        return _split_batch(tensor, self.lead)

    def over_pairs(self, weights, rank):
        """Repeat weights over the elements of a target for the third stream.

        Parameters
        ----------
        weights : tensor of shape (rows or 1, targets, ...) or (rows, references, targets, ...)
            Weights of each row, or of each pair.
        rank : int
            Number of the target's axes, with that of the rows.

        Returns
        -------
        weights : tensor of shape (size, ...)
        """
        weights = with_axis_of_references(weights, rank)
        rest = weights.shape[3:]
        return tf.reshape(tf.broadcast_to(weights, (*self.lead, *rest)), (self.size, *rest))

    def entries(self, lead, fold):
        """Return for each entry of the third stream its entry in a stream whose batch has the axes ``lead``.

        Each row, reference and target has ``fold`` entries. The mode is not PAIR_SIZE.
        """
        indices = tf.reshape(tf.range(math.prod(lead) * fold, dtype=tf.int64), (*lead, fold))
        return tf.reshape(tf.broadcast_to(indices, (*self.lead, fold)), [-1])

    def _without_unused(self, rows, references, targets, fold):
        """Return the axes in front, without axes that no value of the chunk needs."""
        return (rows, references, *((targets,) if self.targets > 1 else ()), *((fold,) if fold > 1 else ()))


def with_axis_of_references(weights, rank):
    """Return weights over a target's elements with an axis of references behind that of rows.

    Parameters
    ----------
    weights : tensor or ndarray of shape (rows or 1, targets, ...) or (rows, references, targets, ...)
        Weights of each row, or of each pair.
    rank : int
        Number of the target's axes, with that of the rows.

    Returns
    -------
    weights : tensor or ndarray of shape (rows or 1, references or 1, targets, ...)
    """
    return weights if len(weights.shape) == rank + 2 else weights[:, None]


def _set_lead(tensor, lead):
    """Split the leading axis of a tensor into axes."""
    return tf.reshape(tensor, (*lead, *tensor.shape[1:]))


def _flatten_lead(tensor, lead):
    """Broadcast a tensor over all pairs and targets, and flatten the axes in front."""
    rest = tensor.shape[len(lead) :]
    if tuple(tensor.shape[: len(lead)]) != lead:
        tensor = tf.broadcast_to(tensor, (*lead, *rest))
    return tensor if len(lead) == 1 else tf.reshape(tensor, (math.prod(lead), *rest))


def _split_batch(tensor, lead):
    """Split the leading axis of a tensor into the axes of a stream, and an axis of entries if there are several."""
    fold = tensor.shape[0] // math.prod(lead)
    return _set_lead(tensor, lead if fold == 1 else (*lead, fold))


class Request(NamedTuple):
    """Request for one chunk: the terms to compute, and the layout of rows, references and targets.

    A compiled function is traced for the static part, and takes the tensors as an argument. Within the function both
    make a request again.
    """

    # Sizes of the chunk, and the layout of its rows and references.
    pairing: Pairing
    # Weights over the target's elements, of shape (rows or 1, targets, *target's axes). If each pair has its own, the
    # shape is (rows, references, targets, *target's axes). A `Target` that depends on the network's output makes its
    # weights in the compiled function.
    target: Any
    # The weight of each reference, or of each noise, of shape (references,). Not read if there is only one.
    weights: Any
    # Terms to return for each source; see `skdeeplift.propagation.sums.TERMS`.
    wanted: tuple = ("contributions",)
    # For each source the axis of its one-hot letters, for hypothetical contributions.
    letters: tuple | None = None
    # Number of the chunk's first reference, for a method that draws something for each reference.
    first_reference: int = 0
    # Positions of shape (blocks, steps, references) between the references and the rows, and their weights of shape
    # (blocks, steps), for a method that integrates gradients.
    path: Any = None
    # Tensors that a method draws for the references; None until the method sets them.
    drawn: Any = ()

    def split(self, drawn=()):
        """Split the request into the static part that functions are traced for, and their tensor arguments.

        Parameters
        ----------
        drawn : structure of tensor, default=()
            Tensors that a method draws for the references.

        Returns
        -------
        static : Request
            The hashable part, without tensors.
        tensors : tuple
            Tensors of the target, the weights, the path and the draws, or None in place of each.
        """
        target, depends_on_output = self.target, getattr(self.target, "depends_on_output", False)
        path = None if self.path is None else list(map(_as_tensor, self.path))
        weights = _as_tensor(self.weights)
        static = Request(self.pairing, target if depends_on_output else None, None, self.wanted, self.letters)
        return static, (None if depends_on_output else _as_tensor(target), weights, path, drawn)

    def join(self, tensors):
        """Join the static part with the tensors, as `split` returns both."""
        target, weights, path, drawn = tensors
        target = self.target if target is None else target
        return self._replace(target=target, weights=weights, path=path, drawn=drawn)

    def at_output(self, output, at_reference=None):
        """Return the request with a target that does not depend on the output any more.

        Parameters
        ----------
        output : tensor of shape (rows, ...)
            The network's output at the rows.
        at_reference : tensor, default=None
            The network's output at the references; None without references.

        Returns
        -------
        request : Request
        """
        if not getattr(self.target, "depends_on_output", False):
            return self
        if at_reference is not None:
            at_reference = _set_lead(at_reference, self.pairing.reference_lead)
        return self._replace(target=self.target.weights_at(output, at_reference))


def weights_of_predicted(output, centered):
    """Compute the weights of each row's largest output.

    Parameters
    ----------
    output : tensor of shape (rows, classes)
        The network's output.
    centered : bool
        Whether the mean over classes is subtracted.

    Returns
    -------
    weights : tensor of shape (rows, 1, classes)
    """
    n_classes = output.shape[1]
    weights = tf.one_hot(tf.argmax(output, 1), n_classes, dtype=output.dtype)
    return (weights - 1 / n_classes if centered else weights)[:, None]


def _as_tensor(array):
    """Convert an array to a tensor; return tensors unchanged."""
    return array if tf.is_tensor(array) else to_tensor(array)
