"""What rules compute of the first two streams alone: inside of a loop, of all its steps at once.

What a loop computed in each step is known when differences go through it. So a slope takes a few ops on all steps,
instead of as many in each, and a step takes out its own.
"""

import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from skdeeplift.propagation.stream_values import StreamValues


class AllSteps:
    """The values of all steps of a loop, with axes that broadcast over all pairs.

    Parameters
    ----------
    around : StreamValues
        What is known around the loop.
    values : list of Value
        Values inside of the loop of which all steps are known.
    """

    def __init__(self, around, values):
        self.pairing, self._graph = around.pairing, tf.compat.v1.get_default_graph()
        rows, references = (self.pairing.rows, 1), self.pairing.reference_lead()
        both = self.pairing.rows, self.pairing.references
        self.streams = StreamValues(
            # Axes that broadcast do what the pairing would.
            around.settings._replace(pairing=self.pairing._replace(mode=Mode.PAIR_SIZE, targets=1)),
            {value: self._with_axes(around.at_input[value], rows) for value in values},
            {value: self._with_axes(around.at_reference[value], references) for value in values},
            {value: self._with_axes(around.spreads[value], both) for value in values if value in around.spreads},
        )

    def at_step(self, number, function):
        """Compute something of all steps, around the loop, and take what belongs to one of them.

        Parameters
        ----------
        number : tensor
            The step's number.
        function : callable
            Takes the `StreamValues` of all steps, and returns tensors with the steps in front.

        Returns
        -------
        tensors : list of tensor
            Each pair once, as ``at_pairs`` of `Pairing.combine`.
        """
        with self._graph.as_default():
            of_all = [self._of_pairs(tensor) for tensor in function(self.streams)]
        return [tensor[number] for tensor in of_all]

    def _with_axes(self, tensor, lead):
        if self.pairing.mode is Mode.PAIR_SIZE:
            return tensor
        return tf.reshape(tensor, (-1, *lead, tensor.shape[1] // (lead[0] * lead[1]), *tensor.shape[2:]))

    def _of_pairs(self, tensor):
        if self.pairing.mode is Mode.PAIR_SIZE:
            return tensor
        steps, *_, fold = tensor.shape[:4]
        rest = tensor.shape[4:]
        if self.pairing.pairs != tensor.shape[1] * tensor.shape[2]:
            lead = tf.shape(tensor)[0] if steps is None else steps, self.pairing.rows, self.pairing.references
            tensor = tf.broadcast_to(tensor, (*lead, fold, *rest))
        return tf.reshape(tensor, (-1, self.pairing.pairs * fold, *rest))
