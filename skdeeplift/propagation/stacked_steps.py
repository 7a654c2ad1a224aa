"""Coefficients inside of a loop, computed from the first two streams for all steps at once.

The values of all steps are known when differences go through the loop. So a slope takes a few ops over all steps, from
which each step takes its own entry, instead of as many ops in every step.
"""

import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from skdeeplift.propagation.stream_values import StreamValues


class AllSteps:
    """Values of all steps of a loop, with axes that broadcast over all pairs.

    Parameters
    ----------
    around : StreamValues
        Values of the graph around the loop.
    values : list of Value
        The values inside of the loop that are known for all steps.
    """

    def __init__(self, around, values):
        self.pairing, self._graph = around.pairing, tf.compat.v1.get_default_graph()
        rows, references = (self.pairing.rows, 1), self.pairing.reference_lead()
        both = self.pairing.rows, self.pairing.references
        self.streams = StreamValues(
            # The pairing need not broadcast, since the axes do.
            around.settings._replace(pairing=self.pairing._replace(mode=Mode.PAIR_SIZE, targets=1)),
            {value: self._add_axes(around.at_input[value], rows) for value in values},
            {value: self._add_axes(around.at_reference[value], references) for value in values},
            {value: self._add_axes(around.spreads[value], both) for value in values if value in around.spreads},
        )

    def at_step(self, number, function):
        """Compute tensors for all steps, outside of the loop, and take the entries of one step.

        Parameters
        ----------
        number : tensor
            Number of the step.
        function : callable
            Takes the `StreamValues` of all steps, and returns tensors with the axis of steps in front.

        Returns
        -------
        tensors : list of tensor
            Tensors with one entry for each pair, as ``at_pairs`` of `Pairing.combine`.
        """
        with self._graph.as_default():
            of_all = [self._flatten_pairs(tensor) for tensor in function(self.streams)]
        return [tensor[number] for tensor in of_all]

    def _add_axes(self, tensor, lead):
        if self.pairing.mode is Mode.PAIR_SIZE:
            return tensor
        return tf.reshape(tensor, (-1, *lead, tensor.shape[1] // (lead[0] * lead[1]), *tensor.shape[2:]))

    def _flatten_pairs(self, tensor):
        if self.pairing.mode is Mode.PAIR_SIZE:
            return tensor
        steps, *_, fold = tensor.shape[:4]
        rest = tensor.shape[4:]
        if self.pairing.pairs != tensor.shape[1] * tensor.shape[2]:
            lead = tf.shape(tensor)[0] if steps is None else steps, self.pairing.rows, self.pairing.references
            tensor = tf.broadcast_to(tensor, (*lead, fold, *rest))
        return tf.reshape(tensor, (-1, self.pairing.pairs * fold, *rest))
