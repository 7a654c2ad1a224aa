"""A network compiled by a method, for the targets that one tensor of it holds."""

from typing import NamedTuple

import numpy as np

from skdeeplift.network.layers import find_layer
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.method import Method
from skdeeplift.targets.target import check_target, has_entry_per_row
from skdeeplift.targets.target_tensor import TargetTensor, find_output, find_target_tensor, follow


class CompiledTarget(NamedTuple):
    """A compiled method, and the tensor whose elements can be targets."""

    method: Method
    tensor: TargetTensor
    # The user's function that leads to the target tensor, if there is one.
    function: object
    centered: bool
    # Kind of the targets, of `kind_of_target`.
    kind: tuple

    def check(self, target, n_rows=None, labels=None):
        """Return the `Target` that a user's choice stands for, by indices or by labels of classes."""
        if self.function is not None:
            return check_target("auto", self.tensor)
        return check_target(target, self.tensor, n_rows=n_rows, centered=self.centered, labels=labels)


def kind_of_target(target, pre_activation="auto", labels=None):
    """Return which tensor a target belongs to: one compiled network serves all targets of a kind.

    Parameters
    ----------
    target : object
        The user's choice.
    pre_activation : bool or "auto", default="auto"
        Whether targets look through a final softmax or sigmoid. By default, indices and classes do; functions and
        arrays of weights mean the model's own output.
    labels : ndarray or None, default=None
        Labels of the classes.

    Returns
    -------
    kind : tuple of (bool, bool)
        Whether the target is a function, and whether it looks through a final softmax or sigmoid.
    """
    is_function = callable(target)
    if pre_activation != "auto":
        return is_function, bool(pre_activation)
    holds_weights = isinstance(target, (list, np.ndarray)) or hasattr(target, "to_numpy")
    return is_function, not is_function and not (holds_weights and not has_entry_per_row(target, labels))


def compile_target(network, target, kind, parameters, make_method, find_sources):
    """Compile a network for all targets of a kind.

    Parameters
    ----------
    network : Network
        The bound network.
    target : object
        The user's choice, which is read only if it is a function of the network's output.
    kind : tuple of (bool, bool)
        The target's kind, of `kind_of_target`.
    parameters : dict
        The parameters that the explainer was fitted with.
    make_method : callable
        Takes the graph, the value that is explained and the sources, and returns the `Method`.
    find_sources : callable
        Takes the graph and the value that is explained, and returns the sources if no layer is named.

    Returns
    -------
    compiled : CompiledTarget

    Raises
    ------
    ValueError
        If there is no such output or layer, or the target does not depend on the layer.
    """
    graph = network.graph
    is_function, looks_through = kind
    output = find_output(network, parameters["output"])
    tensor, centered = find_target_tensor(graph, output, looks_through), parameters["center_logits"]
    if is_function:
        graph, tensor = follow(graph, tensor, target, centered)
    layer = parameters["layer"]
    if layer is None:
        sources = find_sources(graph, tensor.value)
    else:
        sources = _layer_sources(graph, tensor, layer, network.input_names)
    method, function = make_method(graph, tensor.value, sources), target if is_function else None
    return CompiledTarget(method, tensor, function, centered, kind)


def _layer_sources(graph, tensor, layer, input_names):
    names = [layer] if isinstance(layer, str) else list(layer)
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError(f"layer= takes a layer's name, or a list of different names. Got {layer!r}.")
    sources = [Source(find_layer(graph, name, input_names)) for name in names]
    before = {tensor.value, *(value for op in graph.ancestors([tensor.value]) for value in op.inputs)}
    for name, source in zip(names, sources, strict=True):
        if source.value not in before:
            raise ValueError(
                f"layer= names {name!r}, but the target does not depend on that layer. Pass a layer before the "
                "output; a final softmax or sigmoid comes after the target unless pre_activation=False."
            )
    return sources
