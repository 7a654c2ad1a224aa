"""Contributions into files, which are there whole or not at all."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from skdeeplift.command_line.data_files import require_pyarrow
from skdeeplift.explanation.atomic_files import replace_together

OUTPUTS = (".csv", ".tsv", ".parquet", ".npy", ".npz")
PICTURES = (".png", ".pdf", ".svg", ".jpg")


def check_writable(path, suffixes):
    """Find out whether a file could be written, before anything is computed.

    Parameters
    ----------
    path : str or Path
        The file.
    suffixes : tuple of str
        What it may end in.

    Raises
    ------
    ValueError
        If it is of no kind that is written.
    OSError
        If there is no such folder, or none that takes files.
    ImportError
        If a package that writes it is missing.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"can not write {str(path)!r}: expected a file that ends in {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"can not write {str(path)!r}: there is no folder {str(path.parent)!r}")
    if path.is_dir():
        raise IsADirectoryError(f"can not write {str(path)!r}: it is a folder")
    try:
        # Permissions alone do not tell of a disk that is full, or read only.
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise PermissionError(
            f"can not write {str(path)!r}: the folder {str(path.parent)!r} takes no file ({error.strerror})"
        ) from error
    if path.suffix.lower() == ".parquet":
        require_pyarrow()


def write_contributions(path, explanation, column_names):
    """Write contributions, in the form that the file's name ends in.

    Parameters
    ----------
    path : str or Path
        A table is written with a column for each feature, and anything else with a line for each contribution; a
        ``.npz`` file is what `Explanation.save` writes.
    explanation : Explanation
        What to write.
    column_names : list of str or None
        Of a table's contributions; None where they are no table.

    Raises
    ------
    ValueError
        If the file can not hold them.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".npy" and not isinstance(explanation.contributions, np.ndarray):
        raise ValueError("an .npy file holds one array, and contributions are several arrays here: write an .npz file")
    with replace_together(path) as [unfinished]:
        if suffix == ".npz":
            explanation.save(unfinished)
        elif suffix == ".npy":
            np.save(unfinished, explanation.contributions)
        else:
            frame = _frame(explanation, column_names)
            labelled = column_names is not None
            if suffix == ".parquet":
                frame.to_parquet(unfinished, index=labelled)
            else:
                frame.to_csv(unfinished, index=labelled, sep="\t" if suffix == ".tsv" else ",")


def _frame(explanation, column_names):
    if column_names is None:
        return explanation.to_frame()
    contributions = explanation.contributions
    index = pd.RangeIndex(len(contributions), name="row") if explanation.index is None else explanation.index
    return pd.DataFrame(contributions.reshape(len(contributions), -1), index, column_names)


def write_picture(path, figure):
    """Write a figure of matplotlib."""
    with replace_together(Path(path)) as [unfinished]:
        figure.savefig(unfinished, dpi=150)
