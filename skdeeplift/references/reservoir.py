"""Random sample of rows that come chunk by chunk, so that few rows are in memory at once."""

from typing import NamedTuple

import numpy as np


class Reservoir(NamedTuple):
    """Sample of rows without replacement, drawn as rows come (Efraimidis & Spirakis 2006).

    Each row has a random key, and the rows with the largest keys are kept. ``arrays`` have one entry for each kept row,
    in the order of arrival.
    """

    # Maximum number of kept rows.
    size: int
    seed: int = 0
    arrays: tuple | None = None
    keys: np.ndarray = np.empty(0)
    # Number of rows that came so far.
    n_rows: int = 0

    @property
    def has_all(self):
        """True if all rows so far are kept."""
        return self.n_rows == len(self.keys)

    def add(self, arrays, weights=None):
        """Return a new reservoir that has seen more rows.

        Parameters
        ----------
        arrays : sequence of ndarray
            Arrays with one entry for each new row.
        weights : ndarray of shape (n_rows,), default=None
            Weights above zero; the probability of drawing a row is proportional to its weight. By default equal.

        Returns
        -------
        reservoir : Reservoir
            A new reservoir. The old one does not change.
        """
        # Seed each chunk by its first row's position, so that the same chunks give the same sample.
        keys = np.log(np.random.default_rng([self.seed, self.n_rows]).random(len(arrays[0])))
        keys = np.concatenate([self.keys, keys if weights is None else keys / weights])
        kept = np.arange(len(keys))
        if len(keys) > self.size:
            kept = np.sort(np.argpartition(keys, -self.size)[-self.size :])
        joined = arrays if self.arrays is None else map(np.concatenate, zip(self.arrays, arrays, strict=True))
        return self._replace(
            # Copy the rows, because the user may change them later.
            arrays=tuple(np.array(array[kept]) for array in joined),
            keys=keys[kept],
            n_rows=self.n_rows + len(arrays[0]),
        )
