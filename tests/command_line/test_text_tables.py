import numpy as np
import pandas as pd
import pytest

from skdeeplift.command_line.text_tables import read_text_table

TABLE = pd.DataFrame({"id": ["p", "q"], "age": [1.5, -2.25], "dose": [3, 4]})


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_separators(tmp_path, separator, as_bytes):
    path = tmp_path / "rows.csv"
    TABLE.to_csv(path, index=False, sep=separator)
    table = read_text_table(path.read_bytes() if as_bytes else path)
    pd.testing.assert_frame_equal(table, TABLE)
    assert table.attrs["first_line"] == 2


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_decimal_commas(separator):
    content = TABLE.to_csv(index=False, sep=separator, decimal=",").encode()
    pd.testing.assert_frame_equal(read_text_table(content), TABLE)


def test_decimal_commas_without_names():
    table = read_text_table(b"1,5;2,5;3\n4;5;6\n")
    np.testing.assert_array_equal(table, [[1.5, 2.5, 3], [4, 5, 6]])
    assert table.attrs["first_line"] == 1


@pytest.mark.parametrize("text", ["a;b\n1,5;2.5\n", "a;b\n1.234,5;2\n"])
def test_numbers_in_two_notations_are_text(text):
    """A point may separate thousands, so that no number is guessed."""
    assert not pd.api.types.is_numeric_dtype(read_text_table(text.encode())["a"])


def test_one_column_and_quoted_separators():
    assert read_text_table(b"a\n1\n2\n")["a"].tolist() == [1, 2]
    table = read_text_table(b'"age; in years",dose\n1,2\n3,4\n')
    assert table.columns.tolist() == ["age; in years", "dose"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding):
    assert read_text_table("größe,b\n1,2\n".encode(encoding)).columns.tolist() == ["größe", "b"]


def test_long_files_are_read_to_their_end(tmp_path):
    path = tmp_path / "rows.csv"
    long = pd.DataFrame({"a": np.arange(50_000.0), "b": 1.0})
    long.to_csv(path, index=False, sep=";")
    pd.testing.assert_frame_equal(read_text_table(path), long)


def test_columns_without_names():
    """Labels of rows, as pandas writes them, and a separator at the end of each line."""
    labelled = read_text_table(b",a,b\n7,1,2\n8,3,4\n")
    assert labelled.attrs["labels"] == "Unnamed: 0"
    assert read_text_table(b"a,b\n1,2\n").attrs["labels"] is None
    assert read_text_table(b"a,b,\n1,2,\n3,4,\n").columns.tolist() == ["a", "b"]
