"""Files that are written completely or not at all."""

import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replace_together(*paths):
    """Yield temporary paths, and rename them to the given paths once all files are written.

    Parameters
    ----------
    *paths : Path
        The files to write. Existing files are kept if anything fails.

    Yields
    ------
    unfinished : list of Path
        The temporary paths to write to, with the same suffixes.
    """
    unfinished = [Path(path).with_name(f".{uuid4().hex}.unfinished{Path(path).suffix}") for path in paths]
    try:
        yield unfinished
        for written, path in zip(unfinished, paths, strict=True):
            os.replace(written, path)
    finally:
        for written in unfinished:
            written.unlink(missing_ok=True)
