"""Rows that the command line reads: tables, arrays and pictures, from files or from standard input."""

import io
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from skdeeplift.command_line.parser import suggest
from skdeeplift.command_line.picture_files import IMAGES, holds_pictures, open_pictures
from skdeeplift.command_line.text_tables import check_numbers, read_text_table
from skdeeplift.dtypes import kind_of

TEXT_TABLES = (".csv", ".tsv", ".txt")
TABLES = (*TEXT_TABLES, ".parquet")
ARRAYS = (".npy", ".npz")
FORMATS = TABLES + ARRAYS
STANDARD_INPUT = "-"
# First bytes of files that standard input may hold; all others are text.
_FIRST_BYTES = {b"\x93NUMPY": ".npy", b"PK\x03\x04": ".npz", b"PAR1": ".parquet"}


def add_row_arguments(parser):
    """Add the arguments that name columns of a table."""
    parser.add_argument("--index", metavar="COLUMN", help="the column that labels the rows of a table")
    parser.add_argument(
        "--drop", metavar="COLUMN", action="append", default=[], help="a column that is not an input; can be repeated"
    )


def read_rows(path, *, index=None, drop=(), required=True):
    """Read rows from a file.

    Parameters
    ----------
    path : str or Path
        Name of a ``.csv``, ``.tsv``, ``.txt``, ``.parquet``, ``.npy`` or ``.npz`` file of numbers, of a picture or a
        folder of pictures; "-" for standard input.
    index : str, default=None
        Column of a table that labels its rows. By default the first column if it has no name; otherwise rows are
        numbered.
    drop : sequence of str, default=()
        Columns of a table that are not inputs of the network.
    required : bool, default=True
        True if a missing column of ``index`` or ``drop`` is an error. If False, missing columns are ignored.

    Returns
    -------
    rows : DataFrame, ndarray, list or dict of ndarray, or Pictures
        A DataFrame for a table whose columns have names, and an array otherwise. Several arrays of a ``.npz`` file are
        returned as a dict by name, or as a list if they have NumPy's default names.

    Raises
    ------
    ValueError
        If the file has another suffix, cannot be read, has no rows, or holds values that are not numbers.
    FileNotFoundError
        If there is no such file.
    ImportError
        If the package that reads the file is not installed.
    """
    if str(path) == STANDARD_INPUT:
        content = sys.stdin.buffer.read()
        suffix = next((suffix for first, suffix in _FIRST_BYTES.items() if content.startswith(first)), ".csv")
        name = "standard input"
    else:
        content = path = Path(path)
        suffix, name = path.suffix.lower(), repr(str(path))
        check_exists(path)
        if holds_pictures(path):
            _refuse_columns(name, index, drop, required)
            return open_pictures(path)
        if path.is_dir():
            raise ValueError(f"cannot read {name}: it is a folder without pictures ({', '.join(IMAGES)})")
        if suffix not in FORMATS:
            raise ValueError(f"cannot read {name}: expected a file that ends in {', '.join(FORMATS + IMAGES)}")
    try:
        rows = _read_table(content, suffix) if suffix in TABLES else _read_arrays(content)
    except ImportError:
        raise
    except Exception as error:
        # Damaged files cause errors of many kinds, of NumPy, zipfile, zlib and Python's tokenizer.
        raise ValueError(f"cannot read {name}: {_say_damage(error)}") from error
    if suffix in ARRAYS:
        _refuse_columns(name, index, drop, required)
        return rows
    if not required:
        index, drop = index if index in rows.columns else None, [column for column in drop if column in rows.columns]
    return _choose_columns(rows, name, index, drop)


def _refuse_columns(name, index, drop, required):
    if required and (index is not None or drop):
        raise ValueError(f"--index and --drop name columns of a table, but {name} is no table. Leave them out")


def check_exists(path):
    """Raise an error that suggests a name like that of a missing file or folder.

    Parameters
    ----------
    path : Path
        The file or folder.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    """
    if not path.exists():
        others = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise FileNotFoundError(f"there is no file {str(path)!r}.{suggest(path.name, others)}".rstrip("."))


