"""Targets: weights over the elements of the network's output, selected by index or by the label of a class."""

import math
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from skdeeplift.dtypes import kind_of
from skdeeplift.targets.profile import is_profile
from skdeeplift.targets.profile_weights import HeldWeights, check_profile
from skdeeplift.targets.row_targets import has_entry_per_row, holds_weights

NAMES = ("auto", "predicted", "all", "profile")


def as_indices(target, labels):
    """Replace the labels in a target by indices into the output.

    Parameters
    ----------
    target : object
        A label, a dict of labels to weights, an array of one label for each row, or a target without labels. Integers
        are indices unless the labels are integers.
    labels : ndarray of shape (n_classes,)
        Labels in the order of the outputs.

    Returns
    -------
    target : object
        The target with labels replaced by indices.

    Raises
    ------
    ValueError
        If a label does not exist.
    """
    if isinstance(target, dict):
        return {_index(key, labels): weight for key, weight in target.items()}
    if callable(target) or isinstance(target, tuple) or (isinstance(target, str) and target in NAMES):
        return target
    if np.ndim(target) == 0:
        return _index(target, labels)
    array = np.asarray(target)
    holds_indices = kind_of(array.dtype) in "iu" and kind_of(labels.dtype) not in "iuf"
    if array.ndim > 1 or holds_indices or holds_weights(array, labels) or _holds_tuples(array):
        return target
    order = np.argsort(labels)
    indices = order[np.searchsorted(labels, array, sorter=order).clip(max=len(labels) - 1)]
    for label in array[labels[indices] != array][:1]:
        _index(label, labels)
    return indices


def _holds_tuples(array):
    return (
        array.dtype == object and array.ndim == 1 and len(array) > 0 and all(isinstance(each, tuple) for each in array)
    )


def _index(label, labels):
    if isinstance(label, tuple):
        return label
    found = np.flatnonzero(labels == label)
    if len(found) == 1:
        return int(found[0])
    if isinstance(label, (int, np.integer)) and kind_of(labels.dtype) not in "iuf":
        return label
    raise ValueError(f"target= names the class {label!r}, which is none of {labels.tolist()}.")


@dataclass(frozen=True)
class Target:
    """Weights over the elements of the target tensor: one set for all rows, or one set for each row.

    Parameters
    ----------
    choice : {"single", "predicted", "all"}, dict of tuple to float, HeldWeights or ndarray
        ``"single"`` is the only output, ``"predicted"`` the largest output of each row, and ``"all"`` every output. A
        dict holds the weights of a sum of outputs. `HeldWeights` are computed from the outputs and then constant. An
        array has an entry for each row: integers of shape (n_rows,) are indices, integers of shape (n_rows, n_axes)
        are indices into several axes, and floats of shape (n_rows, *shape) are weights.
    centered : bool, default=False
        Whether to subtract the mean over classes, on the last axis.
    of_two : bool, default=False
        Whether the only output is the logit of the second of two classes. Minus the output is then the logit of the
        first class.

    Attributes
    ----------
    is_single, is_all, is_predicted : bool
        Whether ``choice`` is the network's only output, every output, or each row's largest output.
    depends_on_output : bool
        Whether the weights are unknown until the network has run.
    is_pairwise : bool
        Whether each pair of a row and a reference has its own weights.
    """

    choice: Any
    centered: bool = False
    of_two: bool = False
    # Plain attributes instead of properties, because every chunk reads them several times.
    is_single: bool = field(init=False, compare=False)
    is_all: bool = field(init=False, compare=False)
    is_predicted: bool = field(init=False, compare=False)
    depends_on_output: bool = field(init=False, compare=False)
    is_pairwise: bool = field(init=False, compare=False)

    def __post_init__(self):
        name = self.choice if isinstance(self.choice, str) else None
        object.__setattr__(self, "is_single", name == "single")
        object.__setattr__(self, "is_all", name == "all")
        object.__setattr__(self, "is_predicted", name == "predicted")
        is_held = isinstance(self.choice, HeldWeights)
        object.__setattr__(self, "depends_on_output", self.is_predicted or is_held)
        object.__setattr__(self, "is_pairwise", is_held and self.choice.is_pairwise)

    def number(self, shape):
        """Return the number of targets of each row."""
        return math.prod(shape) if self.is_all else 1

    def classes(self, at_input):
        """Return the class of each row if rows have different classes, else None."""
        if isinstance(self.choice, np.ndarray):
            return self.choice if self.choice.ndim == 1 and kind_of(self.choice.dtype) != "f" else None
        return at_input.argmax(1) if self.is_predicted else None

    def on_both_strands(self):
        """Return the mean of the target over both strands, for outputs with an axis of strands after the rows."""
        return replace(self, choice=replace(self.choice, scale=0.5))

    def take(self, rows, padded_to=None):
        """Return the targets of some rows, with the last target repeated up to ``padded_to`` rows."""
        if not isinstance(self.choice, np.ndarray):
            return self
        chosen = self.choice[rows]
        missing = 0 if padded_to is None else padded_to - len(chosen)
        widths = [(0, missing), *[(0, 0)] * (chosen.ndim - 1)]
        return replace(self, choice=np.pad(chosen, widths, mode="edge"))

    def weights_at(self, output, at_reference=None):
        """Compute the weights of a target that depends on the output, within a compiled function.

        Parameters
        ----------
        output : tensor of shape (rows, *shape)
            The target tensor at the rows.
        at_reference : tensor of shape (rows or 1, references, *shape), default=None
            The target tensor at the references, if the explainer has references.

        Returns
        -------
        weights : tensor of shape (rows, 1, *shape) or (rows, references, 1, *shape)
        """
        if self.is_predicted:
            # Import here, because plots read names of targets without TensorFlow.
            from skdeeplift.propagation.pairing import weights_of_predicted

            return weights_of_predicted(output, self.centered)
        return self.choice.for_pairs(output, at_reference)

    def weights(self, at_input, at_reference=None):
        """Return weights over the target tensor's elements.

        Parameters
        ----------
        at_input : ndarray of shape (n_rows, *shape)
            The target tensor at the rows. Its values are read only if the target depends on the output.
        at_reference : ndarray of shape (n_rows or 1, n_references, *shape), default=None
            The target tensor at the references. Only read if each pair has its own weights.

        Returns
        -------
        weights : ndarray of shape (1 or n_rows, n_targets, *shape), or (n_rows, n_references, n_targets, *shape)
        """
        if isinstance(self.choice, HeldWeights):
            return self.choice.for_pairs(at_input, at_reference).numpy()
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
        elif isinstance(self.choice, np.ndarray) and kind_of(self.choice.dtype) == "f":
            weights = self.choice[:, None].astype(dtype)
        elif isinstance(self.choice, np.ndarray):
            weights = np.zeros((len(self.choice), 1, *shape), dtype)
            weights[(np.arange(len(self.choice)), 0, *self.choice.T)] = 1
        elif isinstance(self.choice, dict):
            weights = np.zeros((1, 1, *shape), dtype)
            for index, weight in self.choice.items():
                weights[(0, 0, *index)] += weight
        else:
            weights = np.ones((1, 1, *shape), dtype)
        return weights - weights.mean(-1, keepdims=True) if self.centered else weights


