"""The tensor whose elements can be targets, and the network compiled for it.

The tensor is an output, its logits, or a user's function of an output or its logits.
"""

from collections.abc import Mapping
from numbers import Integral
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.effects import check_effects
from skdeeplift.network.graph import Value
from skdeeplift.network.layers import find_layer
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.method import Method, find_summing_groups
from skdeeplift.targets.logits import find_groups, find_members, find_squashes, logits_of
from skdeeplift.targets.profile import is_profile
from skdeeplift.targets.row_targets import holds_weights
from skdeeplift.targets.spellings import has_several_classes
from skdeeplift.targets.strands import mean_of_strands, on_both_strands
from skdeeplift.targets.target import check_classes, check_target


class TargetTensor(NamedTuple):
    """Tensor whose elements can be targets."""

    value: Value
    # The network ends in a softmax, and the last axis holds its competing classes.
    competing: bool
    # A single output above this value means the second of two classes.
    threshold: float = 0.0
    # Whether a larger element means a larger output. Logits of different softmaxes are not comparable. The logit of a
    # single class of a softmax does not tell whether this class is the most probable one.
    is_ordered: bool = True
    # Whether the elements are classes of softmaxes that do not lie along the last axis.
    mixes_classes: bool = False
    # Unit of the elements: "logit", "log-odds", "probability", "log-probability" or "value".
    unit: str = "value"

    def classes(self, values):
        """Return the class of each row: the position of its largest value; 0 or 1 by the threshold for one value."""
        values = values.reshape(len(values), -1)
        return values.argmax(1) if values.shape[1] > 1 else (values[:, 0] > self.threshold).astype(int)

    @property
    def shape(self):
        """Shape without the batch."""
        return tuple(self.value.shape[1:])


def find_target_tensor(graph, output, pre_activation):
    """Find the tensor to explain: an output, or the logits that its final softmax or sigmoid takes.

    Ops that only move, copy or join the probabilities are applied to the logits instead, and so is the mean over the
    members of an ensemble.

    Parameters
    ----------
    graph : Graph
        The traced network.
    output : Value
        The network's output.
    pre_activation : bool
        If true, explain the logits before a final softmax or sigmoid (Shrikumar et al. 2017, section 3.6).

    Returns
    -------
    graph : Graph
        The network, perhaps with ops that move the logits.
    target : TargetTensor
        The output or the logits.

    Raises
    ------
    ValueError
        If the output has no axis of rows, or some members of an ensemble have logits for all outputs and others do not.
    """
    if not output.shape.rank or not output.shape[1:].is_fully_defined():
        raise ValueError(
            f"The network's output has shape {output.shape}. Expected one entry for each row, and known axes after it."
        )
    members = find_members(graph, output)
    squashes_of = {member: find_squashes(graph, member) for member in members}
    squashes = {made: squash for of_member in squashes_of.values() for made, squash in of_member.items()}
    if not squashes:
        return graph, TargetTensor(output, competing=False)
    without = [number for number, member in enumerate(members, 1) if not squashes_of[member]]
    if without and pre_activation:
        raise ValueError(
            f"The mean of the members' logits does not exist: member {without[0]} of the ensemble has no logits of all "
            "outputs. It was trained on rows that lack a class, or does not end in a softmax or sigmoid as other "
            "members do. Pass pre_activation=False to explain the mean of their outputs, or train each member on rows "
            "of all classes."
        )
    has_softmax = any(squash.axes for squash in squashes.values())
    are_logarithms = {squash.is_logarithm for squash in squashes.values()}
    competing, is_ordered = False, len(are_logarithms) == 1
    if has_softmax:
        groups = _find_shared_groups(graph, squashes_of)
        competing = groups is not None and all(squash.axes for squash in squashes.values()) and _is_line_each(groups)
        is_ordered = is_ordered and groups is not None and len(np.unique(groups)) == 1
        is_cut = output.shape[1:].num_elements() == 1 and any(map(has_several_classes, squashes.values()))
        is_ordered = is_ordered and not is_cut
    half = np.log(0.5) if are_logarithms == {True} else 0.5
    threshold = 0.0 if pre_activation or (competing and is_ordered) else half
    value, unit = output, "log-probability" if True in are_logarithms else "probability"
    if pre_activation:
        graph, value = logits_of(graph, squashes, output)
        # The logit of a sigmoid is the log-odds of its class; the logit of a softmax is not.
        unit = "logit" if has_softmax else "log-odds"
    return graph, TargetTensor(
        value,
        competing,
        threshold,
        is_ordered or not pre_activation,
        mixes_classes=has_softmax and not competing,
        unit=unit,
    )


