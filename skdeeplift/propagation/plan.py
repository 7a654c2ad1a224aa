"""What has to be done, in order, to carry a difference from the sources to the target."""

from typing import Any, NamedTuple

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.clusters import Activation, Activations
from skdeeplift.network.graph import Op
from skdeeplift.propagation.rules.activation import values_read
from skdeeplift.propagation.rules.table import AnyActivation, Rule
from skdeeplift.propagation.rules.unsupported import NOT_SUPPORTED

CLAMPS = frozenset({"Maximum", "Minimum", "ClipByValue"})
POLES = frozenset({"Inv", "Log", "Reciprocal", "Rsqrt"})


class Step(NamedTuple):
    """One op, or one activation of several ops, and the rule that carries differences through it."""

    op: Op
    inputs: tuple
    outputs: tuple
    rule: Any
    activation: Activation | None


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

    Attributes
    ----------
    actions : list of Step or Op
        In order: a step carries differences; a bare op gives a value that the steps need, such as a weight, and that
        does not vary.
    steps : list of Step
        The actions that carry differences.
    reads : list of Value
        What the rules read of the first two streams.

    Raises
    ------
    UnsupportedOpError
        If an op on the way has no rule, or the target does not depend on the input through differences.
    """

    def __init__(self, graph, target, sources, rule_set, owner="skdeeplift"):
        self.graph, self.rule_set, self.owner = graph, rule_set, owner
        self.sources, self.activations = sources, Activations(graph, barriers=sources)
        if not graph.carries_difference(target):
            raise UnsupportedOpError(
                f"The target {target.name!r} does not depend on the network's input through any function that has "
                "differences (an argmax, a comparison or an integer in between cuts it off)."
            )
        self.actions, reads = [], {}
        differences, values = {target}, set()
        for op in reversed(graph.ops):
            if not differences.isdisjoint(op.outputs):
                step = self._step(op)
                self.actions.append(step)
                differences.update(value for value in step.inputs if graph.carries_difference(value))
                values.update(value for value in step.inputs if not graph.carries_difference(value))
                if step.activation is not None:
                    values.update(step.activation.operands)
                    batch_shaped = filter(graph.is_batch_shaped, step.activation.operands)
                    reads.update(dict.fromkeys([*values_read(step.activation), *batch_shaped]))
                elif step.rule.reads_values:
                    reads.update(dict.fromkeys(filter(graph.varies, (*step.inputs, *step.outputs))))
            elif not values.isdisjoint(op.outputs):
                self.actions.append(op)
                differences.update(value for value in op.inputs if graph.carries_difference(value))
                values.update(value for value in op.inputs if not graph.carries_difference(value))
        for source in sources:
            if source not in differences:
                raise UnsupportedOpError(f"The target {target.name!r} does not depend on {source.name!r}.")
        self.actions.reverse()
        self.steps = [action for action in self.actions if isinstance(action, Step)]
        self.reads = list(reads)

    def _step(self, op):
        activation = self.activations.ending_at(op)
        if activation is not None:
            inputs, outputs = (activation.root,), (activation.output,)
            return Step(op, inputs, outputs, self._activation_rule(), activation)
        varying = tuple(position for position, value in enumerate(op.inputs) if self.graph.varies(value))
        carrying = tuple(position for position in varying if self.graph.carries_difference(op.inputs[position]))
        rule = self.rule_set.table.find(op.type, varying)
        if rule is None:
            raise UnsupportedOpError(self._no_rule(op, NOT_SUPPORTED.get(op.type)))
        if carrying != varying:
            raise UnsupportedOpError(
                self._no_rule(op, "it reads a count, index or comparison that depends on the input's values")
            )
        if isinstance(rule, AnyActivation):
            root = op.inputs[varying[0]]
            ops = (op,)
            before = self.graph.producer.get(root)
            if op.type in CLAMPS and before is not None and before.type in POLES and root not in self.sources:
                # One function, since the first half alone may be infinite where the whole is not.
                root, ops = before.inputs[0], (before, op)
            activation = Activation(root, op.outputs[0], ops)
            return Step(op, (root,), op.outputs, self._activation_rule(), activation)
        return Step(op, op.inputs, op.outputs, rule, None)

    def _activation_rule(self):
        return Rule(self.rule_set.activation, "activation", reads_values=True)

    def _no_rule(self, op, reason):
        because = f": {reason}" if reason else ""
        return (
            f"{self.owner} has no rule for {self.graph.describe(op)}{because}. "
            'Replace it in the network, or see "Adding a rule" in the documentation.'
        )