def check_target(target, tensor, *, n_rows=None, centered=False, labels=None):
    """Check a user's target against the network's outputs.

    Parameters
    ----------
    target : {"auto", "predicted", "all", "profile"}, Profile, int, tuple of int, dict of index to float, or array-like
        The user's choice. An array of floats has a weight for each element of the target tensor. A first axis of rows
        gives each row its own weights. An array of integers has an index, or a tuple of indices, for each row.
    tensor : TargetTensor
        The elements to choose from.
    n_rows : int, default=None
        Number of rows, if each row may have its own target.
    centered : bool, default=False
        Whether to subtract the mean over classes.
    labels : ndarray, default=None
        Labels of the classes, which replace indices. A single logit has two labels.

    Returns
    -------
    target : Target

    Raises
    ------
    ValueError
        If the network does not have the output, or the user must choose an output.
    """
    shape = tensor.shape
    if is_profile(target):
        return Target(check_profile(target, shape, tensor.competing, centered))
    if centered:
        check_classes(tensor)
    if n_rows is not None:
        # Called for its error about a list with two possible meanings.
        has_entry_per_row(target, labels, shape)
    if labels is not None:
        target = as_indices(target, labels)
        if math.prod(shape) == 1 and len(labels) == 2 and not (isinstance(target, str) and target in NAMES):
            if not tensor.is_ordered:
                raise ValueError(
                    "Labels of two classes need a single logit, and this network's output is one class of a softmax of "
                    'several. Pass target="auto", or a network that returns all classes.'
                )
            return _target_of_two(target, shape, n_rows)
    return Target(_choice(target, tensor, shape, n_rows), centered)


def _target_of_two(target, shape, n_rows):
    """Return the target of one of two classes of a network whose only output is the logit of the second class."""
    choice = _choice(target, None, (2,), n_rows)
    if isinstance(choice, np.ndarray):
        if kind_of(choice.dtype) == "f":
            return Target((choice[:, 1] - choice[:, 0]).reshape(-1, *shape))
        return Target(choice, of_two=True)
    return Target({(0,) * len(shape): sum((2 * index - 1) * weight for (index,), weight in choice.items())})


