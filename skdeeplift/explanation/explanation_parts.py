"""Parts of an explanation: the inputs or layers that its contributions belong to."""

from typing import NamedTuple

import numpy as np


class Part(NamedTuple):
    """Contributions to one input or one layer."""

    # The input's or layer's key or position; None if there is only one.
    name: object
    contributions: np.ndarray
    standard_error: np.ndarray | None
    # None if the rows have another shape than the contributions, as those of a layer's units.
    values: np.ndarray | None


def find_parts(explanation):
    """Split an explanation by inputs or layers.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.

    Returns
    -------
    kind : {"input", "layer"} or None
        Whether the parts are inputs or layers; None if there is only one part.
    parts : list of Part
        One part for each input or layer.
    """
    contributions, errors, X = explanation.contributions, explanation.get("standard_error"), explanation.get("X")
    if not isinstance(contributions, (list, tuple, dict)):
        return None, [Part(None, contributions, errors, _values(unwrap_single(X), contributions, explanation))]
    of_inputs = type(X) is type(contributions) and len(X) == len(contributions)
    parts = [
        Part(
            key,
            contributions[key],
            None if errors is None else errors[key],
            _values(X[key], contributions[key], explanation) if of_inputs else None,
        )
        for key in (contributions if isinstance(contributions, dict) else range(len(contributions)))
    ]
    if all(part.values is not None for part in parts):
        return "input", parts
    return "layer", [part._replace(values=None) for part in parts]


def has_targets(explanation):
    """Return whether contributions have a last axis of targets."""
    return np.ndim(explanation.get("prediction")) == 2


def target_labels(explanation):
    """Return the label of each target on the last axis of contributions, or its index if labels are not known.

    Parameters
    ----------
    explanation : Explanation
        An explanation of several targets.

    Returns
    -------
    labels : list
        One label or index for each target.
    """
    n_targets, labels = np.shape(explanation.prediction)[1], explanation.get("class_names")
    if labels is not None and len(labels) == 2 and n_targets == 1:
        # A single logit stands for the second of two classes.
        labels = labels[1:]
    return list(range(n_targets) if labels is None or len(labels) != n_targets else labels)


def unwrap_single(arrays):
    """Return the array itself if a list or dict holds only one array.

    Parameters
    ----------
    arrays : ndarray, or list or dict of ndarray
        The rows, in the form in which they were passed.

    Returns
    -------
    arrays : ndarray, or list or dict of ndarray
        The only array, or ``arrays`` unchanged if there are several.
    """
    if isinstance(arrays, dict) and len(arrays) == 1:
        [arrays] = arrays.values()
    elif isinstance(arrays, list) and len(arrays) == 1 and isinstance(arrays[0], np.ndarray):
        [arrays] = arrays
    return arrays


def choose_letters(explanation, X, part=None):
    """Choose the input that holds one-hot letters.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.
    X : array-like, or list or dict of array-like
        The rows.
    part : str or int, default=None
        Key or position of the input; by default the only one with hypothetical contributions.

    Returns
    -------
    hypothetical : ndarray or None
        Hypothetical contributions of the input.
    X : array-like
        Rows of the input; all rows as they are if these are not a list or dict of several inputs.
    axis : int or None
        Axis of its letters, not counting the axis of rows.

    Raises
    ------
    ValueError
        If several inputs have letters and none is chosen, or the chosen one has none.
    """
    hypothetical, axis = explanation.get("hypothetical"), explanation.get("letters_axis")
    if not isinstance(axis, (list, dict)):
        if part is not None:
            raise ValueError(f"The explanation is about one input. Leave part= at None, not {part!r}.")
        return unwrap_single(hypothetical), unwrap_single(X), axis
    keys = list(axis) if isinstance(axis, dict) else list(range(len(axis)))
    with_letters = [key for key in keys if axis[key] is not None]
    if part is None and len(with_letters) == 1:
        [part] = with_letters
    if part not in with_letters:
        names = " or ".join(map(repr, with_letters))
        raise ValueError(
            f"One input is taken, of those with hypothetical contributions. Pass part={names}. Got {part!r}."
        )
    arrays = [
        each[part] if type(each) is type(axis) else each[keys.index(part)] if isinstance(each, list) else each
        for each in (hypothetical, X)
    ]
    return *arrays, axis[part]


def _values(X, contributions, explanation):
    """Return the rows as an array, or None if their shape is not that of the contributions to one target."""
    if X is None or isinstance(X, dict):
        return None
    X = np.asarray(X)
    return X if X.shape == (contributions.shape[:-1] if has_targets(explanation) else contributions.shape) else None
