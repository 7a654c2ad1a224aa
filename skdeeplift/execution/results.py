"""Results of a call, and the sums over references that they come from."""

from typing import NamedTuple

import numpy as np

from skdeeplift.propagation.sums import OF_ALL_TARGETS

# Sums of squares, from which standard errors are computed: over references, or over the draws of a single one.
SQUARES = frozenset({"squares", "squares_of_draws"})


class Results(NamedTuple):
    """Results of a call, one entry for each row.

    ``of_sources`` maps the name of each requested term to one array for each source; ``standard_error`` is a term if
    squares were requested. If every output is a target, all terms but the parts of differences have a last axis of
    targets, and so have ``prediction`` and ``reference_value``. Each row's target index is in ``target``; None if rows
    share the target.
    """

    of_sources: dict
    prediction: np.ndarray
    # None for a method without references.
    reference_value: np.ndarray | None
    target: np.ndarray | None
    # Number of references that each row was compared with.
    n_references: np.ndarray | None = None
    # Standard deviation of the target over the references.
    reference_spread: np.ndarray | None = None
    # Number of gradients computed for each row, if gradients are integrated.
    n_steps: np.ndarray | None = None
    # Whether a row's standard error stayed above the tolerance.
    unconverged: np.ndarray | None = None
    # Number of shuffles of each row that equal the row; None if no references are shuffles.
    n_equal: np.ndarray | None = None
    # Whether a row's contributions sum, but still changed with the number of steps.
    unsettled: np.ndarray | None = None

    @property
    def contributions(self):
        """Contributions, one array for each source."""
        return self.of_sources["contributions"]

    @property
    def reported(self):
        """Mask of the rows that a warning of the schedule names."""
        masks = [mask for mask in (self.unconverged, self.unsettled) if mask is not None]
        return np.any(masks, 0) if masks else np.zeros(len(self.prediction), bool)

    def of_group(self, positions):
        """Return the results of some of the sources."""
        if len(positions) == len(self.contributions):
            return self
        of_sources = {name: [arrays[position] for position in positions] for name, arrays in self.of_sources.items()}
        return self._replace(of_sources=of_sources)

    def replace_rows(self, rows, others):
        """Overwrite some rows with new results."""
        for array, other in zip(self._arrays(), others._arrays(), strict=True):
            array[rows] = other

    def _arrays(self):
        """Return all arrays, in order."""
        of_sources = [array for arrays in self.of_sources.values() for array in arrays]
        return of_sources + [array for array in self[1:] if array is not None]


def concatenate_results(parts):
    """Join the results of consecutive parts of the rows."""
    of_sources = {
        name: [np.concatenate(arrays) for arrays in zip(*(part.of_sources[name] for part in parts), strict=True)]
        for name in parts[0].of_sources
    }
    others = (None if arrays[0] is None else np.concatenate(arrays) for arrays in list(zip(*parts, strict=True))[1:])
    return Results(of_sources, *others)


