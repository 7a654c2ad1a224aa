"""Ops that cut, pad or reorder elements, computed only on the windows that a mutation changes."""

import math

import numpy as np
import tensorflow as tf

from skdeeplift.perturbation.local_ops import LocalOp
from skdeeplift.perturbation.reach import place


def cut(plan, op):
    """Cut positions off, or take every k-th position."""
    value, [output] = op.inputs[0], op.outputs
    reach = plan.reaches.get(value)
    slices = _find_slices(plan.graph, op)
    if reach is None or slices is None or slices[0] != slice(None) or output.shape.rank != value.shape.rank:
        return None
    kept = range(reach.length)[slices[reach.axis]]
    if kept.step < 1 or len(kept) != output.shape[reach.axis]:
        return None
    found = reach.slide(reach.axis, len(kept), left=-kept.start, stride=kept.step)
    read = reach.read_by(found, left=-kept.start, stride=kept.step)

    def run(mutations):
        changes = place(mutations.changes(value), reach, read, mutations.at, mutations.copies)
        along = slice(None, None, kept.step)
        return changes[tuple(along if axis == reach.axis else each for axis, each in enumerate(slices))]

    return LocalOp(found, run, plan.is_clean[value] and found.is_inside)


def _find_slices(graph, op):
    """Return one slice for each axis of an op's input, or None if a slice is unknown or drops an axis."""
    rank, operands = op.inputs[0].shape.rank, [graph.static_value(each) for each in op.inputs[1:]]
    if rank is None or any(each is None for each in operands):
        return None
    if op.type == "Slice":
        begin, size = (each.tolist() for each in operands)
        ends = [None if many == -1 else start + many for start, many in zip(begin, size, strict=True)]
        slices = [slice(*pair) for pair in zip(begin, ends, strict=True)]
    else:
        begin, end, strides = (each.tolist() for each in operands)
        if any(op.attribute(name) for name in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")):
            return None
        open_begin, open_end = op.attribute("begin_mask"), op.attribute("end_mask")
        slices = []
        for axis, (start, stop, step) in enumerate(zip(begin, end, strides, strict=True)):
            start = None if open_begin >> axis & 1 else start
            slices.append(slice(start, None if open_end >> axis & 1 else stop, step))
    slices += [slice(None)] * (rank - len(slices))
    first = slices[0]
    if first.start in (None, 0) and first.stop is None and first.step in (None, 1):
        slices[0] = slice(None)
    return slices


def pad(plan, op):
    """Pad changes with zeros, because constant padding does not change."""
    value, paddings = op.inputs[0], plan.graph.static_value(op.inputs[1])
    reach = plan.reaches.get(value)
    if reach is None or paddings is None or paddings[0].any():
        return None
    found = reach.slide(reach.axis, op.outputs[0].shape[reach.axis], left=int(paddings[reach.axis][0]))
    others = [(0, 0) if axis == reach.axis else tuple(pair) for axis, pair in enumerate(paddings.tolist())]

    def run(mutations):
        changes = mutations.clean(value)
        return tf.pad(changes, others) if np.any(others) else changes

    return LocalOp(found, run, True)


def reshape(plan, op):
    """Reshape the axes other than the axis of positions."""
    value, [output] = op.inputs[0], op.outputs
    reach = plan.reaches.get(value)
    before, after = value.shape, output.shape
    if reach is None or after.rank is None or not after[1:].is_fully_defined():
        return None
    in_front = math.prod(before[1 : reach.axis])
    axes = [
        axis for axis in range(1, after.rank) if after[axis] == reach.length and math.prod(after[1:axis]) == in_front
    ]
    if not axes:
        return None
    shape = list(after)
    shape[axes[0]] = reach.width
    return LocalOp(
        reach.rename(axes[0]),
        lambda mutations: tf.reshape(mutations.changes(value), (-1, *shape[1:])),
        plan.is_clean[value],
    )


def transpose(plan, op):
    """Reorder the axes."""
    value, order = op.inputs[0], plan.graph.static_value(op.inputs[1])
    reach = plan.reaches.get(value)
    if reach is None or order is None or order[0] != 0:
        return None
    order = order.tolist()
    return LocalOp(
        reach.rename(order.index(reach.axis)),
        lambda mutations: tf.transpose(mutations.changes(value), order),
        plan.is_clean[value],
    )
