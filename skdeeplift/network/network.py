"""Networks bound to explainers: their inputs, their traces and their graphs."""

import threading
from copy import copy
from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np
import tensorflow as tf

from skdeeplift.network.callees import KerasModel, without_new_weights
from skdeeplift.network.changes import Attributes, compute_same
from skdeeplift.network.compiled import compiled
from skdeeplift.network.graph import Graph
from skdeeplift.network.layers import recorded_calls, tracing_lock, with_rows_apart, without_fused_kernels


def trace(call, structure, layers=()):
    """Trace a callable in inference mode.

    Parameters
    ----------
    call : callable
        Function of one structure of tensors that returns a tensor or a structure of tensors.
    structure : structure of TensorSpec
        Argument of ``call``: a spec, or lists, tuples and dicts of specs.
    layers : iterable of keras.Layer, default=()
        Layers to record, so that their ops and outputs can be found by name.

    Returns
    -------
    graph : Graph
        Graph with flat inputs and outputs, in the order of ``tf.nest.flatten``.
    output_structure : structure
        Structure of the result of ``call``.
    """
    layers = list(layers)
    changed = without_fused_kernels(layers), with_rows_apart(layers)
    with recorded_calls(layers) as recording, changed[0], changed[1], without_new_weights():

        def recorded_call(structure):
            recording.begin()
            # A scope around the trace would also apply to variables that are lifted out of the trace.
            with without_new_weights():
                return call(structure)

        concrete = compiled(recorded_call).get_concrete_function(structure)
    graph = Graph(concrete.graph, recording.calls)
    # The graph holds captured variables of a model only weakly; the concrete function keeps them alive.
    graph.concrete_functions = [concrete]
    return graph, concrete.structured_outputs


class Trace:
    """Trace of a network, with a snapshot of the network's attributes.

    Parameters
    ----------
    callee : KerasModel or Function
        Callee of the network.
    input_specs : structure of TensorSpec
        Specs of the inputs.
    """

    def __init__(self, callee, input_specs):
        with tracing_lock:
            self.graph, self.output_structure = trace(callee.call, input_specs, callee.layers)
            self.model, self.attributes = callee.model, Attributes(callee.parts)


# Traces of Keras models by the model's id and inputs, as long as any explainer uses the trace. A trace keeps its model
# alive, so that no other model gets the same id.
_shared_traces = WeakValueDictionary()


def find_trace(callee, input_specs):
    """Return the trace of a network, shared with another explainer if the network has not changed since.

    Parameters
    ----------
    callee : KerasModel or Function
        Callee of the network.
    input_specs : structure of TensorSpec
        Specs of the inputs.

    Returns
    -------
    trace : Trace
    """
    if not isinstance(callee, KerasModel):
        return Trace(callee, input_specs)
    specs = tf.nest.flatten(input_specs)
    structure = tf.nest.pack_sequence_as(input_specs, list(range(len(specs))))
    key = id(callee.model), repr(structure), tuple((spec.shape, spec.dtype, spec.name) for spec in specs)
    # Of several threads that need the same trace at once, one makes it and the others wait.
    with tracing_lock:
        found = _shared_traces.get(key)
        if found is None or found.attributes.find_changed():
            found = _shared_traces[key] = Trace(callee, input_specs)
        return found


