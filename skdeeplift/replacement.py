"""Replacement of files: either all files are written completely, or no file changes."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replace_folder(path, entries):
    """Yield a temporary folder, and rename it to the given folder once its files are written.

    Parameters
    ----------
    path : str or Path
        Folder to write. An existing folder does not change if an error occurs.
    entries : collection of str
        Names of the files and folders that an existing folder may hold, since they are deleted.

    Yields
    ------
    unfinished : Path
        Temporary folder to write to, beside the given one.

    Raises
    ------
    FileExistsError
        If the path is a file, or a folder with other entries.
    """
    folder = Path(path).resolve()
    _check_parent(folder)
    if folder.exists() and (not folder.is_dir() or (others := {each.name for each in folder.iterdir()} - set(entries))):
        holds = f"holds {min(others)!r}, which is no part of one" if folder.is_dir() else "is a file"
        raise FileExistsError(
            f"{str(folder)!r} is to become a folder of files that replace its earlier ones, and it {holds}. Pass a "
            "folder that does not exist yet, or an empty one."
        )
    unfinished, replaced = (folder.with_name(f".{uuid4().hex}.{state}") for state in ("unfinished", "replaced"))
    try:
        unfinished.mkdir()
        yield unfinished
        if folder.exists():
            shutil.copymode(folder, unfinished)
            os.replace(folder, replaced)
        os.replace(unfinished, folder)
    except BaseException:
        if replaced.exists() and not folder.exists():
            os.replace(replaced, folder)
        raise
    finally:
        for temporary in (unfinished, replaced):
            shutil.rmtree(temporary, ignore_errors=True)


def _check_parent(path):
    if not path.parent.is_dir():
        # The error of the temporary file would name a file that nobody asked for.
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r} to write {path.name!r} to.")


@contextmanager
def replace_together(*paths):
    """Yield temporary paths, and rename them to the given paths once all files are written.

    A replaced file keeps its permissions. A symbolic link stays a link, and the file that it points to is replaced.

    Parameters
    ----------
    *paths : Path
        Files to write. Existing files do not change if an error occurs.

    Yields
    ------
    unfinished : list of Path
        Temporary paths to write to, with the same suffixes.
    """
    files = [Path(path).resolve() for path in paths]
    for path in files:
        _check_parent(path)
    suffixes = [Path(path).suffix for path in paths]
    unfinished = [
        path.with_name(f".{uuid4().hex}.unfinished{suffix}") for path, suffix in zip(files, suffixes, strict=True)
    ]
    try:
        yield unfinished
        for written, path in zip(unfinished, files, strict=True):
            if path.exists():
                shutil.copymode(path, written)
            os.replace(written, path)
    finally:
        for written in unfinished:
            written.unlink(missing_ok=True)
