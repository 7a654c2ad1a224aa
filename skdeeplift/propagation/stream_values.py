"""Values of the streams, and the loop that carries differences over the steps of one graph."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.dtypes import is_continuous
from skdeeplift.network.complex_numbers import convert
from skdeeplift.propagation import replay
from skdeeplift.propagation.pairing import Difference, Pairing, Purpose, identity
from skdeeplift.propagation.rules.products import propagate
from skdeeplift.propagation.rules.rescale import SIGNED, machine_epsilon


class PassSettings(NamedTuple):
    """Settings of one pass of differences over the network, which its loops share."""

    # Sizes of the chunk, and the layout of its rows and references.
    pairing: Pairing
    # The results of the pass that are read.
    purpose: Purpose
    # Position of the batch in each value.
    layouts: dict
    # Values whose differences become tensors of their own, to differentiate by.
    sources: tuple | list = ()
    # Whether signed spreads are carried.
    tells_parts: bool = False
    # Largest error of a carried difference, relative to the largest difference of the same value; None unless
    # departures are searched.
    tolerance: tf.Tensor | None = None
    # Values that are small in the rows of fit, too.
    small: frozenset = frozenset()
    # Values in which a condition may hide numbers by infinite ones.
    hidden: set | frozenset = frozenset()


class StreamValues:
    """Values of the streams while differences are carried through a graph.

    Parameters
    ----------
    settings : PassSettings
        Settings of the pass.
    at_input, at_reference : dict of Value to tensor
        Values of the first two streams. Values inside of a loop hold all steps on a new first axis.
    spreads : dict of Value to tensor
        Spreads of the values, for each pair.
    computed : dict, default=None
        Tensors that rules have computed for each pair, shared between passes.
    at_step : callable, default=None
        Function that computes coefficients of all steps of the loop at once; see `AllSteps.at_step`.
    """

    def __init__(self, settings, at_input, at_reference, spreads, computed=None, at_step=None):
        self.settings, self.at_step = settings, at_step
        self.pairing, self.purpose, self.layouts = settings.pairing, settings.purpose, settings.layouts
        self.at_input, self.at_reference, self.spreads = at_input, at_reference, spreads
        self.computed = {} if computed is None else computed
        # Signed spreads of the sources.
        self.signed = {}
        # For each value the step of the loop at which its difference first departs from the true one.
        self.departs = {}
        # Values without a difference, at the batch size of the third stream, and ops to create when such a value is
        # first read.
        self.values, self._unread = {}, {}
        self._differences = {}
        # Loops and integrals in the pass, which compute their gradients themselves.
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
            The differences at the starts. Those of all outputs of steps are added.
        """
        self._differences = differences
        for value, tensor in graph.captures.items():
            self.values.setdefault(value, tensor)
        for value, difference in list(differences.items()):
            self._store(value, difference, differences)
        for step in steps:
            outgoing = step.carry(self, [differences.get(value) for value in step.inputs])
            for value, difference in zip(step.outputs, outgoing, strict=True):
                if difference is not None:
                    self._store(value, difference, differences)
                    if self.settings.tolerance is not None and value in self.at_input and is_continuous(value.dtype):
                        self.departs[value] = self._find_departure(value, difference.delta)

    def create_when_read(self, op):
        """Let an op whose outputs have no difference be created when one of them is first read."""
        self._unread.update(dict.fromkeys(op.outputs, op))

    def _store(self, value, difference, differences):
        if self.purpose is Purpose.SPREADS:
            if value in self.at_input and value.dtype != tf.variant:
                # The difference is known from the first two streams, so the pass need not compute it. Lists cannot be
                # subtracted.
                difference = difference._replace(delta=self.delta(value))
            if difference.spread is not None:
                self.spreads[value] = difference.spread
            if difference.signed_spread is not None and value in self.settings.sources:
                self.signed[value] = difference.signed_spread
        if value in self.settings.sources:
            # Gradients by a source need a tensor that no other value shares.
            difference = difference.map(tf.identity)
        differences[value] = difference

    def _find_departure(self, value, carried):
        size, change = tf.reduce_max(tf.abs(self.at_input[value])), self.delta(value)
        largest = tf.reduce_max(tf.abs(change))
        limit = tf.cast(self.settings.tolerance, largest.dtype) * largest
        rounding = 32 * machine_epsilon(change.dtype) * size
        # Not ">", so that NaN counts as a departure.
        is_true = tf.reduce_max(tf.abs(carried - change)) <= limit + rounding
        return tf.where(is_true, tf.int32.max, 0)

    def constant(self, value):
        """Return a value without a difference: it does not vary, or is a mask or an index of the row."""
        if value in self._unread and value not in self.values:
            self._create(self._unread[value])
        if value in self.values:
            return self.values[value]
        return self.pairing.combine(identity, [self.at_input[value]])

    def _create(self, op):
        """Create an op without differences, and the ops before it."""
        pending = [op]
        while pending:
            op = pending[-1]
            before = [
                self._unread[value]
                for value in op.inputs
                if value in self._unread and value not in self.values and value not in self._differences
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
        """Compute the difference of a value over all pairs from the first two streams."""
        return self.pairing.combine(lambda x, r: x - r, [self.at_input[value]], [self.at_reference[value]])

    def difference_at_start(self, value, with_spread, is_shared_out=False):
        """Make the difference of a value where differences start; its spread is the size of the difference.

        The gradient by a share reads the spread that is multiplied by it; otherwise only the spread's shape is read.
        """
        delta = self.delta(value)
        if not with_spread:
            return Difference(delta)
        both = [self.at_input[value]], [self.at_reference[value]]
        shape_only = self.purpose is Purpose.GRADIENT and not is_shared_out
        product = SIGNED.shape_only if shape_only else SIGNED.forward
        # A separate tensor, since the difference and its spread have separate multipliers.
        spread = self.pairing.combine(product, *both, differences=[self.delta(value)])
        return Difference(delta, spread, spread if self.settings.tells_parts else None)

    def share_out(self, source, differences):
        """Multiply the differences that belong to each element of a source by a share, which is one.

        The gradient of the target by an element's share is the contribution of the element.

        Parameters
        ----------
        source : Source
            A source of integers.
        differences : dict of Value to Difference
            The differences at the starts.

        Returns
        -------
        share : tensor of shape (pairs, *source's axes)
            The share of each element.
        with_shares : dict of Value to Difference
            The differences of the source's starts, times the shares.
        """
        elements = source.value.shape[1:]
        dtype = next((differences[start].delta.dtype.real_dtype for start, _ in source.starts), tf.float32)
        share = tf.ones((self.pairing.size, *elements), dtype)
        with_shares = {}
        for start, places in source.starts:
            layout = self.layouts.get(start)
            of_start = _take_shares(share, places, elements, 0 if layout is None else layout.axis)
            with_shares[start] = differences[start].map(lambda part, of=of_start: part * convert(of, part.dtype))
        return share, with_shares

    def shape(self, value):
        """Return the static shape of a value in the third stream, as far as it is known."""
        return shape_of_rows(value, self.layouts, self.pairing.size)

    def gradients(self, outputs, of_outputs, values):
        """Differentiate tensors, with the gradients that loops and integrals compute themselves.

        Parameters
        ----------
        outputs : list of tensor
            The tensors to differentiate.
        of_outputs : list of tensor
            Gradients of the target by the outputs.
        values : list of tensor
            The tensors to differentiate by.

        Returns
        -------
        gradients : list of tensor or None
        """
        outputs, of_outputs = list(outputs), list(of_outputs)
        for part in reversed(self.apart):
            of_part = propagate(outputs, of_outputs, part.outputs)
            if any(each is not None for each in of_part):
                outputs += part.inputs
                of_outputs += part.gradients(of_part)
        return propagate(outputs, of_outputs, values)


def shape_of_rows(value, layouts, number):
    """Return the static shape of a value for a number of rows or pairs, as far as it is known."""
    layout = layouts.get(value)
    if value.shape.rank is None or layout is None or layout.fold is None or value.shape[layout.axis] is not None:
        return value.shape
    sizes = value.shape.as_list()
    sizes[layout.axis] = number * layout.fold
    return tf.TensorShape(sizes)


def _take_shares(share, places, elements, axis):
    """Take the share of each element of a value, given its place in the source, and the value's axis of rows."""
    number, size = elements.num_elements(), share.shape[0]
    if axis == 0 and places.shape[: elements.rank] == tuple(elements):
        # Elements are in order, perhaps with axes behind, such as the axis of an embedding.
        in_order = (*elements, *[1] * (places.ndim - elements.rank))
        if (places == np.arange(number).reshape(in_order)).all():
            return tf.reshape(share, (size, *in_order))
    in_rows = tf.reshape(tf.gather(tf.reshape(share, (size, number)), places.ravel(), axis=1), (size, *places.shape))
    if axis == 0:
        return in_rows
    return tf.transpose(in_rows, [*range(1, axis + 1), 0, *range(axis + 1, places.ndim + 1)])