class Network:
    """Network with its inputs and its graph.

    Parameters
    ----------
    callee : KerasModel or Function
        Callee of the user's network. The network is shared with the user, so further training takes effect at once.
    input_specs : structure of TensorSpec
        Specs of the inputs, in the network's own structure.

    Attributes
    ----------
    flat_specs : list of TensorSpec
        One spec for each input.
    is_single : bool
        Whether the network takes one tensor and not a structure of tensors.
    takes_table : bool
        Whether the network takes a two-dimensional table.
    batch_size : int or None
        The only batch size that the network can run with, if there is one.
    graph : Graph
        The network's graph, traced on first use. Pickles do not contain it.
    output_structure : structure
        Outputs, in the structure in which the network returns them.
    """

    def __init__(self, callee, input_specs):
        self.callee, self.input_specs = callee, input_specs
        # Plain attributes instead of properties, because every call reads them several times.
        self.flat_specs = tf.nest.flatten(input_specs)
        self.is_single = hasattr(input_specs, "shape")
        self.takes_table = self.is_single and input_specs.shape.rank == 2
        sizes = [spec.shape[0] for spec in self.flat_specs if spec.shape.rank and spec.shape[0] is not None]
        self.batch_size = sizes[0] if sizes else None
        self._lock, self._traced, self._fitted = threading.Lock(), None, None

    @property
    def model(self):
        """The user's network, or the network loaded from a file."""
        return self.callee.model

    @property
    def graph(self):
        """The network's graph, traced in inference mode."""
        return self._trace().graph

    @property
    def output_structure(self):
        """Outputs, in the structure in which the network returns them."""
        return self._trace().output_structure

    @cached_property
    def open_axes(self):
        """Axes of each input whose size may differ from the specs; empty for an input without such axes.

        For sizes that the network does not declare, the specs hold the sizes of the rows in `fit`. A network without
        declarations may also be called with other lengths than in its trace, but not with tables of other widths.
        """
        declared = self.callee.declared
        if declared is None:
            return [tuple(range(1, spec.shape.rank)) if spec.shape.rank > 2 else () for spec in self.flat_specs]
        shapes = [tf.TensorShape(each.shape) for each in tf.nest.flatten(declared)]
        return [
            () if shape.rank is None else tuple(axis for axis, size in enumerate(shape) if axis and size is None)
            for shape in shapes
        ]

    def with_lengths_of(self, X):
        """Return the network traced for rows with other sizes of open axes, or itself if all sizes are the same.

        Parameters
        ----------
        X : array-like, or list or dict of array-like
            The rows.

        Returns
        -------
        network : Network
        """
        if not any(self.open_axes):
            return self
        specs = []
        for array, spec, axes in zip(self.flatten(X), self.flat_specs, self.open_axes, strict=True):
            given, sizes = array.shape if hasattr(array, "shape") else np.shape(array), list(spec.shape)
            closed = [axis for axis in range(1, len(sizes)) if axis not in axes]
            if len(given) != len(sizes) or any(given[axis] != sizes[axis] for axis in closed):
                # The check of rows raises the error.
                return self
            for axis in axes:
                sizes[axis] = int(given[axis])
            specs.append(tf.TensorSpec(sizes, spec.dtype, spec.name))
        if specs == self.flat_specs:
            return self
        return Network(self.callee, tf.nest.pack_sequence_as(self.input_specs, specs))

    def with_graph(self, graph):
        """Return the same network with another graph of the same inputs and outputs."""
        other = Network(self.callee, self.input_specs)
        other._traced = copy(self._trace())
        other._traced.graph = graph
        return other

    def _trace(self):
        with self._lock:
            if self._traced is None:
                self._traced = find_trace(self.callee, self.input_specs)
            return self._traced

    def watch(self, *estimators):
        """Also watch fitted attributes of estimators, because the network is made from them or follows them."""
        self._fitted = Attributes(estimators, is_watched=lambda name: name.endswith("_"))

    def check_unchanged(self):
        """Raise an error if the user changed the network after its trace. Changed values of variables are allowed.

        Attributes of layers are compared first, because this comparison is fast. A changed attribute may be irrelevant,
        such as a count of calls. If attributes differ, the network is traced again, and the traces are compared.

        Raises
        ------
        ValueError
            If the network now computes something else.
        """
        changed, traced = [] if self._fitted is None else self._fitted.find_changed(), self._traced
        if not changed and traced is not None and (changed := traced.attributes.find_changed()):
            # Attributes also differ while another thread traces the network, so compare again after that.
            with self._lock, tracing_lock:
                if not (changed := traced.attributes.find_changed()):
                    return
                try:
                    graph, _ = trace(self.callee.call, self.input_specs, self.callee.layers)
                    is_same = compute_same(graph, traced.graph)
                except Exception:  # noqa: BLE001, because a changed network may fail in any way
                    is_same = False
                if is_same:
                    traced.attributes, changed = Attributes(self.callee.parts), []
        if changed:
            shown = ", ".join(changed[:4]) + (", ..." if len(changed) > 4 else "")
            raise ValueError(
                f"The network was changed after fit, and no longer computes what was traced then ({shown}). "
                "Call fit again. Only the values of its variables may change between calls."
            )

    def flatten(self, X):
        """Flatten an array, or a list or dict of arrays, to the order of ``flat_specs``.

        Raises
        ------
        ValueError
            If ``X`` does not have the structure of the network's inputs.
        """
        if self.is_single:
            if isinstance(X, dict):
                raise ValueError(f"The network takes one array. Got a dict of {len(X)}.")
            return [X]
        names = self.input_names
        if isinstance(X, dict):
            if set(X) != set(names):
                raise ValueError(f"The network takes the inputs {sorted(names)}. Got {sorted(map(str, X))}.")
            arrays = [X[name] for name in names]
        elif isinstance(self.input_specs, dict) or not isinstance(X, (list, tuple)) or len(X) != len(names):
            got = f"{len(X)} arrays" if isinstance(X, (list, tuple)) else f"one {type(X).__name__}"
            form = "dict" if isinstance(self.input_specs, dict) else "list or dict"
            raise ValueError(f"The network takes a {form} of {len(names)} inputs ({', '.join(names)}). Got {got}.")
        else:
            arrays = list(X)
        for array, name in zip(arrays, names, strict=True):
            if isinstance(array, dict):
                raise ValueError(
                    f"The network takes one array for the input {name!r}. Got a dict. Pass a flat dict with the keys "
                    f"{', '.join(map(repr, names))}."
                )
        return arrays

    @property
    def input_names(self):
        """One name for each input, in the order of ``flat_specs``."""
        # Nested inputs have the names that the network gives them.
        if isinstance(self.input_specs, dict) and all(hasattr(spec, "shape") for spec in self.input_specs.values()):
            return sorted(self.input_specs)
        return [spec.name or f"input_{position}" for position, spec in enumerate(self.flat_specs)]

    def __getstate__(self):
        return {"callee": self.callee, "input_specs": self.input_specs}

    def __setstate__(self, state):
        self.__init__(**state)


