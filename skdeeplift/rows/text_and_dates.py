"""Errors for text, dates and missing values in rows of a network that takes numbers, with columns and remedies."""

import numpy as np
import pandas as pd

from skdeeplift.dtypes import kind_of

# Maximum number of columns that an error names.
MOST_NAMED = 8


def check_entries(X, error, name, owner, is_encoded=False):
    """Raise an error that names entries that are no numbers, or missing values of a table, if rows hold any.

    Parameters
    ----------
    X : array-like
        Rows that could not be converted to finite numbers.
    error : Exception
        The error of the conversion.
    name : str
        Name of the rows in an error.
    owner : str
        Name of the explainer.
    is_encoded : bool, default=False
        Whether an encoder made the rows.

    Raises
    ------
    TypeError
        If entries are no numbers, and ``error`` is a TypeError.
    ValueError
        If entries are no numbers and ``error`` is another exception, or a table has missing values.
    """
    encoder = f"the encoder that the network is trained behind: {owner}(make_pipeline(encoder, network))"
    if "NaN" in str(error):
        gaps = pd.isna(X if hasattr(X, "columns") else np.asarray(X))
        if np.ndim(gaps) == 2 and np.any(gaps):
            columns = _names_of(X, np.flatnonzero(np.any(np.asarray(gaps), 0)))
            remedy = f"Fill them first, by a SimpleImputer in {encoder}"
            if is_encoded:
                remedy = "Let the encoder fill them, by a SimpleImputer"
            raise ValueError(
                f"Input {name} contains NaN, in {columns}. The network takes numbers only. {remedy}."
            ) from error
        return
    found = None if "infinity" in str(error) else _find_no_number(X, error)
    if found is None:
        return
    remedy = f"Turn it into numbers first, with {encoder}"
    if _holds_sequences(X):
        remedy = f"Turn it into numbers first, as with {owner}(...).fit(one_hot(X)), by skdeeplift.sequences.one_hot"
    elif is_encoded:
        remedy = "Let the encoder turn it into numbers, or drop it"
    # Do not raise the type of ``error`` itself: some of NumPy's subclasses of TypeError take other arguments.
    kind = TypeError if isinstance(error, TypeError) else ValueError
    raise kind(
        f"{name} holds {found}, which is no number: {str(error).rstrip('.')}. {remedy}.{_describe_columns(X)}"
    ) from error


def are_dates(X):
    """Test whether all columns of a table, or an array, hold dates or times."""
    dtypes = X.dtypes if hasattr(X, "columns") and hasattr(X, "dtypes") else [getattr(X, "dtype", None)]
    return [kind_of(each) in "mM" for each in dtypes]


def _describe_columns(X):
    """Name the columns of a table that hold text or dates, with a remedy for each kind."""
    if not (hasattr(X, "columns") and hasattr(X, "dtypes")):
        return ""
    is_date = np.array(are_dates(X))
    is_text = ~is_date & [not pd.api.types.is_numeric_dtype(each) for each in X.dtypes]
    described = ""
    if is_text.any():
        described += f" Text or categories become numbers by OneHotEncoder: {_names_of(X, np.flatnonzero(is_text))}."
    if is_date.any():
        described += (
            " Dates become numbers by FunctionTransformer, such as days since the first, or months: "
            f"{_names_of(X, np.flatnonzero(is_date))}."
        )
    return described


def _names_of(X, positions):
    """Return the names of columns, or their positions if they have no names."""
    names = [repr(X.columns[each]) if hasattr(X, "columns") else str(each) for each in positions]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{'column' if len(names) == 1 else 'the columns'} {', '.join(names[:MOST_NAMED])}{more}"


def _find_no_number(X, error):
    """Describe the first entry that an error is about, with its column; return None if all entries are numbers."""
    try:
        array = np.asarray(X, dtype=object)
    except ValueError:
        return None
    columns = list(X.columns) if hasattr(X, "columns") and array.ndim == 2 else None
    is_date = are_dates(X)
    kinds = [
        lambda value, is_date: not is_date and not _reads_as_number(value),
        lambda value, is_date: is_date,
        # Numbers written as text are looked for last.
        lambda value, is_date: isinstance(value, (str, bytes)),
    ]
    for is_wrong in kinds[1:] if str(error).startswith("dates") else kinds:
        for place in np.ndindex(array.shape):
            if is_wrong(array[place], is_date[0 if columns is None else place[1]]):
                column = place[1] if columns is None and len(place) == 2 else columns and columns[place[1]]
                where = "" if column is None else f" in column {column!r}"
                return f"{array[place]!r}{where} of row {place[0]}" if place else repr(array[place])
    return None


def _holds_sequences(X):
    """Test whether rows are strings of letters of nucleotides or amino acids."""
    entries = X if isinstance(X, (list, tuple)) else np.ravel(X) if np.ndim(X) == 1 else []
    return len(entries) > 0 and all(isinstance(each, str) and len(each) > 1 and each.isalpha() for each in entries)


def _reads_as_number(value):
    """Test whether a value is a number, or text that reads as a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return value is None or isinstance(value, complex)
    return True
