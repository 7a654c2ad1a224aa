"""Tables of contributions: one line for each contribution, or one line for each row."""

import numpy as np
import pandas as pd

from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation_parts import find_parts, has_targets, target_labels


def long_frame(explanation):
    """Return a table with one line for each contribution.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.

    Returns
    -------
    frame : DataFrame
        The table; see `Explanation.to_frame`.
    """
    kind, parts = find_parts(explanation)
    is_table = all(part.contributions.ndim - has_targets(explanation) <= 2 for part in parts)
    frames = [_part_frame(part, explanation, is_table) for part in parts]
    if kind is None:
        return frames[0]
    for part, frame in zip(parts, frames, strict=True):
        frame.insert(1, kind, [part.name] * len(frame))
    together = pd.concat(frames, ignore_index=True)
    # Inputs may differ in their number of axes. Int64 keeps positions whole numbers where an axis is missing.
    axes = [name for name in together.columns if name.startswith("feature_")]
    order = ["row", kind, *sorted(axes), *[name for name in together.columns if name not in {"row", kind, *axes}]]
    return together[order].astype({name: "Int64" for name in axes if together[name].isna().any()})


def wide_frame(explanation):
    """Return a table with one line for each row, and one column for each contribution.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.

    Returns
    -------
    frame : DataFrame
        The table; see `Explanation.to_frame`.

    Raises
    ------
    ValueError
        If the rows are not those of tables.
    """
    kind, parts = find_parts(explanation)
    of_all, frames = has_targets(explanation), []
    for part in parts:
        array = part.contributions
        if array.ndim - of_all != 2:
            raise ValueError(
                f'form="wide" has a column for each feature of a table. Got contributions of shape {array.shape}. Use '
                'form="long".'
            )
        names = _feature_names(explanation, array.shape[1])
        names = names if kind is None else [f"{part.name}__{name}" for name in names]
        if of_all:
            names = [f"{name}__{label}" for name in names for label in target_labels(explanation)]
        frames.append(pd.DataFrame(array.reshape(len(array), -1), _row_index(explanation, len(array)), names))
    return frames[0] if kind is None else pd.concat(frames, axis=1)


def _part_frame(part, explanation, is_table):
    """Build the long table of one input or layer."""
    contributions, of_all, target = part.contributions, has_targets(explanation), explanation.get("target")
    n_rows, n_classes = len(contributions), contributions.shape[-1] if of_all else 1
    shape = contributions.shape[1 : -1 if of_all else None] or (1,)
    rows, *places, classes = np.indices((n_rows, *shape, n_classes)).reshape(len(shape) + 2, -1)
    columns = {"row": _row_index(explanation, n_rows).to_flat_index().take(rows)}
    if is_table:
        columns["feature"] = np.asarray(_feature_names(explanation, shape[0]))[places[0]]
    else:
        columns |= {f"feature_{axis}": positions for axis, positions in enumerate(places)}
    if of_all:
        columns["class"] = np.asarray(target_labels(explanation))[classes]
    elif isinstance(target, np.ndarray) and target.shape == (n_rows,):
        names = np.asarray(explanation.get("class_names"))
        # Numbers are labels already if the labels are numbers; other floats are weights, not classes.
        if kind_of(names.dtype) in "iuf":
            columns["class"] = target[rows]
        elif kind_of(target.dtype) != "f":
            columns["class"] = _class_labels(target, explanation)[rows]
    if part.values is not None:
        columns["value"] = np.repeat(part.values.reshape(-1), n_classes)
    columns["contribution"] = contributions.reshape(-1)
    if part.standard_error is not None:
        columns["standard_error"] = part.standard_error.reshape(-1)
    return pd.DataFrame(columns)


def _row_index(explanation, n_rows):
    """Return the labels of rows, or their positions if they have no labels."""
    index = explanation.get("index")
    return pd.RangeIndex(n_rows) if index is None else index


def _feature_names(explanation, n_features):
    """Return the names of a table's columns, or their positions if they have no names."""
    names = explanation.get("feature_names")
    return names if names is not None and len(names) == n_features else range(n_features)


def _class_labels(indices, explanation):
    """Return the names of classes, or their indices if a class has no name."""
    names = explanation.get("class_names")
    if names is None or len(indices) == 0 or kind_of(indices.dtype) not in "iu":
        return indices
    return np.asarray(names)[indices] if indices.min() >= 0 and indices.max() < len(names) else indices
