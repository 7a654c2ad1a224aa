"""Trip counts of loops that are known before the loop runs, as XLA needs them."""

import tensorflow as tf


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
    """Tell whether an input of a loop only grows by one in each step."""
    step = _find_producer(op.body, op.body.outputs[position])
    if step is None or step.type not in ("Add", "AddV2"):
        return False
    by = [each for each in step.inputs if each is not op.body.inputs[position]]
    return len(by) == 1 and _constant_number(op, op.body, by[0], inputs) == 1


def _split_conjunction(graph, value):
    """Split a conjunction into its operands."""
    producer = _find_producer(graph, value)
    if producer is None or producer.type != "LogicalAnd":
        return [value]
    return [each for operand in producer.inputs for each in _split_conjunction(graph, operand)]


def _count_until(op, inputs, value):
    """Count the steps until a comparison of a counter with a number is false."""
    comparison = _find_producer(op.condition, value)
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


def _find_producer(graph, value):
    return next((op for op in graph.ops if value in op.outputs), None)


def _constant_number(op, graph, value, inputs):
    """Return the number that a value is in all steps, or None."""
    if value in graph.inputs:
        position = graph.inputs.index(value)
        is_kept = op.body.inputs[position] is op.body.outputs[position]
        return _static_number(inputs[position]) if is_kept else None
    producer = _find_producer(graph, value)
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
