"""What is known of the streams, and the loop that carries differences over one graph."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.propagation import replay
from skdeeplift.propagation.pairing import Difference, Pairing, Purpose, identity
from skdeeplift.propagation.rules.activation import SIGNED, machine_epsilon


class PassSettings(NamedTuple):
    """Settings of one pass of differences over the network, which also hold inside of loops."""

    # How rows, references and targets meet.
    pairing: Pairing
    # What is read of the pass.
    purpose: Purpose
    # Where the batch lies in values.
    layouts: dict
    # Values whose differences become tensors of their own.
    sources: tuple | list = ()
    # Whether signed spreads are carried too.
    tells_parts: bool = False
    # How far a carried difference may be from the true one, relative to the largest of the same value, where
    # departures are looked for.
    tolerance: tf.Tensor | None = None


class StreamValues:
    """What is known of the streams while differences are carried through the network.

    Parameters
    ----------
    settings : PassSettings
        What holds for the whole pass.
    at_input, at_reference : dict of Value to tensor
        What is read of the first two streams; of what a loop computes, all steps on a new first axis.
    spreads : dict of Value to tensor
        Spreads of the values, for each pair.
    computed : dict, default=None
        What rules have computed for each pair, to be shared between the passes.
    at_step : callable, default=None
        Inside of a loop, computes something of all steps at once; takes the function that `AllSteps.at_step` takes.
    """

    def __init__(self, settings, at_input, at_reference, spreads, computed=None, at_step=None):
        self.settings, self.at_step = settings, at_step
        self.pairing, self.purpose, self.layouts = settings.pairing, settings.purpose, settings.layouts
        self.at_input, self.at_reference, self.spreads = at_input, at_reference, spreads
        self.computed = {} if computed is None else computed
        # Signed spreads of the sources, where parts are told apart.
        self.signed = {}
        # Of each value, the loop's step at which the difference carried there is first not the true one.
        self.departs = {}
        # What does not vary, at the third stream's batch size, and the ops that give it when it is first read.
        self.values, self._later = {}, {}
        self._differences = {}
        # What is on the way, of which gradients are computed apart: loops step by step, and integrals.
        self.apart = []

    def carry(self, graph, steps, differences):
        """Carry differences through the steps of a plan.

        Parameters
        ----------
        graph : Graph
            The network, or a loop's body.
        steps : list of Step
            In order.
        differences : dict of Value to Difference
            Where differences start. It is extended by all that is carried.
        """
        self._differences = differences
        for value, tensor in graph.captures.items():
            self.values.setdefault(value, tensor)
        for value, difference in list(differences.items()):
            self._keep(value, difference, differences)
        for step in steps:
            outgoing = step.carry(self, [differences.get(value) for value in step.inputs])
            for value, difference in zip(step.outputs, outgoing, strict=True):
                if difference is not None:
                    self._keep(value, difference, differences)
                    if self.settings.tolerance is not None and value in self.at_input and value.dtype.is_floating:
                        self.departs[value] = self._departs(value, difference.delta)

    def create_when_read(self, op):
        """Let an op whose outputs have no difference be created when one of them is first read."""
        self._later.update(dict.fromkeys(op.outputs, op))

    def _keep(self, value, difference, differences):
        if self.purpose is Purpose.SPREADS:
            if value in self.at_input and value.dtype != tf.variant:
                # Known already; so that nothing has to be run to carry it here. Lists can not be subtracted.
                difference = difference._replace(delta=self.delta(value))
            if difference.spread is not None:
                self.spreads[value] = difference.spread
            if difference.signed_spread is not None and value in self.settings.sources:
                self.signed[value] = difference.signed_spread
        if value in self.settings.sources:
            # A tensor of its own, that no other value shares.
            difference = Difference(*(None if part is None else tf.identity(part) for part in difference))
        differences[value] = difference

    def _departs(self, value, carried):
        size, change = tf.reduce_max(tf.abs(self.at_input[value])), self.delta(value)
        limit = tf.cast(self.settings.tolerance, change.dtype) * tf.reduce_max(tf.abs(change))
        rounding = 32 * machine_epsilon(change.dtype) * size
        # Not ">", so that what is not a number departs.
        is_true = tf.reduce_max(tf.abs(carried - change)) <= limit + rounding
        return tf.where(is_true, tf.int32.max, 0)

    def constant(self, value):
        """A value that has no difference: it does not vary, or is a mask or an index of the row."""
        if value in self._later and value not in self.values:
            self._create(self._later[value])
        if value in self.values:
            return self.values[value]
        return self.pairing.combine(identity, [self.at_input[value]])

    def _create(self, op):
        """Create an op that carries no difference, and those before it."""
        pending = [op]
        while pending:
            op = pending[-1]
            before = [
                self._later[value]
                for value in op.inputs
                if value in self._later and value not in self.values and value not in self._differences
            ]
            if before:
                pending += before
                continue
            pending.pop()
            inputs = [
                self._differences[value].delta if value in self._differences else self.constant(value)
                for value in op.inputs
            ]
            for value, tensor in zip(op.outputs, replay.create(op, inputs), strict=True):
                self.values.setdefault(value, tensor)

    def delta(self, value):
        """The difference of a value over all pairs."""
        return self.pairing.combine(lambda x, r: x - r, [self.at_input[value]], [self.at_reference[value]])

    def at_start(self, value, with_spread):
        """The difference of a value where differences start, in which nothing has cancelled yet."""
        delta = self.delta(value)
        if not with_spread:
            return Difference(delta)
        both = [self.at_input[value]], [self.at_reference[value]]
        product = SIGNED.shape_only if self.purpose is Purpose.GRADIENT else SIGNED.forward
        # No function of the difference, since a multiplier belongs to each of the two.
        spread = self.pairing.combine(product, *both, differences=[tf.stop_gradient(delta)])
        return Difference(delta, spread, spread if self.settings.tells_parts else None)

    def shared_out(self, source, differences):
        """Let each element of a source have a share, which is one, of all differences that belong to it.

        What the target changes with the share is what the element contributes.
        """
        elements = source.value.shape[1:]
        dtype = next((differences[start].delta.dtype for start, _ in source.starts), tf.float32)
        share = tf.ones((self.pairing.size, *elements), dtype)
        with_shares = {}
        for start, places in source.starts:
            of_start = _taken(share, places, elements)
            with_shares[start] = Difference(
                *(None if part is None else part * tf.cast(of_start, part.dtype) for part in differences[start])
            )
        return share, with_shares

    def shape(self, value):
        """Static shape of a value in the third stream, as far as it is known."""
        return shape_of_rows(value, self.layouts, self.pairing.size)

    def gradients(self, outputs, of_outputs, values):
        """Gradients with respect to values, through ops as TensorFlow has them and through loops and integrals.

        Parameters
        ----------
        outputs : list of tensor
            What is differentiated.
        of_outputs : list of tensor
            The gradients with respect to them.
        values : list of tensor
            With respect to what.

        Returns
        -------
        gradients : list of tensor or None
        """
        outputs, of_outputs = list(outputs), list(of_outputs)
        for part in reversed(self.apart):
            of_part = tf.gradients(outputs, part.outputs, of_outputs)
            if any(each is not None for each in of_part):
                outputs += part.inputs
                of_outputs += part.gradients(of_part)
        return tf.gradients(outputs, values, of_outputs)


def shape_of_rows(value, layouts, number):
    """Static shape of a value where there is a number of rows or of pairs, as far as it is known."""
    layout = layouts.get(value)
    if value.shape.rank is None or layout is None or layout.fold is None or value.shape[layout.axis] is not None:
        return value.shape
    sizes = value.shape.as_list()
    sizes[layout.axis] = number * layout.fold
    return tf.TensorShape(sizes)


def _taken(share, places, elements):
    """The share that each element of a value takes, given its place in the source."""
    number, size = elements.num_elements(), share.shape[0]
    if places.shape[: elements.rank] == tuple(elements):
        # In order, perhaps with axes behind, as those of an embedding.
        in_order = (*elements, *[1] * (places.ndim - elements.rank))
        if (places == np.arange(number).reshape(in_order)).all():
            return tf.reshape(share, (size, *in_order))
    return tf.reshape(tf.gather(tf.reshape(share, (size, number)), places.ravel(), axis=1), (size, *places.shape))
