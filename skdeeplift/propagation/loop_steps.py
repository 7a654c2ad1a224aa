"""Steps of loops: their number, and values of all steps at once."""

import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.propagation.pairing import Mode
from skdeeplift.propagation.stream_values import StreamValues


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
    if step is None or step.type not in ops.types_ruled_by("add"):
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


class AllSteps:
    """Values of all steps of a loop, with axes that broadcast over all pairs.

    Parameters
    ----------
    around : StreamValues
        Values of the graph around the loop.
    values : list of Value
        The values inside of the loop that are known for all steps.
    """

    def __init__(self, around, values):
        self.pairing, self._graph = around.pairing, tf.compat.v1.get_default_graph()
        rows, references = (self.pairing.rows, 1), self.pairing.reference_lead()
        both = self.pairing.rows, self.pairing.references
        self.streams = StreamValues(
            # The pairing need not broadcast, since the axes do.
            around.settings._replace(pairing=self.pairing._replace(mode=Mode.PAIR_SIZE, targets=1)),
            {value: self._add_axes(around.at_input[value], rows) for value in values},
            {value: self._add_axes(around.at_reference[value], references) for value in values},
            {value: self._add_axes(around.spreads[value], both) for value in values if value in around.spreads},
        )

    def at_step(self, number, function):
        """Compute tensors for all steps, outside of the loop, and take the entries of one step.

        Parameters
        ----------
        number : tensor
            Number of the step.
        function : callable
            Takes the `StreamValues` of all steps, and returns tensors with the axis of steps in front.

        Returns
        -------
        tensors : list of tensor
            Tensors with one entry for each pair, as ``at_pairs`` of `Pairing.combine`.
        """
        with self._graph.as_default():
            of_all = [self._flatten_pairs(tensor) for tensor in function(self.streams)]
        return [tensor[number] for tensor in of_all]

    def _add_axes(self, tensor, lead):
        if self.pairing.mode is Mode.PAIR_SIZE:
            return tensor
        return tf.reshape(tensor, (-1, *lead, tensor.shape[1] // (lead[0] * lead[1]), *tensor.shape[2:]))

    def _flatten_pairs(self, tensor):
        if self.pairing.mode is Mode.PAIR_SIZE:
            return tensor
        steps, *_, fold = tensor.shape[:4]
        rest = tensor.shape[4:]
        if self.pairing.pairs != tensor.shape[1] * tensor.shape[2]:
            lead = tf.shape(tensor)[0] if steps is None else steps, self.pairing.rows, self.pairing.references
            tensor = tf.broadcast_to(tensor, (*lead, fold, *rest))
        return tf.reshape(tensor, (-1, self.pairing.pairs * fold, *rest))
