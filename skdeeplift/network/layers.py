"""Layers that the ops of a trace belong to, and the outputs of each layer."""

import functools
import re
import threading
from contextlib import contextmanager
from typing import NamedTuple

import tensorflow as tf

from skdeeplift.network.ops import facts_of

# Name of an Identity that the graph keeps as an op, because it is the output of a layer.
LAYER_OUTPUT = "skdeeplift.output"
_SCOPE = "skdeeplift.call"
_TOKEN = re.compile(r"skdeeplift\.call\.(\d+)")
# Only one trace runs at a time, because two models may share layers.
_LOCK = threading.Lock()


class LayerCall(NamedTuple):
    """One call of a layer while a network was traced."""

    # Names of the layers around the call, the outermost first, and of the layer itself.
    path: tuple
    # Flat list of the outputs.
    outputs: list

    def is_named(self, name):
        """Return whether a name is the layer's, perhaps with the layers around it as in ``"encoder/dense"``."""
        parts = tuple(name.split("/"))
        return self.path[-len(parts) :] == parts


class Recording:
    """Calls of layers in one graph, in the order in which they began."""

    def __init__(self):
        self.calls, self.graph = [], None

    def begin(self):
        """Record the calls in the graph that is being traced now, and in no other graph."""
        self.graph = tf.compat.v1.get_default_graph()


@contextmanager
def recorded_calls(layers):
    """Record the calls of layers, each in a name scope of its own.

    Keras's scopes do not identify a call. TensorFlow makes them unique by a number, so the scope ``dense_1`` may belong
    to the layer ``dense`` or to ``dense_1``. Calls inside a compiled function are not recorded, because TensorFlow
    traces that function only once.

    Parameters
    ----------
    layers : list of keras.Layer
        Layers to record. They are changed during the trace, and restored after it.

    Yields
    ------
    recording : Recording
        The calls. `call_numbers` finds the calls that an op lies in.
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
                with tf.name_scope(f"{_SCOPE}.{len(recording.calls) - 1}"):
                    outputs = call(*args, **kwargs)
                    outputs = tf.nest.map_structure(lambda tensor: _copy_if_given(tensor, given), outputs)
            finally:
                path.pop()
            record.outputs.extend(tf.nest.flatten(outputs))
            return outputs

        return call_in_scope

    with _LOCK:
        # Most layers have `call` from their class. A `call` of the instance itself is restored.
        of_instance = {id(layer): vars(layer).get("call") for layer in layers}
        try:
            for layer in {id(layer): layer for layer in layers}.values():
                # Keras tracks attributes that setattr sets, so the entry goes into the instance's dict.
                vars(layer)["call"] = recorded(layer)
            yield recording
        finally:
            for layer in layers:
                vars(layer).pop("call", None)
                if of_instance[id(layer)] is not None:
                    vars(layer)["call"] = of_instance[id(layer)]


@contextmanager
def without_fused_kernels(layers):
    """Make recurrent layers run step by step; on a GPU they would be one op of cuDNN, which has no rule.

    Parameters
    ----------
    layers : list of keras.Layer
        Layers to change during the trace, and to restore after it.
    """
    recurrent = [(vars(layer), vars(layer)["use_cudnn"]) for layer in layers if "use_cudnn" in vars(layer)]
    try:
        for attributes, _ in recurrent:
            attributes["use_cudnn"] = False
        yield
    finally:
        for attributes, before in recurrent:
            attributes["use_cudnn"] = before


def _copy_if_given(tensor, given):
    """Copy an output that is one of the layer's inputs, as in Dropout, so that the layer has an output of its own."""
    if not isinstance(tensor, tf.Tensor):
        return tensor
    origin = tensor.op.inputs[0] if facts_of(tensor.op.type).alias else tensor
    return tf.identity(tensor, name=LAYER_OUTPUT) if id(origin) in given or id(tensor) in given else tensor


def call_numbers(op_name):
    """Return the numbers of the recorded calls that an op lies in, the outermost first."""
    return [int(number) for number in _TOKEN.findall(op_name)]


def without_call_numbers(op_name):
    """Remove the scopes of recorded calls from an op's name."""
    return "/".join(part for part in op_name.split("/") if not _TOKEN.match(part))


def innermost_named(calls, numbers, names):
    """Return the given name that belongs to the innermost of some calls, or None if no call has such a name."""
    return next((name for number in reversed(numbers) for name in names if calls[number].is_named(name)), None)
