"""What has to be done, in order, to carry a difference from the sources to the target."""

from functools import cached_property
from typing import Any, NamedTuple

import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.batch_axis import batch_layouts
from skdeeplift.network.clusters import Activation, Activations, activation_at
from skdeeplift.network.graph import BRANCHES, Op
from skdeeplift.network.layer_outputs import layer_names, unknown_layer
from skdeeplift.propagation.integral import IntegralStep
from skdeeplift.propagation.loops import LoopStep, Section
from skdeeplift.propagation.method import check_depends
from skdeeplift.propagation.paired_op import PairedOp
from skdeeplift.propagation.pairing import Difference, itself
from skdeeplift.propagation.rules.linear import WEIGHTED
from skdeeplift.propagation.rules.lists import STACKS
from skdeeplift.propagation.rules.table import NOT_SUPPORTED


class Step(NamedTuple):
    """One op, or one activation of several ops, and the rule that carries differences through it."""

    op: Op
    inputs: tuple
    outputs: tuple
    rule: Any
    activation: Activation | None
    # Whether the spread of its outputs is needed.
    carries_spread: bool = False
    # Whether it is a weighted sum, of which the spread starts afresh from the sign of the difference.
    starts_afresh: bool = False

    def carry(self, streams, incoming):
        """Return the difference of each output, given those of the inputs; None where there is none."""
        op = PairedOp(self, streams)
        if self.activation is not None:
            return [self.rule.function(op, incoming[0])]
        if self.carries_spread and self.starts_afresh:
            incoming = [None if each is None else op.signed(each, position) for position, each in enumerate(incoming)]

        def carried(part, coefficient):
            parts = [None if each is None else getattr(each, part) for each in incoming]
            if (part != "delta" and not self.carries_spread) or all(each is None for each in parts):
                return [None] * len(self.outputs)
            return self.rule.function(op, parts, coefficient)

        parts = carried("delta", itself), carried("spread", tf.abs), carried("signed_spread", tf.abs)
        return [None if parts[0] is None else Difference(*parts) for parts in zip(*parts, strict=True)]


