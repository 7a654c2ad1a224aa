"""Input files of motif discovery by TF-MoDISco."""

from pathlib import Path

import numpy as np

from skdeeplift.explanation.explanation_parts import choose_letters
from skdeeplift.replacement import replace_together


def write_modisco_files(folder, explanation, X=None, part=None):
    """Write one-hot sequences and their hypothetical contributions; see `Explanation.to_modisco`.

    Parameters
    ----------
    folder : str or path
        The folder to write to.
    explanation : Explanation
        An explanation with hypothetical contributions.
    X : array-like, default=None
        The rows that were explained; by default those of the explanation.
    part : str or int, default=None
        Key or position of the input to write; by default the only one that holds letters.

    Returns
    -------
    paths : tuple of Path
        The paths of the sequences and of the hypothetical contributions.

    Raises
    ------
    ValueError
        If the explanation holds no sequences of four letters, with hypothetical contributions to one target.
    """
    X = explanation.get("X") if X is None else X
    hypothetical, X, axis = choose_letters(explanation, X, part)
    if hypothetical is None:
        raise ValueError("to_modisco needs hypothetical contributions. Use explain(X, hypothetical=True).")
    if X is None:
        raise ValueError("to_modisco needs the rows, which this explanation does not hold. Pass them as X=.")
    sequences = np.asarray(X)
    if hypothetical.shape[:-1] == sequences.shape:
        raise ValueError(
            f"to_modisco writes contributions to one target, not {hypothetical.shape[-1]}. Pass target= to explain."
        )
    if hypothetical.shape != sequences.shape:
        raise ValueError(
            f"to_modisco needs the rows that were explained, of shape {hypothetical.shape}. X has shape "
            f"{sequences.shape}."
        )
    arrays = [_letters_first(array, axis + 1) for array in (sequences, hypothetical)]
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
