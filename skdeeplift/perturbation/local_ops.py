"""Ops on single positions, and sums over positions, computed only on the windows that a mutation changes.

Each rule takes a `LocalPlan` and an op. It returns a `LocalOp`, or None if the op needs the whole input. Windows hold
changes from the value at the row. A linear op runs on the changes themselves, without its constant part.
"""

import inspect
import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.compiled import fused
from skdeeplift.perturbation.reach import Reach, join
from skdeeplift.propagation import replay


class LocalOp(NamedTuple):
    """Op on windows."""

    # Windows of the output, or None if the whole output changes.
    reach: Reach | None
    # Function from `Mutations` to the change of the output.
    run: Callable
    # Whether changes are zero beyond the ends of the value.
    is_clean: bool = False


def add_up(plan, op):
    """Add the changes of all changing inputs; inputs that do not change add nothing."""
    [output], changing = op.outputs, plan.changing(op)
    if any(value.shape[1:] != output.shape[1:] for value in changing):
        return None
    reach = join([plan.reaches[value] for value in changing])
    signs = [-1 if op.type == "Sub" and number == 1 else 1 for number in range(len(op.inputs))]

    def run(mutations):
        placed = [
            sign * mutations.place(value, reach) if sign < 0 else mutations.place(value, reach)
            for sign, value in zip(signs, op.inputs, strict=True)
            if value in plan.reaches
        ]
        return tf.add_n(placed) if len(placed) > 1 else placed[0]

    return LocalOp(reach, run, all(plan.is_clean[value] for value in changing))


def apply_elementwise(plan, op):
    """Apply an elementwise function to the values with and without the mutation, and subtract."""
    [output], changing = op.outputs, plan.changing(op)
    if any(value.shape[1:] != output.shape[1:] for value in changing):
        return None
    reach = join([plan.reaches[value] for value in changing])
    at_windows = set()
    for value in op.inputs:
        if value in plan.reaches:
            continue
        if plan.graph.varies(value):
            if value.shape[1:] != output.shape[1:]:
                return None
            at_windows.add(value)
        elif not _is_same_everywhere(value, output, reach.axis):
            return None
    varying = [place for place, value in enumerate(op.inputs) if value in plan.reaches]
    scales = op.facts.family in (ops.PRODUCT, ops.QUOTIENT) and op.facts.is_straight(varying)
    if scales and not at_windows:

        def scale(mutations):
            operands = [
                mutations.changes(value) if value in plan.reaches else mutations.constant(value) for value in op.inputs
            ]
            return replay.create(op, operands)[0]

        return LocalOp(reach, scale, plan.is_clean[changing[0]])
    plan.read_at_rows(*changing, *at_windows)

    def run(mutations):
        before = {value: mutations.windows(value, reach) for value in {*changing, *at_windows}}
        changes = {value: mutations.by_position(mutations.place(value, reach)) for value in changing}
        inside = mutations.inside(reach, output)
        if len(op.inputs) == 1 and (compute_change := _fused_change(op.type)) is not None:
            return mutations.flat(compute_change(before[changing[0]], changes[changing[0]], inside))
        after = {value: mutations.flat(tensor + changes.get(value, 0)) for value, tensor in before.items()}
        before = {value: tensor[:, 0] for value, tensor in before.items()}
        at_row, mutated = (
            replay.create(op, [of[value] if value in of else mutations.constant(value) for value in op.inputs])[0]
            for of in (before, after)
        )
        return mutations.flat((mutations.by_position(mutated) - at_row[:, None]) * inside)

    return LocalOp(reach, run, True)


def _is_same_everywhere(value, output, axis):
    """Test whether a constant operand is the same at all positions and for all rows."""
    rank = value.shape.rank
    if rank is None:
        return False
    missing = output.shape.rank - rank
    return all(value.shape[each - missing] == 1 for each in (0, axis) if each >= missing)


@cache
def _fused_change(op_type):
    """Return a compiled function of values, changes and positions inside; None if the op has attributes."""
    if ops.facts_of(op_type).family is not ops.ACTIVATION:
        return None
    function = getattr(tf.raw_ops, op_type)
    operand, *attributes = inspect.signature(function).parameters
    if attributes != ["name"]:
        return None

    def change(values, changes, inside):
        return (function(**{operand: values + changes}) - function(**{operand: values})) * inside

    return fused(change, is_shared=True)


