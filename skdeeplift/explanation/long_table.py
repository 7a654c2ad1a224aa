"""One line for each contribution."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd


class Part(NamedTuple):
    """What is explained of one input, or of one layer."""

    # A key or a position.
    name: object
    contributions: np.ndarray
    standard_error: np.ndarray | None
    # None where it has another shape, as a layer's units have.
    values: np.ndarray | None


def long_table(explanation):
    """Write contributions below each other.

    Parameters
    ----------
    explanation : Explanation
        What `explain` returned.

    Returns
    -------
    frame : DataFrame
        The columns are described in `Explanation.to_frame`.
    """
    kind, parts = find_parts(explanation)
    is_table = all(part.contributions.ndim - _has_classes(explanation) <= 2 for part in parts)
    frames = [_of_part(part, explanation, is_table) for part in parts]
    if kind is None:
        return frames[0]
    for part, frame in zip(parts, frames, strict=True):
        frame.insert(1, kind, [part.name] * len(frame))
    together = pd.concat(frames, ignore_index=True)
    # Inputs may have different numbers of axes: whole numbers stay whole numbers where some are missing.
    axes = [name for name in together.columns if name.startswith("feature_")]
    order = ["row", kind, *sorted(axes), *[name for name in together.columns if name not in {"row", kind, *axes}]]
    return together[order].astype({name: "Int64" for name in axes if together[name].isna().any()})


def find_parts(explanation):
    """Take several inputs or layers apart.

    Parameters
    ----------
    explanation : Explanation
        What `explain` returned.

    Returns
    -------
    kind : {"input", "layer"} or None
        What they are; None where there is but one.
    parts : list of Part
        One for each.
    """
    contributions, errors, X = explanation.contributions, explanation.get("standard_error"), explanation.get("X")
    if not isinstance(contributions, (list, dict)):
        return None, [Part(None, contributions, errors, _values(only(X), contributions, explanation))]
    keys = list(contributions) if isinstance(contributions, dict) else range(len(contributions))
    of_inputs = type(X) is type(contributions) and len(X) == len(contributions)
    parts = [
        Part(
            key,
            contributions[key],
            None if errors is None else errors[key],
            _values(X[key], contributions[key], explanation) if of_inputs else None,
        )
        for key in keys
    ]
    if all(part.values is not None for part in parts):
        return "input", parts
    return "layer", [part._replace(values=None) for part in parts]


def _has_classes(explanation):
    return np.ndim(explanation.get("prediction")) == 2


def _values(X, contributions, explanation):
    shape = contributions.shape[:-1] if _has_classes(explanation) else contributions.shape
    if X is None or isinstance(X, dict):
        return None
    X = np.asarray(X)
    return X if X.shape == shape else None


def _of_part(part, explanation, is_table):
    contributions = part.contributions
    n_rows, classes = len(contributions), None
    if _has_classes(explanation):
        classes = _class_labels(np.arange(contributions.shape[-1]), explanation.get("class_names"))
    n_classes = 1 if classes is None else len(classes)
    shape = contributions.shape[1 : None if classes is None else -1] or (1,)
    n_features = math.prod(shape)
    index = explanation.get("index")
    index = pd.RangeIndex(n_rows) if index is None else index
    columns = {"row": index.to_flat_index().repeat(n_features * n_classes)}
    if is_table:
        names = explanation.get("feature_names")
        names = np.arange(n_features) if names is None or len(names) != n_features else np.asarray(names)
        columns["feature"] = np.tile(np.repeat(names, n_classes), n_rows)
    else:
        for axis, positions in enumerate(np.indices(shape).reshape(len(shape), -1)):
            columns[f"feature_{axis}"] = np.tile(np.repeat(positions, n_classes), n_rows)
    target = explanation.get("target")
    if classes is not None:
        columns["class"] = np.tile(classes, n_rows * n_features)
    elif isinstance(target, np.ndarray) and target.shape == (n_rows,):
        columns["class"] = np.repeat(_class_labels(target, explanation.get("class_names")), n_features)
    if part.values is not None:
        columns["value"] = np.repeat(part.values.reshape(-1), n_classes)
    columns["contribution"] = contributions.reshape(-1)
    if part.standard_error is not None:
        columns["standard_error"] = part.standard_error.reshape(-1)
    return pd.DataFrame(columns)


def _class_labels(indices, class_names):
    """Names of classes by their indices, where there are such names."""
    if class_names is None or len(indices) == 0 or indices.dtype.kind not in "iu":
        return indices
    known = indices.min() >= 0 and indices.max() < len(class_names)
    return np.asarray(class_names)[indices] if known else indices


def only(arrays):
    """Return the array itself of a network's only input.

    Parameters
    ----------
    arrays : ndarray, or list or dict of ndarray
        As the rows came.

    Returns
    -------
    arrays : ndarray, or list or dict of ndarray
        The only one, if there is only one.
    """
    if isinstance(arrays, dict) and len(arrays) == 1:
        [arrays] = arrays.values()
    elif isinstance(arrays, list) and len(arrays) == 1 and isinstance(arrays[0], np.ndarray):
        [arrays] = arrays
    return arrays
