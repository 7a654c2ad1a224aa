"""Activations that are run again with another gradient than their own."""

from skdeeplift.network.clusters import Activation, Activations
from skdeeplift.propagation.activations import activation_at
from skdeeplift.propagation.rules.overrides import run_activation


class Overrides:
    """What stands in the place of a graph's activations while it is run again.

    Parameters
    ----------
    rule : callable
        Of `skdeeplift.propagation.rules.overrides`.
    barriers : collection of Value
        Values that no activation reaches across.
    """

    def __init__(self, rule, barriers):
        self.rule, self.barriers = rule, barriers
        # Of each graph the finder of its activations, and what stands for each op; gradients need these to live on.
        self._finders, self._steps = {}, {}

    def ancestors(self, graph, wanted, known):
        """The ops and activations, in order, that must run to compute ``wanted`` where ``known`` values are given.

        What an activation of several ops computes on the way is nobody else's: where another op reads it too, the
        activation's own op is run once more, and is an activation by itself there.
        """
        known, needed, found = set(known), set(wanted), []
        for op in reversed(graph.ops):
            if any(value in needed and value not in known for value in (*op.outputs, *op.inner)):
                step = self._steps.get(op)
                if step is None:
                    step = self._steps[op] = self._step(graph, op)
                needed.update(step.inputs)
                found.append(step)
        return found[::-1]

    def _step(self, graph, op):
        if op.body is not None or not graph.carries_difference(op.outputs[0]):
            return op
        if graph not in self._finders:
            self._finders[graph] = Activations(graph, self.barriers)
        activation = activation_at(graph, op, self._finders[graph], self.barriers)
        return op if activation is None else _Overridden(activation, self.rule)


class _Overridden:
    """An activation with the gradient of a rule."""

    def __init__(self, activation: Activation, rule):
        self.activation, self.rule = activation, rule
        self.inputs, self.outputs = (activation.root, *activation.operands), (activation.output,)

    def create(self, inputs):
        """Run it on the tensors of its inputs."""
        root, *operands = inputs
        output = run_activation(self.activation, root, operands)
        return [self.rule(self.activation, output, root, operands)]
