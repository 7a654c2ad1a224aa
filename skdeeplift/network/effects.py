"""Checks for ops whose results may differ between two passes over the same row.

Such ops draw random numbers, have side effects, or read variables that change.
"""

import numpy as np

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network import ops


def has_effects(op):
    """Test whether an op has state or side effects, so that two passes over the same row may disagree."""
    return op.signature.is_stateful and not op.facts.reads_state


def find_effects(graph, values):
    """Yield the ops before some values that are random or have state, including ops in loops, with a reason.

    Yields
    ------
    op : Op
    in_loop : bool
    reason : str
        Error message that names the op.
    """
    for op, in_loop, inner in _with_loops(graph, graph.ancestors(values)):
        if op.body is None and (has_effects(op) or _draws(inner, op)):
            reason = (
                f"The network reads {graph.describe(op)}, which is random or has state, so that two passes over the "
                "same row may differ and no contribution is right. Remove this op from the inference pass."
            )
            yield op, in_loop, reason


def check_effects(graph, values):
    """Raise an error unless some values are functions of the row, the weights and constants.

    Parameters
    ----------
    graph : Graph
        The traced network.
    values : list of Value
        Values that an explanation reads.

    Returns
    -------
    states : list of (variable, str)
        Variables that the network changes and that have one entry for each place of the batch, with descriptions of the
        ops that read them. A row's contributions depend on its place in the batch unless all entries are equal.

    Raises
    ------
    UnsupportedOpError
        If an op is random or has side effects, or reads a variable that the inference pass changes.
    """
    for _, _, reason in find_effects(graph, values):
        raise UnsupportedOpError(reason)
    states = []
    for op in graph.ancestors(values):
        for handle in graph.changed.intersection(op.inputs):
            variable = _variable_of(graph, handle)
            if not _has_entry_per_place(graph, variable):
                name = "" if variable is None else f" {variable.name!r}"
                raise UnsupportedOpError(
                    f"The inference pass changes the variable{name}, which {graph.describe(op)} reads, so that two "
                    "passes over the same row differ and no contribution is right. Remove the update from the "
                    "inference pass."
                )
            states.append((variable, graph.describe(op)))
    return states


def check_states(states):
    """Raise an error if variables that the network changes differ between the places of a batch.

    Raises
    ------
    ValueError
        If contributions of a row would depend on the place of the row in its batch.
    """
    for variable, description in states:
        value = variable.numpy()
        if not np.array_equal(value, np.broadcast_to(value[:1], value.shape)):
            raise ValueError(
                f"The state that {description} reads differs between the places of a batch, so that a row's "
                "contributions would depend on its place. Call reset_state() of the layer, then explain the rows again."
            )


def _with_loops(graph, operations, in_loop=False):
    """Yield ops and the ops of loops inside them, each with its graph."""
    for op in operations:
        yield op, in_loop, graph
        for inner in (op.body, op.condition):
            yield from () if inner is None else _with_loops(inner, inner.ops, True)


def _draws(graph, op):
    """Test whether an op draws random numbers that differ between passes or places of the batch.

    Random numbers with a constant seed and shape are the same in each pass. Seeds in variables change, and random
    numbers in the shape of the batch depend on the place in the batch.
    """
    if op.facts.family is not ops.RANDOM:
        return False
    if any(value.shape.rank is None or value.shape[:1] != [None] for value in graph.inputs):
        return True
    before = graph.ancestors(op.inputs)
    reads = {value for each in (*before, op) for value in each.inputs}
    return not reads.isdisjoint([*graph.inputs, *graph.captures]) or any(map(graph.is_batch_shaped, op.outputs))


def _variable_of(graph, handle):
    """Return the variable of a handle, or None."""
    variables = (variable for function in graph.concrete_functions for variable in function.variables)
    return next((each for each in variables if each.handle is graph.captures.get(handle)), None)


def _has_entry_per_place(graph, variable):
    sizes = {value.shape[0] for value in graph.inputs if value.shape.rank} - {None}
    return variable is not None and variable.shape.rank and variable.shape[0] in sizes
