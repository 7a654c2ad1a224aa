"""Pairs of rows and references, and functions over their values.

A chunk holds ``rows`` rows and ``references`` references for each row, so ``rows * references`` pairs, row by row. The
third stream holds each pair once for each target.
"""

import enum
import math
from typing import NamedTuple

import tensorflow as tf


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


def identity(tensor):
    """Return a coefficient as it is, for a difference; spreads take its absolute value."""
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
    is_whole = dtype == tf.bool or dtype.is_integer
    return tf.float64 if is_whole else _HALVES.get(dtype, dtype)


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

    def for_one_target(self):
        """Return the same rows and references for one target."""
        return self._replace(targets=1)

    def input_size(self):
        """Return the batch size of the first stream."""
        return self.pairs if self.mode is Mode.PAIR_SIZE else self.rows

    def reference_size(self):
        """Return the batch size of the second stream."""
        return self.references if self.mode is Mode.SHARED else self.pairs

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
        folds = {tensor.shape[0] // self.input_size() for tensor in at_input}
        folds |= {tensor.shape[0] // self.reference_size() for tensor in at_reference}
        folds |= {tensor.shape[0] // self.pairs for tensor in at_pairs}
        [fold] = folds
        if self.references == 1 == fold * self.targets:
            results, lead = function(*differences, *at_pairs, *at_input, *at_reference), None
        else:
            lead = self._lead(self.rows, self.references, self.targets, fold)
            of_pairs = self._lead(self.rows, self.references, 1, fold)
            of_rows = self._lead(self.rows, 1, 1, fold)
            of_references = self._lead(*self.reference_lead(), 1, fold)
            results = function(
                *(_set_lead(tensor, lead) for tensor in differences),
                *(_set_lead(tensor, of_pairs) for tensor in at_pairs),
                *(_set_lead(tensor, of_rows) for tensor in at_input),
                *(_set_lead(tensor, of_references) for tensor in at_reference),
            )
        if isinstance(results, tuple):
            return tuple(self._flatten(result, lead, fold) for result in results)
        return self._flatten(results, lead, fold)

    def with_axes(self, at_input, at_reference):
        """Give a value of each stream axes in front that broadcast, ``(rows or 1, references or 1)``."""
        both = (self.rows, self.references)
        lead = both if self.mode is Mode.PAIR_SIZE else (self.rows, 1)
        reference_lead = both if self.mode is Mode.PAIR_SIZE else self.reference_lead()
        fold = at_input.shape[0] // math.prod(lead)
        return tuple(
            tf.reshape(tensor, (*axes, *(() if fold == 1 else (fold,)), *tensor.shape[1:]))
            for tensor, axes in ((at_input, lead), (at_reference, reference_lead))
        )

    def rows_at_input(self, fold=1):
        """Return for each entry of the third stream its entry in the first, unless the mode is PAIR_SIZE."""
        return self._rows(self.rows, (self.rows, 1), fold)

    def rows_at_reference(self, fold=1):
        """Return for each entry of the third stream its entry in the second, unless the mode is PAIR_SIZE."""
        return self._rows(self.reference_size(), self.reference_lead(), fold)

    def _rows(self, size, lead, fold):
        indices = tf.reshape(tf.range(size * fold, dtype=tf.int64), (*lead, 1, fold))
        return tf.reshape(tf.broadcast_to(indices, (self.rows, self.references, self.targets, fold)), [-1])

    def reference_lead(self):
        """Return the axes of the second stream beside ``(rows, 1)`` of the first, unless the mode is PAIR_SIZE."""
        return (1, self.references) if self.mode is Mode.SHARED else (self.rows, self.references)

    def _lead(self, rows, references, targets, fold):
        """Return the axes in front, without axes that no value of the chunk needs."""
        return (rows, references, *((targets,) if self.targets > 1 else ()), *((fold,) if fold > 1 else ()))

    def _flatten(self, tensor, lead, fold):
        """Broadcast a tensor over all pairs and targets, and flatten the axes in front."""
        size = self.size * fold
        if lead is None:
            if tensor.shape[0] != size:
                tensor = tf.broadcast_to(tensor, (size, *tensor.shape[1:]))
            return tensor
        rest = tensor.shape[len(lead) :]
        if tuple(tensor.shape[: len(lead)]) != lead:
            tensor = tf.broadcast_to(tensor, (*lead, *rest))
        return tf.reshape(tensor, (size, *rest))


def _set_lead(tensor, lead):
    """Split the leading axis of a tensor."""
    return tf.reshape(tensor, (*lead, *tensor.shape[1:]))
