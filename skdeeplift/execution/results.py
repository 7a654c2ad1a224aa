"""What a call computes, and the sums over references that it comes from."""

from typing import NamedTuple

import numpy as np

from skdeeplift.propagation.pairing import Mode
from skdeeplift.propagation.sums import OF_ALL_TARGETS

# Of which standard errors are made: over references, or over what is drawn for the only one.
SQUARES = frozenset({"squares", "squares_of_draws"})


class Results(NamedTuple):
    """What a call computed.

    ``of_sources`` holds one array for each source under each name that was wanted, and ``standard_error`` where squares
    were. If every output is a target, these, ``prediction`` and ``reference_value`` have a last axis of targets; the
    parts of differences have none. ``target`` is each row's index where rows have targets of their own, else None.
    """

    of_sources: dict
    prediction: np.ndarray
    # None for a method without references.
    reference_value: np.ndarray | None
    target: np.ndarray | None
    # How many each row was compared with.
    n_references: np.ndarray | None = None
    # Standard deviation of the target over the references.
    reference_spread: np.ndarray | None = None
    # How many gradients were computed of each row, where they are integrated.
    n_steps: np.ndarray | None = None
    # Whether a row's standard error is above the tolerance after all that was added to lower it.
    unconverged: np.ndarray | None = None

    @property
    def contributions(self):
        """One array for each source."""
        return self.of_sources["contributions"]

    def of_rows(self, rows):
        """Those of some of the rows."""
        of_sources = {name: [array[rows] for array in arrays] for name, arrays in self.of_sources.items()}
        return Results(of_sources, *(None if array is None else array[rows] for array in self[1:]))

    def replace_rows(self, rows, others):
        """Write what was computed anew of some rows over what was there."""
        for array, other in zip(self._arrays(), others._arrays(), strict=True):
            array[rows] = other

    def _arrays(self):
        """All arrays, in order."""
        of_sources = [array for arrays in self.of_sources.values() for array in arrays]
        return of_sources + [array for array in self[1:] if array is not None]


def joined(parts):
    """Results of all rows from those of parts of them, in order."""
    of_sources = {
        name: [np.concatenate(arrays) for arrays in zip(*(part.of_sources[name] for part in parts), strict=True)]
        for name in parts[0].of_sources
    }
    others = (None if arrays[0] is None else np.concatenate(arrays) for arrays in list(zip(*parts, strict=True))[1:])
    return Results(of_sources, *others)


