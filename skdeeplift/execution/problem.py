"""Problems: the rows of one call, with their targets and references, and settings of the computation."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from skdeeplift.execution.references import References
from skdeeplift.execution.run import outputs_at
from skdeeplift.execution.schedules import ONCE


@dataclass(frozen=True)
class Problem:
    """Rows of one call, with their targets and references.

    Parameters
    ----------
    method : Method
        The compiled network.
    rows : list of ndarray
        One array for each input.
    target : Target
        The targets of the rows.
    references : References or None, default=None
        The references of the rows, or the noise that is added to the rows. None for a method without references.
    wanted : tuple of str, default=("contributions",)
        Terms to compute for each source, of `skdeeplift.propagation.sums.TERMS`; squares give standard errors.
    letters : tuple of int or None, default=None
        Axis of the one-hot letters of each source, for hypothetical contributions.
    schedule : Schedule, default=ONCE
        Schedule that repeats the method for each row, over references, draws or steps.
    batch_size : int or "auto", default="auto"
        Largest number of pairs of a row and a reference in a chunk.
    fixed : int or None, default=None
        The only batch size that the network can run with.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    n_targets : int
        Number of targets of each row.
    """

    method: Any
    rows: list
    target: Any
    references: References | None = None
    wanted: tuple = ("contributions",)
    letters: tuple | None = None
    schedule: Any = field(default=ONCE)
    batch_size: Any = "auto"
    fixed: int | None = None
    verbose: int = 0
    n_rows: int = field(init=False)
    n_targets: int = field(init=False)

    def __post_init__(self):
        # Plain attributes, since every chunk reads them.
        object.__setattr__(self, "n_rows", len(self.rows[0]))
        n_targets = self.method.n_outputs if self.method is not None and self.target.is_all else 1
        object.__setattr__(self, "n_targets", n_targets)

    def replace(self, **changes):
        """Return the same problem with other attributes."""
        return replace(self, **changes)

    def take(self, rows):
        """Return the problem of some of the rows."""
        return replace(
            self,
            rows=[array[rows] for array in self.rows],
            target=self.target.take(rows),
            references=None if self.references is None else self.references.take(rows),
        )

    def outputs(self, rows=None):
        """Compute the elements of the target tensor.

        Parameters
        ----------
        rows : list of ndarray, default=None
            Rows, one array for each input; by default those of the problem.

        Returns
        -------
        outputs : ndarray of shape (n_rows, *target's axes)
        """
        return outputs_at(self.method, self.rows if rows is None else rows, self.batch_size, self.fixed)

    def references_of_row(self, row, number):
        """Make the first references that a row is compared with.

        Parameters
        ----------
        row : int
            The row's position.
        number : int
            Number of references.

        Returns
        -------
        references : list of ndarray of shape (number, *features)
            One array for each input.
        """
        references = self.references.take(slice(row, row + 1))
        make = references.of_rows([array[[row]] for array in self.rows], 0, 1)
        return [array[0] if references.per_row else array for array in make(0, number)]

    def pairs_of_row(self, row, most_references):
        """Return one row and its first references, pair by pair.

        Parameters
        ----------
        row : int
            The row's position.
        most_references : int
            Largest number of references.

        Returns
        -------
        rows, references : list of ndarray
            One array for each input, with one entry for each pair.
        """
        arrays = self.references_of_row(row, min(len(self.references.weights), most_references))
        return [np.repeat(array[[row]], len(arrays[0]), 0) for array in self.rows], arrays
