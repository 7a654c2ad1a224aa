"""Replacement of ops by functions of simpler ops while the graph is read."""

import inspect

import numpy as np
import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.complex_numbers import convert


def expand(op):
    """Write an op as a function of simpler ops.

    Parameters
    ----------
    op : tf.Operation
        The op.

    Returns
    -------
    graph : FuncGraph or None
        Function of the op's first inputs. None if the op is not replaced.
    """
    name = ops.facts_of(op.type).expansion
    function = None if name is None else _EXPANSIONS[name](op)
    if function is None:
        return None
    number = len(inspect.signature(function).parameters)
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in op.inputs[:number]]
    return tf.function(function, autograph=False).get_concrete_function(*specs).graph


def can_choose_branch(op, branches):
    """Test whether the results of all branches are arrays of the same shape, so that a choice can replace branching."""
    results = zip(*(branch.outputs[: len(op.outputs)] for branch in branches), strict=True)
    return op.inputs[0].dtype in (tf.bool, tf.int32) and all(
        of_branches[0].dtype not in (tf.variant, tf.resource, tf.string)
        and of_branches[0].shape[1:].is_fully_defined()
        and all(each.shape.as_list() == of_branches[0].shape.as_list() for each in of_branches)
        for of_branches in results
    )


def choose_branch(op, branches):
    """Write the choice of a branch as a choice between the results of all branches.

    Parameters
    ----------
    op : tf.Operation
        The op. Its first input is a boolean or the number of a branch.
    branches : list of FuncGraph
        The branches. If a boolean chooses between two branches, the second branch is for True.

    Returns
    -------
    graph : FuncGraph
        Function of the op's first input and of the results of all branches, branch by branch.
    """
    number = len(op.outputs)

    def choose(chosen, *results):
        *others, last = (results[start : start + number] for start in range(0, len(results), number))
        for place, results_of_branch in enumerate(others):
            is_chosen = tf.logical_not(chosen) if chosen.dtype == tf.bool else tf.equal(chosen, place)
            # Use Select because SelectV2 would broadcast results of different shapes.
            last = [
                tf.raw_ops.Select(condition=is_chosen, x=new, y=old)
                for new, old in zip(results_of_branch, last, strict=True)
            ]
        return last

    given = [op.inputs[0], *(each for branch in branches for each in branch.outputs[:number])]
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in given]
    return tf.function(choose, autograph=False).get_concrete_function(*specs).graph


def count_one_hot(op):
    """Write counts of integers as a sum of one-hot rows, or the presence of integers as a maximum of one-hot rows.

    Each one-hot row belongs to one element of the input.
    """
    ids, _, weights = op.inputs
    number, dtype = op.outputs[0].shape[-1], op.outputs[0].dtype
    if number is None or ids.shape.rank != 2 or weights.shape.num_elements() != 0:
        return None
    reduce = tf.reduce_max if op.get_attr("binary_output") else tf.reduce_sum
    return lambda ids: reduce(tf.one_hot(ids, number, dtype=dtype), 1)


def cast_parts(op):
    """Write a cast between real and complex numbers by their parts, because the gradient of the cast logs a warning."""
    before, after = op.inputs[0].dtype, op.outputs[0].dtype
    return (lambda tensor: convert(tensor, after)) if before.is_complex != after.is_complex else None


def divide_by_square(op):
    """Write the derivative of softsign as a quotient, because TensorFlow cannot differentiate this derivative."""
    return lambda incoming, x: incoming / tf.square(1 + tf.abs(x))


def transform_along_axes(op):
    """Write a Fourier transform along several axes as transforms along one axis each, which have derivatives."""
    first, lengths = op.inputs[0], tf.get_static_value(op.inputs[1])
    axes = tf.get_static_value(op.inputs[2]) if op.type.endswith("ND") else [-3, -2, -1]
    if lengths is None or axes is None or first.shape.rank is None:
        return None
    axes = [int(axis) % first.shape.rank - first.shape.rank for axis in axes]
    name, dtype = op.type.removesuffix("ND").removesuffix("3D"), op.outputs[0].dtype

    def transform(tensor):
        of_axes = list(zip(axes, map(int, lengths), strict=True))
        if name == "RFFT":
            axis, length = of_axes.pop()
            tensor = _along(axis, tensor, lambda last: tf.signal.rfft(_with_length(last, length), [length]))
        last = of_axes.pop() if name == "IRFFT" else None
        one_axis = tf.signal.ifft if name.startswith("I") else tf.signal.fft
        for axis, length in of_axes:
            tensor = _along(axis, tensor, lambda last, length=length: one_axis(_with_length(last, length)))
        if last is not None:
            half = last[1] // 2 + 1
            tensor = _along(last[0], tensor, lambda each: tf.signal.irfft(_with_length(each, half), [last[1]]))
        return tf.cast(tensor, dtype)

    return transform


