import numpy as np
import pandas as pd
import pytest

from skdeeplift.command_line import data_files
from skdeeplift.command_line.data_files import read_rows

TABLE = "name,a,b\np,1,2.5\nq,3,4\n"


def write_file(folder, content, name="rows.csv"):
    path = folder / name
    path.write_text(content)
    return path


def test_a_table_with_names(tmp_path):
    rows = read_rows(write_file(tmp_path, TABLE), index="name")
    pd.testing.assert_frame_equal(rows, pd.DataFrame({"a": [1, 3], "b": [2.5, 4]}, pd.Index(["p", "q"], name="name")))
    assert read_rows(write_file(tmp_path, TABLE), drop=["name", "a"]).columns.tolist() == ["b"]
    tabs = read_rows(write_file(tmp_path, TABLE.replace(",", "\t"), "rows.TSV"), index="name")
    pd.testing.assert_frame_equal(tabs, rows)


def test_a_first_line_of_numbers_is_a_row(tmp_path):
    rows = read_rows(write_file(tmp_path, "1,-2e3\n3,4\n"))
    assert isinstance(rows, np.ndarray)
    np.testing.assert_array_equal(rows, [[1, -2000], [3, 4]])


def test_columns_that_need_not_be_there(tmp_path):
    path = write_file(tmp_path, "a,b\n1,2\n")
    with pytest.raises(ValueError, match="has no column 'id'; its columns are a, b"):
        read_rows(path, index="id")
    rows = read_rows(path, index="id", drop=["b", "c"], required=False)
    assert rows.columns.tolist() == ["a"]