def check_classes(tensor):
    """Raise an error if the output has no axis of several classes to subtract a mean over."""
    shape = tensor.shape
    if not shape or shape[-1] < 2:
        raise ValueError(
            "center_logits=True subtracts the mean over classes, and the network's output has no axis of several "
            f"classes: its shape is {shape}. Pass center_logits=False."
        )
    if tensor.mixes_classes:
        raise ValueError(
            "center_logits=True subtracts the mean over the last axis, which does not hold the classes of one softmax: "
            f"the network moves its probabilities into the shape {shape}. Pass center_logits=False, and a dict such as "
            "{class: 1, other_class: -1} for a difference of classes."
        )


def _choice(target, tensor, shape, n_rows):
    if isinstance(target, str) and target in ("auto", "predicted"):
        if math.prod(shape) == 1:
            return "single"
        if len(shape) == 1 and target == "predicted" and not tensor.is_ordered:
            raise ValueError(
                "target='predicted' cannot compare the logits of different softmaxes, which the network joins to "
                f"{shape[0]} outputs. Pass target= {_choices(shape)}, or pre_activation=False to compare probabilities."
            )
        if len(shape) == 1 and (tensor.competing or target == "predicted"):
            return "predicted"
        outputs = f"{shape[0]} outputs" if len(shape) == 1 else f"outputs of shape {shape}"
        raise ValueError(
            f"target={target!r} cannot choose among the network's {outputs}: they are not the classes of one softmax. "
            f"Pass target= {_choices(shape)}, a dict of indices to weights, 'profile' for logits over positions, or "
            "'all'."
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
            array = np.array(array.tolist()) if _holds_tuples(array) else array
        except ValueError as error:
            raise ValueError(f"target= as an array has rows of one length. Got {target!r}.") from error
        if kind_of(array.dtype) == "f" and array.ndim != len(shape) + 1:
            return _check_array_of_weights(array, shape)
        return _check_row_targets(array, shape, n_rows)
    raise ValueError(
        f"target= takes 'auto', 'predicted', 'all', 'profile', {_choices(shape)}, a dict of indices to weights, a "
        f"Profile, or a callable. Got {target!r}.{_name_classes(target)}"
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
            f"target= as an array of floats has one finite weight for each of the network's outputs, in shape {shape}, "
            f"or with an axis of rows in front. Got shape {weights.shape}. Indices, one for each row, are integers."
        )
    return {index: float(weight) for index, weight in np.ndenumerate(weights) if weight} or {(0,) * len(shape): 0.0}


def _check_row_targets(target, shape, n_rows):
    if n_rows is None:
        raise ValueError(
            "target= takes an index, or weights, for each row only in explain(X, target=...), where the rows are. Pass "
            f"{_choices(shape)}, or an array of floats as weights of shape {shape}."
        )
    if kind_of(target.dtype) == "f":
        if target.shape != (n_rows, *shape) or not np.isfinite(target).all():
            raise ValueError(
                f"target= as weights for each row is a finite array of shape {(n_rows, *shape)}. Got shape "
                f"{target.shape}."
            )
        return target
    expected = (n_rows,) if len(shape) == 1 else (n_rows, len(shape))
    if target.shape == (n_rows, 1) and len(shape) == 1:
        target = target[:, 0]
    if target.shape != expected or kind_of(target.dtype) not in "iu":
        raise ValueError(
            f"One target per row is an integer array of shape {expected}, for outputs of shape {shape}. Got shape "
            f"{target.shape} of {target.dtype}. Weights of the outputs for each row are floats of shape "
            f"{(n_rows, *shape)}.{_name_classes(*np.ravel(target)[:1])}"
        )
    for extreme in (target.min(0), target.max(0)):
        _check_index(tuple(np.ravel(extreme).tolist()), shape)
    return target


def _check_index(index, shape):
    index = index if isinstance(index, tuple) else (index,)
    got = index[0] if len(index) == 1 else index
    if len(index) != len(shape) or not all(isinstance(part, Integral) and not isinstance(part, bool) for part in index):
        raise ValueError(f"A target is {_choices(shape)}. Got {got!r}.{_name_classes(got)}")
    if not all(0 <= part < size for part, size in zip(index, shape, strict=True)):
        raise ValueError(f"The target {got} is out of range: for this network it is {_choices(shape)}.")
    return tuple(int(part) for part in index)


def _name_classes(target):
    """Return advice for a target that may be the name of a class, for a network without known names."""
    if not isinstance(target, str):
        return ""
    return " If it is the name of a class, pass class_names= to the explainer: one name for each output, in order."


def _choices(shape):
    if not shape:
        return "the empty tuple"
    if len(shape) == 1:
        return f"an integer from 0 to {shape[0] - 1}"
    return f"a tuple of {len(shape)} integers, each below {shape}"