def _find_shared_groups(graph, squashes_of):
    """Return the softmax of each element, or None if members of an ensemble differ in the softmaxes."""
    found = [find_groups(graph, squashes, member) for member, squashes in squashes_of.items() if squashes]
    if len(found) == 1 or any(groups is None for groups in found):
        return found[0] if len(found) == 1 else None
    # Renumber the softmaxes, because different members use different numbers.
    found = [np.unique(groups, return_inverse=True)[1].reshape(groups.shape) for groups in found]
    return found[0] if all(np.array_equal(found[0], groups) for groups in found) else None


def _is_line_each(groups):
    """Test whether each line along the last axis holds the classes of one softmax, different for each line."""
    lines = groups.reshape(-1, groups.shape[-1]) if groups.ndim else groups.reshape(1, 1)
    return (lines == lines[:, :1]).all() and len(np.unique(lines[:, 0])) == len(lines)


def follow(graph, tensor, function, centered=False, of_strands=False):
    """Apply a user's function to the target tensor of a network.

    Parameters
    ----------
    graph : Graph
        The traced network.
    tensor : TargetTensor
        Argument of the function.
    function : callable
        Function that returns one number for each row: a tensor of shape ``(n_rows,)`` or ``(n_rows, 1)``.
    centered : bool, default=False
        If true, subtract the mean over classes from the argument.
    of_strands : bool, default=False
        If true, the tensor has an axis of two strands after the axis of rows, and the result is the mean of the
        function over the strands.

    Returns
    -------
    graph : Graph
        Network with the function's ops.
    target : TargetTensor
        Result of the function.

    Raises
    ------
    ValueError
        If the function does not return one number for each row.
    """
    value = given = tensor.value
    whole = tf.TensorSpec(given.shape, given.dtype)
    if of_strands:
        tensor = tensor._replace(value=tf.TensorSpec([given.shape[0], *given.shape[2:]], given.dtype))
        given = tensor.value
    if centered:
        check_classes(tensor)

    def apply(output):
        """Apply the function, to centered logits if ``centered``, and to each strand if ``of_strands``."""
        if of_strands:
            of_each = [apply_to_one(output[:, strand]) for strand in (0, 1)]
            return (of_each[0] + of_each[1]) / 2
        return apply_to_one(output)

    def apply_to_one(output):
        return function(output - tf.reduce_mean(output, -1, keepdims=True) if centered else output)

    try:
        concrete = tf.function(apply, autograph=False).get_concrete_function(whole)
    except Exception as error:
        raise ValueError(
            f"target= as a callable takes the network's output as a tensor of TensorFlow, of shape {given.shape}, and "
            f"uses functions of TensorFlow. It failed with: {error}"
        ) from error
    result = concrete.structured_outputs
    shape = result.shape if isinstance(result, tf.Tensor) else None
    of_rows = shape is not None and shape.rank and (given.shape[0] is not None or shape[0] is None)
    if not of_rows or shape[1:].num_elements() != 1 or not result.dtype.is_floating:
        got = f"a tensor of shape {shape} and {result.dtype}" if shape is not None else type(result).__name__
        raise ValueError(
            f"target= as a callable takes the network's output, of shape {given.shape}, and returns one "
            f"floating-point number for each row. Got {got}. To explain several outputs pass target='all'."
        )
    graph = graph.followed_by(concrete.graph, value)
    graph.concrete_functions = [*graph.concrete_functions, concrete]
    return graph, TargetTensor(graph.outputs[0], competing=False)


def find_output(network, output):
    """Find one of a network's outputs.

    Parameters
    ----------
    network : Network
        The bound network.
    output : str, int or None
        Key in a dict, position in a list, or Keras name of the output. None if the network has one output.

    Returns
    -------
    value : Value

    Raises
    ------
    ValueError
        If the output does not exist, or the network has several outputs and the user chose none.
    """
    values, structure = network.graph.outputs, network.output_structure
    if output is None and len(values) == 1:
        return values[0]
    positions = list(range(len(values)))
    # A composite tensor, such as a ragged tensor, has several values and so no name of a single output.
    paths, names = (
        each if each and len(each) == len(values) else positions
        for each in (_paths(structure), network.callee.output_names)
    )
    for candidates in (paths, names):
        if isinstance(output, str) and candidates.count(output) == 1:
            return values[candidates.index(output)]
    by_key = isinstance(structure, Mapping)
    if isinstance(output, Integral) and output in positions and not by_key:
        return values[output]
    names = paths if by_key or names == positions else names
    known = ", ".join(map(repr, names))
    if not by_key and isinstance(names[0], str):
        known += f", or a position below {len(names)}"
    if output is None:
        raise ValueError(f"The network has {len(names)} outputs. Pass output= to choose one: {known}.")
    raise ValueError(f"output={output!r} is none of the network's outputs: {known}.")


