"""Loops, such as recurrent layers: differences are carried through their steps one at a time.

The body of a loop is a graph like any other. The first two streams run the unchanged loop, and keep the values of each
step that rules read. The third stream is linear, and its slopes are known from these values. So its gradient needs no
forward pass: one loop runs through the steps from the last to the first, and takes the gradient of each step.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from skdeeplift.propagation.pairing import Difference, Mode, Purpose, difference_dtype, to_difference_dtype
from skdeeplift.propagation.replay import is_counter, run_loop
from skdeeplift.propagation.rules.linear import zero_list
from skdeeplift.propagation.steps import Step
from skdeeplift.propagation.stream_values import StreamValues


class Section(NamedTuple):
    """Steps that carry differences through one graph: the network, or the body of a loop."""

    graph: object
    # List of `Step`, in order.
    steps: list
    # Values of the first two streams that rules read, values inside of loops included; keys of a dict, in order.
    reads: dict
    # Values with differences, values that are needed and have none, and values whose spread is carried.
    differences: set
    values: set
    spreads: set


@dataclass(frozen=True, eq=False)
class LoopStep(Step):
    """A loop, and the values that are carried from step to step."""

    section: Section
    # Positions of the inputs that have differences, from the first or from the second step on.
    positions: tuple
    # Positions of the inputs that never vary, and that the body or the number of its steps depends on.
    constants: tuple
    # Whether the spread of any output is needed.
    carries_spread: bool = False

    has_rule = False

    @property
    def inner_steps(self):
        """The steps of the loop's body."""
        return self.section.steps

    def carry(self, streams, incoming):
        """Carry differences through all steps of the loop."""
        return _Loop(self, streams, incoming).carry()


