"""Integers, such as tokens, that a network looks up in tables: their places in the input, and their masks.

An integer has no difference. Differences start at the numbers that are looked up by it, as in an embedding. Their
contributions belong to the integer.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network import ops
from skdeeplift.network.compiled import compiled
from skdeeplift.network.graph import Value
from skdeeplift.propagation import replay

# Ops that move elements without computing.
_MOVES = ops.where(hands_on=ops.RESHAPED) | ops.where(hands_on=ops.MOVED) | ops.where(hands_on=ops.CUT)
_LOOKUPS = ops.where(family=ops.LOOKUP)
_ELEMENTWISE = ops.where(elementwise=True)
# Ops through which the elements of the input can be followed in some cases.
_FOLLOWED = _ELEMENTWISE | _MOVES | _LOOKUPS | {"OneHot"}


class Source(NamedTuple):
    """Value whose elements receive contributions.

    ``starts`` is None for a value of floating-point numbers, which has a difference itself. Otherwise it lists pairs:
    a value at which differences start, and for each of its elements the element of the source that it belongs to. The
    contributions of these differences are added up.
    """

    value: Value
    starts: tuple | None = None


def own_values(sources):
    """List the values of sources of floating-point numbers, which have differences themselves."""
    return [source.value for source in sources if source.starts is None]


def input_sources(graph, target):
    """Make the network's inputs sources.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        Value to explain.

    Returns
    -------
    sources : list of Source
        One source for each input.

    Raises
    ------
    UnsupportedOpError
        If the places in the input are unknown for a value at which differences start.
    """
    starts = graph.starts_before(target)
    of_input = {value: [] for value in graph.inputs}
    for start in starts:
        if start not in of_input:
            origin, elements = _origin(graph, start)
            of_input[origin].append((start, elements))
    sources = []
    for value, looked_up in of_input.items():
        if looked_up and value in starts:
            looked_up = [(value, np.arange(value.shape[1:].num_elements()).reshape(value.shape[1:])), *looked_up]
        # An input whose difference does not reach the target contributes zero. A single such input is an error
        # elsewhere.
        alone = not looked_up and (value in starts or len(graph.inputs) == 1)
        sources.append(Source(value, None if alone else tuple(looked_up)))
    return sources


class Vocabulary:
    """Tables in which a network looks up integers of its input.

    Parameters
    ----------
    graph : Graph
        The traced network.

    Attributes
    ----------
    sizes : list of ndarray or None
        Entry of `vocabulary_sizes` for each input.
    computed : list of (Value, int)
        Indices that the network computes from integers, such as those with an offset for each column, and the number of
        rows of the table in which it looks them up.
    """

    def __init__(self, graph):
        self.graph, self.sizes, self.computed = graph, vocabulary_sizes(graph), []
        for op in graph.ops:
            rows = _rows_of_table(graph, op)
            indices = None if rows is None else op.inputs[op.facts.indices]
            if rows is not None and not _is_input_itself(graph, indices) and _is_followed(graph, indices):
                self.computed.append((indices, rows))
        values = [value for value, _ in self.computed]
        self._compute = compiled(lambda inputs: replay.run(graph, dict(zip(graph.inputs, inputs, strict=True)), values))

    def find_outside(self, arrays):
        """Find a computed index that its table does not have.

        Parameters
        ----------
        arrays : list of ndarray
            Rows of each input.

        Returns
        -------
        found : tuple of (int or None, tuple or None, int, int) or None
            The position of the input that the index is computed from and the place in its array, None where they are
            not known; the index; and the number of rows of the table. None if there is no such index.
        """
        if not self.computed:
            return None
        computed = self._compute([tf.convert_to_tensor(array) for array in arrays])
        for (value, rows), ids in zip(self.computed, map(np.asarray, computed), strict=True):
            outside = (ids < 0) | (ids >= rows)
            if outside.any():
                place = tuple(map(int, np.argwhere(outside)[0]))
                return *self._place_in_input(value, place, len(arrays[0]) == len(ids)), int(ids[place]), rows
        return None

    def _place_in_input(self, value, place, has_rows):
        """Return the position of the input, and the place in its array, of an element of a value."""
        if not has_rows or self.graph.layouts.get(value) != (0, 1):
            return None, None
        try:
            origin, elements = _origin(self.graph, value)
        except UnsupportedOpError:
            return None, None
        element = np.unravel_index(elements[place[1:]], origin.shape[1:])
        return self.graph.inputs.index(origin), (place[0], *map(int, element))


def _rows_of_table(graph, op):
    """Return the number of rows of the table in which an op looks up integers of the input, or None."""
    if op.type not in _LOOKUPS or op.inputs[op.facts.indices] not in graph.dependence.indices:
        return None
    axis = 0 if op.facts.axis is None else graph.static_value(op.inputs[op.facts.axis])
    return op.inputs[0].shape[int(axis)] if axis is not None and op.inputs[0].shape.rank else None


def _is_followed(graph, value):
    """Return whether a value is computed from the input by elementwise ops and by ops that move elements only."""
    ops_before = [op for op in graph.ancestors([value]) if any(map(graph.varies, op.inputs))]
    return all(op.facts.elementwise or op.type in _MOVES for op in ops_before)


def vocabulary_sizes(graph):
    """Find the sizes of the tables in which the elements of the input are looked up.

    Parameters
    ----------
    graph : Graph
        The traced network.

    Returns
    -------
    sizes : list of ndarray or None
        For each element of each input, the number of rows of the smallest table in which the element itself is looked
        up; 0 if there is no such table. None for an input that is not looked up.
    """
    sizes = dict.fromkeys(graph.inputs)
    for op in graph.ops:
        rows = _rows_of_table(graph, op)
        if rows is None or not _is_input_itself(graph, op.inputs[op.facts.indices]):
            continue
        try:
            value, elements = _origin(graph, op.inputs[op.facts.indices])
        except UnsupportedOpError:
            # `input_sources` raises the error if a difference starts here.
            continue
        found = np.zeros(value.shape[1:].num_elements(), np.int64)
        found[elements.ravel()] = rows
        found = found.reshape(value.shape[1:])
        before = sizes[value]
        if before is not None:
            found = np.where((before == 0) | (found == 0), before + found, np.minimum(before, found))
        sizes[value] = found
    return [sizes[value] for value in graph.inputs]


def _is_input_itself(graph, value):
    """Return whether integers are the input itself, perhaps moved, or counted from the end."""
    while value in graph.producer:
        op = graph.producer[value]
        if op.facts.family is ops.CHOICE:
            # A choice between the index counted from the end and the index itself, which is the last operand.
            value = op.inputs[-1]
        elif (op.type in _MOVES or op.type == "Cast") and sum(map(graph.varies, op.inputs)) == 1:
            value = next(filter(graph.varies, op.inputs))
        else:
            return False
    return value in graph.inputs


def shared_values(graph, values):
    """Find the values that a reference takes from its row, among some values and the conditions before them.

    Parameters
    ----------
    graph : Graph
        The traced network.
    values : iterable of Value
        Values that are read.

    Returns
    -------
    shared : list of Value
        Comparisons that tell which elements of the input are padding, and values that a target function holds constant.
    """
    pending = [value for value in values if graph.is_condition(value)]
    shared, seen = [], set(pending)
    while pending:
        value = pending.pop()
        op = graph.producer.get(value)
        if value in graph.dependence.shared:
            shared.append(value)
        elif op is not None:
            before = [each for each in op.inputs if graph.is_condition(each) and each not in seen]
            seen.update(before)
            pending += before
    return list(dict.fromkeys(shared))


def _origin(graph, start):
    """Return the input that a value is looked up by, and the input's element for each element of the value."""
    found = {}

    def elements_of(value):
        """Return flat positions in the input, as an array in the value's shape without the batch."""
        if value not in found:
            op = graph.producer.get(value)
            if op is None:
                shape = _known_shape(value, graph)
                found[value] = value, np.arange(int(np.prod(shape))).reshape(shape)
            elif op.type not in _FOLLOWED:
                raise _no_place_error(graph, start, op, f"the op {op.type!r} lies between the input and there")
            else:
                varying = [each for each in op.inputs if graph.varies(each)]
                origins = [elements_of(each) for each in varying]
                if len({origin for origin, _ in origins}) > 1:
                    raise _no_place_error(graph, start, op, "several inputs of the network meet there")
                found[value] = origins[0][0], _follow(graph, start, op, value, varying, [each for _, each in origins])
        return found[value]

    return elements_of(start)


