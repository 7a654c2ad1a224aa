"""Whether contributions add up to what they explain, and where they first do not."""

import warnings

import numpy as np

from skdeeplift.propagation.summation_check import Tolerance, check_convergence, convergence_delta

# Of how many references a row's difference is followed from op to op.
LOCATED_REFERENCES = 100


class ChecksSummation:
    """What an explainer with a parameter ``check`` does about it."""

    def _run(
        self, arrays, references, explained, wanted=("contributions",), letters=None, of_blocks=None, with_delta=False
    ):
        """Explain rows, and check that contributions add up; return how far they are from it if that is asked for."""
        method = explained.method
        results = self._compute_in_parts(arrays, references, explained, wanted, letters)
        if results.unconverged is not None and results.unconverged.any():
            self._warn_of_errors(results)
        if self._raw_sources is not None:
            results = self._over_raw_columns(results)
        sums_up = method.sums_to_delta and self._fitted["layer"] is None
        if not sums_up:
            self._warn_of_outputs(results, of_blocks)
        if not sums_up or self.check == "ignore":
            return results, convergence_delta(results) if with_delta else None

        def advise(row, tolerance):
            """Say where the contributions of a row go wrong, or what to do."""
            return self._advice(arrays, references, explained, row, tolerance)

        tolerance = Tolerance(method.coarsest_dtype, self._tolerance())
        delta = check_convergence(results, self.check, tolerance, advise, of_blocks, self._name_row)
        return results, delta

    def _warn_of_outputs(self, results, of_blocks):
        """Say of which rows what is explained is not finite, where no sum would tell."""
        outputs = results.prediction.reshape(len(results.prediction), -1)
        bad = np.flatnonzero(~np.isfinite(outputs).all(1))
        if len(bad):
            first = self._name_row((of_blocks[0] if of_blocks else 0) + bad[0])
            warnings.warn(
                f"In {len(bad)} of {len(outputs)} rows, the first of which is {first}, what the network gives is not "
                "finite, so contributions mean nothing there. Look at its weights, and at these rows.",
                RuntimeWarning,
                stacklevel=5,
            )

    def _tolerance(self):
        """How far contributions may be from adding up; None for what the precision allows."""
        return None

    def _advice(self, arrays, references, explained, row, tolerance):
        """Name the op where the difference that a row carries first departs from the true one."""
        if self.network_.batch_size is not None:
            return ""
        of_row = references.take(slice(row, row + 1)).of_rows([array[[row]] for array in arrays], 0, 1)
        of_row = of_row(0, min(len(references.weights), LOCATED_REFERENCES))
        of_row = [array[0] if references.per_row else array for array in of_row]
        rows = [np.repeat(array[[row]], len(of_row[0]), 0) for array in arrays]
        op = explained.method.first_departure(rows, of_row, tolerance)
        if op is None:
            return ""
        return f" The carried difference first departs from the true one at {explained.method.graph.describe(op)}."