def require_pyarrow():
    """Raise an error that names the missing package if parquet files cannot be read or written."""
    if find_spec("pyarrow") is None:
        raise ImportError("parquet files need the package pyarrow: pip install pyarrow")


def _say_damage(error):
    text = str(error) or "it is damaged"
    # NumPy's errors advise reading files that run code.
    return "it is damaged, or holds objects and not numbers" if "pickle" in text else text


def _read_table(content, suffix):
    """Read a table from a file or from its bytes."""
    if suffix == ".parquet":
        require_pyarrow()
        return pd.read_parquet(io.BytesIO(content) if isinstance(content, bytes) else content)
    return read_text_table(content)


def _read_arrays(content):
    """Read one array, or several as a list or a dict."""
    content = np.load(io.BytesIO(content) if isinstance(content, bytes) else content, allow_pickle=False)
    if isinstance(content, np.ndarray):
        return _check_array(content)
    with content:
        arrays = {name: _check_array(content[name]) for name in content.files}
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if arrays and list(arrays) == [f"arr_{position}" for position in range(len(arrays))]:
        return list(arrays.values())
    return arrays


def _check_array(array):
    """Return the array, or raise an error if it does not hold rows of finite numbers."""
    if kind_of(array.dtype) not in "biuf":
        raise ValueError("expected an array of numbers, but the array holds text or other objects")
    if not array.ndim or not len(array):
        raise ValueError("it has no rows")
    if kind_of(array.dtype) == "f" and not np.isfinite(array).all():
        raise ValueError("it has missing or infinite numbers, which a network cannot take")
    return array


def _choose_columns(table, name, index, drop):
    """Set the index, drop columns, and raise an error if missing or other values than numbers remain."""
    if missing := [column for column in (index, *drop) if column is not None and column not in table.columns]:
        columns = ", ".join(map(str, table.columns[:20])) + (", ..." if table.shape[1] > 20 else "")
        advice = suggest(missing[0], map(str, table.columns))
        raise ValueError(f"{name} has no column {missing[0]!r}; its columns are {columns}.{advice}".rstrip("."))
    if index in drop:
        raise ValueError(f"--index and --drop both name {index}. Leave out --drop {index}")
    attrs = table.attrs
    if index is None and attrs.get("labels") not in (None, *drop):
        table = table.set_index(attrs["labels"]).rename_axis(None)
    if index is not None:
        table = table.set_index(index)
    table = table.drop(columns=list(drop))
    table.attrs = attrs
    check_numbers(table, name)
    # Column numbers are no feature names, so scikit-learn must not compare them or name contributions after them.
    return table if all(isinstance(column, str) for column in table.columns) else table.to_numpy()


def check_columns(rows, others, others_option):
    """Raise an error if two tables with names have other columns, or the same in another order.

    Parameters
    ----------
    rows : object
        Rows of DATA.
    others : object
        Rows of another file.
    others_option : str
        The option that names the other file.

    Returns
    -------
    is_checked : bool
        Whether both are tables with names.

    Raises
    ------
    ValueError
        If the names differ.
    """
    if not (isinstance(rows, pd.DataFrame) and isinstance(others, pd.DataFrame)):
        return False
    names, expected = list(rows.columns), list(others.columns)
    if surplus := [name for name in names if name not in expected]:
        raise ValueError(
            f"DATA has the column {surplus[0]!r}, which the file of {others_option} does not have."
            f"{suggest(surplus[0], expected) or f' Leave it out with --drop {surplus[0]}, or add it to that file'}"
        )
    if missing := [name for name in expected if name not in names]:
        raise ValueError(
            f"DATA has no column {missing[0]!r}, and the file of {others_option} has it. Add the column to DATA, or "
            "leave it out of that file"
        )
    if names != expected:
        raise ValueError(
            f"DATA has the columns {', '.join(names[:10])}, and the file of {others_option} has them in another order: "
            f"{', '.join(expected[:10])}. A network takes columns by their order, not by their names. Write both files "
            "in the order of the training"
        )
    return True