def _follow(graph, start, op, output, varying, elements):
    shape = _known_shape(output, graph)
    if op.facts.elementwise:
        elements = [np.broadcast_to(each, shape) for each in elements]
        if all((each == elements[0]).all() for each in elements):
            return elements[0]
    elif op.type in _LOOKUPS and varying == [op.inputs[op.facts.indices]]:
        [indices] = elements
        return np.broadcast_to(indices.reshape(*indices.shape, *[1] * (len(shape) - indices.ndim)), shape)
    elif op.type == "OneHot" and varying == [op.inputs[0]]:
        axis = op.attribute("axis") % output.shape.rank
        return np.broadcast_to(np.expand_dims(elements[0], axis - (axis > _axis_of_rows(graph, output))), shape)
    elif op.facts.hands_on == ops.RESHAPED and _keeps_rows(graph, varying[0], output):
        # The op keeps rows whole, so the shape of one row is enough, even if the shape operand is known only later.
        return elements[0].reshape(shape)
    elif op.type in _MOVES and all(each in varying or graph.static_value(each) is not None for each in op.inputs):
        return _move_positions(graph, op, output, dict(zip(varying, elements, strict=True))).reshape(shape)
    raise _no_place_error(graph, start, op, f"the op {op.type!r} lies between the input and there")


