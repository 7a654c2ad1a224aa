"""Plans: the steps, in order, that carry a difference from the sources to the target."""

import tensorflow as tf

from skdeeplift.dtypes import is_continuous, is_whole
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network import ops
from skdeeplift.network.clusters import Activations, activation_at
from skdeeplift.network.graph import BRANCHES
from skdeeplift.network.layers import layer_names, unknown_layer
from skdeeplift.network.masks import find_hidden
from skdeeplift.propagation.loops import LoopStep, Section
from skdeeplift.propagation.method import check_depends
from skdeeplift.propagation.rules.linear import STACKS, WEIGHTED
from skdeeplift.propagation.rules.places import counts_rows
from skdeeplift.propagation.rules.secant import SECANT
from skdeeplift.propagation.rulesets import RESCALE, SHARED
from skdeeplift.propagation.steps import (
    ActivationStep,
    ConstantStep,
    IntegralStep,
    OpStep,
    has_derivative,
    steps_with_rules,
)


class Plan:
    """The steps of the third stream.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The value that differences are carried to.
    sources : list of Value
        The values whose differences are read. No activation reaches across a source.
    rule_set : RuleSet
        The rule of each op.
    owner : str, default="skdeeplift"
        Name of the explainer in errors.
    parts : bool, default=False
        Whether positive and negative parts of the sources are returned.

    Attributes
    ----------
    steps : list of Step
        All steps, in order.
    difference_steps : list of Step
        The steps that carry differences; a loop is one of them.
    rule_steps : list of Step
        The steps that have a rule, those inside of loops included.
    sums_to_delta : bool
        Whether contributions sum to the change of the target.
    starts : list of Value
        The values where differences start.
    reads : list of Value
        The values of the first two streams that rules read, values inside of loops included.
    spreads : set of Value
        The values outside of loops whose spread has to be carried.
    carries_spreads : bool
        Whether any spread has to be carried, also inside of loops.
    hidden : set of Value
        The values in which a condition may put infinite numbers in place of others.
    counts_rows : bool
        Whether a computed place may count rows of the batch, so that rows and references must be run pair by pair.

    Raises
    ------
    UnsupportedOpError
        If an op before the target has no rule, or the target does not depend on the input through differences.
    ValueError
        If a layer that is given a rule by name does not exist or has no activation.
    """

    def __init__(self, graph, target, sources, rule_set, owner="skdeeplift", parts=False):
        self.graph, self.rule_set, self.owner = graph, rule_set, owner
        self.sources, self.hidden = sources, find_hidden(graph)
        check_depends(graph, target)
        self.starts, self.counts_rows = graph.starts_before(target), False
        section = self._section(graph, {target}, {value for value in sources if parts and not value.dtype.is_complex})
        # Where only the shape of a value is read, its difference has to start too.
        self.starts += [value for value in graph.values if self._is_further_start(section, value)]
        self.steps, self.reads, self.spreads = section.steps, list(section.reads), section.spreads
        for source in sources:
            if source not in section.differences:
                raise UnsupportedOpError(f"The target {target.name!r} does not depend on {source.name!r}.")
        self.carries_spreads = _carries_spreads(section)
        self.difference_steps = [step for step in self.steps if step.carries_difference]
        self.rule_steps = list(steps_with_rules(self.steps))
        self.sums_to_delta = all(step.sums_to_delta for step in self.rule_steps)
        self._check_layers()

    def _is_further_start(self, section, value):
        is_start = value in section.differences and value in self.graph.dependence.starts
        return is_start and value not in self.starts

    def _check_layers(self):
        """Raise an error if a layer that is given a rule by name does not exist or has no activation."""
        ops = [step.op for step in self.rule_steps if isinstance(step, ActivationStep)]
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
        """Go back through a graph from values with differences to their starts, and collect the steps."""
        section = Section(graph, [], {}, set(differences), set(), set(spreads))
        activations = Activations(graph, barriers=self.sources)
        for op in reversed(graph.ops):
            if not section.differences.isdisjoint(op.outputs) and graph.dependence.starts.isdisjoint(op.outputs):
                add = self._add_loop if op.body is not None else self._add_step
                add(section, op, activations)
            elif not section.values.isdisjoint(op.outputs):
                section.steps.append(ConstantStep(op, op.inputs, op.outputs))
                self._require_values(section, op.inputs)
        section.steps.reverse()
        return section

    @staticmethod
    def _require_values(section, values):
        """Require the differences of values that carry them, the rows' masks and indices, and other values."""
        for value in values:
            if section.graph.carries_difference(value):
                section.differences.add(value)
            elif section.graph.is_condition(value):
                section.reads[value] = None
            else:
                section.values.add(value)

    def _add_step(self, section, op, activations):
        """Add the step of an op or of an activation that ends with it."""
        graph = section.graph
        step = self._step(section, op, activations)
        section.steps.append(step)
        self._require_values(section, [*step.inputs, *step.operands])
        section.reads.update(dict.fromkeys(step.reads(graph)))
        if op.type in STACKS and op.outputs[0] not in self.graph.layouts:
            # The shape of unset entries is only known from the list's value.
            section.reads[op.outputs[0]] = None
        section.spreads.update(step.inputs_with_spread(graph))

    def _add_loop(self, section, op, activations):
        """Add the step of a loop.

        Which inputs of the body have differences is a fixpoint: an output with a difference gives the input of the next
        step one.
        """
        graph, body = section.graph, op.body
        if any(value in op.condition.dependence.varying for value in op.condition.outputs):
            raise UnsupportedOpError(
                f"The number of iterations of {graph.describe(op)} depends on the values of the network's input, so "
                "that a row and its reference may need different numbers. Write a loop whose number of iterations "
                "depends on shapes alone."
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
        section.steps.append(
            LoopStep(op, op.inputs, op.outputs, inner, tuple(sorted(positions)), constants, bool(spreads))
        )
        self._require_values(section, [op.inputs[number] for number in {*positions, *constants}])
        section.reads.update(inner.reads)
        section.spreads.update(op.inputs[number] for number in spreads if graph.carries_difference(op.inputs[number]))

    def _step(self, section, op, activations):
        """Make the step of an op or of an activation that ends with it."""
        graph, carries_spread = section.graph, not section.spreads.isdisjoint(op.outputs)
        activation = activation_at(graph, op, activations, self.sources)
        if activation is not None:
            values = (activation.root,), (activation.output,)
            # Complex multipliers and differences have no sign, and functions of them no slope that is positive.
            rule_set = RESCALE if activation.root.dtype.is_complex else self.rule_set
            rule = rule_set.activation(graph, activation)
            return ActivationStep(activation.op, *values, rule, activation, carries_spread)
        varying = tuple(position for position, value in enumerate(op.inputs) if graph.carries_difference(value))
        rule = SHARED.find(op.facts.type, varying)
        if rule is None or (not rule.reads_values and _is_placed_by(op, varying)):
            return self._step_without_rule(graph, op, varying, carries_spread)
        self.counts_rows |= counts_rows(graph, op)
        starts_afresh = op.type in WEIGHTED and len(varying) == 1
        scales_hidden = op.facts.family in (ops.PRODUCT, ops.QUOTIENT) and not self.hidden.isdisjoint(op.outputs)
        is_complex = _is_complex(op, varying)
        return OpStep(op, op.inputs, op.outputs, rule, carries_spread, starts_afresh, is_complex, scales_hidden)

    def _step_without_rule(self, graph, op, varying, carries_spread):
        """Make the step that the parameter ``unsupported`` selects."""
        results = tuple(place for place, value in enumerate(op.outputs) if graph.carries_difference(value))
        differing = [*(op.inputs[place] for place in varying), *(op.outputs[place] for place in results)]
        possible = []
        if op.type not in BRANCHES and op.facts.family is not ops.OPEN_RESULT:
            are_continuous = all(is_continuous(value.dtype) for value in differing)
            possible += ["integrate"] if are_continuous and has_derivative(op, varying, results) else []
            possible += ["secant"] if all(self._has_rows(graph, value) for value in differing) else []
        if self.rule_set.unsupported not in possible:
            raise UnsupportedOpError(self._no_rule(op, possible))
        if self.rule_set.unsupported == "integrate":
            return IntegralStep(op, op.inputs, op.outputs, varying, results, carries_spread)
        return OpStep(op, op.inputs, op.outputs, SECANT, carries_spread, starts_behind=_is_complex(op, varying))

    def _has_rows(self, graph, value):
        """Return whether the elements of each row are known in a value; in a loop over rows, all belong to one row."""
        is_number = is_continuous(value.dtype) or is_whole(value.dtype)
        layout = self.graph.layouts.get(value)
        if layout is None:
            has_batch = any(each.shape.rank is None or each.shape[:1] != [None] for each in self.graph.inputs)
            return is_number and graph is not self.graph and not has_batch and value.shape.is_fully_defined()
        return is_number and layout.fold is not None and value.shape.rank is not None

    def _no_rule(self, op, possible):
        """Describe an op without a rule for an error, with the available alternatives."""
        because = f": {op.facts.why_not}" if op.facts.why_not else ""
        asked = self.rule_set.unsupported
        in_vain = "" if asked == "raise" else f", and unsupported={asked!r} cannot help: {_NEEDS[asked]}"
        ways = "".join(f", pass unsupported={way!r} for {_WAYS[way]}" for way in possible)
        return (
            f"{self.owner} has no rule for {self.graph.describe(op)}{because}{in_vain}. "
            f'Replace it in the network{ways}, or see "Adding a rule" in the documentation.'
        )


_WAYS = {
    "integrate": "a numerical path integral of this op",
    "secant": "the coarsest rule, which divides the op's change by the sizes of its inputs' differences",
}
_NEEDS = {
    "integrate": "TensorFlow has no derivative of this op",
    "secant": "its elements cannot be assigned to rows",
}


def _is_complex(op, varying):
    return any(op.inputs[position].dtype.is_complex for position in varying)


def _is_placed_by(op, varying):
    """Return whether an integer or truth value with a difference gives a linear op a place or a count, not a value.

    An example is the number of repetitions of a tile. Ops of such values themselves give the same dtype, weigh them, or
    decide elementwise.
    """
    after = op.outputs[0].dtype
    before = {op.inputs[position].dtype for position in varying} - {after, tf.variant}
    is_of_values = op.facts.elementwise or op.facts.weighted or after == tf.variant
    return not is_of_values and not all(map(is_continuous, before))


def _carries_spreads(section):
    """Return whether any spread is carried in a section or in its loops."""
    loops = (step.section for step in section.steps if isinstance(step, LoopStep))
    return bool(section.spreads) or any(map(_carries_spreads, loops))


def _constant_positions(op, section):
    """Find the inputs of a loop that never vary and are read, if only to count the steps."""
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
