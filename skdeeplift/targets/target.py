"""Targets: weights over the elements of the network's output, checked against its shape."""

import math
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from skdeeplift.targets.labels import NAMES, as_indices


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
        check_classes(shape)
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


def check_classes(shape):
    """Raise an error if the output has no axis of several classes, over which a mean could be subtracted."""
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
