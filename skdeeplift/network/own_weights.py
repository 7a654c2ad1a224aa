"""A network's graph with weights of its own, which can change while the user's stay as they are."""

from copy import copy

import tensorflow as tf

from skdeeplift.network.network import Network


def with_own_weights(network):
    """Copy a network's floating-point weights, and let the copies stand in the place of its own.

    Parameters
    ----------
    network : Network
        Which stays as it is.

    Returns
    -------
    network : Network
        Of the same graph, reading the copies.
    weights : dict of str to list of tf.Variable
        The copies by the layer that reads them first, from the network's output to its input. Where there are no
        layers, variables go by the scope that their name begins with.

    Raises
    ------
    ValueError
        If the network has no such weights.
    """
    graph = copy(network.graph)
    graph.captures, weights, labels = dict(graph.captures), {}, {}
    for position, capture, layer, dtype in _readers(graph):
        handle = graph.captures[capture]
        copied = tf.Variable(tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype), trainable=False)
        graph.captures[capture] = copied.handle
        key = layer or _scope_of(network.graph, handle) or str(position)
        weights.setdefault(key, []).append(copied)
        labels.setdefault(key[-1] if isinstance(key, tuple) else key, []).append(key)
    if not weights:
        raise ValueError("The network has no variables of floating-point numbers, which could be other ones.")
    # Layers go by their names alone where these tell them apart.
    names = {
        key: name if len(set(keys)) == 1 or isinstance(key, str) else "/".join(key)
        for name, keys in labels.items()
        for key in keys
    }
    # The graph's captures are weak: whoever has it has these, too.
    graph.own_weights = {names[key]: variables for key, variables in reversed(weights.items())}
    own = Network(network.callee, network.input_specs)
    own._traced = graph, network.output_structure
    return own, graph.own_weights


def _readers(graph):
    """Yield each captured variable of floating-point numbers, with the place, layer and dtype of its first reader."""
    found = {}
    for position, op in enumerate(graph.ops):
        for value in op.inputs:
            if value.dtype == tf.resource and value in graph.captures and value not in found:
                dtype = _dtype_read(op, value)
                if dtype is not None and dtype.is_floating:
                    path = graph.calls[op.calls[-1]].path if op.calls else None
                    found[value] = position, value, path, dtype
    return found.values()


def _dtype_read(op, value):
    """The dtype of a variable that an op reads, perhaps in a loop."""
    if op.body is None:
        return op.attribute("dtype") if "dtype" in op.attributes else None
    inside = op.body.inputs[op.inputs.index(value)]
    readers = [each for each in op.body.ops if inside in each.inputs]
    return next((dtype for each in readers if (dtype := _dtype_read(each, inside)) is not None), None)


def _scope_of(graph, handle):
    variables = [variable for function in graph.concrete_functions for variable in function.variables]
    names = [variable.name for variable in variables if variable.handle is handle]
    return names[0].rpartition("/")[0] or names[0].partition(":")[0] if names else None
