"""Dependence of a graph's values on the network's input: the values that vary, and their axes of rows.

Differences-from-reference start at and flow through varying values. Rows and references are paired along the axis of
rows.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.dtypes import is_continuous
from skdeeplift.network import ops

# Ops that move elements of several tensors into one tensor.
_SEVERAL_TENSORS = ops.where(hands_on=ops.MOVED) & ops.types_ruled_by("join")


@dataclass
class Dependence:
    """Sets of the values of one graph."""

    # Values that depend on the elements of the network's input.
    varying: set = field(default_factory=set)
    # Values through which differences flow: floating-point numbers, and booleans and integers computed by the network.
    carrying: set = field(default_factory=set)
    # Varying integers and strings that may be indices of lookups.
    indices: set = field(default_factory=set)
    # Values that depend on the shape of the input. Graph.is_batch_shaped leaves out values that also vary.
    batch_shaped: set = field(default_factory=set)
    # Values where differences start: inputs that are no indices, and numbers and booleans computed from indices.
    starts: set = field(default_factory=set)
    # Values that are the same for a row and its references: comparisons that find padding in the input, and values that
    # a target function makes constant.
    shared: set = field(default_factory=set)
    # Values from which the indices of lookups are computed, element by element.
    looked_up: set = field(default_factory=set)
    # Values whose elements each come from one element of one input, with the input and a key of the elements' order.
    # Integers among them are indices, like tokens, if they are looked up.
    orders: dict = field(default_factory=dict)
    # Integers of the input whose elements the network combines. They are numbers and no indices.
    numbers: set = field(default_factory=set)

    def has(self, value):
        """Return four flags of a value: varies, carries a difference, is an index, depends on the input's shape."""
        return tuple(value in each for each in (self.varying, self.carrying, self.indices, self.batch_shaped))

    def add(self, value, flags):
        """Add a value to each set whose flag is true, in the order of `has`, with starts at the end."""
        sets = self.varying, self.carrying, self.indices, self.batch_shaped, self.starts
        for each, flag in zip(sets, flags, strict=True):
            if flag:
                each.add(value)


def dependence_of(graph):
    """Find the dependence of all values in a network's graph and in the graphs of its loops."""
    found = _survey(graph, {value: (value, None) for value in graph.inputs})
    found.shared = {*_find_padding(graph), *graph.held}
    of_inputs = []
    for value in graph.inputs:
        carries = value.dtype.is_floating or value.dtype == tf.bool or value in found.numbers
        of_inputs.append((True, carries, not carries, False, carries))
    return _dependence_from(graph, of_inputs, found)


def _survey(graph, orders):
    """Find the orders of a graph's values from the orders of its varying inputs, and the values that are looked up."""
    found = Dependence(orders=dict(orders))
    computed, mixed = set(orders), []
    for op in graph.ops:
        if op.facts.shape_only or computed.isdisjoint(op.inputs):
            continue
        computed.update(op.outputs)
        found.orders.update((value, _order(graph, op, value, found.orders, computed)) for value in op.outputs)
        if all(found.orders[value] is None for value in op.outputs):
            mixed.append(op)
    in_constants, in_computed = (
        _find_looked_up(graph, tables=is_table)
        for is_table in (lambda table: table not in computed, computed.__contains__)
    )
    found.looked_up = in_constants - in_computed
    alive = set(graph.ancestors(graph.outputs))
    for op in filter(alive.__contains__, mixed):
        looks_up = op.facts.indices is not None and (op.facts.indices == 0 or op.inputs[0] not in computed)
        index = op.inputs[op.facts.indices] if looks_up else None
        found.numbers.update(
            value for value in op.inputs if found.orders.get(value) and value.dtype.is_integer and value is not index
        )
    return found


