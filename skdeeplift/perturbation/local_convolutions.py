"""Convolutions and pooling, computed only on the windows of their inputs that a mutation changes.

The module `skdeeplift.perturbation.local_ops` describes the form of the rules.
"""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.network import devices
from skdeeplift.perturbation.local_ops import LocalOp
from skdeeplift.perturbation.reach import find_inside, pad_axis, place


class DilatedConvolution(NamedTuple):
    """Dilated convolution, which TensorFlow writes as a convolution over batches of every k-th position."""

    inputs: tuple
    outputs: tuple
    # Dilation of the filter, and padding before and after, along height and width.
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
    # In a value of one position axis, the axis counts as the width. In a value of height and width, one filter axis
    # counts as the height.
    before = missing if source.shape.rank == 3 else 0
    fill = [(0, 0)] * missing
    pads = np.array([*fill[:before], *paddings.tolist(), *fill[before:]]).reshape(2, 2)
    cuts = np.array([*fill[:before], *crops.tolist(), *fill[before:]]).reshape(2, 2)
    block = np.array([*[1] * before, *block.tolist(), *[1] * (missing - before)])
    return DilatedConvolution(
        (source, weights), op.outputs, tuple(map(int, block)), tuple(tuple(map(int, each)) for each in pads - cuts)
    )


def _of_convolution(op):
    """Return strides, dilations and padding of a convolution with channels last, else None."""
    attributes = op.attributes
    layout = attributes["data_format"].s.decode() if "data_format" in attributes else "NHWC"
    if layout != "NHWC":
        return None
    strides, dilations = (tuple(map(int, attributes[name].list.i))[1:3] for name in ("strides", "dilations"))
    explicit = list(attributes["explicit_paddings"].list.i) if "explicit_paddings" in attributes else []
    return strides, dilations, attributes["padding"].s.decode(), explicit


def convolve(plan, op):
    """Convolve changes with zeros around them, for a filter that no mutation changes."""
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
    if not is_depthwise and weights.shape[2] != shape[3]:
        # On a CPU, TensorFlow convolves groups of channels only in compiled functions.
        return None
    is_row = not is_depthwise and weights.shape[across] == shape[across + 1] == 1 == stride
    device = devices.choices()
    few_filters = weights.shape[along] * weights.shape[3] <= device.few_filters * shape[3] and dilations[along] == 1
    adds_up = is_row and (few_filters or found.width > device.spared * reach.width)

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
    """Return a shape as (rows, height, width, channels), with height 1 for sequences."""
    return tuple(shape) if shape.rank == 4 else (shape[0], 1, *shape[1:])


def _find_paddings(padding, explicit, shape, of_output, weights, strides, dilations):
    """Return the padding before and after, along height and width."""
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
    """Convolve few changed positions: compute the outputs of each position at its neighbours, and sum them."""
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
    elif size > 1 and dilation == 1 and size * n_filters <= devices.choices().few_filters * n_channels:
        kernel = tf.reshape(tf.transpose(kernel[::-1], [1, 0, 2]), (n_channels, size * n_filters))
        result = _add_diagonals(tf.reshape(tf.matmul(flat, kernel), (-1, width, size, n_filters)))
    else:
        parts = []
        for number in range(size):
            part = tf.reshape(tf.matmul(flat, kernel[number]), (-1, width, n_filters))
            parts.append(pad_axis(part, 1, far - number * dilation, number * dilation))
        result = tf.add_n(parts)
    return tf.reshape(result, (-1, *_with_size(of_output, along, result.shape[1])))


def _add_diagonals(given):
    """Sum the outputs of each position at its own position and the ones after it.

    Parameters
    ----------
    given : tensor of shape (windows, width, size, n_filters)
        Outputs of each position at ``size`` positions; the first one is its own position.

    Returns
    -------
    sums : tensor of shape (windows, width + size - 1, n_filters)
    """
    _, width, size, n_filters = given.shape
    block = size - 1
    n_blocks = -(-width // block)
    given = tf.pad(given, [[0, 0], [0, n_blocks * block - width], [0, block], [0, 0]])
    # Cut off the end of each block and reshape, so that each row of a block is shifted by one more entry.
    flat = tf.reshape(given, (-1, n_blocks, block * (size + block), n_filters))[:, :, :-block]
    sums = tf.reduce_sum(tf.reshape(flat, (-1, n_blocks, block, 2 * block, n_filters)), 2)
    own = tf.pad(sums[:, :, :block], [[0, 0], [0, 1], [0, 0], [0, 0]])
    of_next = tf.pad(sums[:, :, block:], [[0, 0], [1, 0], [0, 0], [0, 0]])
    return tf.reshape(own + of_next, (-1, (n_blocks + 1) * block, n_filters))[:, : width + block]


def _with_size(shape, along, size):
    if shape.rank == 3:
        return size, shape[2]
    return (1, size, shape[3]) if along == 1 else (size, 1, shape[3])


def pool(plan, op):
    """Pool windows; maxima also need the values at the rows."""
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
            # An average with padding counts only positions inside the value.
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
