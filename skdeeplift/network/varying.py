"""Values that vary with a network's input, and values where differences-from-reference start and flow."""

from typing import NamedTuple

import tensorflow as tf


class Dependence(NamedTuple):
    """Sets of the values of one graph."""

    # Values that depend on the elements of the network's input.
    varying: set
    # Values through which differences flow.
    carrying: set
    # Integers and strings that vary, by which the network may look something up. Masks are not among them.
    indices: set
    # Values that depend on the shape of the input. Graph.is_batch_shaped leaves out those that vary too.
    batch_shaped: set
    # Values where differences start: inputs of floating-point numbers, and numbers that are looked up by indices.
    starts: set

    def has(self, value):
        """Return for each of the sets whether it contains a value."""
        return tuple(value in each for each in self)

    def add(self, value, flags):
        """Add a value to each set whose flag is true."""
        for each, flag in zip(self, flags, strict=True):
            if flag:
                each.add(value)


def dependence_of(graph):
    """Find the dependence of all values in a network's graph and in the graphs of its loops."""
    found = Dependence(*(set() for _ in Dependence._fields))
    for value in graph.inputs:
        holds_numbers = value.dtype.is_floating
        is_index = not holds_numbers and value.dtype != tf.bool
        found.add(value, (True, holds_numbers, is_index, False, holds_numbers))
    _walk(graph, found)
    return found


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
    carries, by_index = (not each.isdisjoint(op.inputs) for each in (found.carrying, found.indices))
    if value.dtype.is_floating:
        # A difference starts at a number that is looked up.
        return True, carries or by_index, False, False, by_index and not carries
    is_list = value.dtype == tf.variant
    index = by_index if is_list else (carries or by_index) and value.dtype != tf.bool
    return True, carries and is_list, index, False, False


def _walk_loop(op, found):
    """Find the dependence in a loop; a value that varies in one step may vary at the beginning of the next."""
    flags = [found.has(value)[:4] for value in op.inputs]
    while True:
        inner = Dependence(*(set() for _ in Dependence._fields))
        for value, each in zip(op.body.inputs, flags, strict=True):
            inner.add(value, (*each, False))
        _walk(op.body, inner)
        after = [
            tuple(before or now for before, now in zip(each, inner.has(value), strict=False))
            for each, value in zip(flags, op.body.outputs, strict=True)
        ]
        if after == flags:
            break
        flags = after
    op.body.dependence = inner
    op.condition.dependence = Dependence(*(set() for _ in Dependence._fields))
    for value, each in zip(op.condition.inputs, flags, strict=True):
        op.condition.dependence.add(value, (*each, False))
    _walk(op.condition, op.condition.dependence)
    for value, each in zip(op.outputs, flags, strict=True):
        found.add(value, (*each, False))