class _Loop:
    """One pass over a loop.

    Parameters
    ----------
    step : LoopStep
        The loop.
    streams : StreamValues
        Values of the graph around the loop.
    incoming : list of Difference or None
        The differences of the loop's inputs.
    """

    def __init__(self, step, streams, incoming):
        self.step, self.streams, self.body = step, streams, step.op.body
        self.before = {position: self._initial_difference(position, incoming[position]) for position in step.positions}
        self.inputs = [part for difference in self.before.values() for part in difference if part is not None]
        self.number, self.constants, self.of_each_step = self._find_constants()
        self.all_steps = None
        if streams.purpose is Purpose.GRADIENT:
            own = set(self.body.values)
            # The pass over a loop inside of this loop computes the coefficients of its own steps.
            self.all_steps = AllSteps(streams, [value for value in self._values_read() if value in own])

    def carry(self):
        """Carry differences to the outputs of the loop."""
        if self.streams.purpose is Purpose.GRADIENT:
            # Only the shapes of these tensors are read. Gradients do not pass through them, but through `gradients`.
            self.outputs = [tf.stop_gradient(part) for part in self.inputs]
            self.streams.apart.append(self)
            after = self._unflatten(self.outputs)
        else:
            after = self._carry_forward()
        return [after.get(position) for position in range(len(self.step.outputs))]

    def body_values(self):
        """Return the values inside of the loop that are known for all steps."""
        return [value for value in self.step.op.inner if value in self.streams.at_input]

    def gradients(self, of_outputs):
        """Differentiate the steps from the last to the first."""

        def one_step(number, gradients):
            inner, differences = self._carry_step(number, before := [tf.identity(part) for part in self.inputs])
            after = [
                _zeros(part) if each is None else each
                for each, part in zip(self._flatten_outgoing(differences), before, strict=True)
            ]
            gradients = inner.gradients(after, gradients, before)
            return number - 1, _fill_with_zeros(gradients, self.inputs)

        _, gradients = tf.while_loop(
            lambda number, _: number >= 0, one_step, (self.number - 1, _fill_with_zeros(of_outputs, self.inputs))
        )
        return gradients

    def _carry_forward(self):
        """Carry differences through the steps from the first to the last, and keep the spreads of each step."""
        kept = sorted(_kept_spreads(self.step.section), key=lambda value: value.name)
        if self.streams.purpose is not Purpose.SPREADS:
            kept = []
        looked_at = [] if self.streams.settings.tolerance is None else sorted(self.body_values(), key=id)

        def one_step(number, state, departs, arrays):
            inner, differences = self._carry_step(number, state)
            after = _fill_with_zeros(self._flatten_outgoing(differences), self.inputs)
            if self.streams.purpose is Purpose.SPREADS:
                # Differences are known from the first two streams, so the pass need not compute them.
                known = {id(before.delta) for before in self._unflatten(state).values()}
                after = [old if id(old) in known else new for old, new in zip(state, after, strict=True)]
            spreads = [array.write(number, inner.spreads[value]) for array, value in zip(arrays, kept, strict=True)]
            # Keep the first step, since a departure at one step spreads to all values of the next.
            found = [
                tf.where(inner.departs.get(value, tf.int32.max) < tf.int32.max, tf.minimum(before, number), before)
                for before, value in zip(departs, looked_at, strict=True)
            ]
            return number + 1, after, found, spreads

        arrays = [
            tf.TensorArray(
                difference_dtype(value.dtype),
                self.number,
                # Elements of a loop inside of this loop have an axis of its steps.
                element_shape=self.streams.shape(value) if value in self.step.section.spreads else None,
            )
            for value in kept
        ]
        departs = [tf.constant(tf.int32.max) for _ in looked_at]
        _, state, departs, arrays = tf.while_loop(
            lambda number, *_: number < self.number, one_step, (tf.constant(0), self.inputs, departs, arrays)
        )
        self.streams.departs.update(zip(looked_at, departs, strict=True))
        self.streams.spreads.update({value: array.stack() for value, array in zip(kept, arrays, strict=True)})
        return self._unflatten(state)

    def _carry_step(self, number, state):
        """Carry differences through the body, with the values of one step."""
        outer, section = self.streams, self.step.section

        read = section.reads if outer.settings.tolerance is None else [*section.reads, *self.body_values()]

        def of_step(tensors):
            return {value: tensors[value][number] for value in read if value in tensors}

        spreads = {value: outer.spreads[value][number] for value in _kept_spreads(section) if value in outer.spreads}
        inner = StreamValues(
            outer.settings,
            of_step(outer.at_input),
            of_step(outer.at_reference),
            {} if outer.purpose is Purpose.SPREADS else spreads,
            at_step=None if self.all_steps is None else partial(self.all_steps.at_step, number),
        )
        inner.values.update(self.constants)
        inner.values.update({value: tensor[number] for value, tensor in self.of_each_step.items()})
        differences = {self.body.inputs[position]: each for position, each in self._unflatten(state).items()}
        inner.carry(self.body, section.steps, differences)
        return inner, differences

    def _flatten_outgoing(self, differences):
        """Flatten the differences at the end of a step into tensors, with None for a missing difference."""
        after = []
        for position, before in self.before.items():
            difference = differences.get(self.body.outputs[position]) or Difference(None)
            after += [each for each, part in zip(difference, before, strict=True) if part is not None]
        return after

    def _unflatten(self, parts):
        """Make differences of flat tensors."""
        parts = iter(parts)
        return {
            position: Difference(*(None if part is None else next(parts) for part in before))
            for position, before in self.before.items()
        }

    def _initial_difference(self, position, incoming):
        """Return the difference of an input at the first step: zero if it varies only from the second step on."""
        value, with_spread = self.step.inputs[position], self.body.inputs[position] in self.step.section.spreads
        with_signed = with_spread and self.streams.settings.tells_parts
        if incoming is None:
            zeros = self._zero_at_start(self.streams.constant(value), self.body.inputs[position])
            incoming = Difference(zeros, zeros, zeros)
        wanted = (True, with_spread, with_signed)
        return Difference(
            *(
                None if not want else _zeros(incoming.delta) if part is None else part
                for want, part in zip(wanted, incoming, strict=True)
            )
        )

    def _zero_at_start(self, tensor, value):
        """Make the zero difference of an input."""
        if tensor.dtype != tf.variant:
            return _zeros(to_difference_dtype(tensor))
        lists = (op for op in self.body.ops if value in op.inputs and "element_dtype" in op.attributes)
        return zero_list(tensor, next(lists).attribute("element_dtype"))

    def _find_constants(self):
        """Find the number of steps, the constant inputs, and inputs that change from step to step without varying."""
        inputs = [None] * len(self.step.inputs)
        for position in self.step.constants:
            inputs[position] = self.streams.constant(self.step.inputs[position])
        pairs = zip(self.body.inputs, self.body.outputs, strict=True)
        changing = {before for before, after in pairs if before is not after}
        given = {value: tensor for value, tensor in zip(self.body.inputs, inputs, strict=True) if tensor is not None}
        constants = {value: tensor for value, tensor in given.items() if value not in changing}
        at_first = {value: tensor for value, tensor in given.items() if value in changing}
        # A value of all steps tells their number.
        number = next((self.streams.at_input[value].shape[0] for value in self._values_read()), None)
        if number is not None and all(is_counter(self.step.op, inputs, self.body.inputs.index(v)) for v in at_first):
            # Counters are computed without a loop.
            counted = {value: first + tf.range(number, dtype=first.dtype) for value, first in at_first.items()}
            return tf.constant(number), constants, counted
        number, _, stacked = run_loop(self.step.op, inputs, list(at_first))
        return number, constants, stacked

    def _values_read(self):
        """Return the values of the body that rules read and that are known for all steps."""
        return [value for value in self.step.section.reads if value in self.streams.at_input]


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
        rows, references = self.pairing.input_lead, self.pairing.reference_lead
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


def _kept_spreads(section):
    """Find the values whose spread rules may read, also in inner loops; of lists only their elements are read."""
    kept = {value for value in section.spreads if value.dtype != tf.variant}
    return kept.union(*(_kept_spreads(step.section) for step in section.steps if isinstance(step, LoopStep)))


def _zeros(tensor):
    """Make zeros of a tensor's shape, without an op that looks the shape up if it is known."""
    if tensor.dtype != tf.variant and tensor.shape.is_fully_defined():
        return tf.zeros(tensor.shape, tensor.dtype)
    return tf.zeros_like(tensor)


def _fill_with_zeros(tensors, like):
    """Replace None by zeros, and set the shapes, which are the same in all steps."""
    filled = [_zeros(part) if tensor is None else tensor for tensor, part in zip(tensors, like, strict=True)]
    for tensor, part in zip(filled, like, strict=True):
        tensor.set_shape(part.shape)
    return filled
