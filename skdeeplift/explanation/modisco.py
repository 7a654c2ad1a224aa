"""Input files of motif discovery by TF-MoDISco."""

from pathlib import Path

import numpy as np

from skdeeplift.explanation.atomic_files import replace_together


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
