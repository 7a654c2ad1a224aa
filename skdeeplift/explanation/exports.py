"""Exports of an explanation: a long table, and the files that TF-MoDISco reads."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from skdeeplift.explanation.explanation_parts import find_parts, has_targets
from skdeeplift.explanation.npz_file import replace_together


def long_table(explanation):
    """Build the table that `Explanation.to_frame` returns.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.

    Returns
    -------
    frame : DataFrame
        One line for each contribution. `Explanation.to_frame` describes the columns.
    """
    kind, parts = find_parts(explanation)
    is_table = all(part.contributions.ndim - has_targets(explanation) <= 2 for part in parts)
    frames = [_part_table(part, explanation, is_table) for part in parts]
    if kind is None:
        return frames[0]
    for part, frame in zip(parts, frames, strict=True):
        frame.insert(1, kind, [part.name] * len(frame))
    together = pd.concat(frames, ignore_index=True)
    # Inputs may have different numbers of axes. Int64 keeps positions whole numbers where an input has no such axis.
    axes = [name for name in together.columns if name.startswith("feature_")]
    order = ["row", kind, *sorted(axes), *[name for name in together.columns if name not in {"row", kind, *axes}]]
    return together[order].astype({name: "Int64" for name in axes if together[name].isna().any()})


def _part_table(part, explanation, is_table):
    """Build the table of one input or layer."""
    contributions, of_all, target = part.contributions, has_targets(explanation), explanation.get("target")
    n_rows, n_classes = len(contributions), contributions.shape[-1] if of_all else 1
    shape = contributions.shape[1 : -1 if of_all else None] or (1,)
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
    if of_all:
        columns["class"] = np.tile(_class_labels(np.arange(n_classes), explanation), n_rows * n_features)
    elif isinstance(target, np.ndarray) and target.shape == (n_rows,):
        columns["class"] = np.repeat(_class_labels(target, explanation), n_features)
    if part.values is not None:
        columns["value"] = np.repeat(part.values.reshape(-1), n_classes)
    columns["contribution"] = contributions.reshape(-1)
    if part.standard_error is not None:
        columns["standard_error"] = part.standard_error.reshape(-1)
    return pd.DataFrame(columns)


def _class_labels(indices, explanation):
    """Return the names of classes, or their indices if a class has no name."""
    names = explanation.get("class_names")
    if names is None or len(indices) == 0 or indices.dtype.kind not in "iu":
        return indices
    return np.asarray(names)[indices] if indices.min() >= 0 and indices.max() < len(names) else indices


def write_modisco(folder, sequences, hypothetical, letters_axis):
    """Write one-hot sequences and their hypothetical contributions.

    Parameters
    ----------
    folder : str or path
        The folder for ``sequences.npz`` and ``hypothetical.npz``. It is created if it does not exist.
    sequences, hypothetical : ndarray of shape (n_rows, ...)
        One-hot sequences and hypothetical contributions, of equal shapes.
    letters_axis : int
        The axis of letters, not counting the axis of rows.

    Returns
    -------
    paths : tuple of Path
        The paths of the two files.

    Raises
    ------
    ValueError
        If the contributions are to several targets, or the sequences do not have four letters.
    """
    if hypothetical.shape != sequences.shape:
        raise ValueError(
            f"to_modisco writes contributions to one target, not {hypothetical.shape[-1]}. Pass target= to explain."
        )
    arrays = [_letters_first(array, letters_axis + 1) for array in (sequences, hypothetical)]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "sequences.npz", folder / "hypothetical.npz"
    with replace_together(*paths) as unfinished:
        for path, array in zip(unfinished, arrays, strict=True):
            np.savez_compressed(path, array)
    return paths


def _letters_first(array, axis):
    """Return sequences in the shape (n_rows, 4, length)."""
    others = [size for position, size in enumerate(array.shape) if position not in (0, axis)]
    if array.shape[axis] != 4 or sum(size > 1 for size in others) > 1:
        raise ValueError(
            f"to_modisco writes sequences of four letters. Got shape {array.shape} with the letters on axis {axis}."
        )
    return np.moveaxis(array, axis, 1).reshape(len(array), 4, -1)
