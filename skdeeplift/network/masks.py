"""Inputs that are masks: they say which numbers of the other inputs count."""

import numpy as np
import tensorflow as tf

from skdeeplift.network import ops

# The least number that hides others where it is added to them, or stands in their place. Masks of half precision use
# no larger one.
_LARGE = 1e4


def only_decides(graph, source, target):
    """Return whether an input reaches the target, and through truth values alone, as a mask does."""
    reached, by_numbers = {source}, {source} if source.dtype != tf.bool else set()
    for op in graph.ops:
        if not reached.isdisjoint(op.inputs):
            reached.update(op.outputs)
        if not by_numbers.isdisjoint(op.inputs):
            by_numbers.update(value for value in op.outputs if value.dtype != tf.bool)
    return target in reached and target not in by_numbers


def find_hiding_masks(graph):
    """Return whether each input is a mask that leaves a network nothing to compute with if all of it is zero.

    Such an input of whole numbers or truth values only decides. It hides numbers of other inputs by a large number, as
    attention does, or its count divides them, as in a mean.

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
    """Return whether a mask's truth values meet numbers of other inputs beside a large number, or divide them."""
    alone, large, others = {source}, set(), {*graph.inputs} - {source}

    def is_large(value):
        static = None if value in others or value in alone else graph.static_value(value)
        is_number = static is not None and static.size and static.dtype.kind not in "OSUb"
        return value in large or (is_number and np.abs(static).max() >= _LARGE)

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