class Sums:
    """Sums over references, in float64 unless one chunk holds all references.

    Parameters
    ----------
    problem : Problem
        The rows, with their targets and references.
    one_piece : bool, default=False
        Whether every chunk holds all references of its rows.
    """

    def __init__(self, problem, one_piece=False):
        self.problem, self.method, self.one_piece = problem, problem.method, one_piece
        self.n_rows, self.n_targets, self.dtypes = problem.n_rows, problem.n_targets, self.method.contribution_dtypes
        self.sums = [{} for _ in self.dtypes]
        self.prediction, self.reference_value, self.reference_squares = np.zeros((3, self.n_rows, self.n_targets))
        self.classes = None
        self.n_equal = None

    def add(self, chunk, first_target, of_sources):
        """Add the tensors that a chunk computed, for some of the targets."""
        # All arrays are fetched before any is added, so that nothing is added if memory runs out. TensorFlow's own
        # `numpy()` would copy.
        arrays = [list(map(np.asarray, tensors)) for tensors in of_sources]
        number, weights = chunk.stop - chunk.start, chunk.request.weights
        weight = weights[0] if len(weights) == 1 and weights[0] != 1 else None
        for of_source, dtype, of_terms in zip(self.sums, self.dtypes, arrays, strict=True):
            for name, array in zip(self.problem.wanted, of_terms, strict=True):
                n_targets, start = self.n_targets, first_target
                if name in OF_ALL_TARGETS:
                    if first_target > 0:
                        continue
                    n_targets, start = 1, 0
                stop = min(start + array.shape[1], n_targets)
                array = array[:number, : stop - start]
                if weight is not None:
                    array = array * np.float64(weight)
                if self.one_piece and array.dtype == dtype and array.shape[:2] == (self.n_rows, n_targets):
                    # Adding zero turns negative zeros into positive ones.
                    of_source[name] = array + dtype(0)
                    continue
                if name not in of_source:
                    kind = dtype if self.one_piece else np.float64
                    of_source[name] = np.zeros((self.n_rows, n_targets, *array.shape[2:]), kind)
                if self.one_piece:
                    np.add(array, 0, out=of_source[name][chunk.places, start:stop], casting="unsafe")
                else:
                    of_source[name][chunk.places, start:stop] += array

    def widen(self):
        """Continue in float64, after a chunk turned out not to hold all references."""
        if self.one_piece:
            self.one_piece = False
            for of_source in self.sums:
                of_source.update({name: array.astype(np.float64) for name, array in of_source.items()})

    def add_values(self, chunk, outputs, at_reference, weights):
        """Add the target's values at a chunk's rows and at its references.

        Parameters
        ----------
        chunk : Chunk
            The rows and references.
        outputs : ndarray of shape (n_rows, *target's axes)
            Elements of the target tensor at the rows.
        at_reference : ndarray of shape (n_rows or 1, n_references, *target's axes) or None
            Elements of the target tensor at the references; None without references.
        weights : ndarray of shape (1 or n_rows, n_targets, *target's axes)
            Weights over these elements, with an axis of references behind that of rows if each pair has its own.
        """
        rows, number, target = chunk.places, chunk.stop - chunk.start, chunk.target
        if target.is_pairwise:
            self._add_values_of_pairs(chunk, outputs, at_reference, weights)
            return
        flat = outputs.reshape(len(outputs), -1).astype(np.float64)
        of_targets = weights.reshape(*weights.shape[:2], -1).astype(np.float64)
        if len(of_targets) == 1:
            self.prediction[rows] = (flat @ of_targets[0].T)[:number]
        else:
            self.prediction[rows] = (flat[:, None] * of_targets).sum(2)[:number]
        if at_reference is not None:
            values = at_reference.astype(np.float64)
            lead = values.shape[:2]
            if target.is_all:
                # Weights are the identity matrix here, and a product with all pairs would be slow.
                values = values - values.mean(-1, keepdims=True) if target.centered else values
                values = values.reshape(*lead, -1)
            else:
                values = values.reshape(*lead, -1) @ np.swapaxes(of_targets, 1, 2)
            self._add_reference_values(chunk, values)
        classes = target.classes(outputs)
        if classes is not None:
            if self.classes is None:
                self.classes = np.full(self.n_rows, -1)
            self.classes[rows] = classes[:number]

    def _add_values_of_pairs(self, chunk, outputs, at_reference, weights):
        """Add the target's values, if each pair of a row and a reference has its own weights."""
        of_pairs = weights.reshape(*weights.shape[:2], -1).astype(np.float64)
        at_rows = (outputs.reshape(len(outputs), 1, -1) * of_pairs).sum(2)
        self.prediction[chunk.places, 0] += (at_rows @ chunk.request.weights)[: chunk.stop - chunk.start]
        values = (at_reference.reshape(*at_reference.shape[:2], -1) * of_pairs).sum(2, keepdims=True)
        self._add_reference_values(chunk, values)

    def _add_reference_values(self, chunk, values):
        """Add values of shape ``(n_rows or 1, n_references, n_targets)`` at the references of a chunk."""
        rows, number, weights = chunk.places, chunk.stop - chunk.start, chunk.request.weights
        self.reference_value[rows] += (weights @ values)[:number]
        self.reference_squares[rows] += (weights @ values**2)[:number]
        if chunk.n_equal is not None:
            if self.n_equal is None:
                self.n_equal = np.zeros(self.n_rows, int)
            self.n_equal[rows] += chunk.n_equal

    def relative_standard_errors(self, rows, count):
        """Return rows' standard errors relative to their contributions, as roots of sums of squares.

        Parameters
        ----------
        rows : ndarray of int
            Positions of the rows.
        count : int
            Number of references, of weight one each, that were added to these rows.

        Returns
        -------
        errors : ndarray of shape (n_rows,)
            The largest of all targets.
        """
        totals = np.zeros((2, len(rows), self.n_targets))
        for of_source in self.sums:
            means = {term: of_source[term][rows] / count for term in ("contributions", "squares")}
            for total, of_rows in zip(totals, (means["contributions"], _standard_error(means, count)), strict=True):
                total += np.square(of_rows).reshape(*of_rows.shape[:2], -1).sum(2)
        contributions, errors = np.sqrt(totals)
        return np.divide(errors, contributions, out=np.where(errors > 0, np.inf, 0.0), where=contributions > 0).max(1)

    def means(self, counts):
        """Return the results of each row, after adding ``counts`` references with weights of one."""
        for of_source in self.sums:
            for array in of_source.values():
                array /= _along_rows(counts, array)
        of_references = [self.reference_value, self.reference_squares]
        for array in [*of_references, self.prediction] if self.problem.target.is_pairwise else of_references:
            array /= counts[:, None]
        return self.finish(counts, counts)

    def finish(self, counts, effective):
        """Return means over references as `Results`.

        Parameters
        ----------
        counts : ndarray of int of shape (n_rows,)
            Number of references of each row.
        effective : float or ndarray
            Number of references of equal weight that gives the same standard error.

        Returns
        -------
        results : Results
        """
        is_all, method = self.problem.target.is_all, self.method
        for name in SQUARES.intersection(self.problem.wanted):
            number = effective if name == "squares" else method.draws
            for of_source in self.sums:
                of_source["standard_error"] = _standard_error({**of_source, "squares": of_source[name]}, number)
        of_sources = {}
        for name in self.sums[0]:
            if name not in SQUARES:
                of_sources[name] = arrays = []
                for of_source, dtype in zip(self.sums, self.dtypes, strict=True):
                    array = of_source[name].astype(dtype, copy=False)
                    with_targets = is_all and name not in OF_ALL_TARGETS
                    arrays.append(np.moveaxis(array, 1, -1) if with_targets else array[:, 0])
        prediction = self.prediction if is_all else self.prediction[:, 0]
        if not method.uses_references:
            return Results(of_sources, prediction, None, self.classes)
        value = self.reference_value
        spread = np.sqrt(np.maximum(self.reference_squares - value**2, 0))
        if not is_all:
            value, spread = value[:, 0], spread[:, 0]
        return Results(of_sources, prediction, value, self.classes, counts, spread, n_equal=self.n_equal)


def _standard_error(means, effective):
    """Return the standard error of a weighted mean of independent draws; s / sqrt(n) for equal weights.

    It is NaN if one reference has all the weight, since the spread over references is then unknown.
    """
    variance = np.maximum(means["squares"] - means["contributions"] ** 2, 0)
    freedom = _along_rows(np.asarray(effective - 1.0), variance)
    # Weights sum to one only up to rounding.
    known = freedom > 1e-9
    return np.sqrt(np.where(known, variance / np.where(known, freedom, 1), np.nan))


def _along_rows(numbers, array):
    """Reshape one number for each row to broadcast against an array of rows."""
    return numbers.reshape(*numbers.shape, *[1] * (array.ndim - 1)) if numbers.ndim else numbers
