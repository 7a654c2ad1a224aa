"""Files of contributions and pictures, which are written as a whole or not at all."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from skdeeplift.command_line.input_files import require_pyarrow
from skdeeplift.explanation.npz_file import replace_together

OUTPUTS = (".csv", ".tsv", ".parquet", ".npy", ".npz")
PICTURES = (".png", ".pdf", ".svg", ".jpg")


def check_writable(path, suffixes):
    """Raise an error if a file cannot be written, before anything is computed.

    Parameters
    ----------
    path : str or Path
        Name of the file.
    suffixes : tuple of str
        Suffixes that the name may end in.

    Raises
    ------
    ValueError
        If the name ends in another suffix.
    OSError
        If the folder does not exist or cannot be written to.
    ImportError
        If the package that writes the file is not installed.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"cannot write {str(path)!r}: expected a file that ends in {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {str(path)!r}: it is a folder")
    try:
        # Writing a file also finds a full or read-only disk, which permissions do not tell.
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise PermissionError(
            f"cannot write {str(path)!r}: the folder {str(path.parent)!r} takes no file ({error.strerror})"
        ) from error
    if path.suffix.lower() == ".parquet":
        require_pyarrow()


def write_contributions(path, explanation, column_names):
    """Write contributions in the format that the file's name ends in.

    Parameters
    ----------
    path : str or Path
        Name of the file. A ``.npz`` file holds the whole explanation, as written by `Explanation.save`. In a ``.csv``,
        ``.tsv`` or ``.parquet`` file, contributions of a table have one column for each feature, and all others have
        one line for each contribution.
    explanation : Explanation
        Explanation to write.
    column_names : list of str or None
        Names of the columns of a table's contributions; None if contributions are not those of a table.

    Raises
    ------
    ValueError
        If a ``.npy`` file cannot hold the contributions, which are several arrays.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".npy" and not isinstance(explanation.contributions, np.ndarray):
        raise ValueError("an .npy file holds one array, but these contributions are several arrays: write an .npz file")
    with replace_together(path) as [unfinished]:
        if suffix == ".npz":
            explanation.save(unfinished)
        elif suffix == ".npy":
            np.save(unfinished, explanation.contributions)
        else:
            frame = _make_frame(explanation, column_names)
            has_index = column_names is not None
            if suffix == ".parquet":
                frame.to_parquet(unfinished, index=has_index)
            else:
                frame.to_csv(unfinished, index=has_index, sep="\t" if suffix == ".tsv" else ",")


def _make_frame(explanation, column_names):
    """Return a frame with a column for each name, or with a line for each contribution if there are no names."""
    if column_names is None:
        return explanation.to_frame()
    contributions = explanation.contributions
    index = pd.RangeIndex(len(contributions), name="row") if explanation.index is None else explanation.index
    return pd.DataFrame(contributions.reshape(len(contributions), -1), index, column_names)


def write_picture(path, figure):
    """Write a matplotlib figure."""
    with replace_together(Path(path)) as [unfinished]:
        figure.savefig(unfinished, dpi=150)
