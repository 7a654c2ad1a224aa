"""Trace a model once into a graph."""

import tensorflow as tf

from skdeeplift.network.graph import Graph


def trace(call, structure, layer_names=()):
    """Trace a callable in inference mode.

    Parameters
    ----------
    call : callable
        Takes one structure of tensors and returns a tensor or a structure of them.
    structure : structure of TensorSpec
        What ``call`` is given: a spec, or lists, tuples and dicts of specs.
    layer_names : iterable of str
        Names that count as layers in the scopes of ops.

    Returns
    -------
    graph : Graph
        Inputs and outputs flat, in the order of ``tf.nest.flatten``.
    output_structure : structure
        The structure of what ``call`` returns.
    """
    concrete = tf.function(call, autograph=False).get_concrete_function(structure)
    graph = Graph(concrete.graph, layer_names)
    # The graph's captures are weak where a model holds the variables; the function keeps both alive.
    graph.concrete_function = concrete
    return graph, concrete.structured_outputs
