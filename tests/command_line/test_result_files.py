import numpy as np
import pandas as pd
import pytest

from skdeeplift.command_line.data_files import FORMATS
from skdeeplift.command_line.result_files import PICTURES, check_writable, write_contributions
from skdeeplift.explanation.explanation import Explanation

CONTRIBUTIONS = np.array([[1.0, -2.0], [0.25, 3.0]])


def explanation(**given):
    fields = {"contributions": CONTRIBUTIONS, "index": None, "prediction": np.array([2.0, 4.0])}
    return Explanation(**{**fields, **given})


@pytest.mark.parametrize(("name", "separator"), [("written.csv", ","), ("written.tsv", "\t")])
def test_a_table_has_a_column_for_each_feature(tmp_path, name, separator):
    write_contributions(tmp_path / name, explanation(), ["a", "b"])
    expected = "row,prediction,a,b\n0,2.0,1.0,-2.0\n1,4.0,0.25,3.0\n".replace(",", separator)
    assert (tmp_path / name).read_text() == expected
    write_contributions(tmp_path / name, explanation(index=pd.Index(["p", "q"], name="id")), ["a", "b"])
    assert (tmp_path / name).read_text() == expected.replace("row", "id").replace("\n0", "\np").replace("\n1", "\nq")


def test_arrays(tmp_path):
    write_contributions(tmp_path / "written.npy", explanation(), None)
    np.testing.assert_array_equal(np.load(tmp_path / "written.npy"), CONTRIBUTIONS)
    write_contributions(tmp_path / "written.npz", explanation(), None)
    np.testing.assert_array_equal(np.load(tmp_path / "written.npz")["contributions"], CONTRIBUTIONS)
    assert {path.name for path in tmp_path.iterdir()} == {"written.npy", "written.npz"}


def test_what_can_not_be_written_is_found_out_before(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    check_writable(tmp_path / "written.CSV", FORMATS)
    with pytest.raises(ValueError, match=r"expected a file that ends in \.png, \.pdf, \.svg, \.jpg"):
        check_writable(tmp_path / "written.csv", PICTURES)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_writable(tmp_path / "none" / "written.csv", FORMATS)
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        check_writable(tmp_path / "folder.csv", FORMATS)
