"""Ops that read neighbouring positions only, on the windows of their inputs that a mutation changes.

Each rule takes a `LocalPlan` and an op. It returns a `LocalOp`, or None where the whole input is needed. Windows hold
changes from the value at the row. A linear op runs on the changes themselves, without its constant part.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.network.compiled import fused
from skdeeplift.perturbation.reach import Reach, find_inside, join, pad_axis, place
from skdeeplift.propagation import replay

ADDITIONS = frozenset({"Add", "AddV2", "AddN", "BiasAdd"})
# A filter is applied to each position of a window, and its results are added up, where this spares positions.
SPARED = 1.3


class LocalOp(NamedTuple):
    """Op on windows."""

    # Windows of the output, or None where all of the output changes.
    reach: Reach | None
    # Takes the `Mutations`, and returns the change of the output.
    run: Callable
    # Whether changes are zero beyond the ends of the value.
    is_clean: bool = False


def add_up(plan, op):
    """Add changes; what does not change leaves no trace."""
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
    """Apply a function of each position to the values with and without the mutation."""
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
    scales = op.type == "Mul" or (op.type in ("RealDiv", "Div") and op.inputs[0] in plan.reaches)
    if scales and sum(value in plan.reaches for value in op.inputs) == 1 and not at_windows:

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
        if op.type in _UNARY:
            return mutations.flat(_UNARY[op.type](before[changing[0]], changes[changing[0]], inside))
        after = {value: mutations.flat(tensor + changes.get(value, 0)) for value, tensor in before.items()}
        before = {value: tensor[:, 0] for value, tensor in before.items()}
        at_row, mutated = (
            replay.create(op, [of[value] if value in of else mutations.constant(value) for value in op.inputs])[0]
            for of in (before, after)
        )
        return mutations.flat((mutations.by_position(mutated) - at_row[:, None]) * inside)

    return LocalOp(reach, run, True)


def _is_same_everywhere(value, output, axis):
    """Return whether a constant operand is the same at all positions and for all rows."""
    rank = value.shape.rank
    if rank is None:
        return False
    missing = output.shape.rank - rank
    return all(value.shape[each - missing] == 1 for each in (0, axis) if each >= missing)


def _change_of(op_type):
    """Return a compiled function of the values at the rows, of changes, and of what lies between a value's ends."""

    def change(values, changes, inside):
        function = getattr(tf.raw_ops, op_type)
        name = "x" if op_type in ("Abs", "Exp", "Sigmoid", "Square", "Tanh") else "features"
        return (function(**{name: values + changes}) - function(**{name: values})) * inside

    return fused(change, is_shared=True)


_UNARY = {
    name: _change_of(name)
    for name in ("Abs", "Elu", "Exp", "Relu", "Relu6", "Selu", "Sigmoid", "Softplus", "Softsign", "Square", "Tanh")
}


class DilatedConvolution(NamedTuple):
    """Convolution that TensorFlow wrote as one over batches of every second, third, ... position."""

    inputs: tuple
    outputs: tuple
    # Axes of height and width of the filter: dilation, and padding before and behind.
    dilations: tuple
    paddings: tuple
    strides: tuple = (1, 1)
    type: str = "DilatedConvolution"


def find_dilated(graph, op):
    """Return the dilated convolution that ends at an op, or the op itself."""
    if op.type != "BatchToSpaceND":
        return op
    inner, block, crops = op.inputs
    producer = graph.producer.get(inner)
    if producer is not None and producer.type == "Squeeze":
        producer = graph.producer.get(producer.inputs[0])
    if producer is None or producer.type != "Conv2D":
        return op
    attributes = _of_convolution(producer)
    inner, weights = producer.inputs
    producer = graph.producer.get(inner)
    if producer is not None and producer.type == "ExpandDims":
        producer = graph.producer.get(producer.inputs[0])
    if producer is None or producer.type != "SpaceToBatchND" or attributes is None or graph.varies(weights):
        return op
    strides, dilations, padding, _ = attributes
    source, of_source, paddings = producer.inputs
    block, of_source, crops, paddings = (graph.static_value(each) for each in (block, of_source, crops, paddings))
    if any(each is None for each in (block, of_source, crops, paddings)) or not np.array_equal(block, of_source):
        return op
    if strides != (1, 1) or dilations != (1, 1) or padding != "VALID" or source.shape.rank not in (3, 4):
        return op
    missing = 2 - len(block)
    # A filter over one axis stands on the width. One over height and width has the first of them in front.
    before = missing if source.shape.rank == 3 else 0
    fill = [(0, 0)] * missing
    pads = np.array([*fill[:before], *paddings.tolist(), *fill[before:]]).reshape(2, 2)
    cuts = np.array([*fill[:before], *crops.tolist(), *fill[before:]]).reshape(2, 2)
    block = np.array([*[1] * before, *block.tolist(), *[1] * (missing - before)])
    return DilatedConvolution(
        (source, weights), op.outputs, tuple(map(int, block)), tuple(tuple(map(int, each)) for each in pads - cuts)
    )


