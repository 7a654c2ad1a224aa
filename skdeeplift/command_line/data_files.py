"""Files that the command line reads, data and networks, and that it writes, contributions and pictures."""

import os
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from skdeeplift.dtypes import kind_of
from skdeeplift.replacement import replace_together

TABLES = (".csv", ".tsv", ".parquet")
ARRAYS = (".npy", ".npz")
FORMATS = TABLES + ARRAYS
PICTURES = (".png", ".pdf", ".svg", ".jpg")


def read_rows(path, *, index=None, drop=(), required=True):
    """Read rows from a file.

    Parameters
    ----------
    path : str or Path
        Name of a ``.csv``, ``.tsv``, ``.parquet``, ``.npy`` or ``.npz`` file of numbers.
    index : str, default=None
        Column of a table that labels its rows. By default rows are numbered.
    drop : sequence of str, default=()
        Columns of a table that are not inputs of the network.
    required : bool, default=True
        True if a missing column of ``index`` or ``drop`` is an error. If False, missing columns are ignored.

    Returns
    -------
    rows : DataFrame, ndarray, or list or dict of ndarray
        A DataFrame for a table whose columns have names, and an array otherwise. Several arrays of a ``.npz`` file are
        returned as a dict by name, or as a list if they have NumPy's default names.

    Raises
    ------
    ValueError
        If the file has another suffix, cannot be read, has no rows, or holds values that are not numbers.
    ImportError
        If the package that reads the file is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"cannot read {str(path)!r}: expected a file that ends in {', '.join(FORMATS)}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        rows = _read_table(path, suffix) if suffix in TABLES else _read_arrays(path)
    except ImportError:
        raise
    except Exception as error:
        # Damaged files cause errors of many kinds, of NumPy, zipfile, zlib and Python's tokenizer.
        raise ValueError(f"cannot read {str(path)!r}: {str(error) or type(error).__name__}") from error
    if suffix in ARRAYS:
        if required and (index is not None or drop):
            raise ValueError(f"--index and --drop name columns of a table, but {str(path)!r} holds arrays")
        return rows
    if not required:
        index, drop = index if index in rows.columns else None, [name for name in drop if name in rows.columns]
    return _check_table(rows, path, index, drop)


def _read_table(path, suffix):
    """Read a table, with column names if the first line is not made of numbers."""
    if suffix == ".parquet":
        require_pyarrow()
        return pd.read_parquet(path)
    separator = "\t" if suffix == ".tsv" else ","
    first = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str).iloc[0]
    has_names = _holds_names(first)
    with warnings.catch_warnings():
        # By default pandas takes fields without a name for labels of the rows, and moves all others by one column.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, sep=separator, header=0 if has_names else None, index_col=False)
        except pd.errors.ParserWarning as warning:
            n_fields = pd.read_csv(path, sep=separator, header=None, skiprows=1, nrows=1).shape[1]
            raise ValueError(
                f"its first line has {len(first)} fields, but the second has {n_fields}. Write a name for each field "
                "into the first line; one of row labels can be named with --index"
            ) from warning


def _holds_names(first):
    """Return whether the first line of a table holds names, and not numbers; raise an error if nothing tells."""
    is_number = pd.to_numeric(first, errors="coerce").notna()
    if (is_number | first.isna()).all() and is_number.any():
        shown = ",".join(first.fillna("")[:8]) + (",..." if len(first) > 8 else "")
        if _counts_columns(first):
            raise ValueError(
                f"its first line, {shown}, may be the numbers of the columns or a row. If it is no row, delete the "
                f"line (pandas: to_csv(header=False)); if it is one, write its first number as {first.iloc[0]}.0"
            )
        # Labels of the rows have no name where pandas writes a table whose columns are numbered.
        if not is_number.all() and not _counts_columns(first.iloc[1:]):
            raise ValueError(
                f"its first line, {shown}, is a row with missing values, or holds names that are numbers. Fill in the "
                "values, or write names that are no numbers into the first line"
            )
    return not is_number.all()


def _counts_columns(first):
    """Return whether texts are whole numbers in equal steps, as numbers of columns, years and positions are."""
    if not first.fillna("").str.fullmatch(r"\d+").all():
        return False
    numbers = first.astype(int).to_numpy()
    if len(numbers) < 3:
        return numbers.tolist() in ([0], [0, 1])
    steps = np.diff(numbers)
    return steps[0] != 0 and bool((steps == steps[0]).all())


def require_pyarrow():
    """Raise an error that names the missing package if parquet files cannot be read or written."""
    if find_spec("pyarrow") is None:
        raise ImportError("parquet files need the package pyarrow: pip install pyarrow")


def _read_arrays(path):
    """Read one array, or several as a list or a dict."""
    content = np.load(path, allow_pickle=False)
    if isinstance(content, np.ndarray):
        return _check_numeric(content)
    with content:
        arrays = {name: _check_numeric(content[name]) for name in content.files}
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if arrays and list(arrays) == [f"arr_{position}" for position in range(len(arrays))]:
        return list(arrays.values())
    return arrays


def _check_numeric(array):
    """Return the array, or raise an error if it does not hold numbers."""
    if kind_of(array.dtype) not in "biuf":
        raise ValueError(f"expected an array of numbers, but the array has dtype {array.dtype}")
    return array


def _check_table(table, path, index, drop):
    """Set the index, drop columns, and raise an error if missing or other values than numbers remain."""
    missing = [name for name in (index, *drop) if name is not None and name not in table.columns]
    if missing:
        columns = ", ".join(map(str, table.columns[:20])) + (", ..." if table.shape[1] > 20 else "")
        raise ValueError(f"{str(path)!r} has no column {missing[0]!r}; its columns are {columns}")
    if index is not None:
        table = table.set_index(index)
    table = table.drop(columns=list(drop))
    if not len(table):
        # Checked before the dtypes, since pandas gives empty columns the dtype object.
        raise ValueError(f"{str(path)!r} has column names, but no rows")
    others = [str(name) for name, dtype in table.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
    if others:
        raise ValueError(
            f"{str(path)!r} has columns without numbers: {', '.join(others[:10])}. Leave columns out that are not "
            "inputs with --drop NAME, and name the column that labels the rows with --index NAME"
        )
    n_missing = table.isna().sum()
    if n_missing.any():
        where = ", ".join(f"{name} ({n})" for name, n in n_missing[n_missing > 0].head(10).items())
        raise ValueError(
            f"{str(path)!r} has missing values in the columns {where}. A network cannot take missing values: fill them "
            "in as in its training rows, or leave their rows out"
        )
    # Column numbers are no feature names, so scikit-learn must not compare them or name contributions after them.
    return table if all(isinstance(name, str) for name in table.columns) else table.to_numpy()


def add_model_arguments(parser):
    """Add the arguments that name the files of the network."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="the network: a .keras or .h5 file, a SavedModel folder, or the .json file of an architecture with "
        "--weights. Python code that is stored in a file is never run",
    )
    parser.add_argument("--weights", metavar="FILE", help="the .h5 file of weights that belongs to a .json file")


