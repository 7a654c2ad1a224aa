"""Activations in the traced graph: single elementwise ops, and clusters of ops that together are one function.

Frameworks spell one activation as several ops: GELU is ``Mul, Neg, Erfc, Mul``. A cluster is the smallest elementwise
region from one tensor to the op where its branches meet again.
"""

from dataclasses import dataclass

from skdeeplift.network.graph import Value

UNARY = frozenset(
    """Abs Acos Acosh Asin Asinh Atan Atanh BesselI0e BesselI1e Ceil Cos Cosh Digamma Elu Erf Erfc Erfinv Exp Expm1
    Floor Inv IsFinite IsInf IsNan LeakyRelu Lgamma Log Log1p LogicalNot Ndtri Neg OnesLike Reciprocal Relu Relu6 Rint
    Round Rsqrt Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Square Tan Tanh ZerosLike Cast Identity""".split()
)
COMPARISONS = frozenset(
    "Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr ApproximateEqual".split()
)
LINEAR_JOINS = frozenset({"Add", "AddV2", "AddN", "Sub"})
NONLINEAR_JOINS = frozenset(
    """Mul RealDiv Div DivNoNan MulNoNan Maximum Minimum Pow SquaredDifference Atan2 Xdivy Xlogy Xlog1py FloorDiv
    FloorMod Select SelectV2 ClipByValue""".split()
)
ELEMENTWISE = UNARY | COMPARISONS | LINEAR_JOINS | NONLINEAR_JOINS | {"BiasAdd"}
# Elementwise ops that do not bend: a region made of nothing else is no activation.
STRAIGHT = LINEAR_JOINS | frozenset({"Neg", "BiasAdd", "Cast", "Identity", "ZerosLike", "OnesLike"})


@dataclass(eq=False, slots=True, weakref_slot=True)
class Activation:
    """A function of one tensor, elementwise: where it starts, where it ends, and the ops between in order."""

    root: Value
    output: Value
    ops: tuple

    @property
    def op(self):
        """The op whose output the activation's output is."""
        return self.ops[-1]

    @property
    def operands(self):
        """What the activation reads beside its root and does not compute itself: constants, weights."""
        computed = {value for op in self.ops for value in op.outputs} | {self.root}
        return [value for op in self.ops for value in op.inputs if value not in computed]


class Activations:
    """Finds the activations of a graph.

    Parameters
    ----------
    graph : Graph
        The traced network.
    barriers : iterable of Value, default=()
        Values that no activation reaches across.
    """

    def __init__(self, graph, barriers=()):
        self.graph = graph
        self._barriers = frozenset(barriers)
        # For the result of an elementwise op: the nearest value that all ways to it pass, and how many such lie before.
        self._dominator, self._depth = {}, {}
        for op in graph.ops:
            if op.type in ELEMENTWISE:
                self._find_dominator(op)

    def ending_at(self, op):
        """Return the activation of several ops whose branches meet at ``op``, or None."""
        varying = [value for value in op.inputs if self.graph.varies(value)]
        root = self._dominator.get(op.outputs[0])
        if len(varying) < 2 or root is None or not self.graph.carries_difference(root):
            return None
        region = self._region(op, root)
        return Activation(root, op.outputs[0], region) if self._is_activation(op, root, region) else None

    @staticmethod
    def is_single(op):
        """Whether an op with one varying input is an activation by itself."""
        return op.type in ELEMENTWISE - STRAIGHT - COMPARISONS - {"Mul", "MulNoNan"}

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
        while first is not second:
            if self._depth.get(first, 0) < self._depth.get(second, 0):
                first, second = second, first
            first = None if first in self._barriers else self._dominator.get(first)
            if first is None:
                return None
        return first

    def _region(self, join, root):
        """The ops between ``root`` and ``join`` in order, also those that read only a shape, such as ZerosLike."""
        graph, members, pending = self.graph, {join}, [join]
        while pending:
            for value in pending.pop().inputs:
                op = graph.producer.get(value)
                inside = graph.varies(value) or (
                    # Of the root's own shape; others are operands like any constant.
                    op is not None and op.type in ("ZerosLike", "OnesLike") and self._leads_to(root, op.inputs[0])
                )
                if value is not root and inside and op not in members:
                    members.add(op)
                    pending.append(op)
        return tuple(sorted(members, key=graph.position.__getitem__))

    def _leads_to(self, root, value):
        while value is not None and value is not root:
            value = None if value in self._barriers else self._dominator.get(value)
        return value is root

    def _is_activation(self, join, root, region):
        if all(self._is_straight(op) for op in region):
            return False
        if join.type not in LINEAR_JOINS:
            return True
        bare_identity = root in join.inputs
        return not bare_identity and len({self._scope(op) for op in region}) == 1

    def _is_straight(self, op):
        varying = [self.graph.varies(value) for value in op.inputs]
        scaled = varying in ([True, False], [False, True]) if op.type == "Mul" else varying == [True, False]
        return op.type in STRAIGHT or (op.type in ("Mul", "RealDiv", "Div") and scaled)

    def _scope(self, op):
        return op.calls[-1] if op.calls else op.name.rpartition("/")[0]
