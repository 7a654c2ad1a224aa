"""Replay of a traced graph, or of a part of it, inside another TensorFlow function."""

from functools import partial

import tensorflow as tf

from skdeeplift.network.compat import create_op
from skdeeplift.network.compiled import is_for_xla, refuse_xla
from skdeeplift.network.graph import Op
from skdeeplift.propagation.loop_steps import count_steps
from skdeeplift.propagation.pairing import difference_dtype, to_difference_dtype


def run(graph, values, wanted, overrides=None):
    """Create again the ops that compute ``wanted``.

    Parameters
    ----------
    graph : Graph
        The traced network, or a loop's body.
    values : dict of Value to tensor
        Tensors of known values: the graph's inputs, or values behind them. All computed values are added to the dict.
    wanted : iterable of Value
        Values to compute.
    overrides : Overrides, default=None
        Replacements of some ops, also inside loops.

    Returns
    -------
    tensors : list of tensor
        One tensor for each value of ``wanted``.
    """
    wanted = list(wanted)
    for value, tensor in graph.captures.items():
        values.setdefault(value, tensor)
    ancestors = graph.ancestors if overrides is None else partial(overrides.ancestors, graph)
    for op in ancestors(wanted, known=values):
        inputs = [values[value] for value in op.inputs]
        if not isinstance(op, Op):
            outputs = op.create(inputs)
        elif op.body is None:
            outputs = create(op, inputs)
        else:
            inner = [value for value in wanted if value in op.inner]
            _, outputs, of_steps = run_loop(op, inputs, inner, overrides)
            values.update(of_steps)
        for value, tensor in zip(op.outputs, outputs, strict=True):
            values.setdefault(value, tensor)
    return [values[value] for value in wanted]


def run_loop(op, inputs, wanted=(), overrides=None):
    """Create a loop again, without the inputs that are not needed.

    Parameters
    ----------
    op : Op
        The loop.
    inputs : list of tensor or None
        Inputs of the loop. An input that is not needed is None.
    wanted : iterable of Value, default=()
        Values of the loop body to keep from every step.
    overrides : Overrides, default=None
        Replacements of some ops of the loop body.

    Returns
    -------
    number : tensor
        Number of steps that the loop took.
    outputs : list of tensor or None
        Outputs of the loop; None if the input was None.
    stacked : dict of Value to tensor
        Values to keep, with the steps on a new first axis.
    """
    body, wanted = op.body, list(wanted)
    steps = count_steps(op, inputs) if is_for_xla() else None
    if wanted and steps is None:
        # XLA cannot grow an array, and would drop further steps silently.
        refuse_xla("a loop of which each step is kept takes a number of steps that is not known.")
    changing = [
        position
        for position, (before, after) in enumerate(zip(body.inputs, body.outputs, strict=True))
        if before is not after and inputs[position] is not None
    ]
    fixed = {value: tensor for value, tensor in zip(body.inputs, inputs, strict=True) if tensor is not None}

    def values_at(graph, state):
        values = dict(zip(graph.inputs, (fixed.get(value) for value in body.inputs), strict=True))
        values.update({graph.inputs[position]: tensor for position, tensor in zip(changing, state, strict=True)})
        return {value: tensor for value, tensor in values.items() if tensor is not None}

    def goes_on(number, state, arrays):
        return run(op.condition, values_at(op.condition, state), op.condition.outputs)[0]

    def one_step(number, state, arrays):
        values = values_at(body, state)
        after = run(body, values, [*(body.outputs[position] for position in changing), *wanted], overrides)
        arrays = [array.write(number, value) for array, value in zip(arrays, after[len(changing) :], strict=True)]
        return number + 1, after[: len(changing)], arrays

    state = [tf.convert_to_tensor(inputs[position]) for position in changing]
    arrays = [tf.TensorArray(value.dtype, steps or 0, dynamic_size=steps is None) for value in wanted]
    number = tf.constant(0)
    shapes = [
        tf.TensorShape([]),
        [body.inputs[position].shape for position in changing],
        [tf.TensorShape(None) for _ in arrays],
    ]
    number, state, arrays = tf.while_loop(
        goes_on, one_step, (number, state, arrays), shape_invariants=tuple(shapes), maximum_iterations=steps
    )
    if steps is not None:
        number = tf.constant(steps)
    outputs = [None if tensor is None else tensor for tensor in inputs]
    for position, tensor in zip(changing, state, strict=True):
        outputs[position] = tensor
    return number, outputs, {value: array.stack() for value, array in zip(wanted, arrays, strict=True)}


def create(op, inputs, of_differences=False):
    """Create an op again on other inputs, and return its outputs.

    With ``of_differences``, the inputs may have a wider dtype than the network's values. A list of tensors does not
    show its dtype, so the caller has to say so.
    """
    inputs = [tf.convert_to_tensor(tensor) for tensor in inputs]
    if op.type == "Shape" and inputs[0].shape.is_fully_defined():
        # The shape is known. An op that reads it would keep TensorFlow from fusing the op before it.
        return [tf.shape(inputs[0], op.outputs[0].dtype)]
    if op.compiled and op.facts.grouped:
        return [tf.function(lambda *tensors: _create(op, tensors)[0], jit_compile=True, autograph=False)(*inputs)]
    return _create(op, inputs, of_differences)


def _create(op, inputs, of_differences=False):
    graph = tf.compat.v1.get_default_graph()
    inputs, dtypes, attributes = list(inputs), [value.dtype for value in op.outputs], op.attributes
    differs = [tensor.dtype != value.dtype for tensor, value in zip(inputs, op.inputs, strict=True)]
    is_list = of_differences and "element_dtype" in attributes
    if is_list or any(differs):
        # Dtypes that become those of differences; others, such as those of axes, stay.
        changed = {name for name, differ in zip(op.input_types, differs, strict=True) if differ} - {""}
        changed |= {"element_dtype"} if is_list else set()
        inputs = [
            to_difference_dtype(tensor) if name in changed else tensor
            for name, tensor in zip(op.input_types, inputs, strict=True)
        ]
        dtypes = [
            difference_dtype(dtype) if name in changed else dtype
            for name, dtype in zip(op.output_types, dtypes, strict=True)
        ]
        attributes = {name: _to_difference(value) if name in changed else value for name, value in attributes.items()}
    return create_op(graph, op.type, inputs, dtypes, attrs=attributes, name=op.type).outputs


def _to_difference(attribute):
    """Return a dtype as an attribute of an op that runs on differences."""
    dtype = difference_dtype(tf.dtypes.as_dtype(attribute.type))
    return type(attribute)(type=dtype.as_datatype_enum)