def _of_convolution(op):
    """Return strides, dilations and padding of a convolution with the channels last, or None."""
    attributes = op.attributes
    layout = attributes["data_format"].s.decode() if "data_format" in attributes else "NHWC"
    if layout != "NHWC":
        return None
    strides, dilations = (tuple(map(int, attributes[name].list.i))[1:3] for name in ("strides", "dilations"))
    explicit = list(attributes["explicit_paddings"].list.i) if "explicit_paddings" in attributes else []
    return strides, dilations, attributes["padding"].s.decode(), explicit


def convolve(plan, op):
    """Convolve changes with zeros around them; the filter does not change."""
    value, weights = op.inputs[:2]
    output, reach = op.outputs[0], plan.reaches.get(value)
    if reach is None or plan.graph.varies(weights) or not weights.shape.is_fully_defined():
        return None
    shape, image = _as_images(value.shape), _as_images(output.shape)
    axis = reach.axis + 4 - value.shape.rank
    if axis not in (1, 2):
        return None
    if isinstance(op, DilatedConvolution):
        strides, dilations, paddings = op.strides, op.dilations, op.paddings
    else:
        attributes = _of_convolution(op)
        if attributes is None:
            return None
        strides, dilations, padding, explicit = attributes
        paddings = _find_paddings(padding, explicit, shape, image, weights.shape, strides, dilations)
    along, across = axis - 1, 2 - axis
    size = (weights.shape[along] - 1) * dilations[along] + 1
    left, stride = paddings[along][0], strides[along]
    of_output = output.shape.rank - 4 + axis
    found = reach.slide(of_output, output.shape[of_output], left=left, size=size, stride=stride)
    read = reach.read_by(found, left=left, size=size, stride=stride)
    is_depthwise = op.type == "DepthwiseConv2dNative"
    is_plain = not is_depthwise and weights.shape[2] == shape[3]
    is_row = weights.shape[across] == shape[across + 1] == 1 == stride
    adds_up = is_plain and is_row and found.width > SPARED * reach.width

    def run(mutations):
        kernel = mutations.constant(weights)
        if adds_up:
            return _spread(mutations.clean(value), kernel, dilations[along], along, output.shape)
        changes = place(mutations.clean(value), reach, read, mutations.at, mutations.copies)
        if value.shape.rank == 3:
            changes = changes[:, None]
        changes = pad_axis(changes, across + 1, *paddings[across])
        of_op = {"strides": [1, *strides, 1], "padding": "VALID", "dilations": [1, *dilations, 1]}
        if is_depthwise:
            result = tf.raw_ops.DepthwiseConv2dNative(input=changes, filter=kernel, **of_op)
        else:
            result = tf.raw_ops.Conv2D(input=changes, filter=kernel, **of_op)
        return result[:, 0] if output.shape.rank == 3 else result

    return LocalOp(found, run, found.is_inside)


def _as_images(shape):
    """Return a shape of (rows, height, width, channels); sequences have a height of one."""
    return tuple(shape) if shape.rank == 4 else (shape[0], 1, *shape[1:])