def reduce(plan, op):
    """Sum or average changes over positions or other axes."""
    value, [output] = op.inputs[0], op.outputs
    axes, reach = plan.graph.static_value(op.inputs[1]), plan.reaches.get(value)
    if axes is None or reach is None:
        return None
    axes = {int(axis) % value.shape.rank for axis in np.ravel(axes)}
    keeps = op.attribute("keep_dims")
    if 0 in axes:
        return None
    if reach.axis not in axes:
        axis = reach.axis - (0 if keeps else sum(each < reach.axis for each in axes))

        def run_within(mutations):
            return replay.create(op, [mutations.changes(value), mutations.constant(op.inputs[1])])[0]

        return LocalOp(reach.rename(axis), run_within, plan.is_clean[value])
    plan.read_at_rows(output)

    def run(mutations):
        changes = mutations.clean(value)
        total = tf.reduce_sum(changes, sorted(axes), keepdims=keeps)
        if op.type == "Mean":
            total /= math.prod(value.shape[each] for each in axes)
        return total

    return LocalOp(None, run)


def take_maximum(plan, op):
    """Take the maximum over all positions: of the mutated window, and of the row's values before and after it."""
    value, [output] = op.inputs[0], op.outputs
    axes, reach = plan.graph.static_value(op.inputs[1]), plan.reaches.get(value)
    if axes is None or reach is None or any(size != 1 for size in value.shape[1 : reach.axis]):
        return None
    long = {int(axis) % value.shape.rank for axis in np.ravel(axes)}
    long = {axis for axis in long if axis == 0 or value.shape[axis] != 1}
    if long != {reach.axis}:
        return None
    rest, lowest = value.shape[reach.axis + 1 :], value.dtype.min
    plan.read_at_rows(value, output)

    def run(mutations):
        changes = mutations.by_position(mutations.changes(value))
        values = mutations.windows(value, reach) + changes
        if not reach.is_inside:
            values = tf.where(mutations.inside(reach, value) > 0, values, lowest)
        in_window = tf.reduce_max(tf.reshape(values, (-1, mutations.copies, reach.width, *rest)), 2)
        at_rows = tf.reshape(mutations.at_rows[value], (-1, reach.length, *rest))
        first = tf.clip_by_value(tf.gather(tf.constant(reach.first, tf.int32), mutations.at), 0, reach.length)
        stop = tf.clip_by_value(
            tf.gather(tf.constant(reach.first + reach.width, tf.int32), mutations.at), 0, reach.length
        )
        before = tf.gather_nd(_running_maximum(at_rows), tf.stack([mutations.rows, first], 1))
        behind = _running_maximum(tf.reverse(at_rows, [1]))
        behind = tf.gather_nd(behind, tf.stack([mutations.rows, reach.length - stop], 1))
        found = tf.maximum(in_window, tf.maximum(before, behind)[:, None])
        at_row = tf.reshape(tf.gather(mutations.at_rows[output], mutations.rows), found[:, :1].shape)
        return tf.reshape(found - at_row, (-1, *output.shape[1:]))

    return LocalOp(None, run)


def _running_maximum(values):
    """Return the maximum over all positions before each position, and at the end the maximum over all positions."""
    length, far = values.shape[1], 1
    while far < length:
        moved = tf.concat([tf.fill(tf.shape(values[:, :far]), values.dtype.min), values[:, :-far]], 1)
        values, far = tf.maximum(values, moved), 2 * far
    return tf.concat([tf.fill(tf.shape(values[:, :1]), values.dtype.min), values], 1)


def apply_within(plan, op):
    """Apply a function over other axes than the positions, such as a softmax over channels."""
    value, [output] = op.inputs[0], op.outputs
    reach = plan.reaches.get(value)
    if reach is None or reach.axis == value.shape.rank - 1 or output.shape[1:] != value.shape[1:]:
        return None
    plan.read_at_rows(value, output)

    def run(mutations):
        values = mutations.flat(mutations.windows(value, reach) + mutations.by_position(mutations.changes(value)))
        result = replay.create(op, [values])[0]
        return mutations.flat(mutations.by_position(result) - mutations.windows(output, reach))

    return LocalOp(reach, run)


