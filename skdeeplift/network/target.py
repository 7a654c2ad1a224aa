"""The scalars that are explained: which tensor of the network, and weights over its elements."""

import math
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.graph import Value
from skdeeplift.network.labels import NAMES, as_indices

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
        _check_classes(tensor.shape)

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


class Target(NamedTuple):
    """What is explained of the target tensor.

    ``choice`` is "single", "predicted", "all", a dict of indices to weights, or an integer array of one index per row.
    """

    choice: Any
    # Whether the mean over classes, on the last axis, is subtracted.
    centered: bool = False
    # Whether the only output is the logit of the second of two classes, and its negative that of the first.
    of_two: bool = False

    @property
    def is_single(self):
        """Whether it is the network's only output."""
        return isinstance(self.choice, str) and self.choice == "single"

    @property
    def is_all(self):
        """Whether every element of the target tensor is a target."""
        return isinstance(self.choice, str) and self.choice == "all"

    def number(self, shape):
        """How many targets there are for each row."""
        return math.prod(shape) if self.is_all else 1

    def classes(self, at_input):
        """Each row's own target where rows have different ones, else None."""
        if isinstance(self.choice, np.ndarray):
            return self.choice
        return at_input.argmax(1) if self.depends_on_output else None

    @property
    def depends_on_output(self):
        """Whether what is explained of a row is known only with the network's output for it."""
        return isinstance(self.choice, str) and self.choice == "predicted"

    def of_rows(self, rows, number=None):
        """Those of some rows, where each has its own; with the last repeated until there are ``number``."""
        if not isinstance(self.choice, np.ndarray):
            return self
        chosen = self.choice[rows]
        missing = 0 if number is None else number - len(chosen)
        return self._replace(choice=np.pad(chosen, (0, missing), mode="edge"))

    def weights(self, at_input):
        """Weights over the target tensor's elements.

        Parameters
        ----------
        at_input : ndarray of shape (n_rows, *shape)
            The target tensor at the rows; only its shape and dtype are read unless the target depends on the output.

        Returns
        -------
        weights : ndarray of shape (1 or n_rows, n_targets, *shape)
        """
        shape, dtype = at_input.shape[1:], at_input.dtype
        classes = self.classes(at_input)
        if self.is_all:
            weights = np.eye(math.prod(shape), dtype=dtype).reshape(1, -1, *shape)
        elif classes is not None:
            weights = np.zeros((len(classes), 1, *shape), dtype)
            if self.of_two:
                weights[:, 0] = (2 * classes - 1).reshape(-1, *[1] * len(shape))
            else:
                weights[np.arange(len(classes)), 0, classes] = 1
        elif isinstance(self.choice, dict):
            weights = np.zeros((1, 1, *shape), dtype)
            for index, weight in self.choice.items():
                weights[(0, 0, *index)] += weight
        else:
            weights = np.ones((1, 1, *shape), dtype)
        return weights - weights.mean(-1, keepdims=True) if self.centered else weights


def check_depends(graph, value):
    """Refuse to explain a value that depends on the network's input through no function that has differences."""
    if not graph.carries_difference(value):
        raise UnsupportedOpError(
            f"The target {value.name!r} does not depend on the network's input through any function that has "
            "differences (an argmax, a comparison or an integer in between cuts it off)."
        )


def one_hot_of_predicted(output, centered):
    """As `Target.weights` of each row's predicted class, of and as a tensor."""
    number = output.shape[1]
    weights = tf.one_hot(tf.argmax(output, 1), number, dtype=output.dtype)
    return (weights - 1 / number if centered else weights)[:, None]


def check_target(target, tensor, *, n_rows=None, centered=False, labels=None):
    """Check what the user wants explained, and say how it is to be read.

    Parameters
    ----------
    target : {"auto", "predicted", "all"}, int, tuple of int, dict of these to float, or array-like
        What the user asked for: an array of floats has a weight for each element of the target tensor, one of integers
        an index for each row.
    tensor : TargetTensor
        What there is.
    n_rows : int, default=None
        How many rows have targets of their own, where they may.
    centered : bool, default=False
        Whether the mean over classes is subtracted.
    labels : ndarray, default=None
        Labels of the classes, by which they are named instead of by indices; two for a single logit.

    Returns
    -------
    target : Target

    Raises
    ------
    ValueError
        If the network has no such output, or the choice is the user's to make.
    """
    shape = tensor.shape
    if centered:
        _check_classes(shape)
    if labels is not None:
        target = as_indices(target, labels)
        if math.prod(shape) == 1 and not (isinstance(target, str) and target in NAMES):
            return _target_of_two(target, shape, n_rows)
    return Target(_choice(target, shape, tensor.competing, n_rows), centered)


