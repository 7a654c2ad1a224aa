"""The files that motif discovery by TF-MoDISco reads."""

from pathlib import Path

import numpy as np

from skdeeplift.explanation.atomic_files import finished_together


def write_modisco(folder, sequences, hypothetical, letters_axis):
    """Write one-hot sequences and their hypothetical contributions.

    Parameters
    ----------
    folder : str or path
        Where to write ``sequences.npz`` and ``hypothetical.npz``; made if it is not there.
    sequences, hypothetical : ndarray of shape (n_rows, ...)
        Of equal shapes.
    letters_axis : int
        Where the letters are, without the axis of the rows.

    Returns
    -------
    paths : tuple of Path
        Of the two files.

    Raises
    ------
    ValueError
        If the arrays are not of one target, or not of sequences of four letters.
    """
    if hypothetical.shape != sequences.shape:
        raise ValueError(
            "to_modisco writes the contributions to one target, and here there are "
            f"{hypothetical.shape[-1]}. Use explain(X, target=..., hypothetical=True)."
        )
    arrays = [_letters_first(array, letters_axis + 1) for array in (sequences, hypothetical)]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "sequences.npz", folder / "hypothetical.npz"
    with finished_together(*paths) as unfinished:
        for path, array in zip(unfinished, arrays, strict=True):
            np.savez_compressed(path, array)
    return paths


def _letters_first(array, axis):
    """Bring sequences into the shape (n_rows, 4, length)."""
    others = [size for position, size in enumerate(array.shape) if position not in (0, axis)]
    if array.shape[axis] != 4 or sum(size > 1 for size in others) > 1:
        raise ValueError(
            f"to_modisco writes sequences of four letters. Got an array of shape {array.shape}, whose letters are "
            f"on axis {axis}."
        )
    return np.moveaxis(array, axis, 1).reshape(len(array), 4, -1)
