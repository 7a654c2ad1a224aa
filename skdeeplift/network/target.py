"""The scalar that is explained: which tensor of the network, and weights over its elements."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

from skdeeplift.network.graph import Value

# Last ops that only squash logits, and whether they make a distribution over classes of them.
SQUASHING = {"Softmax": True, "LogSoftmax": True, "Sigmoid": False}


class TargetTensor(NamedTuple):
    """The tensor whose elements can be targets."""

    value: Value
    # Whether the network ends in a softmax: its last axis holds competing classes.
    competing: bool

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
        (op.type == "Cast" and op.inputs[0].dtype.is_floating)
        or (single and op.type in ("Squeeze", "Reshape", "ExpandDims") and op.inputs[0].shape[1:].num_elements() == 1)
    ):
        op = graph.producer.get(op.inputs[0])
    if op is None or op.type not in SQUASHING:
        return TargetTensor(output, competing=False)
    return TargetTensor(op.inputs[0] if pre_activation else output, competing=SQUASHING[op.type])


def check_target(target, tensor):
    """Check a target that holds for all rows, and say how it is to be read.

    Parameters
    ----------
    target : {"auto", "predicted"}, int, tuple of int, or dict of these to float
        What the user asked for.
    tensor : TargetTensor
        What there is.

    Returns
    -------
    target : {"single", "predicted"} or dict of tuple to float

    Raises
    ------
    ValueError
        If the network has no such output, or the choice is the user's to make.
    """
    shape = tensor.shape
    single = int(np.prod(shape)) == 1
    if isinstance(target, str) and target in ("auto", "predicted"):
        if single:
            return "single"
        if len(shape) == 1 and (tensor.competing or target == "predicted"):
            return "predicted"
        outputs = f"{shape[0]} outputs" if len(shape) == 1 else f"outputs of shape {shape}"
        raise ValueError(
            f"target={target!r} can not choose among the network's {outputs}: they are not the classes of one softmax. "
            f"Pass target= {_choices(shape)}, or a dict of indices to weights."
        )
    if isinstance(target, dict) and target:
        for weight in target.values():
            if not isinstance(weight, Real):
                raise ValueError(
                    f"target= as a dict takes indices to weights, which are numbers. Got weight {weight!r}."
                )
        checked = {_check_index(index, shape): float(weight) for index, weight in target.items()}
        if len(checked) < len(target) or not np.isfinite(list(checked.values())).all():
            raise ValueError(f"target= as a dict takes each index once, and finite weights. Got {target!r}.")
        return checked
    if isinstance(target, (Integral, tuple)) and not isinstance(target, bool):
        return {_check_index(target, shape): 1.0}
    raise ValueError(
        f"target= takes 'auto', 'predicted', {_choices(shape)}, or a dict of indices to weights. Got {target!r}."
    )


def check_row_targets(target, tensor, n_rows):
    """Check an integer array of one target per row, and return it."""
    target = np.asarray(target)
    if len(tensor.shape) != 1:
        raise ValueError(
            f"One target per row needs a network with one axis of outputs; this one's outputs have shape "
            f"{tensor.shape}."
        )
    if target.shape != (n_rows,) or target.dtype.kind not in "iu":
        raise ValueError(
            f"One target per row is an integer array of shape ({n_rows},). Got shape {target.shape} of {target.dtype}."
        )
    for index in (target.min(), target.max()):
        _check_index(int(index), tensor.shape)
    return target


def target_weights(target, shape, at_input):
    """Weights over the target tensor's elements.

    Parameters
    ----------
    target : {"single", "predicted"}, dict of tuple to float, or ndarray of shape (n_rows,)
        As `check_target` or `check_row_targets` returns it.
    shape : tuple of int
        The target tensor's shape without the batch.
    at_input : ndarray of shape (n_rows, *shape)
        The target tensor at the rows.

    Returns
    -------
    weights : ndarray of shape (1 or n_rows, *shape)
    """
    if isinstance(target, dict):
        weights = np.zeros((1, *shape), at_input.dtype)
        for index, weight in target.items():
            weights[(0, *index)] += weight
        return weights
    if isinstance(target, str) and target == "single":
        return np.ones((1, *shape), at_input.dtype)
    classes = row_classes(target, at_input)
    weights = np.zeros((len(classes), *shape), at_input.dtype)
    weights[np.arange(len(classes)), classes] = 1
    return weights


def row_classes(target, at_input):
    """Index of each row's own target."""
    return at_input.argmax(1) if isinstance(target, str) else target


def _check_index(index, shape):
    index = tuple(index) if isinstance(index, tuple) else (index,)
    if len(index) != len(shape) or not all(isinstance(part, Integral) and not isinstance(part, bool) for part in index):
        raise ValueError(f"A target is {_choices(shape)}. Got {index[0] if len(index) == 1 else index!r}.")
    if not all(0 <= part < size for part, size in zip(index, shape, strict=True)):
        got = index[0] if len(index) == 1 else index
        raise ValueError(f"The target {got} is out of range: for this network it is {_choices(shape)}.")
    return tuple(int(part) for part in index)


def _choices(shape):
    if not shape:
        return "the empty tuple"
    if len(shape) == 1:
        return f"an integer from 0 to {shape[0] - 1}"
    return f"a tuple of {len(shape)} integers, each below {shape}"
