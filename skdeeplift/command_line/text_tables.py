"""Tables in text files: separators, decimal commas, encodings and names of columns are found in the file itself."""

import csv
import io
import re
import shlex
import warnings
from functools import partial

import numpy as np
import pandas as pd

# The separator that splits all lines alike is taken; of several such ones the first, since numbers hold commas too.
SEPARATORS = ("\t", ";", "|", ",")
# Number of bytes and lines in which separators are searched.
_HEAD, _LINES = 1 << 16, 50
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def read_text_table(content):
    """Read a table, with column names if the first line is not made of numbers.

    Parameters
    ----------
    content : Path or bytes
        The file, or its bytes.

    Returns
    -------
    table : DataFrame
        The table. ``table.attrs["first_line"]`` is the line that its first row is on, counted from 1, and
        ``table.attrs["labels"]`` the first column if it has no name, as that of row labels in files of pandas.

    Raises
    ------
    ValueError
        If lines have different numbers of fields, or the first line may be names or a row.
    """
    head = content[:_HEAD] if isinstance(content, bytes) else _read_head(content)
    encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "utf-8")
    if b"\0" in head and encoding == "utf-8":
        raise ValueError("it is no text")
    lines = head.decode(encoding, errors="ignore").splitlines()
    # The last line may be cut off.
    lines = [line for line in lines[: -1 if len(head) == _HEAD else None] if line.strip()][:_LINES]
    if not lines:
        raise ValueError("it is empty")
    separator = _find_separator(lines)
    decimal = _find_decimal_mark(lines, separator)

    read = partial(_read_csv, content, sep=separator, encoding=encoding)
    try:
        first = read(header=None, nrows=1, dtype=str).iloc[0]
        has_names = _holds_names(first.str.replace(",", ".") if decimal == "," else first)
        if has_names and first.dropna().duplicated().any():
            raise ValueError(
                f"its first line has the name {first[first.duplicated()].iloc[0]!r} twice. Give each column a name of "
                "its own"
            )
        with warnings.catch_warnings():
            # By default pandas takes fields without a name for labels of the rows, and moves all others by one column.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = read(header=0 if has_names else None, index_col=False, decimal=decimal)
    except pd.errors.ParserWarning as warning:
        n_fields = read(header=None, skiprows=1, nrows=1).shape[1]
        raise ValueError(
            f"its first line has {len(first)} fields, but the second has {n_fields}. Write a name for each field into "
            "the first line; name a column of row labels with --index"
        ) from warning
    except UnicodeDecodeError as error:
        raise ValueError("it is not text in UTF-8. Save it in this encoding") from error
    except pd.errors.ParserError as error:
        raise ValueError(_say_parser_error(str(error))) from error
    # A separator at the end of each line makes a column without a name and values.
    last = table.columns[-1]
    if has_names and pd.isna(first.iloc[-1]) and table[last].isna().all():
        table = table.drop(columns=last)
    table.attrs["first_line"] = 1 + has_names
    table.attrs["labels"] = table.columns[0] if has_names and pd.isna(first.iloc[0]) else None
    return table


def _read_csv(content, **options):
    return pd.read_csv(io.BytesIO(content) if isinstance(content, bytes) else content, **options)


def _read_head(path):
    with open(path, "rb") as file:
        return file.read(_HEAD)


def _find_separator(lines):
    """Return the separator that splits all lines into the same number of fields, or else the first line into most."""
    numbers = {separator: [len(row) for row in csv.reader(lines, delimiter=separator)] for separator in SEPARATORS}
    for separator, each in numbers.items():
        if len(set(each)) == 1 and each[0] > 1:
            return separator
    return max(SEPARATORS[::-1], key=lambda separator: numbers[separator][0])


def _find_decimal_mark(lines, separator):
    """Return "," if numbers have decimal commas and none has a decimal point."""
    if separator == ",":
        return "."
    fields = [field.strip() for row in csv.reader(lines, delimiter=separator) for field in row]
    with_comma, with_point = (
        any(re.fullmatch(rf"[-+]?\d*{mark}\d+(e[-+]?\d+)?", field, re.IGNORECASE) for field in fields)
        for mark in (",", r"\.")
    )
    return "," if with_comma and not with_point else "."


def _say_parser_error(text):
    """Describe an error of pandas' parser in plain words."""
    if match := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text):
        expected, line, got = match.groups()
        return f"its line {line} has {got} fields, and the lines before have {expected}"
    if "EOF inside string" in text:
        return "a quotation mark in it is never closed"
    return text.removeprefix("Error tokenizing data. C error: ")


def _holds_names(first):
    """Return whether the first line of a table holds names, and not numbers; raise an error if nothing tells."""
    is_number = pd.to_numeric(first, errors="coerce").notna()
    if (is_number | first.isna()).all() and is_number.any():
        shown = ",".join(first.fillna("")[:8]) + (",..." if len(first) > 8 else "")
        if _counts_columns(first):
            raise ValueError(
                f"its first line, {shown}, may be the numbers of the columns or a row. If it is no row, delete the "
                f"line; if it is one, write its first number as {first.iloc[0]}.0"
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


def check_numbers(table, name):
    """Raise an error if a table has no rows, or values that are missing, infinite or no numbers.

    Parameters
    ----------
    table : DataFrame
        The table, without the columns that are no inputs.
    name : str
        Name of the file, for errors.

    Raises
    ------
    ValueError
        If there is no row, or a value that a network cannot take.
    """
    if not len(table):
        # Checked before the dtypes, since pandas gives empty columns the dtype object.
        raise ValueError(f"{name} has column names, but no rows")
    if not table.shape[1]:
        raise ValueError(f"{name} has no column left for the network. Name fewer columns with --index and --drop")
    others = [column for column, dtype in table.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
    for column in others:
        is_text = table[column].notna() & pd.to_numeric(table[column], errors="coerce").isna()
        # A column that is mostly numbers is an input with a wrong cell.
        if is_text.mean() < 0.5:
            position = int(np.argmax(is_text))
            first_line = table.attrs.get("first_line")
            place = f"row {position + 1}" if first_line is None else f"line {position + first_line}"
            raise ValueError(
                f"{name} holds {table[column].iloc[position]!r} in {place}, column {column}, which is no number"
            )
    if others and table.shape[1] == 1:
        raise ValueError(
            f"{name} has one column, {others[0]!r}. Write commas, semicolons, tabs or | between the columns of a table"
        )
    if others:
        listed = ", ".join(f"{column} (such as {table[column].dropna().iloc[0]!r})" for column in others[:10])
        drop = " ".join(f"--drop {shlex.quote(str(column))}" for column in others[:10])
        raise ValueError(
            f"{name} has columns without numbers: {listed}. Leave columns out that are not inputs with --drop NAME, "
            f"and name the column that labels the rows with --index NAME: {drop}"
        )
    for kind, is_kind, remedy in (
        ("missing values", table.isna(), "fill them in as in its training rows, or leave their rows out"),
        ("infinite numbers", np.isinf(table.astype(float)), "leave their rows out, or write numbers in their place"),
    ):
        counts = is_kind.sum()
        if counts.any():
            where = ", ".join(f"{column} ({number})" for column, number in counts[counts > 0].head(10).items())
            raise ValueError(f"{name} has {kind} in the columns {where}. A network cannot take {kind}: {remedy}")