class Plan:
    """The steps of the third stream.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        Where differences go to.
    sources : list of Value
        Where differences are looked at; no activation reaches across one.
    rule_set : RuleSet
        What each op does to a difference.
    owner : str, default="skdeeplift"
        Who is named in errors.
    parts : bool, default=False
        Whether the positive and negative parts of the sources' differences are asked for.

    Attributes
    ----------
    actions : list of Step, LoopStep or Op
        In order: a step carries differences; a bare op gives a value that the steps need, such as a weight, and that
        does not vary.
    steps : list of Step or LoopStep
        The actions that carry differences.
    starts : list of Value
        Where differences start.
    reads : list of Value
        What the rules read of the first two streams, values inside of loops included.
    spreads : set of Value
        The values whose spread has to be carried, but for those inside of loops.
    carries_spreads : bool
        Whether there are any, also inside of loops.

    Raises
    ------
    UnsupportedOpError
        If an op on the way has no rule, or the target does not depend on the input through differences.
    ValueError
        If a layer that was given a rule by name is not there, or has no activation.
    """

    def __init__(self, graph, target, sources, rule_set, owner="skdeeplift", parts=False):
        self.graph, self.rule_set, self.owner = graph, rule_set, owner
        self.sources = sources
        check_depends(graph, target)
        self.starts = graph.starts_before(target)
        section = self._section(graph, {target}, set(sources) if parts else set())
        self.actions, self.reads, self.spreads = section.actions, list(section.reads), section.spreads
        for source in sources:
            if source not in section.differences:
                raise UnsupportedOpError(f"The target {target.name!r} does not depend on {source.name!r}.")
        self.carries_spreads = _carries_spreads(section)
        self.steps = [action for action in self.actions if not isinstance(action, Op)]
        self._check_layers()

    @cached_property
    def _layouts(self):
        return batch_layouts(self.graph)

    @property
    def all_steps(self):
        """The steps, those inside of loops included."""
        return list(all_steps(self.actions))

    @property
    def sums_to_delta(self):
        """Whether contributions sum to the change of the target."""
        return all(step.activation is None or step.rule.sums_to_delta for step in self.all_steps)

    def _check_layers(self):
        ops = [step.op for step in self.all_steps if step.activation is not None]
        elsewhere = {name for op in ops for name in self.graph.layers_of(op)[:1]}
        for name in self.rule_set.layers:
            numbers = {number for number, call in enumerate(self.graph.calls) if call.is_named(name)}
            if not numbers:
                raise ValueError(unknown_layer("rule=", name, layer_names(self.graph)))
            if all(numbers.isdisjoint(op.calls) for op in ops):
                raise ValueError(
                    f"rule= names the layer {name!r}, in which there is no activation that the target depends on. "
                    f"Activations lie in these layers: {', '.join(sorted(elsewhere)) or '(in none that has a name)'}."
                )

    def _section(self, graph, differences, spreads):
        """Go back from what has differences to where they start."""
        section = Section(graph, [], {}, set(differences), set(), set(spreads))
        activations = Activations(graph, barriers=self.sources)
        for op in reversed(graph.ops):
            if not section.differences.isdisjoint(op.outputs) and graph.dependence.starts.isdisjoint(op.outputs):
                add = self._add_loop if op.body is not None else self._add_step
                add(section, op, activations)
            elif not section.values.isdisjoint(op.outputs):
                section.actions.append(op)
                self._need(section, op.inputs)
        section.actions.reverse()
        return section

    @staticmethod
    def _need(section, values):
        """Note what is needed of values: the differences, what does not vary, or which masks and indices a row has."""
        for value in values:
            if section.graph.carries_difference(value):
                section.differences.add(value)
            elif section.graph.is_condition(value):
                section.reads[value] = None
            else:
                section.values.add(value)

    def _add_step(self, section, op, activations):
        graph = section.graph
        step = self._step(graph, op, activations)
        step = step._replace(carries_spread=not section.spreads.isdisjoint(op.outputs))
        section.actions.append(step)
        self._need(section, step.inputs)
        if step.activation is not None:
            self._need(section, step.activation.operands)
            batch_shaped = filter(graph.is_batch_shaped, step.activation.operands)
            read = [*step.rule.reads(step.activation, step.carries_spread), *batch_shaped]
            section.reads.update(dict.fromkeys(read))
            if step.carries_spread or step.rule.uses_spread:
                section.spreads.update(step.inputs)
            return
        if isinstance(step, IntegralStep):
            read = [op.inputs[place] for place in step.positions] + [op.outputs[place] for place in step.results]
            section.reads.update(dict.fromkeys(read))
            return
        if step.rule.reads_values:
            section.reads.update(dict.fromkeys(filter(graph.varies, (*step.inputs, *step.outputs))))
        if op.type in STACKS and op.outputs[0] not in self._layouts:
            # How large what nobody has set is, only its value tells.
            section.reads[op.outputs[0]] = None
        if step.carries_spread:
            carrying = [value for value in step.inputs if graph.carries_difference(value)]
            if step.starts_afresh:
                section.reads.update(dict.fromkeys(carrying))
            else:
                section.spreads.update(carrying)

    def _add_loop(self, section, op, activations):
        graph, body = section.graph, op.body
        if any(value in op.condition.dependence.varying for value in op.condition.outputs):
            raise UnsupportedOpError(
                f"How many steps {graph.describe(op)} takes depends on the values of the network's input, so that a "
                "row and its reference need not take the same. Give it a number of steps that only shapes tell."
            )
        positions = {number for number, value in enumerate(op.outputs) if value in section.differences}
        spreads = {number for number, value in enumerate(op.outputs) if value in section.spreads}
        while True:
            inner = self._section(
                body,
                {body.outputs[number] for number in positions if body.carries_difference(body.outputs[number])},
                {body.outputs[number] for number in spreads},
            )
            before = positions | {n for n, value in enumerate(body.inputs) if value in inner.differences}
            spreads_before = spreads | {n for n, value in enumerate(body.inputs) if value in inner.spreads}
            if (before, spreads_before) == (positions, spreads):
                break
            positions, spreads = before, spreads_before
        inside = inner.differences & body.dependence.starts
        if inside:
            raise UnsupportedOpError(
                f"Integers are looked up inside of {graph.describe(op)}, where no difference can start. Look them up "
                "before the loop."
            )
        constants = _constant_positions(op, inner)
        section.actions.append(
            LoopStep(op, op.inputs, op.outputs, inner, tuple(sorted(positions)), constants, bool(spreads))
        )
        self._need(section, [op.inputs[number] for number in {*positions, *constants}])
        section.reads.update(inner.reads)
        section.spreads.update(op.inputs[number] for number in spreads if graph.carries_difference(op.inputs[number]))

    def _step(self, graph, op, activations):
        activation = activation_at(graph, op, activations, self.sources)
        if activation is not None:
            rule = self.rule_set.activation(graph, activation)
            return Step(activation.op, (activation.root,), (activation.output,), rule, activation)
        varying = tuple(position for position, value in enumerate(op.inputs) if graph.carries_difference(value))
        rule = self.rule_set.table.find(op.type, varying)
        if rule is None:
            if self.rule_set.integrates and op.type not in BRANCHES:
                results = tuple(place for place, value in enumerate(op.outputs) if graph.carries_difference(value))
                return IntegralStep(op, op.inputs, op.outputs, varying, results, graph.describe(op))
            raise UnsupportedOpError(self._no_rule(op, NOT_SUPPORTED.get(op.type)))
        starts_afresh = op.type in WEIGHTED and len(varying) == 1
        return Step(op, op.inputs, op.outputs, rule, None, starts_afresh=starts_afresh)

    def _no_rule(self, op, reason):
        because = f": {reason}" if reason else ""
        integrate = "" if op.type in BRANCHES else ", pass unsupported='integrate' for a numerical path integral of it"
        return (
            f"{self.owner} has no rule for {self.graph.describe(op)}{because}. "
            f'Replace it in the network{integrate}, or see "Adding a rule" in the documentation.'
        )


def all_steps(actions):
    """Yield the steps among actions, and those inside of loops."""
    for action in actions:
        if isinstance(action, LoopStep):
            yield from all_steps(action.section.actions)
        elif not isinstance(action, Op):
            yield action


def _carries_spreads(section):
    loops = (action.section for action in section.actions if isinstance(action, LoopStep))
    return bool(section.spreads) or any(map(_carries_spreads, loops))


def _constant_positions(op, section):
    """Positions of a loop's inputs that never vary and that are read, if only to count the steps."""
    body = op.body
    position = {value: number for number, value in enumerate(body.inputs)}
    counted = {value for each in op.condition.ancestors(op.condition.outputs) for value in each.inputs}
    counted.update(op.condition.outputs)
    needed = {number for number, value in enumerate(op.condition.inputs) if value in counted}
    needed.update(position[value] for value in section.values if value in position)
    pending = list(needed)
    while pending:
        after = body.outputs[pending.pop()]
        read = {value for each in body.ancestors([after]) for value in each.inputs} | {after}
        more = {position[value] for value in read if value in position} - needed
        needed |= more
        pending += more
    return tuple(sorted(needed))
