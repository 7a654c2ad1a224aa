"""Where the batch lies in each value of a graph."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

# Ops that move whole rows about, or fold axes into the leading one and out of it again.
_LEAVES, _RETURNS = frozenset({"SpaceToBatchND", "SpaceToBatch"}), frozenset({"BatchToSpaceND", "BatchToSpace"})

# Which operand names the axis of ops that join, cut or move along one.
_AXIS_OPERANDS = {
    "ConcatV2": -1,
    "Cumsum": 1,
    "GatherV2": 2,
    "ReverseV2": 1,
    "Roll": 2,
    "Split": 0,
    "SplitV": 2,
}
_REDUCTIONS = frozenset("All Any Max Mean Min Prod Sum".split())
# Operations on lists, which lie as if their elements were stacked on a new first axis.
_LIST_MOVES = {"TensorListGetItem": -1, "TensorListSetItem": 1, "TensorListPushBack": 1, "TensorListPopBack": -1}


class Layout(NamedTuple):
    """Where the rows lie in a value."""

    axis: int
    # How many times the batch's size the axis is, each row's entries side by side; None where it is not known.
    fold: int | None = 1


def batch_layouts(graph):
    """Find on which axis the batch, perhaps with other axes folded in behind it, lies in each value.

    Where it is the leading one, the elements of one row stand together, and the rows in order, so that rows and
    references can be paired after the network has run once on each.

    Parameters
    ----------
    graph : Graph
        The traced network; its inputs have an unknown batch size in front.

    Returns
    -------
    layouts : dict of Value to Layout
        Of the varying values of which this is known, those inside of loops included.
    """
    layouts = {value: Layout(0) for value in graph.inputs if _is_open(value.shape, 0)}
    _walk(graph, layouts)
    return layouts


def _walk(graph, layouts):
    set_aside = set()
    for op in graph.ops:
        varying = [value for value in op.inputs if graph.varies(value)]
        if op.body is not None:
            _walk_loop(graph, op, layouts)
        elif not varying:
            continue
        elif op.type in _LEAVES:
            set_aside.update(op.outputs if layouts.get(varying[0], (None,))[0] == 0 else ())
        elif op.type in _RETURNS:
            layouts.update(dict.fromkeys(op.outputs, Layout(0)) if varying[0] in set_aside else {})
        elif any(value in set_aside for value in varying):
            set_aside.update(op.outputs)
        elif all(value in layouts for value in varying):
            for value in op.outputs:
                layout = _layout_after(graph, op, layouts, varying, value)
                if layout is not None:
                    layouts[value] = layout


def _walk_loop(graph, op, layouts):
    """Take what varies only from the second step on to lie as it leaves the loop's body, if that holds."""
    body = op.body
    at_first = [layouts.get(value) for value in op.inputs]
    fold = next((layout.fold for layout in at_first if layout is not None), 1)
    for position, (value, outer) in enumerate(zip(body.inputs, op.inputs, strict=True)):
        if not graph.varies(outer) and body.varies(value):
            at_first[position] = Layout(1, fold) if value.dtype == tf.variant else _of_open_axis(value.shape, fold)
    while True:
        inner = {value: layout for value, layout in zip(body.inputs, at_first, strict=True) if layout is not None}
        _walk(body, inner)
        after = [
            layout if layout == inner.get(value) or not body.varies(value) else None
            for layout, value in zip(at_first, body.outputs, strict=True)
        ]
        if after == at_first:
            break
        at_first = after
    layouts.update(inner)
    layouts.update({value: layout for value, layout in zip(op.outputs, at_first, strict=True) if layout is not None})


def _of_open_axis(shape, fold):
    axes = [axis for axis, size in enumerate(shape) if size is None]
    return Layout(axes[0], fold) if len(axes) == 1 else None


def _is_open(shape, axis):
    return shape.rank is not None and shape.rank > axis and shape[axis] is None


