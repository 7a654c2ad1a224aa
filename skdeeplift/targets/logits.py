"""Logits of a network's output: inputs of its softmax or sigmoid, moved as the network moves the probabilities."""

import numpy as np
import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.graph import MEAN_OF_MEMBERS
from skdeeplift.network.input_dependence import Layout
from skdeeplift.propagation import replay
from skdeeplift.targets.spellings import SpellingFinder


def find_members(graph, value):
    """Return the outputs of an ensemble's members whose mean is a value, or a list of the value if it is no mean."""
    op = graph.producer.get(value)
    if op is None or MEAN_OF_MEMBERS not in op.name:
        return [value]
    return [member for each in op.inputs if graph.varies(each) for member in find_members(graph, each)]


def find_squashes(graph, value):
    """Find the softmaxes and sigmoids whose results are the elements of a value, only moved, copied or joined.

    Parameters
    ----------
    graph : Graph
        The traced network.
    value : Value
        The network's output.

    Returns
    -------
    squashes : dict of Value to Squash
        Probabilities that the network moves, copies and joins to the value, each with its softmax or sigmoid. Empty if
        an element of the value is no probability.
    """
    found, seen, pending, finder = {}, set(), [value], SpellingFinder(graph)
    while pending:
        each = pending.pop()
        if each in seen:
            continue
        seen.add(each)
        squash = finder.squash(each)
        if squash is not None:
            if squash.axes and _may_mix_rows(graph, each, squash, value):
                return {}
            found[each] = squash
            continue
        op = graph.producer.get(each)
        sources = [] if op is None else [source for source in op.inputs if source.dtype.is_floating]
        if not sources or not _only_moves(graph, op):
            return {}
        pending += sources
    return found


def _may_mix_rows(graph, made, squash, value):
    """Test whether a softmax may normalise over the rows, or over an axis that the rows are folded into."""
    axis = _axis_of_rows(graph, made)
    if axis is None:
        # The output itself has its rows on the first axis.
        return made is not value or 0 in squash.axes
    return axis in squash.axes


def _axis_of_rows(graph, value):
    """Return the axis of a value that holds the rows, or None if it is not known."""
    layout, op = graph.layouts.get(value), graph.producer.get(value)
    if layout is not None or op is None:
        return None if layout is None else layout.axis
    before = [each for each in op.inputs if graph.varies(each) and each.shape.rank == value.shape.rank]
    axis = _axis_of_rows(graph, before[0]) if before else None
    if op.type == "Transpose" and axis is not None:
        if graph.is_batch_shaped(op.inputs[1]):
            return None
        permutation = tf.function(lambda: replay.run(graph, {}, [op.inputs[1]])[0], autograph=False)()
        return permutation.numpy().tolist().index(axis)
    return axis if op.facts.elementwise or op.facts.family is ops.SOFTMAX else None


def _only_moves(graph, op):
    """Test whether an op only moves, copies or joins numbers."""
    moves = op.facts.hands_on is not None or op.facts.moves_first
    places = (value for value in op.inputs if not value.dtype.is_floating)
    return moves and op.outputs[0].dtype.is_floating and not any(map(graph.varies, places))


def find_groups(graph, squashes, value):
    """Find the softmax of each element of a value.

    Parameters
    ----------
    graph : Graph
        The traced network.
    squashes : dict of Value to Squash
        Softmaxes and sigmoids whose results are the elements of the value.
    value : Value
        The network's output.

    Returns
    -------
    groups : ndarray of int or None
        Array in the value's shape without the rows. All elements of one softmax have the same number; each element of a
        sigmoid has its own number. None if some size is unknown before the network runs.
    """
    start, numbered = 0, {}
    for made, squash in squashes.items():
        layout = graph.layouts.get(made, Layout(0))
        # Shape of one row: its entries on the first axis, if rows are folded into this axis, and all other axes.
        shape, axes = [layout.fold, *made.shape[1:].as_list()], squash.axes or ()
        if layout.axis > 0 or None in shape:
            return None
        sizes = [1 if axis in axes else size for axis, size in enumerate(shape)]
        numbers = np.arange(start, start + int(np.prod(sizes))).reshape(sizes)
        numbered[made] = np.broadcast_to(numbers, shape)
        start += numbers.size
    path = _path_of_copies(graph, value, squashes)
    if path is not None:
        return numbered[path].reshape(value.shape[1:])
    # Half precision represents few integers exactly, so split each number into digits and run them as rows of a batch.
    base = 128 if any(made.dtype.size < 4 for made in squashes) else 2**20
    n_digits = 1 if start <= base else 2 if start <= base**2 else 3
    rows = value.shape[0] or n_digits
    if rows < n_digits:
        return None

    def digits(numbers, dtype):
        return tf.constant(np.concatenate([numbers // base**row % base for row in range(rows)]), dtype)

    @tf.function(autograph=False)
    def move():
        values = {
            each: tf.zeros([rows, *(size or 1 for size in each.shape[1:])], each.dtype)
            for each in graph.inputs
            if each.dtype.is_floating or each.dtype.is_integer or each.dtype == tf.bool
        }
        values.update((made, digits(numbers, made.dtype)) for made, numbers in numbered.items())
        return replay.run(graph, values, [value])[0]

    try:
        moved = move().numpy().astype(np.float64)
    except (tf.errors.OpError, ValueError, KeyError):
        return None
    if moved.shape[1:] != tuple(value.shape[1:]):
        return None
    return sum(moved[row].astype(int) * base**row for row in range(n_digits))


def logits_of(graph, squashes, value):
    """Build the logits of a value whose elements are probabilities, by the same moves of the logits.

    Parameters
    ----------
    graph : Graph
        The traced network.
    squashes : dict of Value to Squash
        Softmaxes and sigmoids whose results are the elements of the value.
    value : Value
        The network's output.

    Returns
    -------
    graph : Graph
        The network with the logits as its output.
    logits : Value
    """
    replacements = {}
    for made, squash in squashes.items():
        replacements[made] = squash.logits
        if squash.is_negative:
            spec = tf.TensorSpec(squash.logits.shape, squash.logits.dtype)
            negate = tf.function(tf.negative, autograph=False).get_concrete_function(spec)
            graph = graph.followed_by(negate.graph, squash.logits)
            [replacements[made]] = graph.outputs
    path = _path_of_copies(graph, value, replacements)
    if path is not None:
        return graph, replacements[path]
    graph = graph.with_replaced(replacements, value)
    return graph, graph.outputs[0]


def _path_of_copies(graph, value, squashes):
    """Return the probabilities that a value copies, or a single element reshaped; None if the value is no copy."""
    single = value.shape[1:].num_elements() == 1
    while value not in squashes:
        op = graph.producer[value]
        is_single = single and op.facts.hands_on == ops.RESHAPED and op.inputs[0].shape[1:].num_elements() == 1
        if op.facts.hands_on != ops.COPIED and not is_single:
            return None
        value = op.inputs[0]
    return value
