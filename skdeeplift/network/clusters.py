"""Activations in the traced graph: single elementwise ops, and clusters of ops that form one function.

Frameworks write some activations as several ops: GELU is ``Mul, Neg, Erfc, Mul``. A cluster is the smallest elementwise
region from one tensor to the op where its branches meet again.
"""

from dataclasses import dataclass

import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.graph import Value


@dataclass(eq=False, slots=True, weakref_slot=True)
class Activation:
    """Elementwise function of one tensor, with its root, its output, and the ops between them in order."""

    root: Value
    output: Value
    ops: tuple

    @property
    def op(self):
        """Op that computes the activation's output."""
        return self.ops[-1]

    @property
    def operands(self):
        """Values that the activation reads but does not compute, other than its root: constants and weights."""
        computed = {value for op in self.ops for value in op.outputs} | {self.root}
        return [value for op in self.ops for value in op.inputs if value not in computed]


def activation_at(graph, op, activations, barriers=()):
    """Find the activation that ends at an op.

    Parameters
    ----------
    graph : Graph
        The network, or a loop's body.
    op : Op
        The op. Its output carries a difference.
    activations : Activations
        Finder of the clusters in the graph.
    barriers : collection of Value, default=()
        Values that no activation extends across.

    Returns
    -------
    activation : Activation or None
        A cluster, or the op alone; None if the op is no activation.
    """
    cluster = activations.ending_at(op)
    if cluster is not None:
        return cluster
    varying = tuple(position for position, value in enumerate(op.inputs) if graph.carries_difference(value))
    if not varying or op.facts.rule(varying) != "activation":
        return None
    root, members = op.inputs[varying[0]], (op,)
    before = graph.producer.get(root)
    if op.facts.clamp and before is not None and before.facts.domain == ops.POLE and root not in barriers:
        # Treat pole and clamp as one function, because the pole may be infinite where the clamped value is finite.
        root, members = before.inputs[0], (before, op)
    return Activation(root, op.outputs[0], members)


class Activations:
    """Finder of the activations of several ops in a graph.

    Parameters
    ----------
    graph : Graph
        The traced network.
    barriers : iterable of Value, default=()
        Values that no activation extends across.
    """

    def __init__(self, graph, barriers=()):
        self.graph = graph
        self._barriers = frozenset(barriers)
        # For each elementwise result, the nearest value that all paths to it pass (its dominator), and its depth.
        self._dominator, self._depth = {}, {}
        for op in graph.ops:
            if op.facts.joins_clusters:
                self._find_dominator(op)

    def ending_at(self, op):
        """Return the activation of several ops whose branches meet at ``op``, or None."""
        varying = [value for value in op.inputs if self.graph.varies(value)]
        root = self._dominator.get(op.outputs[0])
        if len(varying) < 2 or root is None or not self.graph.carries_difference(root):
            return None
        ends = root.dtype, op.outputs[0].dtype
        if ends[0] == tf.bool or ends[0].is_floating != ends[1].is_floating or any(dtype.is_complex for dtype in ends):
            # Decisions and functions of complex numbers are single ops.
            return None
        region = self._region(op, root)
        if not root.dtype.is_floating and any(each.facts.family is ops.WHOLE for each in region):
            # Ops of integers cannot be evaluated at fractions between two integers, so each op has its own rule.
            return None
        return Activation(root, op.outputs[0], region) if self._is_activation(op, root, region) else None

    @staticmethod
    def is_single(op):
        """Test whether an op with one varying input can be the activation of a layer by itself."""
        is_product_or_comparison = op.facts.family in (ops.PRODUCT, ops.COMPARISON)
        return op.facts.joins_clusters and op.facts.straight != ops.ANY and not is_product_or_comparison

    def _find_dominator(self, op):
        varying = [value for value in op.inputs if self.graph.varies(value)]
        if not varying:
            return
        meeting = varying[0]
        for value in varying[1:]:
            meeting = self._common(meeting, value)
            if meeting is None:
                return
        self._dominator[op.outputs[0]] = meeting
        if op.outputs[0] not in self._barriers:
            self._depth[op.outputs[0]] = self._depth.get(meeting, 0) + 1

    def _common(self, first, second):
        """Return the nearest value that all paths to both values pass, or None."""
        while first is not second:
            if self._depth.get(first, 0) < self._depth.get(second, 0):
                first, second = second, first
            first = None if first in self._barriers else self._dominator.get(first)
            if first is None:
                return None
        return first

    def _region(self, join, root):
        """Return the ops from ``root`` to ``join`` in order, including ops such as ZerosLike that read only a shape."""
        graph, members, pending = self.graph, {join}, [join]
        while pending:
            for value in pending.pop().inputs:
                op = graph.producer.get(value)
                # Zeros and ones in the shape of the root belong to the region; in another shape they are operands.
                fills_shape = op is not None and op.facts.family is ops.FILL and self._leads_to(root, op.inputs[0])
                if value is not root and (graph.varies(value) or fills_shape) and op not in members:
                    members.add(op)
                    pending.append(op)
        return tuple(sorted(members, key=graph.position.__getitem__))

    def _leads_to(self, root, value):
        while value is not None and value is not root:
            value = None if value in self._barriers else self._dominator.get(value)
        return value is root

    def _is_activation(self, join, root, region):
        varies = self.graph.varies
        if all(op.facts.is_straight([n for n, value in enumerate(op.inputs) if varies(value)]) for op in region):
            return False
        if join.facts.family is not ops.SUM:
            return True
        # A sum ends an activation only inside one layer: x + relu(x) across layers is a residual connection.
        bare_identity = root in join.inputs
        scopes = {op.calls[-1] if op.calls else op.name.rpartition("/")[0] for op in region}
        return not bare_identity and len(scopes) == 1