def _move_positions(graph, op, output, elements):
    """Apply an op that only moves elements to their positions."""

    def move():
        inputs = [
            tf.cast(np.expand_dims(elements[value], _axis_of_rows(graph, value)), value.dtype)
            if value in elements
            else tf.constant(graph.static_value(value))
            for value in op.inputs
        ]
        return replay.create(op, inputs)[op.outputs.index(output)]

    # One function is reused, since TensorFlow warns if a new function is traced in each call.
    concrete = tf.function(move, autograph=False).get_concrete_function()
    return np.asarray(concrete()).astype(np.int64)


def _axis_of_rows(graph, value):
    """Return the axis that holds the rows; by default the leading axis."""
    layout = graph.layouts.get(value)
    return layout.axis if layout is not None and layout.fold == 1 else 0


def _keeps_rows(graph, before, after):
    """Return whether a reshape keeps the elements of each row in their order, and those of different rows apart."""
    axes = [_axis_of_rows(graph, value) for value in (before, after)]
    in_front = [value.shape[:axis].as_list() for value, axis in zip((before, after), axes, strict=True)]
    sizes = [np.prod(_known_shape(value, graph)) for value in (before, after)]
    return sizes[0] == sizes[1] and np.prod(in_front[0]) == np.prod(in_front[1])


def _known_shape(value, graph):
    """Return the shape without the axis that holds the rows."""
    axis = _axis_of_rows(graph, value)
    shape = value.shape[:axis].concatenate(value.shape[axis + 1 :]) if value.shape.rank else None
    if shape is None or not shape.is_fully_defined():
        made_by = graph.producer.get(value)
        if made_by is not None and made_by.type == "Reshape" and value not in graph.layouts:
            raise UnsupportedOpError(
                f"The value {value.name!r} of shape {value.shape} holds indices of a lookup, and its first axis is not "
                f"the axis of rows: {graph.describe(made_by)} computes this value. A reshape that puts another axis "
                "first mixes rows; use a transpose."
            )
        raise UnsupportedOpError(
            f"The value {value.name!r} of shape {value.shape} holds indices of a lookup, and has axes of unknown size. "
            "Give the network's input, or its input_signature, a known length, and pass rows of this length, padded "
            "where they are shorter."
        )
    return tuple(shape)


def _no_place_error(graph, start, op, reason):
    return UnsupportedOpError(
        "The target depends on integers that the network computes from its input. Differences would start at "
        f"{start.name!r}, but {reason} ({graph.describe(op)}), and each integer must belong to one element of the "
        "input. Pass the name of a layer behind the lookup as layer=."
    )
