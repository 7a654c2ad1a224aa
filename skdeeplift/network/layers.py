"""Layers of a network: records of their calls during the trace, and look-up of their outputs by name."""

import functools
import math
import threading
from contextlib import contextmanager
from difflib import get_close_matches
from typing import NamedTuple

import tensorflow as tf

from skdeeplift.network.clusters import Activations
from skdeeplift.network.compat import TO_DECIBELS
from skdeeplift.network.graph import LAYER_CALL, LAYER_OUTPUT
from skdeeplift.network.ops import SOFTMAX, facts_of

PRE_ACTIVATION = ":pre_activation"
# Held while the attributes of layers are replaced for a trace, and by whoever reads them. Only one trace runs at a
# time, because two models may share layers. The call of a layer may trace another network, in the same thread.
tracing_lock = threading.RLock()


class LayerCall(NamedTuple):
    """One call of a layer while a network was traced."""

    # Names of the layers around the call, outermost first, and the name of the layer itself.
    path: tuple
    # Flat list of the outputs.
    outputs: list

    def is_named(self, name):
        """Test whether a name is the layer's name, optionally with outer layers, as in ``"encoder/dense"``."""
        parts = tuple(name.split("/"))
        return self.path[-len(parts) :] == parts


class Recording:
    """Calls of layers in one graph, in the order of their starts."""

    def __init__(self):
        self.calls, self.graph = [], None

    def begin(self):
        """Start to record calls in the current graph, and in no other graph."""
        self.graph = tf.compat.v1.get_default_graph()


@contextmanager
def recorded_calls(layers):
    """Record the calls of layers, each in its own name scope.

    Keras's scopes do not identify a call. TensorFlow makes scopes unique by a number, so the scope ``dense_1`` may
    belong to the layer ``dense`` or to ``dense_1``. Calls inside a compiled function are not recorded, because
    TensorFlow traces this function only once.

    Parameters
    ----------
    layers : list of keras.Layer
        Layers to record. They are changed during the trace, and restored after it.

    Yields
    ------
    recording : Recording
        The calls. `skdeeplift.network.graph.call_numbers` finds the calls around an op.
    """
    recording, path = Recording(), []

    def recorded(layer):
        call = layer.call

        @functools.wraps(call)
        def call_in_scope(*args, **kwargs):
            if tf.compat.v1.get_default_graph() is not recording.graph:
                return call(*args, **kwargs)
            path.append(layer.name)
            record = LayerCall(tuple(path), [])
            recording.calls.append(record)
            given = {id(tensor) for tensor in tf.nest.flatten((args, kwargs))}
            try:
                with tf.name_scope(f"{LAYER_CALL}.{len(recording.calls) - 1}"):
                    outputs = call(*args, **kwargs)
                    outputs = tf.nest.map_structure(lambda tensor: _copy_if_given(tensor, given), outputs)
            finally:
                path.pop()
            record.outputs.extend(tf.nest.flatten(outputs))
            return outputs

        return call_in_scope

    with tracing_lock, _replaced(layers, "call", recorded):
        yield recording


def without_fused_kernels(layers):
    """Make recurrent layers run step by step. On a GPU they would run as one cuDNN op without a rule.

    Parameters
    ----------
    layers : list of keras.Layer
        Layers to change during the trace, and to restore after it.
    """
    return _replaced([layer for layer in layers if "use_cudnn" in vars(layer)], "use_cudnn", lambda layer: False)


def with_rows_apart(layers):
    """Make ``MelSpectrogram`` clip values relative to the maximum of each row instead of the whole batch.

    The spectrogram of a row then does not depend on the other rows.

    Parameters
    ----------
    layers : list of keras.Layer
        Layers to change during the trace, and to restore after it.
    """

    def of_each_row(layer):
        def to_decibels(power):
            loud, reference = (tf.maximum(each, layer.min_power) for each in (power, abs(layer.ref_power)))
            decibels = 10 * (tf.math.log(loud) - tf.math.log(tf.cast(reference, loud.dtype))) / math.log(10)
            largest = tf.reduce_max(decibels, list(range(1, decibels.shape.rank)), keepdims=True)
            return tf.maximum(decibels, largest - layer.top_db)

        return to_decibels

    return _replaced([layer for layer in layers if hasattr(layer, TO_DECIBELS)], TO_DECIBELS, of_each_row)


@contextmanager
def _replaced(layers, name, make):
    """Replace an attribute of each layer by the result of a function of the layer, and restore it afterwards.

    The attribute is set in the instance's dict, because Keras tracks attributes set by setattr. Most attributes are
    methods of the class, which are visible again after deletion from the dict.
    """
    distinct = {id(layer): layer for layer in layers}.values()
    own = [(vars(layer), vars(layer)[name]) for layer in distinct if name in vars(layer)]
    try:
        for layer in distinct:
            vars(layer)[name] = make(layer)
        yield
    finally:
        for layer in distinct:
            vars(layer).pop(name, None)
        for attributes, before in own:
            attributes[name] = before


def _copy_if_given(tensor, given):
    """Copy an output that is one of the layer's inputs, as in Dropout, so that the layer has its own output."""
    if not isinstance(tensor, tf.Tensor):
        return tensor
    origin = tensor.op.inputs[0] if facts_of(tensor.op.type).alias else tensor
    return tf.identity(tensor, name=LAYER_OUTPUT) if id(origin) in given or id(tensor) in given else tensor


def innermost_named(calls, numbers, names):
    """Return the name in ``names`` of the innermost of some calls, or None if no call has such a name."""
    return next((name for number in reversed(numbers) for name in names if calls[number].is_named(name)), None)


def find_layer(graph, name, inputs=()):
    """Find the output of a layer, or the linear part before the layer's own activation.

    Parameters
    ----------
    graph : Graph
        The traced network.
    name : str
        Name of a layer. If several layers have this name, put the names of the outer layers first, as in
        ``"encoder/dense"``. The suffix ``":pre_activation"`` selects the linear part.
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
            f"The network calls the layer {of_layer!r} {len(numbers)} times, so that its units have several values. "
            "Name another layer, or add a layer such as keras.layers.Identity behind each call, and name one of the "
            "added layers."
        )
    outputs = [value for value in graph.calls[numbers[0]].outputs if graph.carries_difference(value)]
    if len(outputs) != 1:
        raise ValueError(
            "layer= takes a layer with one output of floating-point numbers that depends on the network's input. The "
            f"layer {of_layer!r} has {len(outputs)} such outputs."
        )
    found = outputs[0] if name == of_layer else _before_activation(graph, outputs[0], numbers[0], of_layer)
    if found.dtype.is_complex:
        raise ValueError(
            f"layer={name!r} names a layer of complex numbers, and a complex unit has no single multiplier. Name a "
            "layer before or behind it, such as one that returns the real and the imaginary part side by side."
        )
    return found


def layer_names(graph):
    """List the names of the layers that the network calls, in order and without repetition."""
    return list(dict.fromkeys(call.path[-1] for call in graph.calls))


def unknown_layer(parameter, name, names):
    """Write the error message for an unknown name of a layer, with the names of all layers."""
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
