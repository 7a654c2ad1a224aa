import os

import pytest

from skdeeplift.replacement import replace_folder, replace_together
from tests.advice.following import follow


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


def write_folder(path, text, fails=False):
    with replace_folder(path, {"a.txt", "inner"}) as unfinished:
        (unfinished / "inner").mkdir()
        (unfinished / "inner" / "a.txt").write_text(text)
        if fails:
            raise KeyboardInterrupt
    return path


def test_a_folder_is_replaced_once_it_is_complete(tmp_path):
    path = tmp_path / "folder"
    write_folder(path, "old")
    (path / "a.txt").write_text("gone afterwards")
    path.chmod(0o750)
    with pytest.raises(KeyboardInterrupt):
        write_folder(path, "new", fails=True)
    assert (path / "inner" / "a.txt").read_text() == "old"
    write_folder(path, "new")
    assert (path / "inner" / "a.txt").read_text() == "new"
    assert not (path / "a.txt").exists()
    assert path.stat().st_mode & 0o777 == 0o750
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_rename_leaves_the_old_folder(tmp_path, monkeypatch):
    path, rename = tmp_path / "folder", os.replace
    write_folder(path, "old")

    def fail_once(source, destination):
        if str(source).endswith(".unfinished"):
            raise PermissionError("The folder is in use.")
        rename(source, destination)

    monkeypatch.setattr(os, "replace", fail_once)
    with pytest.raises(PermissionError):
        write_folder(path, "new")
    assert (path / "inner" / "a.txt").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.advice
def test_folders_with_files_of_the_user_are_kept(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    follow(
        "Pass a folder that does not exist yet, or an empty one.",
        lambda: write_folder(path, "new"),
        lambda: write_folder(tmp_path / "other", "new"),
    )
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", "new")
    with pytest.raises(FileExistsError, match="is a file"):
        write_folder(tmp_path / "file", "new")
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        write_folder(tmp_path / "nowhere" / "folder", "new")
    assert (path / "notes.txt").read_text() == "mine"
