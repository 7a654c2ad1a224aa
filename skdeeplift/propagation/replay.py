"""Replay of a traced graph, or of a part of it such as a loop or an activation, inside another TensorFlow function."""

import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.compat import create_op
from skdeeplift.network.compiled import is_for_xla, refuse_xla
from skdeeplift.network.graph import Op
from skdeeplift.propagation.pairing import difference_dtype, to_difference_dtype


def run(graph, values, wanted, overrides=None):
    """Create again the ops that compute ``wanted``.

    Parameters
    ----------
    graph : Graph
        The traced network, or a loop's body.
    values : dict of Value to tensor
        Tensors of known values: the graph's inputs, or values behind them. All computed values are added to the dict.
    wanted : list of Value
        Values to compute.
    overrides : callable, default=None
        Takes a graph and one of its ops, and returns the op or a replacement of it; also inside loops.

    Returns
    -------
    tensors : list of tensor
        One tensor for each value of ``wanted``.
    """
    for value, tensor in graph.captures.items():
        values.setdefault(value, tensor)
    for op in graph.ancestors(wanted, values, overrides):
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
    wanted : list of Value, default=()
        Values of the loop body to keep from every step.
    overrides : callable, default=None
        Replacements of some ops of the loop body, as `run` takes them.

    Returns
    -------
    number : tensor
        Number of steps that the loop took.
    outputs : list of tensor or None
        Outputs of the loop; None if the input was None.
    stacked : dict of Value to tensor
        Values to keep, with the steps on a new first axis.
    """
    body = op.body
    steps = count_steps(op, inputs) if is_for_xla() else None
    if wanted and steps is None:
        # XLA cannot grow an array, and would drop further steps silently.
        refuse_xla("XLA needs the number of iterations of a loop, and it is not known.")
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
    start = tf.constant(0), state, arrays
    of_state, of_arrays = [body.inputs[position].shape for position in changing], [tf.TensorShape(None)] * len(arrays)
    shapes = tf.TensorShape([]), of_state, of_arrays
    number, state, arrays = tf.while_loop(goes_on, one_step, start, shape_invariants=shapes, maximum_iterations=steps)
    if steps is not None:
        number = tf.constant(steps)
    outputs = list(inputs)
    for position, tensor in zip(changing, state, strict=True):
        outputs[position] = tensor
    return number, outputs, {value: array.stack() for value, array in zip(wanted, arrays, strict=True)}


def count_steps(op, inputs):
    """Count the steps of a loop that runs while counters are below known numbers.

    Parameters
    ----------
    op : Op
        The loop.
    inputs : list of tensor or None
        Tensors of the loop's inputs.

    Returns
    -------
    number : int or None
        None if the number is not known.
    """
    [goes_on] = op.condition.outputs
    limits = [_count_until(op, inputs, each) for each in _split_conjunction(op.condition, goes_on)]
    return None if None in limits else max(0, min(limits))


def is_counter(op, inputs, position):
    """Return whether an input of a loop only grows by one in each step."""
    step = op.body.producer.get(op.body.outputs[position])
    if step is None or step.type not in ops.types_ruled_by("add"):
        return False
    by = [each for each in step.inputs if each is not op.body.inputs[position]]
    return len(by) == 1 and _constant_number(op, op.body, by[0], inputs) == 1


def _split_conjunction(graph, value):
    """Split a conjunction into its operands."""
    producer = graph.producer.get(value)
    if producer is None or producer.type != "LogicalAnd":
        return [value]
    return [each for operand in producer.inputs for each in _split_conjunction(graph, operand)]


def _count_until(op, inputs, value):
    """Count the steps until a comparison of a counter with a number is false."""
    comparison = op.condition.producer.get(value)
    if comparison is None or comparison.type != "Less":
        return None
    counter, bound = comparison.inputs
    if counter not in op.condition.inputs:
        return None
    position = op.condition.inputs.index(counter)
    if not is_counter(op, inputs, position):
        return None
    first, last = _static_number(inputs[position]), _constant_number(op, op.condition, bound, inputs)
    return None if first is None or last is None else int(last) - int(first)


def _constant_number(op, graph, value, inputs):
    """Return the number that a value is in all steps, or None."""
    if value in graph.inputs:
        position = graph.inputs.index(value)
        is_kept = op.body.inputs[position] is op.body.outputs[position]
        return _static_number(inputs[position]) if is_kept else None
    producer = graph.producer.get(value)
    if producer is None or producer.type != "Const":
        return None
    number = tf.make_ndarray(producer.attribute("value"))
    return number.item() if number.ndim == 0 else None


def _static_number(tensor):
    """Return the number that a scalar is known to be when it is traced, or None."""
    if tensor is None or not tensor.dtype.is_integer or tensor.shape.rank != 0:
        return None
    number = tf.get_static_value(tensor)
    # If a shape has unknown sizes, such as the batch, TensorFlow infers the known ones only where a shape is expected.
    return tf.zeros(tensor[None], tf.bool).shape[0] if number is None else number.item()


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
    inputs, dtypes, attributes = list(inputs), [value.dtype for value in op.outputs], op.attributes
    differs = [tensor.dtype != value.dtype for tensor, value in zip(inputs, op.inputs, strict=True)]
    is_list = of_differences and "element_dtype" in attributes
    if is_list or any(differs):
        # Dtypes that become those of differences; others, such as those of axes, stay.
        changed = {name for name, differ in zip(op.input_types, differs, strict=True) if differ} - {""}
        changed |= {"element_dtype"} if is_list else set()
        # The factors and the result of a product of whole numbers may have a dtype each.
        changed |= {*op.input_types, *op.output_types} - {""} if op.facts.weighted else set()
        inputs = [
            to_difference_dtype(tensor) if name in changed else tensor
            for name, tensor in zip(op.input_types, inputs, strict=True)
        ]
        dtypes = [
            difference_dtype(dtype) if name in changed else dtype
            for name, dtype in zip(op.output_types, dtypes, strict=True)
        ]
        attributes = {name: _to_difference(value) if name in changed else value for name, value in attributes.items()}
    graph = tf.compat.v1.get_default_graph()
    return create_op(graph, op.type, inputs, dtypes, attrs=attributes, name=op.type).outputs


def _to_difference(attribute):
    """Return a dtype as an attribute of an op that runs on differences."""
    dtype = difference_dtype(tf.dtypes.as_dtype(attribute.type))
    return type(attribute)(type=dtype.as_datatype_enum)


def run_activation(activation, root, operands):
    """Create the ops of an activation again.

    Parameters
    ----------
    activation : Activation
        The function.
    root : tensor
        Values at which to evaluate the function.
    operands : sequence of tensor
        Tensors for ``activation.operands``, in their order.

    Returns
    -------
    output : tensor
        Values of the function.
    """
    values = {**dict(zip(activation.operands, operands, strict=True)), activation.root: root}
    for op in activation.ops:
        values.update(zip(op.outputs, create(op, [values[value] for value in op.inputs]), strict=True))
    return values[activation.output]
