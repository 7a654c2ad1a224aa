"""Results of blocks of rows, kept on disk until all rows are explained."""

import json
import shutil
from pathlib import Path

import numpy as np

from skdeeplift.replacement import replace_together


class FinishedBlocks:
    """Arrays of all rows that are filled block by block, and survive an interruption.

    Parameters
    ----------
    folder : Path
        Folder that holds the arrays while rows are explained.
    description : dict
        Description of the explained rows and of the method, as values of JSON. Blocks of another description are not
        continued.
    n_rows : int
        Number of rows.

    Attributes
    ----------
    n_finished : int
        Number of the first rows that are explained.
    arrays : dict of str to memmap
        One array for each field, with all rows.

    Raises
    ------
    ValueError
        If the folder holds blocks of another description.
    """

    def __init__(self, folder, description, n_rows):
        self.folder, self.description, self.n_rows = Path(folder), description, n_rows
        self.n_finished, self.arrays = 0, {}
        progress = self.folder / "progress.json"
        if not progress.exists():
            return
        found = json.loads(progress.read_text())
        if found["description"] != json.loads(json.dumps(description)):
            changed = sorted(name for name in description if found["description"].get(name) != description[name])
            raise ValueError(
                f"the folder {str(self.folder)!r} holds unfinished results of another command, with another "
                f"{' and '.join(changed)}. Repeat that command to finish them, or pass --restart to delete them"
            )
        self.n_finished = found["n_finished"]
        self.arrays = {path.stem: np.load(path, mmap_mode="r+") for path in sorted(self.folder.glob("*.npy"))}

    def add(self, start, fields):
        """Write the results of a block.

        Parameters
        ----------
        start : int
            Position of the block's first row.
        fields : dict of str to ndarray
            Arrays with one entry for each row of the block.
        """
        self.folder.mkdir(exist_ok=True)
        for name, values in fields.items():
            if name not in self.arrays:
                shape = (self.n_rows, *values.shape[1:])
                path = self.folder / f"{name}.npy"
                self.arrays[name] = np.lib.format.open_memmap(path, "w+", dtype=values.dtype, shape=shape)
            self.arrays[name][start : start + len(values)] = values
            self.arrays[name].flush()
        self.n_finished = max(self.n_finished, start + len(values))
        with replace_together(self.folder / "progress.json") as [unfinished]:
            unfinished.write_text(json.dumps({"description": self.description, "n_finished": self.n_finished}))


def delete_blocks(folder):
    """Delete unfinished results of any description."""
    shutil.rmtree(folder, ignore_errors=True)