def test_arrays(tmp_path):
    one, other = np.arange(6.0).reshape(1, 2, 3), np.ones(1)
    np.save(tmp_path / "one.npy", one)
    np.savez(tmp_path / "single.npz", any_name=one)
    np.savez(tmp_path / "list.npz", one, other)
    np.savez(tmp_path / "dict.npz", a=one, b=other)
    for name in ("one.npy", "single.npz"):
        np.testing.assert_array_equal(read_rows(tmp_path / name), one)
    read = read_rows(tmp_path / "list.npz")
    assert isinstance(read, list)
    np.testing.assert_array_equal(read[1], other)
    assert set(read_rows(tmp_path / "dict.npz")) == {"a", "b"}
    with pytest.raises(ValueError, match="--index and --drop name columns of a table"):
        read_rows(tmp_path / "one.npy", drop=["a"])
    read_rows(tmp_path / "one.npy", drop=["a"], required=False)


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        (
            "rows.xls",
            "1",
            ValueError,
            r"expected a file that ends in \.csv, \.tsv, \.txt, \.parquet, \.npy, \.npz, \.png",
        ),
        (
            "rows.csv",
            TABLE,
            ValueError,
            r"columns without numbers: name \(such as 'p'\)\. Leave columns .* --drop NAME",
        ),
        ("rows.csv", "", ValueError, "cannot read"),
        ("rows.npy", "text", ValueError, "cannot read"),
        ("rows.npz", "text", ValueError, "cannot read"),
    ],
)
def test_what_holds_no_rows(tmp_path, name, content, error, message):
    with pytest.raises(error, match=message):
        read_rows(write_file(tmp_path, content, name))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1,2\n1.5,2.5,3.5\n", "first line, 0,1,2, may be the numbers of the columns or a row.*delete .* as 0.0"),
        ("2001,2002,2003\n1,2,3\n", "first line, 2001,2002,2003, may be"),
        ("0,1\n1,2\n", "first line, 0,1, may be"),
        ("a,b\n1,2,3\n4,5,6\n", "first line has 2 fields, but the second has 3. Write a name"),
        ("a,b\n0,2,3\n1,5,6\n", "first line has 2 fields, but the second has 3"),
        ("a,b\n1,2,3,4\n", "first line has 2 fields, but the second has 4"),
        ("1,2\n3,4,5\n", "its line 2 has 3 fields, and the lines before have 2"),
        (",1.5,2\n3,4,5\n", "first line, ,1.5,2, is a row with missing values"),
        ("nan,7\n3,4\n", "first line, ,7, is a row with missing values"),
    ],
)
def test_a_first_line_that_may_mean_two_things(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_rows(write_file(tmp_path, text))


def test_the_advice_for_a_first_line_of_numbers(tmp_path):
    np.testing.assert_array_equal(read_rows(write_file(tmp_path, "0.0,1,2\n3,4,5\n")), [[0, 1, 2], [3, 4, 5]])
    frame = pd.DataFrame([[3.0, 4.0, 5.0]])
    frame.to_csv(tmp_path / "frame.csv", index=False, header=False)
    np.testing.assert_array_equal(read_rows(tmp_path / "frame.csv"), [[3, 4, 5]])
    # Labels of the rows have no name, where pandas writes them beside numbered columns.
    frame.to_csv(tmp_path / "frame.csv")
    assert read_rows(tmp_path / "frame.csv", index="Unnamed: 0").columns.tolist() == ["0", "1", "2"]
    for text in ("5,5,5\n1,2,3\n", "3,1,2\n1,2,3\n", "id,0,1\n1,2,3\n", "1,5\n1,2\n"):
        read_rows(write_file(tmp_path, text))


def test_damaged_arrays_are_one_kind_of_error(tmp_path):
    """Two hundred damaged files of each kind, which NumPy, zipfile and zlib answer with seven kinds of errors."""
    rng, n_errors = np.random.default_rng(0), 0
    np.save(tmp_path / "rows.npy", np.arange(1000.0).reshape(100, 10))
    np.savez_compressed(tmp_path / "rows.npz", a=np.arange(1000.0).reshape(100, 10), b=np.eye(100))
    for path in (tmp_path / "rows.npy", tmp_path / "rows.npz"):
        whole = path.read_bytes()
        for _ in range(200):
            damaged = bytearray(whole)
            damaged[rng.integers(120 if path.suffix == ".npy" else len(whole))] = rng.integers(256)
            path.write_bytes(damaged)
            try:
                read_rows(path)
            except ValueError as error:
                assert str(error).startswith(f"cannot read {str(path)!r}: ")  # noqa: PT017
                n_errors += 1
    assert n_errors > 200


def test_a_header_that_declares_more_than_memory_holds(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2000000000000,), }".ljust(117) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (tmp_path / "rows.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read .*Unable to allocate"):
        read_rows(tmp_path / "rows.npy")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 3)), "it has no rows"),
        (np.array(1.0), "it has no rows"),
        (np.array([[1.0, np.nan]]), "it has missing or infinite numbers, which a network cannot take"),
        (np.array([["a"]]), "expected an array of numbers, but the array holds text or other objects"),
    ],
)
def test_arrays_that_no_network_takes(tmp_path, array, message):
    np.save(tmp_path / "rows.npy", array)
    with pytest.raises(ValueError, match=message):
        read_rows(tmp_path / "rows.npy")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_rows(tmp_path / "rows.csv")


def test_code_in_a_file_is_not_run(tmp_path):
    np.save(tmp_path / "rows.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="cannot read"):
        read_rows(tmp_path / "rows.npy")


def test_parquet_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setattr(data_files, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        read_rows(write_file(tmp_path, "", "rows.parquet"))


def test_a_first_column_without_a_name_labels_the_rows(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=["p", "q"])
    frame.to_csv(tmp_path / "rows.csv")
    pd.testing.assert_frame_equal(read_rows(tmp_path / "rows.csv"), frame)
    frame.reset_index(drop=True).to_csv(tmp_path / "rows.csv")
    assert read_rows(tmp_path / "rows.csv").columns.tolist() == ["a", "b"]
    assert read_rows(tmp_path / "rows.csv", drop=["Unnamed: 0"]).index.tolist() == [0, 1]