def multiply_matrix(plan, op):
    """Multiply the last axis of changes by a constant matrix."""
    value, weights = op.inputs
    reach, rank = plan.reaches.get(value), value.shape.rank
    if reach is None or reach.axis == rank - 1 or plan.graph.varies(weights) or weights.shape.rank != 2:
        return None
    if any(op.attribute(name) for name in ("adj_x", "adj_y")):
        return None

    def run(mutations):
        return replay.create(op, [mutations.changes(value), mutations.constant(weights)])[0]

    return LocalOp(reach, run, plan.is_clean[value])


class PositionwiseProduct(NamedTuple):
    """Matrix product over the last axis, which TensorFlow computes with all other axes folded into one."""

    inputs: tuple
    outputs: tuple
    type: str = "PositionwiseProduct"


def find_positionwise(graph, op):
    """Return the position-wise matrix product that ends at an op, or the op itself."""
    product = graph.producer.get(op.inputs[0]) if op.type == "Reshape" else None
    if product is None or product.type != "MatMul" or graph.varies(product.inputs[1]):
        return op
    before = graph.producer.get(product.inputs[0])
    if before is None or before.type != "Reshape" or op.outputs[0].shape.rank is None:
        return op
    value, output, weights = before.inputs[0], op.outputs[0], product.inputs[1]
    if any(product.attribute(name) for name in ("transpose_a", "transpose_b")) or weights.shape.rank != 2:
        return op
    if value.shape.rank != output.shape.rank or value.shape.rank < 3:
        return op
    is_last = value.shape[-1] == weights.shape[0] and output.shape[-1] == weights.shape[1]
    if not is_last or value.shape[1:-1] != output.shape[1:-1]:
        return op
    return PositionwiseProduct((value, weights), op.outputs)


def multiply_positions(plan, op):
    """Multiply the channels of each position of changes by a constant matrix."""
    value, weights = op.inputs
    reach = plan.reaches.get(value)
    if reach is None or reach.axis == value.shape.rank - 1:
        return None

    def run(mutations):
        changes = mutations.changes(value)
        flat = tf.matmul(tf.reshape(changes, (-1, changes.shape[-1])), mutations.constant(weights))
        return tf.reshape(flat, (-1, *changes.shape[1:-1], flat.shape[-1]))

    return LocalOp(reach, run, plan.is_clean[value])


def normalise(plan, op):
    """Scale changes by the factors of a batch normalisation."""
    value = op.inputs[0]
    if value not in plan.reaches or any(map(plan.graph.varies, op.inputs[1:])) or op.attribute("is_training"):
        return None
    if op.attribute("data_format") != b"NHWC" or plan.reaches[value].axis == value.shape.rank - 1:
        return None

    def run(mutations):
        scale, offset, mean, variance = map(mutations.constant, op.inputs[1:])
        nothing = [tf.zeros_like(offset), tf.zeros_like(mean)]
        return replay.create(op, [mutations.changes(value), scale, *nothing, variance])[0]

    return LocalOp(plan.reaches[value], run, plan.is_clean[value])


def concatenate(plan, op):
    """Concatenate changes along another axis than the positions."""
    *values, axis = op.inputs
    [output], changing, axis = op.outputs, plan.changing(op), plan.graph.static_value(axis)
    reach = join([plan.reaches[value] for value in changing])
    if axis is None or int(axis) % output.shape.rank in (0, reach.axis):
        return None

    def run(mutations):
        parts = []
        for value in values:
            if value in plan.reaches:
                parts.append(mutations.place(value, reach))
            else:
                shape = [reach.width if each == reach.axis else size for each, size in enumerate(value.shape)]
                parts.append(tf.zeros((mutations.number, *shape[1:]), value.dtype))
        return tf.concat(parts, int(axis))

    return LocalOp(reach, run, all(plan.is_clean[value] for value in changing))
