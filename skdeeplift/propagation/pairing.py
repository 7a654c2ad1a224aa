"""Pairs of rows and references: how a value of one and a value of the other meet.

A chunk holds ``rows`` rows and ``references`` references for each of them, hence ``rows * references`` pairs, row by
row. The third stream holds each pair once for each target.
"""

import enum
import math
from typing import NamedTuple

import tensorflow as tf


class Difference(NamedTuple):
    """A difference-from-reference over pairs of rows and references.

    ``delta`` is the value at the input minus the value at the reference. ``spread``, where a rule tells positive and
    negative parts apart, is the positive part minus the negative part, so that ``delta = positive + negative``.
    ``signed_spread``, carried where parts are asked for, is what becomes of the spread if a part keeps its name also
    where a function that falls turns its sign, as in the original implementation.
    """

    delta: tf.Tensor
    spread: tf.Tensor | None = None
    signed_spread: tf.Tensor | None = None


def identity(tensor):
    """The coefficient of a difference; its absolute value is that of the spread."""
    return tensor


class Purpose(enum.Enum):
    """What is read of a pass over the network."""

    # The spreads, for each pair; differences are known from the first two streams where they are read.
    SPREADS = "spreads"
    # The gradient, for each target.
    GRADIENT = "gradient"
    # The differences themselves.
    DIFFERENCES = "differences"


_WIDER = {tf.float16: tf.float32, tf.bfloat16: tf.float32}


def widened(dtype):
    """The dtype that differences of values of a dtype are carried in."""
    return _WIDER.get(dtype, dtype)


def widened_tensor(tensor):
    """A tensor in the dtype that differences are carried in."""
    return tf.cast(tensor, widened(tensor.dtype)) if tensor.dtype in _WIDER else tensor


def widened_attribute(value):
    """An op's attribute, with the wider dtype if it is one."""
    if value.WhichOneof("value") != "type":
        return value
    return type(value)(type=widened(tf.dtypes.as_dtype(value.type)).as_datatype_enum)


class Mode(enum.Enum):
    """How rows and references are laid out in the first two streams."""

    # All rows have the same references: streams of `rows` and of `references`, which meet by broadcasting.
    SHARED = "shared"
    # Each row has its own: streams of `rows` and of `rows * references`.
    PER_ROW = "per row"
    # Both streams have one entry for each pair. Right for every network, also where the batch is not the leading axis.
    PAIR_SIZE = "pair size"


class Pairing(NamedTuple):
    """Brings values of the first two streams together over all pairs.

    Parameters
    ----------
    mode : Mode
        How rows and references are laid out.
    rows : int
        Rows of the chunk.
    references : int
        References for each row of the chunk.
    targets : int, default=1
        How many targets the differences of each pair are carried for; one if the mode is PAIR_SIZE.
    at_once : int, default=1
        How large a batch may be that the network runs on, for a method that runs each pair several times.
    """

    mode: Mode
    rows: int
    references: int
    targets: int = 1
    at_once: int = 1

    @property
    def pairs(self):
        """How many pairs the chunk holds."""
        return self.rows * self.references

    @property
    def size(self):
        """Size of the third stream's batch."""
        return self.pairs * self.targets

    def for_one_target(self):
        """The same rows and references, of which each pair counts once."""
        return self._replace(targets=1)

    def input_size(self):
        """Size of the first stream's batch."""
        return self.pairs if self.mode is Mode.PAIR_SIZE else self.rows

    def reference_size(self):
        """Size of the second stream's batch."""
        return self.references if self.mode is Mode.SHARED else self.pairs

    def combine(self, function, at_input=(), at_reference=(), at_pairs=(), differences=()):
        """Apply a function, elementwise over the leading axis, to values of all pairs.

        Parameters
        ----------
        function : callable
            Takes the tensors of ``differences``, ``at_pairs``, ``at_input`` and ``at_reference``, with axes in front
            that broadcast, and returns a tensor or a tuple of them.
        at_input, at_reference : sequence of tensor, default=()
            Values of the first and of the second stream.
        at_pairs : sequence of tensor, default=()
            Values of pairs, which are the same for all targets.
        differences : sequence of tensor, default=()
            Values of the third stream.

        Returns
        -------
        results : tensor or tuple of tensor
            At the third stream's batch size.
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
                *(_with_lead(tensor, lead) for tensor in differences),
                *(_with_lead(tensor, of_pairs) for tensor in at_pairs),
                *(_with_lead(tensor, of_rows) for tensor in at_input),
                *(_with_lead(tensor, of_references) for tensor in at_reference),
            )
        if isinstance(results, tuple):
            return tuple(self._flat(result, lead, fold) for result in results)
        return self._flat(results, lead, fold)

    def with_axes(self, at_input, at_reference):
        """Give a value of each stream the axes ``(rows or 1, references or 1)`` in front, which broadcast."""
        both = (self.rows, self.references)
        lead = both if self.mode is Mode.PAIR_SIZE else (self.rows, 1)
        reference_lead = both if self.mode is Mode.PAIR_SIZE else self.reference_lead()
        fold = at_input.shape[0] // math.prod(lead)
        return tuple(
            tf.reshape(tensor, (*axes, *(() if fold == 1 else (fold,)), *tensor.shape[1:]))
            for tensor, axes in ((at_input, lead), (at_reference, reference_lead))
        )

    def rows_at_input(self, fold=1):
        """For each entry of the third stream the row of the first that it reads, unless the mode is PAIR_SIZE."""
        return self._rows(self.rows, (self.rows, 1), fold)

    def rows_at_reference(self, fold=1):
        """For each entry of the third stream the row of the second that it reads, unless the mode is PAIR_SIZE."""
        return self._rows(self.reference_size(), self.reference_lead(), fold)

    def _rows(self, size, lead, fold):
        indices = tf.reshape(tf.range(size * fold, dtype=tf.int64), (*lead, 1, fold))
        return tf.reshape(tf.broadcast_to(indices, (self.rows, self.references, self.targets, fold)), [-1])

    def reference_lead(self):
        """Axes of the second stream that meet ``(rows, 1)`` of the first, unless the mode is PAIR_SIZE."""
        return (1, self.references) if self.mode is Mode.SHARED else (self.rows, self.references)

    def _lead(self, rows, references, targets, fold):
        """Axes in front, without those that no value of the chunk needs."""
        return (rows, references, *((targets,) if self.targets > 1 else ()), *((fold,) if fold > 1 else ()))

    def _flat(self, tensor, lead, fold):
        size = self.size * fold
        if lead is None:
            if tensor.shape[0] != size:
                tensor = tf.broadcast_to(tensor, (size, *tensor.shape[1:]))
            return tensor
        rest = tensor.shape[len(lead) :]
        if tuple(tensor.shape[: len(lead)]) != lead:
            tensor = tf.broadcast_to(tensor, (*lead, *rest))
        return tf.reshape(tensor, (size, *rest))


def _with_lead(tensor, lead):
    return tf.reshape(tensor, (*lead, *tensor.shape[1:]))
