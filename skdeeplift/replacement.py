"""Replacement of files: either all files are written completely, or no file changes."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


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
        if not path.parent.is_dir():
            # The error of the temporary file would name a file that nobody asked for.
            raise FileNotFoundError(f"There is no folder {str(path.parent)!r} to write {path.name!r} to.")
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
