"""Values that a network computes for each row from that row alone, as far as its ops show without a run."""

import numpy as np


def find_rowwise_values(graph):
    """Find the values whose entry of the first axis belongs to one row, and depends only on this row.

    Such a value has one entry for each row, in order, and its other axes have known sizes. The network computes the
    same values for a row alone and beside other rows. Values that are not found may have the property as well: ops
    without a test, and loops, count as ops that join rows.

    Parameters
    ----------
    graph : Graph
        The traced network. The first axis of its inputs is the axis of rows.

    Returns
    -------
    values : set of Value
    """
    found = {value for value in graph.inputs if _has_open_rows(value)}
    # Numbers of elements of each row, of values whose elements are in the order of rows.
    sizes = {value: value.shape[1:].num_elements() for value in found}
    # Values that depend on the elements or on the shape of the input, so that they may depend on other rows.
    touched = set(graph.inputs)
    for op in graph.ops:
        positions = [position for position, value in enumerate(op.inputs) if value in touched]
        if positions:
            touched.update(op.outputs)
            size = _size_of_folded_rows(graph, op, positions, sizes)
            if size is not None:
                sizes[op.outputs[0]] = size
            if _is_whole(op.outputs[0], size) or _keeps_rows_apart(graph, op, positions, found):
                rowwise = list(filter(_has_open_rows, op.outputs))
                found.update(rowwise)
                sizes.update((value, value.shape[1:].num_elements()) for value in rowwise)
    return found


def _size_of_folded_rows(graph, op, positions, sizes):
    """Return the number of elements of each row in the output of an op that may fold axes into that of rows, or None.

    A dense layer of sequences folds their axis, multiplies by its matrix, and unfolds the axis again.
    """
    size = sizes.get(op.inputs[0])
    if not size:
        return None
    if op.type == "Reshape":
        # The shape operand may depend on the number of rows.
        return size
    # An op that has to be compiled may fail on this device, which only a run shows.
    if (
        op.compiled
        or op.facts.rowwise != "matrix_from_right"
        or not _multiplies_from_right(graph, op, positions, rank=2)
    ):
        return None
    shape = op.inputs[1].shape[:: -1 if op.attribute("transpose_b") else 1]
    whole = shape.is_fully_defined() and shape[0] and size % shape[0] == 0
    return size // shape[0] * shape[1] if whole else None


def _is_whole(value, size):
    """Test whether each entry of a value has the number of elements of a row."""
    return size is not None and size == value.shape[1:].num_elements()


def _has_open_rows(value):
    shape = value.shape
    return bool(shape.rank) and shape[0] is None and shape[1:].is_fully_defined()


def _keeps_rows_apart(graph, op, positions, rowwise):
    """Test whether an op computes each entry of its output from the same entry of its inputs at some positions."""
    # An op that has to be compiled may fail on this device, which only a run shows.
    if op.compiled or op.facts.reads_state or any(op.inputs[position] not in rowwise for position in positions):
        return False
    if op.facts.elementwise and op.facts.rowwise is None:
        return _aligns(op, positions)
    test = TESTS.get(op.facts.rowwise)
    return test is not None and test(graph, op, positions, op.inputs[positions[0]].shape.rank)


def _aligns(op, positions):
    """Test whether the first axis of each row-wise input is the output's, and other inputs are broadcast along it."""
    rank = op.outputs[0].shape.rank
    return all(
        value.shape.rank == rank
        if position in positions
        else value.shape.is_fully_defined() and (value.shape.rank < rank or value.shape[0] == 1)
        for position, value in enumerate(op.inputs)
    )


def _rounds_within_given_range(graph, op, positions, rank):
    # Without a given range, the op takes the range of the whole batch.
    return op.attribute("range_given") and _aligns(op, positions)


def _works_within_entries(graph, op, positions, rank):
    """Test an op whose first input has the rows, and whose other inputs are the same for all rows."""
    attributes = op.attributes
    # Not all devices have kernels for channels in front.
    is_usual = "data_format" not in attributes or not op.attribute("data_format").startswith(b"NC")
    return positions == [0] and is_usual and not ("is_training" in attributes and op.attribute("is_training"))


