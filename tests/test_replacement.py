import pytest

from skdeeplift.replacement import replace_together


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


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"no folder '.*nowhere' to write 'b\.txt' to"),
        replace_together(tmp_path / "a.txt", tmp_path / "nowhere" / "b.txt"),
    ):
        pytest.fail("The body has run.")


def test_a_link_stays_a_link_and_a_file_keeps_its_permissions(tmp_path):
    path, link = tmp_path / "file.old", tmp_path / "link.txt"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replace_together(link) as [unfinished]:
        assert unfinished.suffix == ".txt"
        unfinished.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(tmp_path.iterdir()) == [path, link]