def _layout_after(graph, op, layouts, varying, output):
    """Layout of an op's output, or None where rows would be cut or are lost sight of."""
    before = [layouts[value] for value in varying]
    axes, folds = {layout.axis for layout in before}, {layout.fold for layout in before}
    fold = folds.pop() if len(folds) == 1 else before[0].fold
    if op.type == "Transpose":
        permutation = graph.static_value(op.inputs[1])
        [axis] = axes
        return None if permutation is None else Layout(list(permutation).index(axis), fold)
    if op.type in ("GatherV2", "Gather", "ResourceGather") and varying == [op.inputs[1]]:
        # Looked up in a table, of which the first axis is replaced by those of the indices.
        axis = graph.static_value(op.inputs[2]) if op.type == "GatherV2" else 0
        return before[0] if axis == 0 else None
    if op.type in _LIST_MOVES or op.type in ("TensorListFromTensor", "TensorListStack"):
        return _of_list(op, varying, before)
    if len(axes) > 1:
        # Broadcasting counts axes from the last.
        from_last = {layout.axis - value.shape.rank for value, layout in zip(varying, before, strict=True)}
        if len(from_last) > 1:
            return None
        axes = {from_last.pop() + output.shape.rank}
    [axis] = axes
    if op.type == "MatMul" and fold is None and varying == [op.inputs[0]]:
        fold = _fold_of_matrix(graph, op, layouts)
    if op.type == "Pack":
        return Layout(axis + (op.attribute("axis") % output.shape.rank <= axis), fold)
    if op.type in _REDUCTIONS:
        return _after_reduction(graph, op, axis, fold)
    if axis > 0:
        return _behind_other_axes(graph, op, varying[0], axis, fold, output)
    if not _is_open(output.shape, 0) or not _keeps_order(graph, op):
        return None
    return _after_reshape(op, fold, output) if op.type == "Reshape" else Layout(0, fold)


def _of_list(op, varying, before):
    if op.type in ("TensorListFromTensor", "TensorListStack"):
        return before[0] if before[0].axis > 0 else None
    if op.type in ("TensorListGetItem", "TensorListPopBack"):
        return Layout(before[0].axis - 1, before[0].fold)
    # Of the list and the item, whichever vary.
    found = {
        layout if value.dtype == tf.variant else Layout(layout.axis + 1, layout.fold)
        for value, layout in zip(varying, before, strict=True)
    }
    return found.pop() if len(found) == 1 else None


def _after_reduction(graph, op, axis, fold):
    reduced, rank = graph.static_value(op.inputs[1]), op.inputs[0].shape.rank
    if reduced is None or axis in np.ravel(reduced) % rank:
        return None
    kept = op.attribute("keep_dims")
    return Layout(axis if kept else axis - sum(each < axis for each in np.ravel(reduced) % rank), fold)


def _behind_other_axes(graph, op, source, axis, fold, output):
    """Layout where the batch is not the leading axis: only what can be told is."""
    if op.type in ("StridedSlice", "Slice"):
        if output.shape.rank == source.shape.rank:
            return Layout(axis, fold) if _is_open(output.shape, axis) else None
        # One entry of the leading axis, as of the last step of a sequence.
        dropped = op.type == "StridedSlice" and op.attribute("shrink_axis_mask") == 1 and axis == 1
        return Layout(0, fold) if dropped and _is_open(output.shape, 0) else None
    if op.type == "Unpack" and op.attribute("axis") == 0:
        return Layout(axis - 1, fold)
    elementwise = output.shape.rank == source.shape.rank and _is_open(output.shape, axis)
    joins_there = op.type in _AXIS_OPERANDS and not _keeps_axis(graph, op, axis)
    moves = op.type in ("Reshape", "MatMul", "Einsum", "GatherNd", "ScatterNd", "Tile", *_LEAVES, *_RETURNS)
    return Layout(axis, fold) if elementwise and not joins_there and not moves else None


def _keeps_order(graph, op):
    if op.type in _AXIS_OPERANDS:
        return _keeps_axis(graph, op, 0)
    if op.type == "Tile":
        multiples = graph.static_value(op.inputs[1], partial=True)
        return multiples is not None and multiples[0] == 1
    return not (op.type == "MatMul" and op.attribute("transpose_a"))


def _keeps_axis(graph, op, axis):
    axes = graph.static_value(op.inputs[_AXIS_OPERANDS[op.type]])
    return axes is not None and not any(each in (axis, axis - op.outputs[0].shape.rank) for each in np.ravel(axes))


def _fold_of_matrix(graph, op, layouts):
    """How many rows of a matrix belong to one of the batch, where only what it is multiplied by tells their length."""
    reshape, length = graph.producer.get(op.inputs[0]), op.inputs[1].shape[op.attribute("transpose_b")]
    if reshape is None or reshape.type != "Reshape" or not length:
        return None
    source, layout = reshape.inputs[0].shape[1:], layouts[reshape.inputs[0]]
    known = layout.fold is not None and source.is_fully_defined() and not op.attribute("transpose_a")
    return layout.fold * math.prod(source) // length if known else None


def _after_reshape(op, fold, output):
    """Layout after a reshape, whose rows must not be cut."""
    source = op.inputs[0].shape[1:]
    if fold is None or not (source.is_fully_defined() and output.shape[1:].is_fully_defined()):
        return Layout(0, None)
    elements, inner = fold * math.prod(source), math.prod(output.shape[1:])
    return Layout(0, elements // inner) if inner and elements % inner == 0 else None
