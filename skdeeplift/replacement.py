"""Files that are written in whole, or not at all."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replace_together(*paths):
    """Yield temporary paths, and rename them to the given paths once all files are written.

    A file keeps its permissions, and a symbolic link stays one: the file that it names is replaced.

    Parameters
    ----------
    *paths : Path
        The files to write. Existing files are kept if anything fails.

    Yields
    ------
    unfinished : list of Path
        The temporary paths to write to, with the same suffixes.

    Raises
    ------
    FileNotFoundError
        If a file's folder does not exist.
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