def _paths(structure, prefix=None):
    """List the path of each tensor of a structure, in the order of ``tf.nest.flatten``."""
    if isinstance(structure, Mapping):
        entries = [(key, structure[key]) for key in sorted(structure)]
    elif isinstance(structure, (list, tuple)):
        entries = zip(getattr(structure, "_fields", range(len(structure))), structure, strict=True)
    else:
        return [0 if prefix is None else prefix] if isinstance(structure, (tf.Tensor, tf.TypeSpec)) else []
    return [path for key, part in entries for path in _paths(part, key if prefix is None else f"{prefix}/{key}")]


class CompiledTarget(NamedTuple):
    """Compiled method, with the tensor whose elements can be targets."""

    method: Method
    tensor: TargetTensor
    # The user's function that computes the target tensor, or None.
    function: object
    centered: bool
    # Kind of the targets, from `kind_of_target`.
    kind: tuple
    # Variables that the network writes to; see `check_states`.
    states: list
    # Whether the method's target has an axis of two strands after the axis of rows. Each strand has its own weights.
    keeps_strands: bool = False

    def check(self, target, n_rows=None, labels=None):
        """Return the `Target` of a user's choice by indices or by labels of classes."""
        if self.function is not None:
            return check_target("auto", self.tensor)
        checked = check_target(target, self.tensor, n_rows=n_rows, centered=self.centered, labels=labels)
        return checked.on_both_strands() if self.keeps_strands else checked


def kind_of_target(target, pre_activation="auto", labels=None):
    """Return the kind of a target; one compiled network serves all targets of a kind.

    Parameters
    ----------
    target : object
        The user's choice.
    pre_activation : bool or "auto", default="auto"
        Whether targets are logits before a final softmax or sigmoid. By default, indices and classes mean logits, while
        functions and arrays of weights mean the model's own output. A profile always means logits.
    labels : ndarray or None, default=None
        Labels of the classes.

    Returns
    -------
    kind : tuple of (bool, bool)
        Whether the target is a function, and whether it takes the logits before a final softmax or sigmoid.
    """
    is_function = callable(target)
    if is_profile(target):
        return False, True
    if pre_activation != "auto":
        return is_function, bool(pre_activation)
    return is_function, not is_function and not holds_weights(target, labels)


def compile_target(bound, target, kind):
    """Compile a network for all targets of a kind.

    Parameters
    ----------
    bound : Bound
        The bound network, with the fitted explainer's parameters and its functions that find sources and make the
        method.
    target : object
        The user's choice. Only read if it is a function of the network's output.
    kind : tuple of (bool, bool) or (bool, bool, bool)
        The target's kind, from `kind_of_target`, and whether each strand of a sequence has its own weights.

    Returns
    -------
    compiled : CompiledTarget

    Raises
    ------
    ValueError
        If the output or layer does not exist, or the target does not depend on the layer.
    """
    graph, parameters = bound.network.graph, bound.parameters
    is_function, looks_through, *keeps_strands = kind
    output = find_output(bound.network, parameters["output"])
    graph, tensor = find_target_tensor(graph, output, looks_through)
    centered, value = parameters["center_logits"], tensor.value
    if bound.strands is not None:
        graph, value = on_both_strands(graph, value, bound.strands)
    if is_function:
        graph, tensor = follow(graph, tensor._replace(value=value), target, centered, bound.strands is not None)
        value = tensor.value
    elif bound.strands is not None and not keeps_strands:
        graph, value = mean_of_strands(graph, value)
    # Check effects before looking for sources and rules, because their errors would name another op.
    states = check_effects(graph, [value])
    if bound.layer is None:
        sources = _input_sources(bound, graph, value)
    else:
        sources = _layer_sources(graph, tensor, bound.layer, bound.network.input_names)
    method = bound.hooks.make_method(graph, value, sources, bound)
    method.is_lasting = not is_function
    if bound.layer is not None:
        method.summing = find_summing_groups(method)
    return CompiledTarget(method, tensor, target if is_function else None, centered, kind, states, bool(keeps_strands))


def _input_sources(bound, graph, value):
    """Make sources of the inputs, or raise an error for two strands and integers that look up embeddings."""
    try:
        return bound.hooks.find_sources(graph, value)
    except UnsupportedOpError as error:
        if bound.strands is None:
            raise
        raise UnsupportedOpError(
            "both_strands= is for inputs of floating-point numbers, and the network looks up integers of an input, "
            "which cannot be explained on two strands at once. Explain the rows and their reverse_complement in two "
            "calls, and take the mean of both."
        ) from error


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
