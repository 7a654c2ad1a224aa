"""Files that are there whole, or not at all."""

import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def finished_together(*paths):
    """Give the paths of new files beside some files, which they replace only when all are written.

    Parameters
    ----------
    *paths : Path
        The files; what is there stays as it is if anything fails.

    Yields
    ------
    unfinished : list of Path
        Where to write them, with the same suffixes.
    """
    unfinished = [Path(path).with_name(f".{uuid4().hex}.unfinished{Path(path).suffix}") for path in paths]
    try:
        yield unfinished
        for written, path in zip(unfinished, paths, strict=True):
            os.replace(written, path)
    finally:
        for written in unfinished:
            written.unlink(missing_ok=True)