def _target_of_two(target, shape, n_rows):
    """One of two classes, of which the network's only output is the logit of the second."""
    choice = _choice(target, (2,), False, n_rows)
    if isinstance(choice, np.ndarray):
        return Target(choice, of_two=True)
    return Target({(0,) * len(shape): sum((2 * index - 1) * weight for (index,), weight in choice.items())})


def _check_classes(shape):
    if not shape or shape[-1] < 2:
        raise ValueError(
            "center_logits=True subtracts the mean over classes, and the network's output has no axis of several "
            f"classes: its shape is {shape}. Pass center_logits=False."
        )


def _choice(target, shape, competing, n_rows):
    if isinstance(target, str) and target in ("auto", "predicted"):
        if math.prod(shape) == 1:
            return "single"
        if len(shape) == 1 and (competing or target == "predicted"):
            return "predicted"
        outputs = f"{shape[0]} outputs" if len(shape) == 1 else f"outputs of shape {shape}"
        raise ValueError(
            f"target={target!r} can not choose among the network's {outputs}: they are not the classes of one softmax. "
            f"Pass target= {_choices(shape)}, a dict of indices to weights, or 'all'."
        )
    if isinstance(target, str) and target == "all":
        return "all"
    if isinstance(target, dict) and target:
        return _check_weights(target, shape)
    if isinstance(target, (Integral, tuple)) and not isinstance(target, bool):
        return {_check_index(target, shape): 1.0}
    if isinstance(target, (np.ndarray, list)) or hasattr(target, "to_numpy"):
        try:
            array = np.asarray(target)
        except ValueError as error:
            raise ValueError(f"target= as an array has rows of one length. Got {target!r}.") from error
        if array.dtype.kind == "f":
            return _check_array_of_weights(array, shape)
        return _check_row_targets(array, shape, n_rows)
    raise ValueError(
        f"target= takes 'auto', 'predicted', 'all', {_choices(shape)}, a dict of indices to weights, or a callable. "
        f"Got {target!r}."
    )


def _check_weights(target, shape):
    for weight in target.values():
        if not isinstance(weight, Real):
            raise ValueError(f"target= as a dict takes indices to weights, which are numbers. Got weight {weight!r}.")
    checked = {_check_index(index, shape): float(weight) for index, weight in target.items()}
    if len(checked) < len(target) or not np.isfinite(list(checked.values())).all():
        raise ValueError(f"target= as a dict takes each index once, and finite weights. Got {target!r}.")
    return checked


def _check_array_of_weights(weights, shape):
    if weights.shape != shape or not np.isfinite(weights).all():
        raise ValueError(
            f"target= as an array of floats has one finite weight for each of the network's outputs, in shape {shape}. "
            f"Got shape {weights.shape}. Indices, one for each row, are integers."
        )
    return {index: float(weight) for index, weight in np.ndenumerate(weights) if weight} or {(0,) * len(shape): 0.0}


def _check_row_targets(target, shape, n_rows):
    if n_rows is None:
        raise ValueError(
            "target= takes one index for each row only in explain(X, target=...), where the rows are. Pass "
            f"{_choices(shape)}, or an array of floats as weights."
        )
    if len(shape) != 1:
        raise ValueError(
            f"One target per row needs a network with one axis of outputs; this one's outputs have shape {shape}."
        )
    if target.shape != (n_rows,) or target.dtype.kind not in "iu":
        raise ValueError(
            f"One target per row is an integer array of shape ({n_rows},). Got shape {target.shape} of {target.dtype}."
        )
    for index in (target.min(), target.max()):
        _check_index(int(index), shape)
    return target


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
