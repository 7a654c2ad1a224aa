"""The tensor whose elements can be targets: an output, the logits under it, or a user's function of it."""

from typing import NamedTuple

import tensorflow as tf

from skdeeplift.network.graph import Value
from skdeeplift.targets.target import check_classes

# Last ops that only squash logits, and whether they make a distribution over classes of them.
SQUASHING = {"Softmax": True, "LogSoftmax": True, "Sigmoid": False}


class TargetTensor(NamedTuple):
    """The tensor whose elements can be targets."""

    value: Value
    # Whether the network ends in a softmax: its last axis holds competing classes.
    competing: bool
    # From where on a single output speaks for the second of two classes.
    threshold: float = 0.0

    def classes(self, values):
        """The class that each row's values speak for: of the largest, or whether a single one is above threshold."""
        values = values.reshape(len(values), -1)
        return values.argmax(1) if values.shape[1] > 1 else (values[:, 0] > self.threshold).astype(int)

    @property
    def shape(self):
        """Shape without the batch."""
        return tuple(self.value.shape[1:])


def find_target_tensor(graph, output, pre_activation):
    """Find the tensor to explain: an output, or the logits under its final softmax or sigmoid.

    Parameters
    ----------
    graph : Graph
        The traced network.
    output : Value
        The network's output.
    pre_activation : bool
        Whether to look through a final softmax or sigmoid (Shrikumar et al. 2017, section 3.6).

    Returns
    -------
    target : TargetTensor
    """
    if not output.shape.rank or not output.shape[1:].is_fully_defined():
        raise ValueError(
            f"The network's output has shape {output.shape}. Expected one entry for each row, and known axes after it."
        )
    op = graph.producer.get(output)
    single = output.shape[1:].num_elements() == 1
    while op is not None and (
        (op.type in ("Cast", "Identity") and op.inputs[0].dtype.is_floating)
        or (single and op.type in ("Squeeze", "Reshape", "ExpandDims") and op.inputs[0].shape[1:].num_elements() == 1)
    ):
        op = graph.producer.get(op.inputs[0])
    if op is None or op.type not in SQUASHING:
        return TargetTensor(output, competing=False)
    threshold = 0.5 if op.type == "Sigmoid" and not pre_activation else 0.0
    return TargetTensor(op.inputs[0] if pre_activation else output, SQUASHING[op.type], threshold)


def follow(graph, tensor, function, centered=False):
    """Let a network go on with a user's function of its target tensor.

    Parameters
    ----------
    graph : Graph
        The traced network.
    tensor : TargetTensor
        What the function takes.
    function : callable
        Returns one number for each row: a tensor of shape ``(n_rows,)`` or ``(n_rows, 1)``.
    centered : bool, default=False
        Whether the mean over classes is subtracted from what the function gets.

    Returns
    -------
    graph : Graph
        With the function's ops in it.
    target : TargetTensor
        The function's result.

    Raises
    ------
    ValueError
        If the function does not return one number for each row.
    """
    given = tensor.value
    if centered:
        check_classes(tensor.shape)

    def follows(output):
        return function(output - tf.reduce_mean(output, -1, keepdims=True) if centered else output)

    try:
        concrete = tf.function(follows, autograph=False).get_concrete_function(tf.TensorSpec(given.shape, given.dtype))
    except Exception as error:
        raise ValueError(
            f"target= as a callable takes the network's output as a tensor of TensorFlow, of shape {given.shape}, and "
            f"is made of TensorFlow's functions. It failed with: {error}"
        ) from error
    result = concrete.structured_outputs
    shape = result.shape if isinstance(result, tf.Tensor) else None
    of_rows = shape is not None and shape.rank and (given.shape[0] is not None or shape[0] is None)
    if not of_rows or shape[1:].num_elements() != 1 or not result.dtype.is_floating:
        got = f"a tensor of shape {shape} and {result.dtype}" if shape is not None else type(result).__name__
        raise ValueError(
            f"target= as a callable takes the network's output, of shape {given.shape}, and returns one "
            f"floating-point number for each row. Got {got}. To explain several outputs pass target='all'."
        )
    graph = graph.followed_by(concrete.graph, given)
    graph.concrete_functions = [*graph.concrete_functions, concrete]
    return graph, TargetTensor(graph.outputs[0], competing=False)