class Sums:
    """Sums over references, in float64 unless one chunk holds them all."""

    def __init__(self, method, n_rows, n_targets, wanted, one_piece):
        self.wanted, self.method, self.one_piece = wanted, method, one_piece
        self.n_rows, self.n_targets = n_rows, n_targets
        self.sums = [{} for _ in method.sources]
        self.prediction, self.reference_value, self.reference_squares = np.zeros((3, n_rows, n_targets))
        self.classes = np.full(n_rows, -1)

    def add(self, rows, number, first_target, sums, weights):
        """Add what a chunk gives of a number of rows for some of the targets."""
        stop = min(first_target + sums[0][0].shape[1], self.n_targets)
        # All at once, so that nothing is added yet if memory runs out on the way.
        sums = [[np.asarray(tensor) for tensor in tensors] for tensors in sums]
        for of_source, source, arrays in zip(self.sums, self.method.sources, sums, strict=True):
            dtype = dtype_of_contributions(source, self.method) if self.one_piece else np.float64
            for name, array in zip(self.wanted, arrays, strict=True):
                targets = slice(0, 1) if name in OF_ALL_TARGETS else slice(first_target, stop)
                if name in OF_ALL_TARGETS and first_target > 0:
                    continue
                array = array[:number, : targets.stop - targets.start]
                if len(weights) == 1 and weights[0] != 1:
                    array = array * np.float64(weights[0])
                n_targets = 1 if name in OF_ALL_TARGETS else self.n_targets
                is_whole = name not in of_source and array.shape[:2] == (self.n_rows, n_targets)
                if self.one_piece and is_whole and array.dtype == dtype:
                    # Plus zero, so that there is no negative one.
                    of_source[name] = array + array.dtype.type(0)
                    continue
                if name not in of_source:
                    of_source[name] = np.zeros((self.n_rows, n_targets, *array.shape[2:]), dtype)
                if self.one_piece:
                    np.add(array, 0, out=of_source[name][rows, targets], casting="unsafe")
                else:
                    of_source[name][rows, targets] += array

    def widen(self):
        """Go on in float64, where a chunk was to hold all references and does not."""
        if self.one_piece:
            self.one_piece = False
            self.sums = [
                {name: array.astype(np.float64) for name, array in of_source.items()} for of_source in self.sums
            ]

    def add_values(self, chunk, outputs, at_reference, over_elements):
        """Add the target's values at a chunk's rows and at its references."""
        rows, number, pairing, target = chunk.places, chunk.number, chunk.pairing, chunk.target
        self.prediction[rows] = _weighted(outputs, over_elements)[:number]
        if at_reference is not None:
            values = at_reference.astype(np.float64)
            lead = (1,) if pairing.mode is Mode.SHARED else (pairing.rows,)
            values = values.reshape(*lead, pairing.references, *values.shape[1:])
            values = _of_pairs(values, over_elements, target)
            for sums, power in ((self.reference_value, 1), (self.reference_squares, 2)):
                sums[rows] += np.tensordot(values**power, chunk.weights, (1, 0))[:number]
        classes = target.classes(outputs)
        if classes is not None:
            self.classes[rows] = classes[:number]

    def divide(self, counts):
        """Make means of what was added up with weights of one, over as many references as each row has."""
        for of_source in self.sums:
            for array in of_source.values():
                array /= _along_rows(counts, array)
        for array in (self.reference_value, self.reference_squares):
            array /= counts[:, None]

    def relative_standard_errors(self, rows, count):
        """Standard errors of rows' contributions beside these, each as the root of the sum of squares.

        The largest of all targets.
        """
        sizes = []
        for name in ("contributions", "standard_error"):
            squares = 0
            for of_source in self.sums:
                means = {term: of_source[term][rows] / count for term in ("contributions", "squares")}
                of_rows = means[name] if name in means else _standard_error(means, count)
                squares = squares + np.square(of_rows).reshape(*of_rows.shape[:2], -1).sum(2)
            sizes.append(np.sqrt(squares))
        contributions, errors = sizes
        return np.divide(errors, contributions, out=np.where(errors > 0, np.inf, 0.0), where=contributions > 0).max(1)

    def finish(self, counts, effective, target):
        """Bring means over references into the form of `Results`.

        ``counts`` says how many references each row has, ``effective`` how many of equal weight would be as good.
        """
        dtypes = [dtype_of_contributions(source, self.method) for source in self.method.sources]
        for name in SQUARES.intersection(self.wanted):
            number = effective if name == "squares" else self.method.draws
            for of_source in self.sums:
                of_source["standard_error"] = _standard_error({**of_source, "squares": of_source[name]}, number)

        def with_targets_last(array, of_all_targets):
            return np.moveaxis(array, 1, -1) if target.is_all and not of_all_targets else array[:, 0]

        of_sources = {
            name: [
                with_targets_last(of_source[name].astype(dtype, copy=False), name in OF_ALL_TARGETS)
                for of_source, dtype in zip(self.sums, dtypes, strict=True)
            ]
            for name in self.sums[0]
            if name not in SQUARES
        }
        spread = np.sqrt(np.maximum(self.reference_squares - self.reference_value**2, 0))
        values = [with_targets_last(value, False) for value in (self.prediction, self.reference_value, spread)]
        if not self.method.uses_references:
            values[1:], counts = [None, None], None
        prediction, reference_value, spread = values
        classes = self.classes if self.classes[0] >= 0 else None
        return Results(of_sources, prediction, reference_value, classes, counts, spread)


def dtype_of_contributions(source, method):
    """Dtype of a source's contributions; integers have those of the output."""
    return (source.value if source.starts is None else method.target).dtype.as_numpy_dtype


def _weighted(values, weights):
    """Sum of the target tensor's elements by each target's weights, in float64."""
    values = values.reshape(len(values), 1, -1).astype(np.float64)
    weights = weights.reshape(*weights.shape[:2], -1).astype(np.float64)
    if len(weights) == 1:
        return values[:, 0] @ weights[0].T
    return (values * weights).sum(2)


def _of_pairs(values, weights, target):
    """Each target's value at each reference, of shape (rows or 1, references, targets)."""
    if target.is_all:
        # Weights are the identity then, of which a product with all of the pairs would cost much.
        values = values - values.mean(-1, keepdims=True) if target.centered else values
        return values.reshape(*values.shape[:2], -1)
    weights = weights.reshape(*weights.shape[:2], -1).astype(np.float64)
    return values.reshape(*values.shape[:2], -1) @ np.swapaxes(weights, 1, 2)


def _standard_error(means, effective):
    """Of a weighted mean of independent draws; with equal weights the usual s / sqrt(n).

    With all weight on one reference nothing is known of how others would differ.
    """
    variance = np.maximum(means["squares"] - means["contributions"] ** 2, 0)
    freedom = _along_rows(np.asarray(effective - 1.0), variance)
    # Weights sum to one but for rounding.
    known = freedom > 1e-9
    return np.sqrt(np.where(known, variance / np.where(known, freedom, 1), np.nan))


def _along_rows(numbers, array):
    """Give numbers of rows the axes that they need to meet an array of them."""
    return numbers.reshape(*numbers.shape, *[1] * (array.ndim - 1)) if numbers.ndim else numbers
