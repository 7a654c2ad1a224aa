"""Graph of a traced network as plain data: values, ops, and their dependence on the network's input."""

import re
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property

import tensorflow as tf

from skdeeplift.dtypes import is_continuous, is_whole
from skdeeplift.network import ops
from skdeeplift.network.compat import graph_of_function, is_call_of_function
from skdeeplift.network.constants import constant_value
from skdeeplift.network.expansions import can_choose_branch, choose_branch, expand
from skdeeplift.network.input_dependence import batch_layouts, dependence_of
from skdeeplift.network.rowwise import find_rowwise_values

BRANCHES = ops.where(family=ops.BRANCH)
# Signatures by op type, cached because reading a signature takes longer than creating the op.
_SIGNATURES = {}
# Prefix of names of ops in a target function.
_TARGET = "target/"
# Prefix of names of ops in a function before the network.
_BEFORE = "before/"
# Name of an Identity op that the graph does not remove, because it is the output of a layer.
LAYER_OUTPUT = "skdeeplift.output"
# Name scope of a call of a layer; the number of the call follows.
LAYER_CALL = "skdeeplift.call"
# Name scope of the ops that average the members of an ensemble.
MEAN_OF_MEMBERS = "skdeeplift.mean_of_members"
_CALL_NUMBER = re.compile(re.escape(LAYER_CALL) + r"\.(\d+)")


@dataclass(eq=False, slots=True)
class Value:
    """Tensor of the graph."""

    name: str
    dtype: tf.DType
    shape: tf.TensorShape


@dataclass(eq=False)
class Op:
    """Node of the graph, read from the TensorFlow operation ``definition``."""

    type: str
    name: str
    inputs: tuple
    outputs: tuple
    definition: tf.Operation = field(repr=False)
    # Whether the op is in a function that must be compiled. A CPU computes some convolutions only in such functions.
    compiled: bool = False
    # Numbers of the layer calls that created the op, outermost first.
    calls: tuple = ()
    # Graphs of one step of a loop, and of the condition under which the loop takes another step.
    body: "Graph | None" = None
    condition: "Graph | None" = None

    @cached_property
    def facts(self):
        """Facts about the op's type; a cast to integers or booleans has its own row of facts."""
        return ops.facts_of(ops.TRUNCATION if self.type == "Cast" and _truncates(self) else self.type)

    @cached_property
    def attributes(self):
        """Attributes to create the op again; names that begin with "_" are internal to TensorFlow and left out."""
        return {key: value for key, value in self.definition.node_def.attr.items() if not key.startswith("_")}

    @property
    def signature(self):
        """Arguments of the op's type, and whether TensorFlow calls it stateful."""
        if self.type not in _SIGNATURES:
            _SIGNATURES[self.type] = self.definition.op_def
        return _SIGNATURES[self.type]

    @cached_property
    def input_types(self):
        """Names of the attributes that hold the dtypes of the inputs; empty for an input whose dtype is fixed."""
        return _type_attributes(self.signature.input_arg, self.attributes)

    @cached_property
    def output_types(self):
        """Names of the attributes that hold the dtypes of the outputs; empty for an output whose dtype is fixed."""
        return _type_attributes(self.signature.output_arg, self.attributes)

    def attribute(self, name):
        """Return the value of one attribute."""
        return self.definition.get_attr(name)

    @cached_property
    def inner(self):
        """Values that a loop computes in each of its steps, including the values of loops inside it."""
        if self.body is None:
            return frozenset()
        return frozenset([*self.body.inputs, *(value for op in self.body.ops for value in (*op.outputs, *op.inner))])


# Attributes of a graph that are computed on first use.
_COMPUTED = frozenset({"runs", "dependence", "layouts", "rowwise"})


