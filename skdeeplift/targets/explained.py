"""A network, compiled to explain a target."""

from typing import NamedTuple

from skdeeplift.network.layer_outputs import find_layer
from skdeeplift.propagation.lookups import Source, input_sources
from skdeeplift.propagation.method import Method
from skdeeplift.targets.outputs import find_output
from skdeeplift.targets.target import Target, check_target
from skdeeplift.targets.target_tensor import TargetTensor, find_target_tensor, follow


class Explained(NamedTuple):
    """A compiled method, and what of its target tensor is explained."""

    method: Method
    tensor: TargetTensor
    # The user's function that leads to the target tensor, if there is one.
    function: object
    centered: bool
    target: Target | None = None

    def of_rows(self, rows):
        """Return the same for some of the rows, where these have targets of their own."""
        return self._replace(target=self.target.of_rows(rows))

    def with_target(self, target, n_rows=None, labels=None):
        """Return the same for another target, perhaps one for each of the rows, perhaps by labels of classes."""
        if self.function is not None:
            return self._replace(target=check_target("auto", self.tensor))
        checked = check_target(target, self.tensor, n_rows=n_rows, centered=self.centered, labels=labels)
        return self._replace(target=checked)


def explain_target(network, target, parameters, make_method, find_sources=input_sources):
    """Compile a network for a target.

    Parameters
    ----------
    network : Network
        The bound network.
    target : object
        What is explained; it matters here only if it is a function of the network's output.
    parameters : dict
        The parameters that the explainer was fitted with.
    make_method : callable
        Takes the graph, the value that is explained, the sources and the parameters, and returns the `Method`.
    find_sources : callable, default=input_sources
        Takes the graph and the value that is explained, and returns the sources if no layer is named.

    Returns
    -------
    explained : Explained
        Without a target yet.
    """
    graph = network.graph
    output = find_output(network, parameters["output"])
    tensor, centered = find_target_tensor(graph, output, parameters["pre_activation"]), parameters["center_logits"]
    function = target if callable(target) else None
    if function is not None:
        graph, tensor = follow(graph, tensor, function, centered)
    layer = parameters["layer"]
    if layer is None:
        sources = find_sources(graph, tensor.value)
    else:
        names = [layer] if isinstance(layer, str) else list(layer)
        if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(f"layer= takes a layer's name, or a list of different names. Got {layer!r}.")
        sources = [Source(find_layer(graph, name, network.input_names)) for name in names]
        before = {tensor.value, *(value for op in graph.ancestors([tensor.value]) for value in op.inputs)}
        for name, source in zip(names, sources, strict=True):
            if source.value not in before:
                raise ValueError(
                    f"layer= names {name!r}, on which what is explained does not depend. Pass a layer before the "
                    "output; with pre_activation=True also a final softmax or sigmoid comes after what is explained."
                )
    return Explained(make_method(graph, tensor.value, sources, parameters), tensor, function, centered)
