"""Steps of a plan: the interface of all, and those of single ops and of activations."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import tensorflow as tf

from skdeeplift.network.clusters import Activation
from skdeeplift.network.graph import Op
from skdeeplift.propagation.paired_op import PairedOp
from skdeeplift.propagation.pairing import Difference, identity
from skdeeplift.propagation.rules.activation import ActivationRule
from skdeeplift.propagation.rules.table import Rule


@dataclass(frozen=True, eq=False)
class Step(ABC):
    """One step of a plan, which makes the outputs of an op in the third stream.

    Parameters
    ----------
    op : Op
        The op, or the last op of an activation.
    inputs : tuple of Value
        The values that the step reads, of which some have differences.
    outputs : tuple of Value
        The values that the step makes.

    Attributes
    ----------
    carries_spread : bool
        Whether the spread of the outputs is needed.
    carries_difference : bool
        Whether outputs have differences.
    has_rule : bool
        Whether a rule carries differences through the step itself. Those in a loop go through its ``inner_steps``.
    inner_steps : sequence of Step
        The steps inside of a loop.
    is_activation : bool
        Whether the step is an activation, where methods differ.
    sums_to_delta : bool
        Whether contributions still sum to the change of the target behind the step.
    operands : sequence of Value
        The values without a difference that an activation reads beside its input.
    family, rule_name : str
        The family and the name of the rule, for the table of a network's ops.
    reason : str
        Why the step is not supported, for that table; empty where it is.
    """

    op: Op
    inputs: tuple
    outputs: tuple

    carries_spread = False
    carries_difference = True
    has_rule = True
    inner_steps = ()
    is_activation = False
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
            What is known of the streams.
        incoming : list of Difference or None
            The difference of each input; None where there is none.

        Returns
        -------
        outgoing : list of Difference or None
            The difference of each output; None where there is none.
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
        if self.rule.reads_values:
            reads += filter(graph.varies, (*self.inputs, *self.outputs))
        if self.carries_spread and self.starts_afresh:
            reads += filter(graph.carries_difference, self.inputs)
        return reads

    def inputs_with_spread(self, graph):
        """List the inputs whose spread has to be carried."""
        if not self.carries_spread or self.starts_afresh:
            return []
        return list(filter(graph.carries_difference, self.inputs))

    def carry(self, streams, incoming):
        """Carry the parts of the differences apart, spreads with absolute coefficients."""
        op = PairedOp(self, streams)
        if self.carries_spread and self.starts_afresh:
            incoming = [None if each is None else op.signed(each, position) for position, each in enumerate(incoming)]

        def carry_part(part, coefficient):
            parts = [None if each is None else getattr(each, part) for each in incoming]
            if (part != "delta" and not self.carries_spread) or all(each is None for each in parts):
                return [None] * len(self.outputs)
            return self.rule.function(op, parts, coefficient)

        parts = carry_part("delta", identity), carry_part("spread", tf.abs), carry_part("signed_spread", tf.abs)
        return [None if parts[0] is None else Difference(*parts) for parts in zip(*parts, strict=True)]


@dataclass(frozen=True, eq=False)
class ActivationStep(Step):
    """An activation of one op or of several, and the rule of the method for it."""

    rule: ActivationRule
    activation: Activation
    carries_spread: bool = False

    is_activation = True
    family = "activation"

    @property
    def rule_name(self):
        """The name of the rule."""
        return self.rule.function.__name__

    @property
    def sums_to_delta(self):
        """Whether contributions still sum to the change of the target behind the step."""
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
