"""Loops, as recurrent layers are made of: values of all steps, and differences carried through one step at a time.

A loop's body is a graph like any other. The first two streams run the loop as it is and keep, of each step, what rules
read. The third stream is linear and its slopes are known then. So its gradient needs no pass forward: one loop goes
through the steps from the last to the first, and takes the gradient of each.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from skdeeplift.propagation.pairing import Difference, Purpose, widened, widened_tensor
from skdeeplift.propagation.replay import run_loop
from skdeeplift.propagation.rules.lists import zero_list
from skdeeplift.propagation.stacked_steps import AllSteps
from skdeeplift.propagation.steps import Step
from skdeeplift.propagation.stream_values import StreamValues
from skdeeplift.propagation.trip_count import counts_up


class Section(NamedTuple):
    """What has to be done, in order, to carry differences through one graph: the network's, or a loop's body."""

    graph: object
    # In order, each a `Step`.
    steps: list
    # What the rules read of the first two streams, values inside of loops included.
    reads: dict
    # Values that differences reach, that are needed and do not vary, and whose spread is carried.
    differences: set
    values: set
    spreads: set


@dataclass(frozen=True, eq=False)
class LoopStep(Step):
    """A loop and what is carried from step to step."""

    section: Section
    # Positions of the inputs that have differences, at the latest from the second step on.
    positions: tuple
    # Positions of the inputs that never vary and that the body, or the number of its steps, depends on.
    constants: tuple
    # Whether the spread of an output is needed.
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
        What is known around the loop.
    incoming : list of Difference or None
        The differences of the loop's inputs.
    """

    def __init__(self, step, streams, incoming):
        self.step, self.streams, self.body = step, streams, step.op.body
        self.before = {position: self._at_first(position, incoming[position]) for position in step.positions}
        self.inputs = _parts(self.before.values())
        self.number, self.constants, self.of_each_step = self._constants()
        self.all_steps = None
        if streams.purpose is Purpose.GRADIENT:
            own = set(self.body.values)
            # Of a loop inside of this one, each of its steps is one of all steps here.
            self.all_steps = AllSteps(streams, [value for value in self._read() if value in own])

    def carry(self):
        if self.streams.purpose is Purpose.GRADIENT:
            # Nothing of what they hold is read, only their shapes; no gradient goes past the loop.
            self.outputs = [tf.stop_gradient(part) for part in self.inputs]
            self.streams.apart.append(self)
            after = self._unflatten(self.outputs)
        else:
            after = self._carry_forward()
        return [after.get(position) for position in range(len(self.step.outputs))]

    def body_values(self):
        """The values inside of the loop of which each step is known."""
        return [value for value in self.step.op.inner if value in self.streams.at_input]

    def gradients(self, of_outputs):
        """Go through the steps from the last to the first."""

        def one_step(number, gradients):
            inner, differences = self._carry_step(number, before := [tf.identity(part) for part in self.inputs])
            after = [
                _zeros(part) if each is None else each
                for each, part in zip(self._after(differences), before, strict=True)
            ]
            gradients = inner.gradients(after, gradients, before)
            return number - 1, _filled(gradients, self.inputs)

        _, gradients = tf.while_loop(
            lambda number, _: number >= 0, one_step, (self.number - 1, _filled(of_outputs, self.inputs))
        )
        return gradients

    def _carry_forward(self):
        """Go through the steps from the first to the last, and keep the spreads of each."""
        kept = sorted(_kept_spreads(self.step.section), key=lambda value: value.name)
        if self.streams.purpose is not Purpose.SPREADS:
            kept = []
        looked_at = [] if self.streams.settings.tolerance is None else sorted(self.body_values(), key=id)

        def one_step(number, state, departs, arrays):
            inner, differences = self._carry_step(number, state)
            after = _filled(self._after(differences), self.inputs)
            if self.streams.purpose is Purpose.SPREADS:
                # Differences are known; so that they need not be computed.
                known = {id(before.delta) for before in self._unflatten(state).values()}
                after = [old if id(old) in known else new for old, new in zip(state, after, strict=True)]
            spreads = [array.write(number, inner.spreads[value]) for array, value in zip(arrays, kept, strict=True)]
            # At which step first, since what departs at one departs everywhere at the next.
            found = [
                tf.where(inner.departs.get(value, tf.int32.max) < tf.int32.max, tf.minimum(before, number), before)
                for before, value in zip(departs, looked_at, strict=True)
            ]
            return number + 1, after, found, spreads

        arrays = [
            tf.TensorArray(
                widened(value.dtype),
                self.number,
                # Of a loop inside of this one, each element has all steps.
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
        """Carry differences through the body, with what is known of one step."""
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

    def _after(self, differences):
        """Parts of the differences at the end of a step, None where there is none."""
        after = []
        for position, before in self.before.items():
            difference = differences.get(self.body.outputs[position]) or Difference(None)
            after += [each for each, part in zip(difference, before, strict=True) if part is not None]
        return after

    def _unflatten(self, parts):
        parts = iter(parts)
        return {
            position: Difference(*(None if part is None else next(parts) for part in before))
            for position, before in self.before.items()
        }

    def _at_first(self, position, incoming):
        """The difference that goes in: zero where the value varies only from the second step on."""
        value, with_spread = self.step.inputs[position], self.body.inputs[position] in self.step.section.spreads
        with_signed = with_spread and self.streams.settings.tells_parts
        if incoming is None:
            zeros = self._zero_at_first(self.streams.constant(value), self.body.inputs[position])
            incoming = Difference(zeros, zeros, zeros)
        wanted = (True, with_spread, with_signed)
        return Difference(
            *(
                None if not want else _zeros(incoming.delta) if part is None else part
                for want, part in zip(wanted, incoming, strict=True)
            )
        )

    def _zero_at_first(self, tensor, value):
        if tensor.dtype != tf.variant:
            return _zeros(widened_tensor(tensor))
        lists = (op for op in self.body.ops if value in op.inputs and "element_dtype" in op.attributes)
        return zero_list(tensor, next(lists).attribute("element_dtype"))

    def _constants(self):
        """The number of steps, and what does not vary with the input: in no step, or in each."""
        inputs = [None] * len(self.step.inputs)
        for position in self.step.constants:
            inputs[position] = self.streams.constant(self.step.inputs[position])
        pairs = zip(self.body.inputs, self.body.outputs, strict=True)
        changing = {before for before, after in pairs if before is not after}
        given = {value: tensor for value, tensor in zip(self.body.inputs, inputs, strict=True) if tensor is not None}
        constants = {value: tensor for value, tensor in given.items() if value not in changing}
        at_first = {value: tensor for value, tensor in given.items() if value in changing}
        number = self._number_of_steps()
        if number is not None and all(counts_up(self.step.op, inputs, self.body.inputs.index(v)) for v in at_first):
            # Which saves a loop that does nothing but count.
            counted = {value: first + tf.range(number, dtype=first.dtype) for value, first in at_first.items()}
            return tf.constant(number), constants, counted
        number, _, stacked = run_loop(self.step.op, inputs, list(at_first))
        return number, constants, stacked

    def _number_of_steps(self):
        """How many steps were taken, where what is known of them tells; else None."""
        return next((self.streams.at_input[value].shape[0] for value in self._read()), None)

    def _read(self):
        """What rules read of the body, and of which each step is known."""
        return [value for value in self.step.section.reads if value in self.streams.at_input]


def _kept_spreads(section):
    """Values whose spread rules may read, also inside of loops; of a list only what is taken out of it is read."""
    kept = {value for value in section.spreads if value.dtype != tf.variant}
    return kept.union(*(_kept_spreads(step.section) for step in section.steps if isinstance(step, LoopStep)))


def _parts(differences):
    return [part for difference in differences for part in difference if part is not None]


def _zeros(tensor):
    if tensor.dtype != tf.variant:
        return tf.zeros(tensor.shape, tensor.dtype) if tensor.shape.is_fully_defined() else tf.zeros_like(tensor)
    return tf.zeros_like(tensor)


def _filled(tensors, like):
    """Zeros for what is None, and the shapes that stay the same from step to step."""
    filled = [_zeros(part) if tensor is None else tensor for tensor, part in zip(tensors, like, strict=True)]
    for tensor, part in zip(filled, like, strict=True):
        tensor.set_shape(part.shape)
    return filled
