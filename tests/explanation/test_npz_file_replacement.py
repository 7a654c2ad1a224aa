import pytest

from skdeeplift.explanation.npz_file import replace_together


def test_files_replace_those_that_are_there_together(tmp_path):
    paths = tmp_path / "a.txt", tmp_path / "b.txt"
    paths[0].write_text("old")
    with replace_together(*paths) as unfinished:
        for path in unfinished:
            path.write_text("new")
        assert paths[0].read_text() == "old"
    assert [path.read_text() for path in paths] == ["new", "new"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_nothing_remains_of_what_failed(tmp_path):
    paths = tmp_path / "a.txt", tmp_path / "b.txt"
    paths[0].write_text("old")
    with pytest.raises(KeyboardInterrupt), replace_together(*paths) as unfinished:  # noqa: PT012
        unfinished[0].write_text("new")
        raise KeyboardInterrupt
    assert paths[0].read_text() == "old"
    assert list(tmp_path.iterdir()) == [paths[0]]
