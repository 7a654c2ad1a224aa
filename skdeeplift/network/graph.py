"""A traced network as plain data: values, the ops between them, and what varies with the network's input."""

from dataclasses import dataclass, field
from functools import cached_property

import tensorflow as tf

# Each output is its input. StopGradient is among them because DeepLIFT propagates differences, not gradients; IdentityN
# is how TensorFlow wraps functions that have a gradient of their own.
ALIASES = frozenset({"Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot"})
CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
SHAPE_ONLY = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})


@dataclass(eq=False, slots=True)
class Value:
    """A tensor of the graph."""

    name: str
    dtype: tf.DType
    shape: tf.TensorShape


@dataclass(eq=False)
class Op:
    """A node of the graph; ``definition`` is the TensorFlow operation it was read from."""

    type: str
    name: str
    inputs: tuple
    outputs: tuple
    definition: tf.Operation = field(repr=False)
    # Whether it stands in a function that must be compiled: some convolutions exist in no other way on a processor.
    compiled: bool = False

    @cached_property
    def attributes(self):
        """The attributes to create the op again with; those that begin with "_" are notes of TensorFlow's to itself."""
        return {key: value for key, value in self.definition.node_def.attr.items() if not key.startswith("_")}

    def attribute(self, name):
        """Value of one attribute."""
        return self.definition.get_attr(name)


class Graph:
    """The ops of a traced function in order, calls inlined and aliases resolved.

    Parameters
    ----------
    func_graph : FuncGraph
        The body of a concrete function.
    layer_names : iterable of str
        Names that count as layers in the scopes of ops.

    Attributes
    ----------
    ops : list of Op
        In an order in which every op comes after its inputs.
    inputs, outputs : list of Value
        Flat, in the order of the function's signature, without captured variables.
    captures : dict of Value to tensor
        Variables' handles and other tensors from outside, kept as they are so that new weights show at once.
    """

    def __init__(self, func_graph, layer_names=()):
        self.ops, self.captures = [], {}
        self.layer_names = frozenset(layer_names)
        names = {}
        for external, internal in func_graph.captures:
            names[internal.name] = value = _value(internal)
            self.captures[value] = external
        captured = set(names)
        self.inputs = []
        for tensor in func_graph.inputs:
            if tensor.name not in captured:
                names[tensor.name] = value = _value(tensor)
                self.inputs.append(value)
        self._read(func_graph, names, prefix="", compiled=False)
        self.outputs = [names[tensor.name] for tensor in func_graph.outputs]
        self.producer = {value: op for op in self.ops for value in op.outputs}
        self.position = {op: position for position, op in enumerate(self.ops)}

    def _read(self, func_graph, names, prefix, compiled):
        for op in func_graph.get_operations():
            if op.type == "Placeholder" or not op.outputs:
                continue
            inputs = tuple(names[tensor.name] for tensor in op.inputs)
            if op.type in ALIASES:
                names.update(zip((tensor.name for tensor in op.outputs), inputs, strict=True))
            elif op.type in CALLS:
                body = function_graph(func_graph, op.get_attr("f").name)
                inner = dict(zip((tensor.name for tensor in body.inputs), inputs, strict=True))
                must_compile = "_XlaMustCompile" in op.node_def.attr and op.get_attr("_XlaMustCompile")
                self._read(body, inner, prefix=f"{prefix}{op.name}/", compiled=compiled or must_compile)
                outputs = (inner[tensor.name] for tensor in body.outputs)
                names.update(zip((tensor.name for tensor in op.outputs), outputs, strict=True))
            else:
                outputs = tuple(_value(tensor, prefix) for tensor in op.outputs)
                names.update(zip((tensor.name for tensor in op.outputs), outputs, strict=True))
                self.ops.append(Op(op.type, prefix + op.name, inputs, outputs, op, compiled))

    @cached_property
    def _dependence(self):
        """What varies with the input, carries a difference, or depends on no more than its shape, in one walk."""
        varying, carrying, batch_shaped = set(self.inputs), set(), set()
        carrying.update(value for value in self.inputs if value.dtype.is_floating)
        for op in self.ops:
            if op.type not in SHAPE_ONLY and not varying.isdisjoint(op.inputs):
                varying.update(op.outputs)
                if not carrying.isdisjoint(op.inputs):
                    carrying.update(value for value in op.outputs if value.dtype.is_floating)
            elif not (varying.isdisjoint(op.inputs) and batch_shaped.isdisjoint(op.inputs)):
                batch_shaped.update(op.outputs)
        return varying, carrying, batch_shaped

    def varies(self, value):
        """Whether a value depends on what the network's input holds."""
        return value in self._dependence[0]

    def carries_difference(self, value):
        """Whether a difference-from-reference flows through a value: it varies, and is no count, index or mask."""
        return value in self._dependence[1]

    def is_batch_shaped(self, value):
        """Whether a value depends on the input's shape, and on nothing else of it."""
        return value in self._dependence[2]

    def layer_of(self, op):
        """Name of the innermost layer whose scope an op was made in, or None."""
        for part in reversed(op.name.split("/")[:-1]):
            stem, _, number = part.rpartition("_")
            for name in (part, stem if number.isdigit() else None):
                if name in self.layer_names:
                    return name
        return None

    def describe(self, op):
        """Name an op for a message, with its layer."""
        layer = self.layer_of(op)
        return f"the op {op.type!r} ({op.name!r}" + (f", layer {layer!r})" if layer else ")")

    def ancestors(self, wanted, known=()):
        """The ops, in order, that must run to compute ``wanted`` where ``known`` values are given."""
        known, needed, ops = set(known), set(wanted), []
        for op in reversed(self.ops):
            if any(value in needed and value not in known for value in op.outputs):
                needed.update(op.inputs)
                ops.append(op)
        return ops[::-1]


def function_graph(func_graph, name):
    """Body of a function that is called or looped over in a graph."""
    # TensorFlow has no public way from a call to the graph of what is called; tests/network/test_graph.py fails when
    # this one goes.
    return func_graph._get_function(name).graph


def _value(tensor, prefix=""):
    return Value(prefix + tensor.name, tensor.dtype, tensor.shape)
