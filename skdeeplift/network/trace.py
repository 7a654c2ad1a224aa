"""Trace a model once into a graph."""

from skdeeplift.network.compiled import compiled
from skdeeplift.network.graph import Graph
from skdeeplift.network.layers import recorded_calls, without_fused_kernels


def trace(call, structure, layers=()):
    """Trace a callable in inference mode.

    Parameters
    ----------
    call : callable
        Takes one structure of tensors and returns a tensor or a structure of them.
    structure : structure of TensorSpec
        What ``call`` is given: a spec, or lists, tuples and dicts of specs.
    layers : iterable of keras.Layer, default=()
        Layers whose ops and outputs are to be found by name.

    Returns
    -------
    graph : Graph
        Inputs and outputs flat, in the order of ``tf.nest.flatten``.
    output_structure : structure
        The structure of what ``call`` returns.
    """
    layers = list(layers)
    with recorded_calls(layers) as recording, without_fused_kernels(layers):

        def recorded_call(structure):
            recording.begin()
            return call(structure)

        concrete = compiled(recorded_call).get_concrete_function(structure)
    graph = Graph(concrete.graph, recording.calls)
    # The graph's captures are weak where a model holds the variables; the function keeps both alive.
    graph.concrete_functions = [concrete]
    return graph, concrete.structured_outputs