def _dependence_from(graph, of_inputs, found):
    """Find the dependence of all values in a graph from the flags of its inputs."""
    for value, flags in zip(graph.inputs, of_inputs, strict=True):
        found.add(value, flags)
    for op in graph.ops:
        if op.body is not None:
            _find_in_loop(op, found)
        elif op.facts.shape_only or found.varying.isdisjoint(op.inputs):
            if not (found.varying.isdisjoint(op.inputs) and found.batch_shaped.isdisjoint(op.inputs)):
                found.batch_shaped.update(op.outputs)
        else:
            for value in op.outputs:
                found.add(value, _flags(op, value, found))
    return found


def _order(graph, op, value, orders, computed):
    """Return the order of an output's elements; None unless each element comes from one element of one input.

    The order is a pair of the input and a key. Values with elements in the same order have the same key.
    """
    before = [orders.get(each) for each in op.inputs if each in computed]
    if None in before or len({origin for origin, _ in before}) > 1:
        return None
    if op.facts.elementwise:
        return before[0] if len(set(before)) == 1 else None
    if op.facts.hands_on not in (ops.RESHAPED, ops.MOVED, ops.CUT):
        return None
    statics = (graph.static_value(each) if each not in computed else None for each in op.inputs)
    operands = (
        orders.get(each) or (each if static is None else (static.tobytes(), static.shape))
        for each, static in zip(op.inputs, statics, strict=True)
    )
    attributes = sorted((name, each.SerializeToString()) for name, each in op.attributes.items())
    return before[0][0], (op.type, op.outputs.index(value), *operands, *attributes)


def _find_looked_up(graph, across_cuts=True, tables=lambda table: True):
    """Find the values from which indices of lookups are computed, element by element; ``tables`` filters the tables."""
    lookups = [op for op in graph.ops if op.facts.indices is not None]
    pending = [op.inputs[op.facts.indices] for op in lookups if tables(op.inputs[0] if op.facts.indices else None)]
    found = set(pending)
    while pending:
        op = graph.producer.get(pending.pop())
        if op is not None and op.facts.keeps_elements and (across_cuts or op.facts.elementwise or _moves_all(op)):
            before = set(op.inputs) - found
            found |= before
            pending += before
    return found


def _find_padding(graph):
    """Find the comparisons that certainly find padding in the input.

    These are comparisons of looked-up tokens with one constant, and comparisons of Keras's ``Masking`` layer, where a
    step is padding if all of its features equal one constant.
    """
    tokens = {_unmoved(graph, value) for value in _find_looked_up(graph, across_cuts=False)}
    found, reductions = [], {op.inputs[0] for op in graph.ops if op.type == "Any"}
    for op in graph.ops:
        if op.facts.family is ops.COMPARISON and any(_is_one_constant(graph, value) for value in op.inputs):
            compared = {_unmoved(graph, value) for value in op.inputs}
            is_of_step = op.facts.equality and not reductions.isdisjoint(op.outputs)
            if not tokens.isdisjoint(compared) or (
                is_of_step and not compared.isdisjoint({*graph.inputs, *graph.given})
            ):
                found += op.outputs
    return found


def _unmoved(graph, value):
    """Return the value before ops that only change the order, shape or dtype of all elements."""
    while value in graph.producer and value not in graph.given and _moves_all(graph.producer[value]):
        value = graph.producer[value].inputs[0]
    return value


def _moves_all(op):
    return op.facts.hands_on not in (None, ops.CUT) and len(op.outputs) == 1 and op.type not in _SEVERAL_TENSORS


def _is_one_constant(graph, value):
    static = graph.static_value(value)
    return static is not None and static.size == 1


def _flags(op, value, found):
    """Return five flags of an output: varies, carries a difference, is an index, depends on a shape, is a start."""
    if value.shape.num_elements() == 0:
        return False, False, False, False, False
    if value in found.shared:
        return True, False, False, False, False
    carries, by_index = (not each.isdisjoint(op.inputs) for each in (found.carrying, found.indices))
    starts = by_index and not carries
    if is_continuous(value.dtype):
        # A difference starts at a number that is looked up.
        return True, carries or by_index, False, False, starts
    if value.dtype == tf.variant:
        return True, carries, by_index, False, False
    if value.dtype == tf.bool:
        return True, carries or by_index, False, False, starts
    # Integers computed from differences carry a difference. An integer that comes from one element of the input and is
    # looked up is an index: the contribution of the looked-up numbers belongs to this element.
    is_index = by_index or (value in found.looked_up and found.orders.get(value) is not None)
    is_number = (carries or by_index) if value in found.numbers else carries and not is_index
    return True, is_number, (carries or by_index) and not is_number, False, is_number and starts