def _works_along_last_axis(graph, op, positions, rank):
    return rank > 1


def _multiplies_from_right(graph, op, positions, rank):
    return positions == [0] and not op.attribute("transpose_a")


def _multiplies_matrices_of_entries(graph, op, positions, rank):
    return rank > 2 and _aligns(op, positions)


def _sums_over_other_letters(graph, op, positions, rank):
    """Test whether the letter of the rows comes first in row-wise inputs and in the output, and nowhere else."""
    inputs, output = op.attribute("equation").decode().replace(" ", "").split("->")
    letter = output[:1]
    return letter.isalpha() and all(
        each[0] == letter and each.count(letter) == 1 if position in positions else letter not in each
        for position, each in enumerate(inputs.split(","))
    )


def _works_along_other_axes(graph, op, positions, rank):
    """Test whether the op works along static axes without the first one."""
    axes = graph.static_value(op.inputs[1 if op.facts.axis is None else op.facts.axis])
    return axes is not None and bool(np.all(np.ravel(axes) % rank))


def _stacks_along_another_axis(graph, op, positions, rank):
    # The axis counts in the tensor with one more axis: a stack's output, or the input that is taken apart.
    return op.attribute("axis") % max(rank, op.outputs[0].shape.rank) != 0


def _keeps_first_axis(graph, op, positions, rank):
    permutation = graph.static_value(op.inputs[1])
    return permutation is not None and permutation[0] == 0


def _pads_other_axes(graph, op, positions, rank):
    paddings = graph.static_value(op.inputs[1])
    return positions == [0] and paddings is not None and not paddings[0].any()


def _repeats_along_other_axes(graph, op, positions, rank):
    multiples = graph.static_value(op.inputs[1])
    return positions == [0] and multiples is not None and multiples[0] == 1


def _takes_all_entries(graph, op, positions, rank):
    """Test whether a slice takes the whole first axis in order, for any number of rows."""
    if positions != [0]:
        return False
    if "begin_mask" not in op.attributes:
        begin, size = (graph.static_value(value) for value in op.inputs[1:])
        return begin is not None and size is not None and begin[0] == 0 and size[0] == -1
    strides = graph.static_value(op.inputs[3])
    takes_all = op.attribute("begin_mask") & op.attribute("end_mask") & 1
    renumbers = any(op.attribute(f"{name}_mask") & 1 for name in ("ellipsis", "new_axis", "shrink_axis"))
    return bool(takes_all) and not renumbers and strides is not None and strides[0] == 1


def _looks_up(graph, op, positions, rank):
    """Test a lookup: indices of rows in a constant table, or constant indices along another axis than the rows'."""
    axis = 0 if op.facts.axis is None else graph.static_value(op.inputs[op.facts.axis])
    if axis is None or ("batch_dims" in op.attributes and op.attribute("batch_dims") != 0):
        return False
    return axis == 0 if positions == [op.facts.indices] else positions == [0] and axis % rank != 0


def _inserts_another_axis(graph, op, positions, rank):
    axis = graph.static_value(op.inputs[1])
    return axis is not None and int(axis) % (rank + 1) != 0


def _drops_other_axes(graph, op, positions, rank):
    axes = op.attribute("squeeze_dims")
    return bool(axes) and all(axis % rank for axis in axes)


def _adds_axis_of_letters(graph, op, positions, rank):
    return positions == [0] and op.attribute("axis") != 0


# Tests by their names in the table of ops.
TESTS = {
    "given_range": _rounds_within_given_range,
    "within_entries": _works_within_entries,
    "along_last_axis": _works_along_last_axis,
    "matrix_from_right": _multiplies_from_right,
    "matrices_of_entries": _multiplies_matrices_of_entries,
    "letters": _sums_over_other_letters,
    "along_axes": _works_along_other_axes,
    "stacks": _stacks_along_another_axis,
    "permutation": _keeps_first_axis,
    "paddings": _pads_other_axes,
    "multiples": _repeats_along_other_axes,
    "slice": _takes_all_entries,
    "lookup": _looks_up,
    "new_axis": _inserts_another_axis,
    "dropped_axes": _drops_other_axes,
    "one_hot": _adds_axis_of_letters,
}
