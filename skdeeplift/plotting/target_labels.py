"""Labels of the targets that contributions belong to."""

from numbers import Integral

import numpy as np

from skdeeplift.plotting.rows_and_columns import join_names
from skdeeplift.targets.labels import as_indices


def target_labels(explanation):
    """Return the label of each target on the last axis of contributions, or its index if labels are not known."""
    n_targets, labels = np.shape(explanation.prediction)[1], explanation.get("class_names")
    return list(range(n_targets) if labels is None or len(labels) != n_targets else labels)


def find_target(target, explanation):
    """Return the index of a target on the last axis of contributions.

    Parameters
    ----------
    target : int, str or object
        The label or index that the user chose.
    explanation : Explanation
        An explanation of several targets.

    Returns
    -------
    index : int
        The target's index.

    Raises
    ------
    ValueError
        If there is no such target.
    """
    choices, labels = target_labels(explanation), explanation.get("class_names")
    if labels is not None and len(labels) == len(choices):
        target = as_indices(target, np.asarray(labels))
    if not _is_index(target) or not 0 <= target < len(choices):
        raise ValueError(f"target={target!r} is no target of the explanation. Expected one of {join_names(choices)}.")
    return int(target)


def are_row_targets(target, n_rows):
    """Return whether an explanation's target is an array with one target for each row."""
    return isinstance(target, np.ndarray) and target.shape == (n_rows,) and target.dtype.kind != "f"


def is_single_target(target):
    """Return whether an explanation's target is one index or label."""
    return isinstance(target, str) or _is_index(target)


def describe_target(target, labels):
    """Return the words that follow "contribution", such as "to cat".

    Parameters
    ----------
    target : str, int, tuple, dict, callable or None
        The target that was explained.
    labels : array-like or None
        Labels of the classes.

    Returns
    -------
    words : str
        Empty if the target has no name.
    """
    if isinstance(target, dict):
        terms = []
        for index, weight in target.items():
            size = "" if abs(weight) == 1 else f"{abs(weight):.3g} × "
            terms.append(f"{'−' if weight < 0 else '+'} {size}{name_target(index, labels)}")
        return "to " + " ".join(terms).removeprefix("+ ") if terms else ""
    if isinstance(target, tuple):
        return f"to output {', '.join(map(str, target))}"
    if not is_single_target(target) or target in ("auto", "predicted", "all"):
        return ""
    return f"to {name_target(target, labels)}"


def name_target(target, labels):
    """Return the name of a target, which is an index into the labels if it is an integer and they are not numbers."""
    if labels is not None and isinstance(target, Integral) and np.asarray(labels).dtype.kind not in "iuf":
        return str(labels[target])
    return str(target)


def _is_index(target):
    return isinstance(target, Integral) and not isinstance(target, bool)