def _find_in_loop(op, found):
    """Find the dependence in a loop; a value that varies in one step may vary at the start of the next step."""
    # No difference starts at the inputs of a loop body.
    flags = [(*found.has(value), False) for value in op.inputs]
    while True:
        inner = _dependence_from(op.body, flags, _survey_body(op.body, flags))
        after = [
            (*(before or now for before, now in zip(each[:4], inner.has(value), strict=True)), False)
            for each, value in zip(flags, op.body.outputs, strict=True)
        ]
        if after == flags:
            break
        flags = after
    op.body.dependence = inner
    op.condition.dependence = _dependence_from(op.condition, flags, _survey_body(op.condition, flags))
    for value, each in zip(op.outputs, flags, strict=True):
        found.add(value, each)


def _survey_body(body, flags):
    """Survey the graph of a loop, with unknown orders of its inputs."""
    return _survey(body, {value: None for value, flag in zip(body.inputs, flags, strict=True) if flag[0]})


class Layout(NamedTuple):
    """Axis of the rows in a value."""

    axis: int
    # Size of the axis divided by the size of the batch, or None if unknown. The entries of one row are adjacent.
    fold: int | None = 1


def batch_layouts(graph):
    """Find the axis of each value that holds the batch, perhaps with other axes folded into it.

    If this axis is the first one, the elements of one row are contiguous, and the rows are in order. Rows and
    references can then be paired after the network has run once on each of them.

    Parameters
    ----------
    graph : Graph
        The traced network. The first axis of its inputs is the batch, of unknown size.

    Returns
    -------
    layouts : dict of Value to Layout
        Known layouts of varying values, including values inside loops.
    """
    layouts = {value: Layout(0) for value in graph.inputs if _is_open(value.shape, 0)}
    _lay_out_graph(graph, layouts)
    return layouts


def _lay_out_graph(graph, layouts):
    # Values between a space-to-batch op and the batch-to-space op that undoes it.
    folded = set()
    for op in graph.ops:
        varying = [value for value in op.inputs if graph.varies(value)]
        if op.body is not None:
            _lay_out_loop(graph, op, layouts)
        elif not varying:
            continue
        elif op.facts.batch == ops.FOLDED:
            folded.update(op.outputs if layouts.get(varying[0], (None,))[0] == 0 else ())
        elif op.facts.batch == ops.UNFOLDED:
            layouts.update(dict.fromkeys(op.outputs, Layout(0)) if varying[0] in folded else {})
        elif any(value in folded for value in varying):
            folded.update(op.outputs)
        elif all(value in layouts for value in varying):
            for value in op.outputs:
                layout = _layout_after(graph, op, layouts, varying, value)
                if layout is not None:
                    layouts[value] = layout


def _lay_out_loop(graph, op, layouts):
    """Find the layouts in a loop.

    A value that varies only from the second step on starts with the layout of the loop body's result. The body is
    walked again until the layouts at its start and at its end agree.
    """
    body = op.body
    at_first = [layouts.get(value) for value in op.inputs]
    fold = next((layout.fold for layout in at_first if layout is not None), 1)
    for position, (value, outer) in enumerate(zip(body.inputs, op.inputs, strict=True)):
        if not graph.varies(outer) and body.varies(value):
            is_list = value.dtype == tf.variant
            at_first[position] = Layout(1, fold) if is_list else _layout_of_open_axis(value.shape, fold)
    while True:
        inner = {value: layout for value, layout in zip(body.inputs, at_first, strict=True) if layout is not None}
        _lay_out_graph(body, inner)
        after = [
            layout if layout == inner.get(value) or not body.varies(value) else None
            for layout, value in zip(at_first, body.outputs, strict=True)
        ]
        if after == at_first:
            break
        at_first = after
    layouts.update(inner)
    layouts.update({value: layout for value, layout in zip(op.outputs, at_first, strict=True) if layout is not None})


