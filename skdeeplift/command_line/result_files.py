"""Results of the command line: files of contributions and pictures, which are written in whole or not at all."""

import os
import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from skdeeplift.command_line.data_files import ARRAYS, FORMATS, require_pyarrow
from skdeeplift.command_line.parser import whole_number
from skdeeplift.command_line.summary import target_labels
from skdeeplift.explanation.explanation_parts import find_parts, has_targets
from skdeeplift.replacement import replace_together

PICTURES = (".png", ".pdf", ".svg", ".jpg")
# Standard output in place of a file.
STANDARD_OUTPUT = Path("-")
# Columns with one entry for each row, before those of contributions.
OF_ROWS = ("explained_class", "prediction", "reference_value")


def add_arguments(parser):
    """Add the arguments that name results."""
    results = parser.add_argument_group("results")
    results.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help=f"write contributions ({', '.join(FORMATS)}; - for standard output); an .npz file holds the whole "
        "explanation, which skdeeplift.Explanation.load reads",
    )
    results.add_argument(
        "--plot",
        metavar="FILE",
        type=Path,
        help="draw the columns of a table with the largest mean absolute contributions, or the first pictures with "
        f"their contributions ({', '.join(PICTURES)})",
    )
    results.add_argument(
        "--select",
        metavar="N",
        type=whole_number(1),
        help="keep only the N columns of a table with the largest mean absolute contribution, in all results",
    )
    results.add_argument("--quiet", action="store_true", help="print nothing but errors and warnings")


def check_results(options):
    """Raise an error for files that cannot be written, before anything is computed.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments of the command.

    Raises
    ------
    ValueError
        If a name ends in another suffix, or names a file that is read.
    OSError
        If a folder does not exist or cannot be written to.
    ImportError
        If the package that writes a file is not installed.
    """
    read = [options.data, options.background, options.reference, options.model, options.weights, options.genome]
    for word, path, suffixes in (("--output", options.output, FORMATS), ("--plot", options.plot, PICTURES)):
        if path is None or (word == "--output" and path == STANDARD_OUTPUT):
            continue
        check_writable(path, suffixes)
        if same := [name for name in read if name is not None and path.exists() and _is_file(name, path)]:
            raise ValueError(f"{word} {path} would replace {same[0]}, which this command reads. Name another file")
    if options.plot is not None and find_spec("matplotlib") is None:
        raise ImportError("--plot needs matplotlib: pip install 'skdeeplift[plot]'")


def _is_file(name, path):
    """Return whether a word of the command line names an existing file."""
    return Path(name).exists() and path.samefile(name)


