"""Which layer each op of a trace belongs to, and what each layer returns."""

import functools
import re
import threading
from contextlib import contextmanager
from typing import NamedTuple

import tensorflow as tf

# Each output is its input. StopGradient is among them because DeepLIFT propagates differences, not gradients; IdentityN
# is how TensorFlow wraps functions that have a gradient of their own.
ALIASES = frozenset({"Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot"})
# Name of an Identity that counts as an op, since it is the output of a layer.
LAYER_OUTPUT = "skdeeplift.output"
_SCOPE = "skdeeplift.call"
_TOKEN = re.compile(r"skdeeplift\.call\.(\d+)")
# One trace at a time, since the layers of two models may be the same.
_LOCK = threading.Lock()


class LayerCall(NamedTuple):
    """One call of a layer while a network was traced."""

    # Names of the layers that it was called in, the outermost first, and its own.
    path: tuple
    # What it returned, flat.
    outputs: list

    def is_named(self, name):
        """Whether a name, perhaps with those of the layers around it as ``"encoder/dense"``, is that of the layer."""
        parts = tuple(name.split("/"))
        return self.path[-len(parts) :] == parts


class Recording:
    """The calls of layers in one graph, in the order of their beginning."""

    def __init__(self):
        self.calls, self.graph = [], None

    def begin(self):
        """Record what is called in the graph that is being traced now, and in no other."""
        self.graph = tf.compat.v1.get_default_graph()


@contextmanager
def recorded_calls(layers):
    """Record the calls of layers, each in a name scope that tells it from all others.

    Keras's own scopes do not: TensorFlow makes them unique by a number, so that the scope ``dense_1`` may belong to the
    layer ``dense`` or to ``dense_1``. What a compiled function calls is not recorded, since it is traced but once.

    Parameters
    ----------
    layers : list of keras.Layer
        Left as they were.

    Yields
    ------
    recording : Recording
        `call_numbers` finds an op's calls in it.
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
                    outputs = tf.nest.map_structure(lambda tensor: _own(tensor, given), outputs)
            finally:
                path.pop()
            record.outputs.extend(tf.nest.flatten(outputs))
            return outputs

        return call_in_scope

    with _LOCK:
        # Most have it from their class; what an instance has of its own is put back.
        of_instance = {id(layer): vars(layer).get("call") for layer in layers}
        try:
            for layer in {id(layer): layer for layer in layers}.values():
                # Not setattr, which Keras watches.
                vars(layer)["call"] = recorded(layer)
            yield recording
        finally:
            for layer in layers:
                vars(layer).pop("call", None)
                if of_instance[id(layer)] is not None:
                    vars(layer)["call"] = of_instance[id(layer)]


@contextmanager
def without_fused_kernels(layers):
    """Let recurrent layers run step by step; on a GPU they would be one op of cuDNN, which has no rule.

    Parameters
    ----------
    layers : list of keras.Layer
        Left as they were.
    """
    recurrent = [(vars(layer), vars(layer)["use_cudnn"]) for layer in layers if "use_cudnn" in vars(layer)]
    try:
        for attributes, _ in recurrent:
            attributes["use_cudnn"] = False
        yield
    finally:
        for attributes, before in recurrent:
            attributes["use_cudnn"] = before


def _own(tensor, given):
    """Make a tensor of the layer's own where it hands on one that it was given, as Dropout does."""
    if not isinstance(tensor, tf.Tensor):
        return tensor
    origin = tensor.op.inputs[0] if tensor.op.type in ALIASES else tensor
    return tf.identity(tensor, name=LAYER_OUTPUT) if id(origin) in given or id(tensor) in given else tensor


def call_numbers(op_name):
    """Positions among the recorded calls of those that an op lies in, the outermost first."""
    return [int(number) for number in _TOKEN.findall(op_name)]


def without_call_numbers(op_name):
    """Return an op's name as Keras gave it."""
    return "/".join(part for part in op_name.split("/") if not _TOKEN.match(part))


def innermost_named(calls, numbers, names):
    """Return the name, of those given, of the innermost of some calls that has one, or None."""
    return next((name for number in reversed(numbers) for name in names if calls[number].is_named(name)), None)