def with_own_weights(network):
    """Return a network that reads copies of its floating-point weights, so that the copies can be changed.

    Parameters
    ----------
    network : Network
        The network. It does not change.

    Returns
    -------
    network : Network
        Network with the same graph that reads the copies.
    weights : dict of str to list of tf.Variable
        Copies by the layer that reads them first, from the network's output to its input. Without layers, copies by the
        scope at the start of the variable's name.

    Raises
    ------
    ValueError
        If the network has no floating-point weights.
    """
    network.check_unchanged()
    graph = copy(network.graph)
    graph.captures, weights, labels = dict(graph.captures), {}, {}
    for position, capture, layer, dtype in _readers(graph):
        handle = graph.captures[capture]
        copied = tf.Variable(tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype), trainable=False)
        graph.captures[capture] = copied.handle
        key = layer or _scope_of(network.graph, handle) or str(position)
        weights.setdefault(key, []).append(copied)
        labels.setdefault(key[-1] if isinstance(key, tuple) else key, []).append(key)
    if not weights:
        raise ValueError("The network has no variables of floating-point numbers to randomize.")
    # Use the names of layers without outer layers if these names are unique.
    names = {
        key: name if len(set(keys)) == 1 or isinstance(key, str) else "/".join(key)
        for name, keys in labels.items()
        for key in keys
    }
    # Keep the copies alive with the graph, because its captures are weak.
    graph.own_weights = {names[key]: variables for key, variables in reversed(weights.items())}
    return network.with_graph(graph), graph.own_weights


def _readers(graph):
    """Yield each captured floating-point variable with the position, layer and dtype of its first reader."""
    found = {}
    for position, op in enumerate(graph.ops):
        for value in op.inputs:
            if value.dtype == tf.resource and value in graph.captures and value not in found:
                dtype = _dtype_read(op, value)
                if dtype is not None and dtype.is_floating:
                    path = graph.calls[op.calls[-1]].path if op.calls else None
                    found[value] = position, value, path, dtype
    return found.values()


def _dtype_read(op, value):
    """Return the dtype of a variable that an op reads, perhaps in a loop."""
    if op.body is None:
        return op.attribute("dtype") if "dtype" in op.attributes else None
    inside = op.body.inputs[op.inputs.index(value)]
    readers = [each for each in op.body.ops if inside in each.inputs]
    return next((dtype for each in readers if (dtype := _dtype_read(each, inside)) is not None), None)


def _scope_of(graph, handle):
    variables = [variable for function in graph.concrete_functions for variable in function.variables]
    names = [variable.name for variable in variables if variable.handle is handle]
    return names[0].rpartition("/")[0] or names[0].partition(":")[0] if names else None
