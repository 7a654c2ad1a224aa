"""Layers as sources of contributions: their outputs, and the linear parts before their activations."""

from difflib import get_close_matches

from skdeeplift.network.clusters import Activations
from skdeeplift.network.ops import SOFTMAX

PRE_ACTIVATION = ":pre_activation"


def find_layer(graph, name, inputs=()):
    """Find the output of a layer, or the linear part before the layer's own activation.

    Parameters
    ----------
    graph : Graph
        The traced network.
    name : str
        Name of a layer. If several layers share it, the names of the layers around it come first, as in
        ``"encoder/dense"``. The suffix ``":pre_activation"`` asks for the linear part.
    inputs : iterable of str, default=()
        Names of the network's inputs.

    Returns
    -------
    value : Value
        The output or the linear part.

    Raises
    ------
    ValueError
        If the layer does not exist, is called more than once, or has no single output.
    """
    of_layer = name.removesuffix(PRE_ACTIVATION)
    numbers = [number for number, call in enumerate(graph.calls) if call.is_named(of_layer)]
    if not numbers:
        for value, input_name in zip(graph.inputs, inputs, strict=False):
            if name == input_name:
                return value
        raise ValueError(unknown_layer("layer=", of_layer, [*inputs, *layer_names(graph)]))
    if len({graph.calls[number].path for number in numbers}) > 1:
        paths = sorted({"/".join(graph.calls[number].path) for number in numbers})
        raise ValueError(f"Several layers are named {of_layer!r}. Pass one of {paths}.")
    if len(numbers) > 1:
        raise ValueError(
            f"The network calls the layer {of_layer!r} {len(numbers)} times, so that its units have no one value. Name "
            f"another layer, or give each call a layer of its own that returns its input."
        )
    outputs = [value for value in graph.calls[numbers[0]].outputs if graph.carries_difference(value)]
    if len(outputs) != 1:
        raise ValueError(
            f"layer= takes a layer with one output of floating-point numbers that depends on the network's input. "
            f"The layer {of_layer!r} has {len(outputs)} of them here."
        )
    return outputs[0] if name == of_layer else _before_activation(graph, outputs[0], numbers[0], of_layer)


def layer_names(graph):
    """List the names of the layers that the network calls, in order and each once."""
    return list(dict.fromkeys(call.path[-1] for call in graph.calls))


def unknown_layer(parameter, name, names):
    """Write the message for a name that no layer has, with the names of the layers."""
    near = get_close_matches(str(name), names, n=3)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"{parameter} names {name!r}, which is none of the network's layers: {', '.join(names)}.{hint}"


def _before_activation(graph, output, number, name):
    op = graph.producer.get(output)
    if op is not None and number in op.calls:
        activation = Activations(graph).ending_at(op)
        if activation is not None:
            return activation.root
        varying = [value for value in op.inputs if graph.carries_difference(value)]
        if len(varying) == 1 and (Activations.is_single(op) or op.facts.family is SOFTMAX):
            return varying[0]
    raise ValueError(
        f"The layer {name!r} does not end in an activation of its own, so that {name + PRE_ACTIVATION!r} does not "
        f"exist. Pass {name!r}."
    )