class Graph:
    """Ops of a traced function in order, with calls inlined and aliases resolved.

    Parameters
    ----------
    func_graph : FuncGraph
        Body of a concrete function.
    calls : list of LayerCall, default=()
        Calls of layers, recorded while the function was traced.
    prefix : str, default=""
        Prefix of the names of values and ops.
    compiled : bool, default=False
        Whether the ops are in a function that must be compiled.
    in_loop : bool, default=False
        Whether this is the body or the condition of a loop; captured tensors are among its inputs.

    Attributes
    ----------
    ops : list of Op
        Ops, each after the ops that compute its inputs.
    inputs, outputs : list of Value
        Flat lists in the order of the function's signature, without captured variables.
    captures : dict of Value to tensor
        Handles of variables, and other tensors from outside. Each run reads them, so new weights take effect at once.
    calls : list of LayerCall
        Calls of layers, with lists of Value as outputs.
    changed : set of Value
        Handles of variables and tables that the network changes.
    given : set of Value
        Inputs of the network that a function before the network computes. Empty without such a function.
    held : set of Value
        Values that a target function makes constant by ``tf.stop_gradient``. A reference takes the values of its row.
    """

    def __init__(self, func_graph, calls=(), prefix="", compiled=False, in_loop=False):
        self.ops, self.captures, self.inputs, self.held, self.changed = [], {}, [], set(), set()
        self.given = set()
        names = {}
        for external, internal in () if in_loop else func_graph.captures:
            names[internal.name] = value = _make_value(internal, prefix)
            self.captures[value] = external
        for tensor in func_graph.inputs:
            if tensor.name not in names:
                names[tensor.name] = value = _make_value(tensor, prefix)
                self.inputs.append(value)
        self._read(func_graph, names, prefix, compiled)
        self.outputs = [names[tensor.name] for tensor in func_graph.outputs]
        # Leave out layers called in a loop or a separate function, because they return tensors of another graph.
        self.calls = [
            call._replace(outputs=[names[each.name] for each in call.outputs if _is_in(each, func_graph)])
            for call in calls
        ]
        self._index()

    def followed_by(self, func_graph, value):
        """Return a graph that applies a function to one of the values and returns the outputs of the function.

        In the network, ``tf.stop_gradient`` only affects training, so it is removed. In the function,
        ``tf.stop_gradient`` makes a value constant.
        """
        graph = copy(self)
        graph.ops, graph.captures, graph.held = list(self.ops), dict(self.captures), set(self.held)
        names = {}
        for external, internal in func_graph.captures:
            names[internal.name] = captured = _make_value(internal, _TARGET)
            graph.captures[captured] = external
        [given] = [tensor for tensor in func_graph.inputs if tensor.name not in names]
        names[given.name] = value
        graph._read(func_graph, names, prefix=_TARGET, compiled=False)
        graph.outputs = [names[tensor.name] for tensor in func_graph.outputs]
        graph._index()
        return graph

    def preceded_by(self, func_graph):
        """Return a graph that applies a function before the network; the inputs of the function are its inputs."""
        before, graph = Graph(func_graph, prefix=_BEFORE), copy(self)
        given = dict(zip(self.inputs, before.outputs, strict=True))
        graph.inputs, graph.captures = before.inputs, self.captures | before.captures
        graph.given = set(before.outputs)
        graph.ops = [
            *before.ops,
            *(replace(op, inputs=tuple(given.get(value, value) for value in op.inputs)) for op in self.ops),
        ]
        graph.outputs = [given.get(value, value) for value in self.outputs]
        graph._index()
        return graph

    def with_replaced(self, replacements, value):
        """Return a graph with one output: a value computed again from replacements of earlier values.

        Parameters
        ----------
        replacements : dict of Value to Value
            Values of this graph, each with another value of this graph, of the same shape and dtype, that replaces it.
        value : Value
            The value to compute from the replacements.

        Returns
        -------
        graph : Graph
        """
        graph, replaced = copy(self), dict(replacements)
        graph.ops = list(self.ops)
        for op in self.ancestors([value], replacements):
            if any(each in replaced for each in op.inputs):
                outputs = tuple(copy(each) for each in op.outputs)
                inputs = tuple(replaced.get(each, each) for each in op.inputs)
                replaced.update(zip(op.outputs, outputs, strict=True))
                graph.ops.append(replace(op, inputs=inputs, outputs=outputs))
        graph.outputs = [replaced[value]]
        graph._index()
        return graph

    def __copy__(self):
        # Drop cached results, because the copy will get other ops or read other variables.
        graph = object.__new__(Graph)
        vars(graph).update({name: value for name, value in vars(self).items() if name not in _COMPUTED})
        return graph

    def _index(self):
        self.producer = {value: op for op in self.ops for value in op.outputs}
        self.position = {op: position for position, op in enumerate(self.ops)}
        for body in self.bodies:
            # Loop bodies share the list, because call numbers count the calls of the whole network.
            body.calls = self.calls
            body._index()

    @property
    def values(self):
        """All values of this graph, without the values inside its loops."""
        return [*self.inputs, *(value for op in self.ops for value in op.outputs)]

    @property
    def bodies(self):
        """Bodies of the loops in this graph."""
        return [op.body for op in self.ops if op.body is not None]

    def _read(self, func_graph, names, prefix, compiled):
        for op in _sort_by_inputs(func_graph.get_operations()):
            facts = ops.facts_of(op.type)
            if facts.changes_state:
                self.changed.add(names[op.inputs[0].name])
            if op.type == "Placeholder" or not op.outputs:
                continue
            inputs = tuple(names[tensor.name] for tensor in op.inputs)
            holds = facts.held and prefix.startswith(_TARGET)
            if facts.alias and LAYER_OUTPUT not in op.name and not holds:
                names.update(zip((tensor.name for tensor in op.outputs), inputs, strict=True))
            elif facts.family is ops.CALL:
                must_compile = "_XlaMustCompile" in op.node_def.attr and op.get_attr("_XlaMustCompile")
                body = graph_of_function(func_graph, op.get_attr("f").name, inputs)
                self._inline(op, body, inputs, names, prefix, compiled or must_compile)
            elif facts.family is ops.BRANCH and (branches := self._branches(func_graph, op, inputs)):
                self._inline_branches(op, branches, inputs, names, prefix, compiled)
            elif is_call_of_function(func_graph, op):
                self._inline(op, graph_of_function(func_graph, op.type, inputs), inputs, names, prefix, compiled)
            elif (expanded := expand(op)) is not None:
                self._inline(op, expanded, inputs[: len(expanded.inputs)], names, prefix, compiled)
            else:
                outputs = tuple(_make_value(tensor, prefix) for tensor in op.outputs)
                names.update(zip((tensor.name for tensor in op.outputs), outputs, strict=True))
                name = prefix + op.name
                calls = tuple(call_numbers(name))
                loop = []
                for attribute in ("body", "cond") if facts.family is ops.LOOP else ():
                    function = graph_of_function(func_graph, op.get_attr(attribute).name, inputs)
                    loop.append(Graph(function, (), prefix, compiled, in_loop=True))
                    self.changed.update(inputs[loop[-1].inputs.index(handle)] for handle in loop[-1].changed)
                self.held.update(outputs if holds else ())
                self.ops.append(Op(op.type, without_call_numbers(name), inputs, outputs, op, compiled, calls, *loop))

    def _inline(self, op, body, inputs, names, prefix, compiled):
        inner = dict(zip((tensor.name for tensor in body.inputs), inputs, strict=True))
        self._read(body, inner, prefix=f"{prefix}{op.name}/", compiled=compiled)
        # A function that was differentiated before has additional outputs; this call does not return them.
        outputs = (inner[tensor.name] for tensor in body.outputs[: len(op.outputs)])
        names.update(zip((tensor.name for tensor in op.outputs), outputs, strict=True))

    def _inline_branches(self, op, branches, inputs, names, prefix, compiled):
        """Inline all branches, and choose between their results by the op's input."""
        results = []
        for number, body in enumerate(branches):
            inner = dict(zip((tensor.name for tensor in body.inputs), inputs[1:], strict=True))
            self._read(
                body,
                inner,
                prefix=f"{prefix}{op.name}/{number}/" if number else f"{prefix}{op.name}/",
                compiled=compiled,
            )
            results += [inner[tensor.name] for tensor in body.outputs[: len(op.outputs)]]
        if len(branches) == 1:
            names.update(zip((tensor.name for tensor in op.outputs), results, strict=True))
        else:
            self._inline(op, choose_branch(op, branches), (inputs[0], *results), names, prefix, compiled)

    def _branches(self, func_graph, op, inputs):
        """Return the graph of the branch that is always taken, or of all branches; none if results cannot be chosen."""
        is_if = "then_branch" in op.node_def.attr
        # A boolean numbers the branches: False is 0, True is 1.
        functions = [op.get_attr(f"{name}_branch") for name in ("else", "then")] if is_if else op.get_attr("branches")
        # A constant argument of an inlined function is a placeholder inside it, so read its value outside.
        origin = next((each.definition for each in self.ops if inputs[0] in each.outputs), None)
        chosen = tf.get_static_value(op.inputs[0] if origin is None else origin.outputs[0])
        if chosen is not None:
            chosen = bool(chosen) if is_if else chosen
            functions = [functions[chosen if 0 <= chosen < len(functions) else -1]]
        bodies = [graph_of_function(func_graph, function.name, inputs[1:]) for function in functions]
        return bodies if len(bodies) == 1 or can_choose_branch(op, bodies) else []

    @cached_property
    def runs(self):
        """Compiled runs of the graph by the values that they return. See `skdeeplift.propagation.forward`."""
        return {}

    @cached_property
    def dependence(self):
        """Sets of values that vary with the input, carry a difference, or depend only on the input's shape."""
        return dependence_of(self)

    @cached_property
    def layouts(self):
        """Layout of each varying value for which the axis of rows is known, including values inside loops."""
        return batch_layouts(self)

    @cached_property
    def rowwise(self):
        """Values that certainly have one entry for each row, which depends on this row alone."""
        return find_rowwise_values(self)

    def varies(self, value):
        """Test whether a value depends on the elements of the network's input."""
        return value in self.dependence.varying

    def carries_difference(self, value):
        """Test whether a difference flows through a value. No difference flows through an index or a padding mask."""
        return value in self.dependence.carrying

    def has_derivative(self, value):
        """Test whether some path from the input to a value has only floating-point and complex numbers."""
        reached = {each for each in self.dependence.starts if is_continuous(each.dtype)}
        for op in self.ops:
            if not reached.isdisjoint(op.inputs):
                reached.update(each for each in op.outputs if is_continuous(each.dtype) or each.dtype == tf.variant)
        return value in reached

    def is_condition(self, value):
        """Test whether a value varies without a difference, like an index or a padding mask."""
        return value in self.dependence.varying and value not in self.dependence.carrying

    def is_batch_shaped(self, value):
        """Test whether a value depends only on the input's shape."""
        return value in self.dependence.batch_shaped and value not in self.dependence.varying

    def starts_before(self, target):
        """List the values where differences that reach ``target`` start: inputs, and numbers that integers look up."""
        starts, reached, found = self.dependence.starts, {target}, []
        for op in reversed(self.ops):
            for value in op.outputs:
                if value in reached and value in starts:
                    found.append(value)
            if any(value in reached and value not in starts for value in op.outputs):
                reached.update(value for value in op.inputs if self.carries_difference(value))
        return [value for value in self.inputs if value in reached] + found[::-1]

    def static_value(self, value, partial=False):
        """Return a value as an array if it is known before the network runs, else None.

        With ``partial``, unknown elements are None.
        """
        op = self.producer.get(value)
        if op is None:
            return None
        tensor = op.definition.outputs[op.outputs.index(value)]
        return tf.get_static_value(tensor, partial) if partial else constant_value(tensor)

    def layers_of(self, op):
        """List the names of the layers that created an op, innermost first."""
        return [self.calls[number].path[-1] for number in reversed(op.calls) if number < len(self.calls)]

    def describe(self, op):
        """Describe an op and its layer for a message."""
        layers = self.layers_of(op)
        return f"the op {op.type!r} ({op.name!r}" + (f", layer {layers[0]!r})" if layers else ")")

    def ancestors(self, wanted, known=(), replace=None):
        """List in order the ops that compute ``wanted`` from the ``known`` values.

        The optional function ``replace`` takes the graph and an op, and returns the op to run instead.
        """
        known, needed, found = set(known), set(wanted), []
        for op in reversed(self.ops):
            if any(value in needed and value not in known for value in (*op.outputs, *op.inner)):
                step = op if replace is None else replace(self, op)
                needed.update(step.inputs)
                found.append(step)
        return found[::-1]


