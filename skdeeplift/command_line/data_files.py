"""Rows from files."""

import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

TABLES = (".csv", ".tsv", ".parquet")
ARRAYS = (".npy", ".npz")
INPUTS = ", ".join((*TABLES, *ARRAYS))


def read_rows(path, *, index=None, drop=(), required=True):
    """Read the rows of a file.

    Parameters
    ----------
    path : str or Path
        A ``.csv``, ``.tsv`` or ``.parquet`` file of numbers, or a ``.npy`` or ``.npz`` file.
    index : str, default=None
        The column of a table that labels its rows.
    drop : sequence of str, default=()
        The columns of a table that are no input.
    required : bool, default=True
        Whether these columns have to be there.

    Returns
    -------
    rows : DataFrame, ndarray, or list or dict of ndarray
        A table is a DataFrame where its columns have names. Several arrays of a ``.npz`` file are a dict by their
        names, or a list where NumPy named them itself.

    Raises
    ------
    ValueError
        If the file is of another kind, can not be read, has no rows, or holds something other than numbers.
    ImportError
        If a package that reads the file is missing.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in TABLES + ARRAYS:
        raise ValueError(f"can not read {str(path)!r}: expected a file that ends in {INPUTS}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        rows = _read_table(path, suffix) if suffix in TABLES else _read_arrays(path)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"can not read {str(path)!r}: {error}") from error
    if suffix in ARRAYS:
        if required and (index is not None or drop):
            raise ValueError(f"--index and --drop name columns of a table, and {str(path)!r} holds arrays")
        return rows
    labels = [name for name in ([] if index is None else [index]) if required or name in rows.columns]
    return _numbers(rows, path, labels, [name for name in drop if required or name in rows.columns])


def _read_table(path, suffix):
    if suffix == ".parquet":
        require_pyarrow()
        return pd.read_parquet(path)
    separator = "\t" if suffix == ".tsv" else ","
    first = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str)
    # Names of columns are not numbers; a first line of numbers is a row.
    has_names = bool(pd.to_numeric(first.iloc[0], errors="coerce").isna().any())
    return pd.read_csv(path, sep=separator, header=0 if has_names else None)


def require_pyarrow():
    """Raise a clear error where parquet files can not be read or written."""
    if find_spec("pyarrow") is None:
        raise ImportError("parquet files need the package pyarrow: pip install pyarrow")


def _read_arrays(path):
    content = np.load(path, allow_pickle=False)
    if isinstance(content, np.ndarray):
        return _of_numbers(content)
    with content:
        arrays = {name: _of_numbers(content[name]) for name in content.files}
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if arrays and list(arrays) == [f"arr_{position}" for position in range(len(arrays))]:
        return list(arrays.values())
    return arrays


def _of_numbers(array):
    if array.dtype.kind not in "biuf":
        raise ValueError(f"expected an array of numbers, and it holds one of {array.dtype}")
    return array


def _numbers(table, path, labels, drop):
    missing = [name for name in [*labels, *drop] if name not in table.columns]
    if missing:
        columns = ", ".join(map(str, table.columns[:20])) + (", ..." if table.shape[1] > 20 else "")
        raise ValueError(f"{str(path)!r} has no column {missing[0]!r}; it has {columns}")
    if labels:
        table = table.set_index(labels[0])
    table = table.drop(columns=drop)
    if not len(table):
        # Columns of nothing are not of numbers either.
        raise ValueError(f"{str(path)!r} has names of columns, but no rows")
    others = [str(name) for name, dtype in table.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
    if others:
        raise ValueError(
            f"{str(path)!r} has columns that hold no numbers: {', '.join(others[:10])}. Leave columns that are no "
            "input out with --drop NAME, and say with --index NAME which column labels the rows"
        )
    n_missing = table.isna().sum()
    if n_missing.any():
        where = ", ".join(f"{name} ({n})" for name, n in n_missing[n_missing > 0].head(10).items())
        raise ValueError(
            f"{str(path)!r} has missing values in the columns {where}. A network has no answer to these: fill them in "
            "as its training rows were, or leave their rows out"
        )
    # Without names there is nothing to compare, and nothing to name contributions by.
    return table if all(isinstance(name, str) for name in table.columns) else table.to_numpy()
