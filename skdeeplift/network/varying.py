"""Values that vary with a network's input, and values where differences-from-reference start and flow."""

from dataclasses import dataclass, field

import tensorflow as tf

from skdeeplift.network import ops

# Ops that move elements of several tensors into one.
_SEVERAL_TENSORS = ops.where(hands_on=ops.MOVED) & ops.types_ruled_by("join")


@dataclass
class Dependence:
    """Sets of the values of one graph."""

    # Values that depend on the elements of the network's input.
    varying: set = field(default_factory=set)
    # Values through which differences flow: floating-point numbers, and truth values and whole numbers that the network
    # computes.
    carrying: set = field(default_factory=set)
    # Integers and strings that vary, by which the network may look something up.
    indices: set = field(default_factory=set)
    # Values that depend on the shape of the input. Graph.is_batch_shaped leaves out those that vary too.
    batch_shaped: set = field(default_factory=set)
    # Values where differences start: inputs that are no indices, and numbers and truth values that are computed from
    # indices.
    starts: set = field(default_factory=set)
    # Values that are the same for a row and its references: comparisons that tell which elements of the input are
    # padding, and values that a target function holds constant.
    shared: set = field(default_factory=set)
    # Values from which the indices of lookups are computed, element by element. Only these whole numbers are indices.
    looked_up: set = field(default_factory=set)

    def has(self, value):
        """Return whether a value varies, carries a difference, is an index, and depends on the input's shape."""
        return tuple(value in each for each in (self.varying, self.carrying, self.indices, self.batch_shaped))

    def add(self, value, flags):
        """Add a value to each set whose flag is true; the order is that of `has`, with starts at the end."""
        sets = self.varying, self.carrying, self.indices, self.batch_shaped, self.starts
        for each, flag in zip(sets, flags, strict=True):
            if flag:
                each.add(value)


def dependence_of(graph):
    """Find the dependence of all values in a network's graph and in the graphs of its loops."""
    found = Dependence(looked_up=_find_looked_up(graph))
    for value in graph.inputs:
        carries = value.dtype.is_floating or value.dtype == tf.bool
        found.add(value, (True, carries, not carries, False, carries))
    found.shared.update(_find_padding(graph), graph.held)
    _walk(graph, found)
    return found


def _find_looked_up(graph, across_cuts=True):
    """Find the values from which indices of lookups are computed, element by element."""
    pending = [op.inputs[op.facts.indices] for op in graph.ops if op.facts.indices is not None]
    found = set(pending)
    while pending:
        op = graph.producer.get(pending.pop())
        if op is not None and op.facts.keeps_elements and (across_cuts or op.facts.elementwise or _moves_all(op)):
            before = set(op.inputs) - found
            found |= before
            pending += before
    return found


def _find_padding(graph):
    """Find the comparisons that tell which elements of the input are padding beyond doubt.

    They are comparisons of looked-up tokens with one constant, and those of the ``Masking`` layer of Keras: a step is
    padding if all of its features equal one constant.
    """
    tokens = {_unmoved(graph, value) for value in _find_looked_up(graph, across_cuts=False)}
    found, reductions = [], {op.inputs[0] for op in graph.ops if op.type == "Any"}
    for op in graph.ops:
        if op.facts.family is ops.COMPARISON and any(_is_one_constant(graph, value) for value in op.inputs):
            compared = {_unmoved(graph, value) for value in op.inputs}
            is_of_step = op.facts.equality and not reductions.isdisjoint(op.outputs)
            if not tokens.isdisjoint(compared) or (is_of_step and not compared.isdisjoint(graph.inputs)):
                found += op.outputs
    return found


def _unmoved(graph, value):
    """Return the value whose elements a value has, in another order, shape or dtype."""
    while value in graph.producer and _moves_all(graph.producer[value]):
        value = graph.producer[value].inputs[0]
    return value


def _moves_all(op):
    return op.facts.hands_on not in (None, ops.CUT) and len(op.outputs) == 1 and op.type not in _SEVERAL_TENSORS


def _is_one_constant(graph, value):
    static = graph.static_value(value)
    return static is not None and static.size == 1


def _walk(graph, found):
    for op in graph.ops:
        if op.body is not None:
            _walk_loop(op, found)
        elif op.facts.shape_only or found.varying.isdisjoint(op.inputs):
            if not (found.varying.isdisjoint(op.inputs) and found.batch_shaped.isdisjoint(op.inputs)):
                found.batch_shaped.update(op.outputs)
        else:
            for value in op.outputs:
                found.add(value, _flags(op, value, found))


def _flags(op, value, found):
    """Return whether an output varies, carries a difference, is an index, depends on a shape, and is a start."""
    if value in found.shared:
        return True, False, False, False, False
    carries, by_index = (not each.isdisjoint(op.inputs) for each in (found.carrying, found.indices))
    starts = by_index and not carries
    if value.dtype.is_floating:
        # A difference starts at a number that is looked up.
        return True, carries or by_index, False, False, starts
    if value.dtype == tf.variant:
        return True, carries, by_index, False, False
    if value.dtype == tf.bool:
        return True, carries or by_index, False, False, starts
    # Whole numbers that are computed from differences carry one, except those by which something is looked up.
    computed = op.facts.elementwise or any(each in found.carrying and not each.dtype.is_floating for each in op.inputs)
    is_number = carries and computed and not by_index and value not in found.looked_up
    return True, is_number, (carries or by_index) and not is_number, False, False


def _walk_loop(op, found):
    """Find the dependence in a loop; a value that varies in one step may vary at the beginning of the next."""
    flags = [found.has(value) for value in op.inputs]
    looked_up = _find_looked_up(op.body)
    while True:
        inner = Dependence(looked_up=looked_up)
        for value, each in zip(op.body.inputs, flags, strict=True):
            inner.add(value, (*each, False))
        _walk(op.body, inner)
        after = [
            tuple(before or now for before, now in zip(each, inner.has(value), strict=True))
            for each, value in zip(flags, op.body.outputs, strict=True)
        ]
        if after == flags:
            break
        flags = after
    op.body.dependence = inner
    op.condition.dependence = Dependence()
    for value, each in zip(op.condition.inputs, flags, strict=True):
        op.condition.dependence.add(value, (*each, False))
    _walk(op.condition, op.condition.dependence)
    for value, each in zip(op.outputs, flags, strict=True):
        found.add(value, (*each, False))
