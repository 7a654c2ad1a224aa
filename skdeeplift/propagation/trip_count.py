"""How many steps a loop takes, where that is known before it runs: XLA needs to know."""

import tensorflow as tf

from skdeeplift.network import ops


def number_of_steps(op, inputs):
    """Count the steps of a loop that goes on while counters are below numbers that are known.

    Parameters
    ----------
    op : Op
        The loop.
    inputs : list of tensor or None
        Its inputs.

    Returns
    -------
    number : int or None
        None where it is not known.
    """
    [goes_on] = op.condition.outputs
    limits = [_steps_until(op, inputs, each) for each in _conjunction(op.condition, goes_on)]
    return None if None in limits else max(0, min(limits))


def counts_up(op, inputs, position):
    """Whether one is added to an input of a loop in each of its steps, and nothing else happens to it."""
    step = _producer(op.body, op.body.outputs[position])
    if step is None or step.type not in ops.types_ruled_by("add"):
        return False
    by = [each for each in step.inputs if each is not op.body.inputs[position]]
    return len(by) == 1 and _constant(op, op.body, by[0], inputs) == 1


def _conjunction(graph, value):
    """The values that must all be true for a value to be."""
    producer = _producer(graph, value)
    if producer is None or producer.type != "LogicalAnd":
        return [value]
    return [each for operand in producer.inputs for each in _conjunction(graph, operand)]


def _steps_until(op, inputs, value):
    """In how many steps a comparison of a counter with a number is no longer true."""
    comparison = _producer(op.condition, value)
    if comparison is None or comparison.type != "Less":
        return None
    counter, bound = comparison.inputs
    if counter not in op.condition.inputs:
        return None
    position = op.condition.inputs.index(counter)
    if not counts_up(op, inputs, position):
        return None
    first, last = _static(inputs[position]), _constant(op, op.condition, bound, inputs)
    return None if first is None or last is None else int(last) - int(first)


def _producer(graph, value):
    return next((op for op in graph.ops if value in op.outputs), None)


def _constant(op, graph, value, inputs):
    """The number that a value is in all steps, or None."""
    if value in graph.inputs:
        position = graph.inputs.index(value)
        is_kept = op.body.inputs[position] is op.body.outputs[position]
        return _static(inputs[position]) if is_kept else None
    producer = _producer(graph, value)
    if producer is None or producer.type != "Const":
        return None
    number = tf.make_ndarray(producer.attribute("value"))
    return number.item() if number.ndim == 0 else None


def _static(tensor):
    """The number that a scalar is known to hold when it is traced, or None."""
    if tensor is None or not tensor.dtype.is_integer or tensor.shape.rank != 0:
        return None
    number = tf.get_static_value(tensor)
    # TensorFlow works out the sizes of a shape of which others are unknown, such as the batch, only for shapes.
    return tf.zeros(tensor[None], tf.bool).shape[0] if number is None else number.item()