def transform_whole_length(op):
    """Crop or pad the axes of a Fourier transform first, because TensorFlow differentiates only full lengths."""
    first, lengths = op.inputs[0], tf.get_static_value(op.inputs[1])
    if lengths is None or first.shape.rank is None:
        return None
    lengths, name = list(map(int, lengths)), op.type.lower()
    needed = [*lengths[:-1], lengths[-1] // 2 + 1 if name.startswith("i") else lengths[-1]]
    if list(first.shape[-len(lengths) :]) in ([None] * len(lengths), needed):
        return None

    def transform(tensor):
        for place, length in enumerate(needed):
            axis = place - len(needed)
            tensor = _along(axis, tensor, lambda last, length=length: _with_length(last, length))
        return getattr(tf.signal, name)(tensor, lengths)

    return transform


def fill_with_zeros(op):
    """Write an ``Empty`` op as zeros if its attribute ``init`` makes TensorFlow fill it with zeros."""
    dtype = op.outputs[0].dtype
    return (lambda shape: tf.zeros(shape, dtype)) if op.get_attr("init") else None


def multiply_crosswise(op):
    """Write the cross product of vectors as products of their components."""

    def multiply(first, second):
        a, b, c = tf.unstack(first, axis=-1)
        d, e, f = tf.unstack(second, axis=-1)
        return tf.stack([b * f - c * e, c * d - a * f, a * e - b * d], -1)

    return multiply


def reduce_each_segment(op):
    """Write maxima or minima of known segments as maxima or minima over the entries of each segment."""
    segments, is_unsorted = tf.get_static_value(op.inputs[1]), op.type.startswith("Unsorted")
    number = tf.get_static_value(op.inputs[2]) if is_unsorted else segments is not None and segments.max() + 1
    if segments is None or segments.ndim != 1 or number is None:
        return None
    members = [np.flatnonzero(segments == segment) for segment in range(number)]
    if not is_unsorted and not all(map(len, members)):
        # Keep the op, because its result for an empty segment is zero, and no maximum or minimum.
        return None
    longest = max(map(len, members))
    places = np.array([[*each, *[0] * (longest - len(each))] for each in members])
    is_member = np.arange(longest) < np.array(list(map(len, members)))[:, None]
    reduce, dtype = tf.reduce_max if op.type.endswith("Max") else tf.reduce_min, op.inputs[0].dtype
    beyond = tf.constant(dtype.min if op.type.endswith("Max") else dtype.max, dtype)

    def extremes(entries):
        is_entry = is_member.reshape(*is_member.shape, *[1] * (entries.shape.rank - 1))
        return reduce(tf.where(is_entry, tf.gather(entries, places), beyond), 1)

    return extremes


def _along(axis, tensor, function):
    """Apply a function of the last axis along another axis, where axes are counted from the end."""
    order = list(range(tensor.shape.rank))
    order[axis], order[-1] = order[-1], order[axis]
    return function(tensor) if axis == -1 else tf.transpose(function(tf.transpose(tensor, order)), order)


def _with_length(tensor, length):
    """Crop the last axis to a length, or pad it with zeros."""
    tensor = tensor[..., :length]
    missing = length - tensor.shape[-1]
    return tf.pad(tensor, [[0, 0]] * (tensor.shape.rank - 1) + [[0, missing]]) if missing else tensor


_EXPANSIONS = {
    function.__name__: function
    for function in (
        cast_parts,
        count_one_hot,
        divide_by_square,
        fill_with_zeros,
        multiply_crosswise,
        reduce_each_segment,
        transform_along_axes,
        transform_whole_length,
    )
}
