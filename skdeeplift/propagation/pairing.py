"""Pairs of rows and references: how a value of one and a value of the other meet.

A chunk holds ``rows`` rows and ``references`` references for each of them, hence ``rows * references`` pairs, row by
row.
"""

import enum
from dataclasses import dataclass

import tensorflow as tf


class Mode(enum.Enum):
    """How rows and references are laid out in the first two streams."""

    # All rows have the same references: streams of `rows` and of `references`, which meet by broadcasting.
    SHARED = "shared"
    # Each row has its own: streams of `rows` and of `rows * references`.
    PER_ROW = "per row"
    # Both streams have one entry for each pair. Right for every network, also where the batch is not the leading axis.
    PAIR_SIZE = "pair size"


@dataclass(frozen=True)
class Pairing:
    """Brings values of the first two streams together over all pairs.

    Parameters
    ----------
    mode : Mode
        How rows and references are laid out.
    rows : int
        Rows of the chunk.
    references : int
        References for each row of the chunk.
    """

    mode: Mode
    rows: int
    references: int

    @property
    def pairs(self):
        """How many pairs the chunk holds."""
        return self.rows * self.references

    def input_size(self):
        """Size of the first stream's batch."""
        return self.pairs if self.mode is Mode.PAIR_SIZE else self.rows

    def reference_size(self):
        """Size of the second stream's batch."""
        return self.references if self.mode is Mode.SHARED else self.pairs

    def combine(self, function, at_input, at_reference, at_pairs=()):
        """Apply a function, elementwise over the leading axis, to values of all pairs.

        Parameters
        ----------
        function : callable
            Takes the tensors of ``at_pairs``, ``at_input`` and ``at_reference``, with axes in front that broadcast, and
            returns a tensor or a tuple of them.
        at_input, at_reference : sequence of tensor
            Values of the first and of the second stream.
        at_pairs : sequence of tensor, default=()
            Values at the pairs' batch size.

        Returns
        -------
        results : tensor or tuple of tensor
            At the pairs' batch size.
        """
        if self.mode is Mode.PAIR_SIZE:
            return function(*at_pairs, *at_input, *at_reference)
        folds = {tensor.shape[0] // self.input_size() for tensor in at_input}
        folds |= {tensor.shape[0] // self.reference_size() for tensor in at_reference}
        [fold] = folds
        if self.references == 1 == fold:
            results, lead = function(*at_pairs, *at_input, *at_reference), None
        else:
            lead = (self.rows, self.references) if fold == 1 else (self.rows, self.references, fold)
            results = function(
                *(self._spread(tensor, (self.rows, self.references), fold) for tensor in at_pairs),
                *(self._spread(tensor, (self.rows, 1), fold) for tensor in at_input),
                *(self._spread(tensor, self._reference_lead(), fold) for tensor in at_reference),
            )
        if isinstance(results, tuple):
            return tuple(self._flat(result, lead, fold) for result in results)
        return self._flat(results, lead, fold)

    def spread(self, at_input, at_reference):
        """Give a value of each stream the axes ``(rows or 1, references or 1)`` in front, which broadcast."""
        both = (self.rows, self.references)
        lead = both if self.mode is Mode.PAIR_SIZE else (self.rows, 1)
        reference_lead = both if self.mode is Mode.PAIR_SIZE else self._reference_lead()
        return self._spread(at_input, lead, 1), self._spread(at_reference, reference_lead, 1)

    def rows_at_input(self, fold=1):
        """For each pair the row of the first stream it reads, unless the mode is PAIR_SIZE."""
        return self._rows(self.rows, (self.rows, 1), fold)

    def rows_at_reference(self, fold=1):
        """For each pair the row of the second stream it reads, unless the mode is PAIR_SIZE."""
        return self._rows(self.reference_size(), self._reference_lead(), fold)

    def _rows(self, size, lead, fold):
        indices = tf.reshape(tf.range(size * fold, dtype=tf.int64), (*lead, fold))
        return tf.reshape(tf.broadcast_to(indices, (self.rows, self.references, fold)), [-1])

    def _reference_lead(self):
        return (1, self.references) if self.mode is Mode.SHARED else (self.rows, self.references)

    def _spread(self, tensor, lead, fold):
        return tf.reshape(tensor, (*lead, *((fold,) if fold > 1 else ()), *tensor.shape[1:]))

    def _flat(self, tensor, lead, fold):
        size = self.pairs * fold
        if lead is None:
            if tensor.shape[0] != size:
                tensor = tf.broadcast_to(tensor, (size, *tensor.shape[1:]))
            return tensor
        rest = tensor.shape[len(lead) :]
        if tuple(tensor.shape[: len(lead)]) != lead:
            tensor = tf.broadcast_to(tensor, (*lead, *rest))
        return tf.reshape(tensor, (size, *rest))