def _type_attributes(arguments, attributes):
    """List the name of the attribute of the dtype, for each tensor of an op's arguments."""
    names = []
    for argument in arguments:
        number = attributes[argument.number_attr].i if argument.number_attr else 1
        if argument.type_list_attr:
            number = len(attributes[argument.type_list_attr].list.type)
        names += [argument.type_attr] * number
    return names


def _truncates(op):
    """Test whether a cast converts numbers to integers or booleans and may lose digits."""
    before, after = op.inputs[0].dtype, op.outputs[0].dtype
    return (is_continuous(before) and is_whole(after)) or (after == tf.bool and before != tf.bool)


def _sort_by_inputs(operations):
    """Sort operations so that each comes after its inputs.

    The inputs of a loop that was differentiated before may have been created after the loop.
    """
    ordered, done = [], set()
    for first in operations:
        pending = [first]
        while pending:
            op = pending[-1]
            later = [tensor.op for tensor in op.inputs if tensor.op.name not in done]
            pending += later
            if not later:
                pending.pop()
                if op.name not in done:
                    done.add(op.name)
                    ordered.append(op)
    return ordered


def call_numbers(op_name):
    """Return the numbers of the recorded layer calls around an op, outermost first."""
    return [int(number) for number in _CALL_NUMBER.findall(op_name)]


def without_call_numbers(op_name):
    """Remove the scopes of recorded calls from an op's name."""
    return "/".join(part for part in op_name.split("/") if not _CALL_NUMBER.match(part))


def _make_value(tensor, prefix):
    return Value(without_call_numbers(prefix + tensor.name), tensor.dtype, tensor.shape)


def _is_in(tensor, func_graph):
    return isinstance(tensor, tf.Tensor) and getattr(tensor, "graph", None) is func_graph
