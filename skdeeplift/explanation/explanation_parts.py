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


def _values(X, contributions, explanation):
    """Return the rows as an array, or None if their shape is not that of the contributions to one target."""
    if X is None or isinstance(X, dict):
        return None
    X = np.asarray(X)
    return X if X.shape == (contributions.shape[:-1] if has_targets(explanation) else contributions.shape) else None