def _layout_of_open_axis(shape, fold):
    axes = [axis for axis, size in enumerate(shape) if size is None]
    return Layout(axes[0], fold) if len(axes) == 1 else None


def _is_open(shape, axis):
    return shape.rank is not None and shape.rank > axis and shape[axis] is None


def _layout_after(graph, op, layouts, varying, output):
    """Return the layout of an op's output, or None if the op splits rows or their axis is unknown."""
    before = [layouts[value] for value in varying]
    axes, folds = {layout.axis for layout in before}, {layout.fold for layout in before}
    fold = folds.pop() if len(folds) == 1 else before[0].fold
    if op.type == "Transpose":
        permutation = graph.static_value(op.inputs[1])
        [axis] = axes
        return None if permutation is None else Layout(list(permutation).index(axis), fold)
    if op.facts.family is ops.LOOKUP and varying == [op.inputs[op.facts.indices]]:
        # The axes of the indices replace the first axis of the table.
        axis = 0 if op.facts.axis is None else graph.static_value(op.inputs[op.facts.axis])
        return before[0] if axis == 0 else None
    if op.facts.indices == 1 and len(varying) == 2 and (of_places := _layout_of_places(graph, op, layouts)) is not None:
        return of_places
    if op.facts.batch == ops.REPEATED:
        # The number of repeats of each row is known only when the network runs.
        return None
    if op.facts.list_task is not None:
        return _layout_after_list_op(op, varying, before)
    if len(axes) > 1:
        # Broadcasting aligns axes from the last one.
        from_last = {layout.axis - value.shape.rank for value, layout in zip(varying, before, strict=True)}
        if len(from_last) > 1:
            return None
        axes = {from_last.pop() + output.shape.rank}
    [axis] = axes
    if op.type == "MatMul" and fold is None and varying == [op.inputs[0]]:
        fold = _fold_of_matrix(graph, op, layouts)
    if op.facts.batch == ops.INSERTED:
        return Layout(axis + (op.attribute("axis") % output.shape.rank <= axis), fold)
    if op.facts.batch == ops.REDUCED:
        return _layout_after_reduction(graph, op, axis, fold)
    if axis > 0:
        return _layout_of_inner_axis(graph, op, varying[0], axis, fold, output)
    if not _is_open(output.shape, 0) or not _keeps_order(graph, op):
        return None
    return _layout_after_reshape(graph, op, layouts, fold, output) if op.type == "Reshape" else Layout(0, fold)


def _layout_of_places(graph, op, layouts):
    """Return the layout of a lookup by computed positions along the first axis of a table, or None."""
    axis = 0 if op.facts.axis is None else graph.static_value(op.inputs[op.facts.axis])
    batch = op.attributes["batch_dims"].i if "batch_dims" in op.attributes else 0
    return layouts.get(op.inputs[1]) if axis == 0 and batch == 0 else None


def _layout_after_list_op(op, varying, before):
    """Return the layout after a list op. A list has the layout of its elements stacked along a new first axis."""
    if op.facts.list_task in (ops.MADE, ops.STACKED):
        return before[0] if before[0].axis > 0 else None
    if op.facts.list_task == ops.TAKEN:
        return Layout(before[0].axis - 1, before[0].fold)
    if op.facts.list_task == ops.GATHERED:
        return None
    # If both the list and the new item vary, their layouts must agree.
    found = {
        layout if value.dtype == tf.variant else Layout(layout.axis + 1, layout.fold)
        for value, layout in zip(varying, before, strict=True)
    }
    return found.pop() if len(found) == 1 else None