def _find_paddings(padding, explicit, shape, of_output, weights, strides, dilations):
    """Return the padding before and behind height and width."""
    if padding == "EXPLICIT":
        return tuple(explicit[2:4]), tuple(explicit[4:6])
    if padding == "VALID":
        return (0, 0), (0, 0)
    found = []
    for axis in (0, 1):
        span = (weights[axis] - 1) * dilations[axis] + 1
        total = max((of_output[axis + 1] - 1) * strides[axis] + span - shape[axis + 1], 0)
        found.append((total // 2, total - total // 2))
    return tuple(found)


def _spread(changes, kernel, dilation, along, of_output):
    """Add up what each position gives to its neighbours, where few positions change."""
    size, n_channels, n_filters = kernel.shape[along], kernel.shape[2], kernel.shape[3]
    width = math.prod(changes.shape[1:-1])
    flat = tf.reshape(changes, (-1, n_channels))
    kernel = tf.reshape(kernel, (size, n_channels, n_filters))
    far = (size - 1) * dilation
    if width == 1:
        kernel = tf.reshape(tf.transpose(kernel[::-1], [1, 0, 2]), (n_channels, size * n_filters))
        result = tf.reshape(tf.matmul(flat, kernel), (-1, size, n_filters))
        if dilation > 1:
            result = tf.pad(result[:, :, None], [[0, 0], [0, 0], [0, dilation - 1], [0, 0]])
            result = tf.reshape(result, (-1, size * dilation, n_filters))[:, : far + 1]
    else:
        parts = []
        for number in range(size):
            part = tf.reshape(tf.matmul(flat, kernel[number]), (-1, width, n_filters))
            parts.append(pad_axis(part, 1, far - number * dilation, number * dilation))
        result = tf.add_n(parts)
    return tf.reshape(result, (-1, *_with_size(of_output, along, result.shape[1])))


def _with_size(shape, along, size):
    if shape.rank == 3:
        return size, shape[2]
    return (1, size, shape[3]) if along == 1 else (size, 1, shape[3])


def pool(plan, op):
    """Pool windows; maxima need the values beside the changes."""
    [value], [output] = op.inputs, op.outputs
    reach, attributes = plan.reaches[value], op.attributes
    if attributes["data_format"].s != b"NHWC" or reach.axis not in (1, 2):
        return None
    sizes, strides = (tuple(map(int, attributes[name].list.i)) for name in ("ksize", "strides"))
    axis, padding = reach.axis, attributes["padding"].s.decode()
    if padding not in ("SAME", "VALID") or any(sizes[each] != 1 for each in range(4) if each != axis):
        return None
    if any(strides[each] != 1 for each in range(4) if each != axis):
        return None
    size, stride, length = sizes[axis], strides[axis], output.shape[axis]
    left = max((length - 1) * stride + size - reach.length, 0) // 2 if padding == "SAME" else 0
    found = reach.slide(axis, length, left=left, size=size, stride=stride)
    read = reach.read_by(found, left=left, size=size, stride=stride)
    of_op = {"ksize": sizes, "strides": strides, "padding": "VALID"}

    def run_average(mutations):
        changes = place(mutations.clean(value), reach, read, mutations.at, mutations.copies)
        result = tf.raw_ops.AvgPool(value=changes, **of_op)
        if padding == "SAME":
            # Padding does not count.
            starts = np.arange(length) * stride - left
            counts = np.minimum(starts + size, reach.length) - np.maximum(starts, 0)
            factors = np.reshape(size / counts, [-1 if each == axis else 1 for each in range(4)]).astype(
                value.dtype.as_numpy_dtype
            )
            result = mutations.flat(mutations.by_position(result) * mutations.windows_of(tf.constant(factors), found))
        return result

    def run_maximum(mutations):
        changes = mutations.by_position(place(mutations.clean(value), reach, read, mutations.at, mutations.copies))
        values = mutations.flat(mutations.windows(value, read) + changes)
        if not read.is_inside:
            inside = mutations.flat(find_inside(read, mutations.at, 4)[:, None])
            values = tf.where(inside, values, value.dtype.min)
        result = tf.raw_ops.MaxPool(input=values, **of_op)
        return mutations.flat(mutations.by_position(result) - mutations.windows(output, found))

    if op.type == "AvgPool":
        return LocalOp(found, run_average, found.is_inside)
    plan.read_at_rows(value, output)
    return LocalOp(found, run_maximum, found.is_inside)


def reduce(plan, op):
    """Sum or average changes, along positions or other axes."""
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


def apply_within(plan, op):
    """Apply a function of each position's other axes, such as a softmax over channels."""
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
    """Matrix product of the last axis that TensorFlow wrote with all other axes folded into one."""

    inputs: tuple
    outputs: tuple
    type: str = "PositionwiseProduct"


def find_positionwise(graph, op):
    """Return the matrix product of each position that ends at an op, or the op itself."""
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
    """Scale changes as a batch normalisation does."""
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
    """Concatenate changes along another axis than that of the positions."""
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
