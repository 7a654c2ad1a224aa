"""Steps of a plan: the interface of all, and those of single ops and of activations."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from skdeeplift.network.clusters import Activation
from skdeeplift.network.graph import Op
from skdeeplift.network.masks import is_shown
from skdeeplift.propagation import replay
from skdeeplift.propagation.paired_op import PairedOp
from skdeeplift.propagation.pairing import Difference, Purpose, identity
from skdeeplift.propagation.rules.rescale import ActivationRule
from skdeeplift.propagation.rules.table import Rule


@dataclass(frozen=True, eq=False)
class Step(ABC):
    """One step of a plan, which makes the outputs of an op in the third stream.

    Parameters
    ----------
    op : Op
        The op, or the last op of an activation.
    inputs : tuple of Value
        The values that the step reads, some with differences.
    outputs : tuple of Value
        The values that the step makes.

    Attributes
    ----------
    carries_spread : bool
        Whether the spread of the outputs is needed.
    carries_difference : bool
        Whether outputs have differences.
    has_rule : bool
        Whether a rule carries differences through the step itself. False for a loop, whose ``inner_steps`` have rules.
    inner_steps : sequence of Step
        The steps inside of a loop.
    sums_to_delta : bool
        Whether contributions still sum to the change of the target behind the step.
    operands : sequence of Value
        The values without a difference that an activation reads beside its input.
    family, rule_name : str
        The family and the name of the rule, for the table of a network's ops.
    reason : str
        Reason why the step is not supported, for that table; empty for a supported step.
    """

    op: Op
    inputs: tuple
    outputs: tuple

    carries_spread = False
    carries_difference = True
    has_rule = True
    inner_steps = ()
    sums_to_delta = True
    operands = ()
    family = ""
    rule_name = ""
    reason = ""

    @abstractmethod
    def carry(self, streams, incoming):
        """Carry differences from the inputs to the outputs.

        Parameters
        ----------
        streams : StreamValues
            Known values of the streams.
        incoming : list of Difference or None
            The difference of each input, or None.

        Returns
        -------
        outgoing : list of Difference or None
            The difference of each output, or None.
        """

    @property
    def ops(self):
        """All ops of the step."""
        return (self.op,)

    def reads(self, graph):
        """List the values of the first two streams that the rule reads."""
        return []

    def inputs_with_spread(self, graph):
        """List the inputs whose spread has to be carried."""
        return []


@dataclass(frozen=True, eq=False)
class ConstantStep(Step):
    """An op whose outputs have no difference, and whose values other steps need, such as weights."""

    carries_difference = False
    has_rule = False

    def carry(self, streams, incoming):
        """Let the op be created when one of its values is first read."""
        streams.create_when_read(self.op)
        return [None] * len(self.outputs)


@dataclass(frozen=True, eq=False)
class OpStep(Step):
    """One op, and the rule that carries differences through it."""

    rule: Rule
    carries_spread: bool = False
    # Whether the op is a weighted sum, whose spread starts afresh from the sign of the difference.
    starts_afresh: bool = False
    # Whether the op makes real numbers from complex ones, which have no parts. The spread starts after the op.
    starts_behind: bool = False
    # Whether the op is a product or quotient that changes the size of numbers that hide others.
    scales_hidden: bool = False

    @property
    def family(self):
        """The family of the rule."""
        return self.rule.family

    @property
    def rule_name(self):
        """The name of the rule."""
        return self.rule.function.__name__

    def reads(self, graph):
        """List the values of the first two streams that the rule reads."""
        reads = []
        if self.rule.reads_values or self.scales_hidden:
            reads += filter(graph.varies, (*self.inputs, *self.outputs))
        if self.carries_spread and self.starts_afresh:
            reads += filter(graph.carries_difference, self.inputs)
        if self.carries_spread and self.starts_behind:
            reads += filter(graph.carries_difference, self.outputs)
        return reads

    def inputs_with_spread(self, graph):
        """List the inputs whose spread has to be carried."""
        if not self.carries_spread or self.starts_afresh or self.starts_behind:
            return []
        return list(filter(graph.carries_difference, self.inputs))

    def carry(self, streams, incoming):
        """Carry the parts of the differences apart, spreads with absolute coefficients."""
        op = PairedOp(self, streams)
        if self.carries_spread and self.starts_behind:
            deltas = self.rule.function(op, [None if each is None else each.delta for each in incoming], identity)
            return [
                None if delta is None else _start_parts(streams, value, delta)
                for value, delta in zip(self.outputs, deltas, strict=True)
            ]
        if self.carries_spread and self.starts_afresh:
            incoming = [None if each is None else op.signed(each, position) for position, each in enumerate(incoming)]

        def carry_part(part, coefficient):
            parts = [None if each is None else getattr(each, part) for each in incoming]
            if (part != "delta" and not self.carries_spread) or all(each is None for each in parts):
                return [None] * len(self.outputs)
            return self.rule.function(op, parts, coefficient)

        parts = carry_part("delta", identity), carry_part("spread", tf.abs), carry_part("signed_spread", tf.abs)
        carried = [None if parts[0] is None else Difference(*parts) for parts in zip(*parts, strict=True)]
        if self.scales_hidden:
            factor = op.once(self._scale_of_hidden)
            carried = [each.map(lambda part: part * factor) for each in carried]
        return carried

    def _scale_of_hidden(self, op):
        """Return the factor by which the op scales the difference of numbers that hide others.

        All such numbers count as equal, before and after a product.
        """
        ends = [op.at_both_ends(value) if value in op.at_input else None for value in op.inputs]
        [carried] = self.rule.function(op, [None if each is None else each[0] - each[1] for each in ends], identity)
        out_x, out_r = op.at_both_ends(op.outputs[0])
        hides = (carried != 0) & ~(is_shown(out_x) & is_shown(out_r))
        return tf.where(hides, (out_x - out_r) / carried, tf.ones_like(carried))


def _start_parts(streams, value, delta):
    """Give a difference a spread behind an op that parts do not pass through: they start from the difference's sign."""
    spread = tf.sign(streams.delta(value)) * delta
    return Difference(delta, spread, spread if streams.settings.tells_parts else None)