def get_model(options):
    """Return the files of the network in the form that explainers take as ``estimator=``."""
    return options.model if options.weights is None else (options.model, options.weights)


def import_quietly():
    """Import TensorFlow without its messages about the machine, which ignore TensorFlow's log level."""
    if "tensorflow" in sys.modules:
        return
    # TensorFlow's C++ libraries write to the file descriptor, which replacing sys.stderr does not change.
    stderr = os.dup(2)
    try:
        with open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), 2)
        import tensorflow  # noqa: F401, ICN001
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


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
            f"cannot write {str(path)!r}: the folder {str(folder)!r} takes no file ({error.strerror})"
        ) from error
    if path.suffix.lower() == ".parquet":
        require_pyarrow()


def write_contributions(path, explanation, column_names):
    """Write contributions in the format that the file's name ends in.

    Parameters
    ----------
    path : Path
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
    suffix = path.suffix.lower()
    if suffix == ".npy" and not isinstance(explanation.contributions, np.ndarray):
        raise ValueError("an .npy file holds one array, but these contributions are several arrays: write an .npz file")
    with replace_together(path) as [unfinished]:
        if suffix == ".npz":
            explanation.save(unfinished)
        elif suffix == ".npy":
            np.save(unfinished, explanation.contributions)
        else:
            frame, has_index = _make_frame(explanation, column_names), column_names is not None
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


def write_picture(path, explanation, n_features):
    """Draw the features with the largest mean absolute contributions."""
    from skdeeplift.plotting import ImportanceDisplay

    figure = ImportanceDisplay.from_explanation(explanation, max_features=n_features).figure_
    with replace_together(path) as [unfinished]:
        figure.savefig(unfinished, dpi=150)
