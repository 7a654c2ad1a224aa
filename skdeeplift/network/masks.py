"""Masks: inputs that decide which numbers of other inputs count, and values with hidden numbers."""

import numpy as np
import tensorflow as tf

from skdeeplift.dtypes import kind_of
from skdeeplift.network import ops

# Smallest number that hides other numbers when it is added to them or replaces them. Masks in half precision use no
# larger number.
_LARGE = 1e4
# Numbers from this size on hide other numbers completely. Infinite numbers have no difference, and slopes between even
# larger numbers underflow in single precision.
_HIDING = 2.0**60


def only_decides(graph, source, target):
    """Test whether an input reaches the target only through booleans, like a mask."""
    reached, by_numbers = {source}, {source} if source.dtype != tf.bool else set()
    for op in graph.ops:
        if not reached.isdisjoint(op.inputs):
            reached.update(op.outputs)
        if not by_numbers.isdisjoint(op.inputs):
            by_numbers.update(value for value in op.outputs if value.dtype != tf.bool)
    return target in reached and target not in by_numbers


def find_hiding_masks(graph):
    """Test for each input whether it is a mask that hides all numbers from the network if the mask is zero.

    Such an input holds integers or booleans that only decide. It hides numbers of other inputs by a large number, as in
    attention, or its count divides them, as in a mean.

    Returns
    -------
    are_masks : list of bool
        All False if no other input would be left.
    """
    are_masks = [
        not value.dtype.is_floating
        and all(only_decides(graph, value, output) for output in graph.outputs)
        and _hides(graph, value)
        for value in graph.inputs
    ]
    return are_masks if not all(are_masks) else [False] * len(are_masks)


def _hides(graph, source):
    """Test whether a mask hides numbers of other inputs by a large number, or counts them for a division."""
    alone, large, others = {source}, set(), {*graph.inputs} - {source}

    def is_large(value):
        return value in large or _size_of_constant(graph, value) >= _LARGE

    for op in graph.ops:
        meets, is_alone = not others.isdisjoint(op.inputs), not alone.isdisjoint(op.inputs)
        if op.facts.shape_only or not (meets or is_alone):
            continue
        if meets and is_alone:
            hides = op.facts.family in (ops.SUM, ops.CHOICE) and any(map(is_large, op.inputs))
            if hides or (op.facts.family is ops.QUOTIENT and op.inputs[1] in alone):
                return True
        if not meets and any(map(is_large, op.inputs)):
            large.update(op.outputs)
        (others if meets else alone).update(op.outputs)
    return False


def is_shown(tensor):
    """Test whether each number is finite and too small to hide others."""
    return tf.abs(tensor) < _HIDING


def make_finite(tensor):
    """Clip infinite and nearly infinite numbers, so that they have a difference."""
    return tf.clip_by_value(tensor, -_HIDING, _HIDING)


def find_hidden(graph, among_inputs=()):
    """Find the values in which a varying condition may replace numbers by infinite or nearly infinite numbers.

    These values extend to the next function that makes the numbers finite, such as softmax.

    Parameters
    ----------
    graph : Graph
        The network, or the body of a loop.
    among_inputs : iterable of Value, default=()
        Inputs of the body in which numbers may be hidden.

    Returns
    -------
    hidden : set of Value
        Such values, including values inside loops.
    """
    hidden = set(among_inputs)
    for op in graph.ops:
        if op.body is not None:
            hidden |= _find_hidden_in_loop(op, hidden)
        elif _may_hide(graph, op) or not (hidden.isdisjoint(op.inputs) or _makes_finite(op)):
            hidden.update(value for value in op.outputs if value.dtype.is_floating or value.dtype == tf.variant)
    return hidden


def _find_hidden_in_loop(op, hidden):
    positions = {number for number, value in enumerate(op.inputs) if value in hidden}
    while True:
        inner = find_hidden(op.body, [op.body.inputs[number] for number in positions])
        after = positions | {number for number, value in enumerate(op.body.outputs) if value in inner}
        if after == positions:
            return inner | {op.outputs[number] for number in positions}
        positions = after


def _may_hide(graph, op):
    """Test whether a boolean with a difference makes an op select, multiply or compute a hiding number."""
    if op.facts.domain == ops.POLE:
        before = graph.producer.get(op.inputs[0])
        return before is not None and before.type == "Cast" and before.inputs[0].dtype == tf.bool
    chooses = op.facts.family is ops.CHOICE and graph.carries_difference(op.inputs[0])
    multiplies = op.facts.family is ops.PRODUCT and any(map(graph.carries_difference, op.inputs))
    return (chooses or multiplies) and any(_size_of_constant(graph, value) >= _HIDING for value in op.inputs)


def _makes_finite(op):
    return op.facts.family in (ops.ACTIVATION, ops.SOFTMAX) or op.facts.weighted


def _size_of_constant(graph, value):
    """Return the largest absolute number of a constant; zero for other values."""
    if graph.varies(value):
        return 0.0
    number = graph.captures.get(value)
    number = number.numpy() if tf.is_tensor(number) and number.dtype.is_floating else graph.static_value(value)
    if number is None or not number.size or kind_of(number.dtype) in "OSUb":
        return 0.0
    return float(np.abs(number).max())
