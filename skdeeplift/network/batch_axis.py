"""Where the batch lies in each value of a graph."""

import math

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


def batch_is_outermost(graph):
    """Find the values whose leading axis is the batch, or the batch with other axes folded in behind it.

    In these, the elements of one row stand together, and the rows in order, so that rows and references can be paired
    after the network has run once on each.

    Parameters
    ----------
    graph : Graph
        The traced network; its inputs have an unknown batch size in front.

    Returns
    -------
    outermost : set of Value
        The varying values of which this is known.
    """
    # How many times the batch's size the leading axis is, where that is known.
    folds = {value: 1 for value in graph.inputs if _open_batch(value.shape)}
    set_aside = set()
    for op in graph.ops:
        varying = [value for value in op.inputs if graph.varies(value)]
        if not varying:
            continue
        if op.type in _LEAVES:
            set_aside.update(op.outputs if varying[0] in folds else ())
        elif op.type in _RETURNS:
            folds.update(dict.fromkeys(op.outputs, 1) if varying[0] in set_aside else {})
        elif any(value in set_aside for value in varying):
            set_aside.update(op.outputs)
        elif all(value in folds for value in varying):
            for value in op.outputs:
                if _open_batch(value.shape) and _keeps_order(op):
                    fold = _fold_after(op, folds[varying[0]], value)
                    if fold != 0:
                        folds[value] = fold
    return set(folds)


def _open_batch(shape):
    return bool(shape.rank) and shape[0] is None


def _keeps_order(op):
    if op.type == "Transpose":
        permutation = tf.get_static_value(op.definition.inputs[1])
        return permutation is not None and permutation[0] == 0
    if op.type in _AXIS_OPERANDS:
        axes = tf.get_static_value(op.definition.inputs[_AXIS_OPERANDS[op.type]])
        return axes is not None and not any(axis in (0, -op.outputs[0].shape.rank) for axis in np.ravel(axes))
    if op.type == "Tile":
        multiples = tf.get_static_value(op.definition.inputs[1])
        return multiples is not None and multiples[0] == 1
    return not (op.type == "MatMul" and op.attribute("transpose_a"))


def _fold_after(op, fold, output):
    """Fold of an op's output; None where it is not known, 0 where the rows would be cut."""
    if op.type != "Reshape":
        return fold
    source = op.inputs[0].shape[1:]
    if fold is None or not (source.is_fully_defined() and output.shape[1:].is_fully_defined()):
        return None
    elements, inner = fold * math.prod(source), math.prod(output.shape[1:])
    return elements // inner if inner and elements % inner == 0 else 0