@dataclass(frozen=True, eq=False)
class ActivationStep(Step):
    """An activation of one op or of several, and the rule of the method for it."""

    rule: ActivationRule
    activation: Activation
    carries_spread: bool = False

    family = "activation"

    @property
    def rule_name(self):
        """The name of the rule."""
        return self.rule.function.__name__

    @property
    def sums_to_delta(self):
        """True if contributions still sum to the change of the target behind the step."""
        return self.rule.sums_to_delta

    @property
    def operands(self):
        """The values without a difference that the activation reads beside its input."""
        return self.activation.operands

    @property
    def ops(self):
        """All ops of the activation."""
        return self.activation.ops

    def reads(self, graph):
        """List the values of the first two streams that the rule reads."""
        batch_shaped = filter(graph.is_batch_shaped, self.operands)
        return [*self.rule.reads(self.activation, self.carries_spread), *batch_shaped]

    def inputs_with_spread(self, graph):
        """List the inputs whose spread has to be carried."""
        return list(self.inputs) if self.carries_spread or self.rule.uses_spread else []

    def carry(self, streams, incoming):
        """Carry the difference and its parts together, as rules of activations tell them apart themselves."""
        return [self.rule.function(PairedOp(self, streams), incoming[0])]


def steps_with_rules(steps):
    """Yield the steps that have a rule, those inside of loops included."""
    for step in steps:
        yield from steps_with_rules(step.inner_steps)
        if step.has_rule:
            yield step


POSITIONS, WEIGHTS = ((np.polynomial.legendre.leggauss(8)[part] + (1 - part)) / 2 for part in (0, 1))


@dataclass(frozen=True, eq=False)
class IntegralStep(Step):
    """An op whose mean derivative along a path carries differences.

    The path leads from the op's inputs at the reference to those at the row (integrated gradients of one op:
    Sundararajan, Taly and Yan 2017, arXiv:1703.01365). The mean is a Gauss-Legendre quadrature of eight points.
    """

    # Positions of the inputs that have differences, and of the outputs.
    positions: tuple
    results: tuple
    carries_spread: bool = False

    family = "path integral"
    rule_name = "integrated"

    def reads(self, graph):
        """List the values of the first two streams at both ends of the path."""
        return [*(self.inputs[place] for place in self.positions), *(self.outputs[place] for place in self.results)]

    def carry(self, streams, incoming):
        """Make the differences of the outputs from their values, and compute gradients apart."""
        op = PairedOp(self, streams)
        integral = _Integral(op, [incoming[position].delta for position in self.positions])
        if streams.purpose is Purpose.GRADIENT:
            streams.apart.append(integral)
        after = dict(zip(self.results, integral.outputs, strict=True))
        return [self._difference_of(streams, value, after.get(place)) for place, value in enumerate(self.outputs)]

    def _difference_of(self, streams, value, delta):
        """Make the difference of an output, with a spread if it is needed."""
        if delta is None:
            return None
        return _start_parts(streams, value, delta) if self.carries_spread else Difference(delta)


def has_derivative(op, positions, results):
    """Return whether TensorFlow has a derivative of some outputs of an op by its inputs at some positions."""
    with tf.Graph().as_default():
        inputs = []
        for value, tensor in zip(op.inputs, op.definition.inputs, strict=True):
            known = tf.get_static_value(tensor)
            is_known = known is not None and len(inputs) not in positions
            inputs.append(tf.constant(known) if is_known else tf.compat.v1.placeholder(value.dtype, value.shape))
        outputs = replay.create(op, inputs)
        try:
            ends = [outputs[place] for place in results]
            found = tf.gradients(ends, [inputs[place] for place in positions], list(map(tf.ones_like, ends)))
        except LookupError:
            return False
    return any(each is not None for each in found)


class _Integral:
    """One pass over an op, which computes its gradient itself."""

    def __init__(self, op, inputs):
        self.op, self.inputs = op, inputs
        self.outputs = [op.streams.delta(op.outputs[place]) for place in op.step.results]

    def gradients(self, of_outputs):
        """Compute the gradients by the inputs: the mean of the op's gradient along the path."""
        op, step = self.op, self.op.step
        filled = [
            tf.zeros_like(delta) if each is None else each for each, delta in zip(of_outputs, self.outputs, strict=True)
        ]
        total = [0] * len(step.positions)
        for position, weight in zip(POSITIONS, WEIGHTS, strict=True):
            points = {
                place: op.combine(lambda x, r, position=position: r + position * (x - r), step.inputs[place])
                for place in step.positions
            }
            operands = [points[n] if n in points else op.constant(n) for n in range(len(step.inputs))]
            results = replay.create(step.op, operands)
            found = tf.gradients([results[place] for place in step.results], list(points.values()), filled)
            total = [
                so_far if each is None else so_far + weight * each for so_far, each in zip(total, found, strict=True)
            ]
        return [tf.zeros_like(delta) + each for delta, each in zip(self.inputs, total, strict=True)]