def _layout_after_reduction(graph, op, axis, fold):
    reduced, rank = graph.static_value(op.inputs[1]), op.inputs[0].shape.rank
    if reduced is None or axis in np.ravel(reduced) % rank:
        return None
    kept = "keep_dims" in op.attributes and op.attribute("keep_dims")
    return Layout(axis if kept else axis - sum(each < axis for each in np.ravel(reduced) % rank), fold)


def _layout_of_inner_axis(graph, op, source, axis, fold, output):
    """Return the layout of a batch that is not on the first axis, or None if unknown."""
    if op.facts.hands_on == ops.CUT:
        if output.shape.rank == source.shape.rank:
            return Layout(axis, fold) if _is_open(output.shape, axis) else None
        # The op takes one entry of the first axis, such as the last step of a sequence.
        dropped = op.type == "StridedSlice" and op.attribute("shrink_axis_mask") == 1 and axis == 1
        return Layout(0, fold) if dropped and _is_open(output.shape, 0) else None
    if op.type == "Unpack" and op.attribute("axis") == 0:
        return Layout(axis - 1, fold)
    same_rank = output.shape.rank == source.shape.rank and _is_open(output.shape, axis)
    works_along = op.facts.axis is not None and not _keeps_axis(graph, op, axis)
    return Layout(axis, fold) if same_rank and not works_along and op.facts.batch is None else None


def _keeps_order(graph, op):
    if op.facts.axis is not None:
        return _keeps_axis(graph, op, 0)
    if op.type == "Tile":
        multiples = graph.static_value(op.inputs[1], partial=True)
        return multiples is not None and multiples[0] == 1
    return not (op.type == "MatMul" and op.attribute("transpose_a"))


def _keeps_axis(graph, op, axis):
    """Test whether an op is known to work along another axis than ``axis``."""
    axes = graph.static_value(op.inputs[op.facts.axis])
    return axes is not None and not any(each in (axis, axis - op.outputs[0].shape.rank) for each in np.ravel(axes))


def _fold_of_matrix(graph, op, layouts):
    """Count the matrix rows of one row of the batch, if the length of a matrix row is known only from the weights."""
    reshape, length = graph.producer.get(op.inputs[0]), op.inputs[1].shape[op.attribute("transpose_b")]
    if reshape is None or reshape.type != "Reshape" or not length:
        return None
    source, layout = reshape.inputs[0].shape[1:], layouts[reshape.inputs[0]]
    known = layout.fold is not None and source.is_fully_defined() and not op.attribute("transpose_a")
    return layout.fold * math.prod(source) // length if known else None


def _value_as_long(graph, shape):
    """Return the value whose first axis gives the first entry of a shape operand; None if unknown."""
    op = graph.producer.get(shape)
    if op is None:
        return None
    if op.type == "Shape":
        return op.inputs[0]
    is_copy, joins = op.facts.hands_on == ops.COPIED, op.type == "ConcatV2" and op.inputs[0].shape.num_elements()
    if is_copy or joins or op.type == "Pack":
        return _value_as_long(graph, op.inputs[0])
    if op.type == "SplitV" and shape is op.outputs[0] and shape.shape.num_elements():
        return _value_as_long(graph, op.inputs[0])
    if op.type == "StridedSlice":
        begin, strides = graph.static_value(op.inputs[1]), graph.static_value(op.inputs[3])
        is_first = begin is not None and (begin[0] == 0 or op.attribute("begin_mask") & 1)
        if is_first and strides is not None and strides[0] > 0 and not op.attribute("new_axis_mask"):
            return _value_as_long(graph, op.inputs[0])
    return None


def _layout_after_reshape(graph, op, layouts, fold, output):
    """Return the layout after a reshape that does not split rows, else None."""
    like = layouts.get(_value_as_long(graph, op.inputs[1]))
    if like is not None and like.axis == 0 and like.fold is not None:
        return like
    source = op.inputs[0].shape[1:]
    if fold is None or not (source.is_fully_defined() and output.shape[1:].is_fully_defined()):
        return Layout(0, None)
    elements, inner = fold * math.prod(source), math.prod(output.shape[1:])
    return Layout(0, elements // inner) if inner and elements % inner == 0 else None