def check_writable(path, suffixes):
    """Raise an error if a file cannot be written, before anything is computed.

    Parameters
    ----------
    path : Path
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
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"cannot write {str(path)!r}: expected a file that ends in {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {str(path)!r}: it is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"cannot write {str(path)!r}: the file is read-only")
    folder = path.resolve().parent
    try:
        # Writing a file also finds a full or read-only disk, which permissions do not tell.
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise PermissionError(
            f"cannot write {str(path)!r}: no file can be written to the folder {str(folder)!r} ({error.strerror})"
        ) from error
    if path.suffix.lower() == ".parquet":
        require_pyarrow()


def check_shapes(options, *, is_table, n_columns, is_image, n_arrays):
    """Raise an error for results that contributions of some shape do not have.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments of the command.
    is_table : bool
        Whether contributions are a table.
    n_columns : int or None
        Number of columns of a table.
    is_image : bool
        Whether contributions are images.
    n_arrays : int
        Number of arrays of contributions, one for each input or layer.

    Raises
    ------
    ValueError
        If contributions cannot be selected, drawn or written as asked.
    """
    if options.select is not None and not is_table:
        raise ValueError("--select chooses columns of a table, but these contributions are not those of a table")
    if options.select is not None and options.select > n_columns:
        raise ValueError(f"--select {options.select} is too large: there are {n_columns} columns")
    if options.plot is not None and not (is_table or is_image):
        raise ValueError(
            "--plot draws the columns of a table, or images, and these contributions are neither. Write them with "
            "--output, and draw them in Python with skdeeplift.plotting"
        )
    if options.output is not None and options.output.suffix.lower() == ".npy" and n_arrays > 1:
        raise ValueError(
            f"an .npy file holds one array, and these contributions are {n_arrays} arrays: write an .npz file"
        )


@contextmanager
def kept_if_lost(explanation, is_wanted):
    """Save an explanation to a temporary file if an error is raised, and print the path.

    Parameters
    ----------
    explanation : Explanation
        The explanation.
    is_wanted : bool
        False if its file is written already.
    """
    try:
        yield
    except Exception as error:
        if not is_wanted:
            raise
        path = Path(tempfile.mkdtemp(prefix="skdeeplift-")) / "explanation.npz"
        try:
            explanation.save(path)
        except (OSError, TypeError, ValueError):
            raise error from None
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"the results cannot be written ({reason}). They are kept in {str(path)!r}") from error


def write_contributions(path, explanation, column_names):
    """Write contributions in the format that the file's name ends in.

    Parameters
    ----------
    path : Path
        Name of the file; "-" for standard output. A ``.npz`` file holds the whole explanation, as written by
        `Explanation.save`. In a ``.csv``, ``.tsv``, ``.txt`` or ``.parquet`` file, contributions of a table have one
        column for each feature, and all others have one line for each contribution.
    explanation : Explanation
        Explanation to write.
    column_names : list of str or None
        Names of the columns of a table's contributions; None if contributions are not those of a table.
    """
    suffix = path.suffix.lower()
    frame = None if suffix in ARRAYS else _make_frame(explanation, column_names)
    has_index = column_names is not None
    if path == STANDARD_OUTPUT:
        frame.to_csv(sys.stdout, index=has_index)
        return
    with replace_together(path) as [unfinished]:
        if suffix == ".npz":
            explanation.save(unfinished)
        elif suffix == ".npy":
            np.save(unfinished, explanation.contributions)
        elif suffix == ".parquet":
            frame.to_parquet(unfinished, index=has_index)
        else:
            frame.to_csv(unfinished, index=has_index, sep="," if suffix == ".csv" else "\t")


def explained_classes(explanation, target, *, has_names):
    """Return the class that is explained for each row.

    Parameters
    ----------
    explanation : Explanation
        The explanation.
    target : str
        The value of --target.
    has_names : bool
        Whether the user names the classes.

    Returns
    -------
    classes : ndarray of shape (n_rows,) or None
        Names of classes, or their numbers if they have no names. None if there is one output without a name, or all
        classes are explained.
    """
    chosen, names, n_rows = explanation.get("target"), explanation.get("class_names"), len(explanation.prediction)
    if has_targets(explanation):
        return None
    if isinstance(chosen, np.ndarray):
        return chosen if chosen.shape == (n_rows,) else None
    if chosen is None or chosen in ("auto", "predicted"):
        return np.repeat(np.asarray(names)[-1:], n_rows) if has_names else None
    name = target
    if isinstance(chosen, int) and names is not None and 0 <= chosen < len(names):
        name = names[chosen]
    return np.repeat(np.asarray([name]), n_rows)


def _of_rows(explanation):
    """Return the fields with one entry for each row, or for each row and target, by the names of their columns."""
    dtype = find_parts(explanation)[1][0].contributions.dtype
    fields = {name: explanation[name] for name in OF_ROWS if explanation.get(name) is not None}
    # More digits than those of contributions would be rounding.
    return {name: each.astype(dtype) if each.dtype == np.float64 else each for name, each in fields.items()}


def _make_frame(explanation, column_names):
    """Return a frame with a column for each name, or with a line for each contribution if there are no names."""
    parts, of_all = find_parts(explanation)[1], has_targets(explanation)
    n_rows, n_targets = explanation.prediction.shape if of_all else (len(explanation.prediction), 1)
    if column_names is None:
        rows = np.concatenate([np.repeat(np.arange(n_rows), part.contributions.size // n_rows) for part in parts])
        of_rows = {
            name: values[rows, np.arange(len(rows)) % n_targets] if values.ndim == 2 else values[rows]
            for name, values in _of_rows(explanation).items()
        }
        frame = explanation.to_frame().assign(**of_rows)
        return frame.drop(columns="class") if {"class", "explained_class"} <= {*frame} else frame
    columns = {}
    for name, values in _of_rows(explanation).items():
        if values.ndim == 2:
            columns |= {
                f"{name}__{label}": each for label, each in zip(target_labels(explanation), values.T, strict=True)
            }
        else:
            columns[name] = values
    # A column of the user's that has such a name keeps it.
    columns = {f"{name}_of_row" if name in column_names else name: values for name, values in columns.items()}
    index = pd.RangeIndex(n_rows) if explanation.index is None else explanation.index
    index = index.rename("row") if index.name is None else index
    contributions = pd.DataFrame(explanation.contributions.reshape(n_rows, -1), index, column_names)
    return pd.concat([pd.DataFrame(columns, index), contributions], axis=1)


def is_image(shape):
    """Return whether arrays of a shape are drawn as images: with the rows, a height, a width, and perhaps channels."""
    return len(shape) in (3, 4)


def write_picture(path, explanation, n_features):
    """Draw images with their contributions, or the features with the largest mean absolute contributions."""
    from skdeeplift.plotting import ImageContributionDisplay, ImportanceDisplay

    contributions = explanation.contributions
    shape = contributions.shape[:-1] if has_targets(explanation) else contributions.shape
    if is_image(shape):
        display = ImageContributionDisplay.from_explanation(explanation)
    else:
        display = ImportanceDisplay.from_explanation(explanation, max_features=n_features)
    with replace_together(path) as [unfinished]:
        display.figure_.savefig(unfinished, dpi=150)
