"""How explainers explain rows: at once, or block by block, of any source, into any array."""

from pathlib import Path

import numpy as np

from skdeeplift.execution.references import References
from skdeeplift.execution.results import dtype_of_contributions
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.propagation.summation_check import warn_of_rows_beyond
from skdeeplift.propagation.sums import OF_ALL_TARGETS, PARTS
from skdeeplift.rows.batches import (
    blocks_of_array,
    blocks_of_batches,
    count_rows,
    cut_array,
    gives_batches,
    is_on_disk,
    join,
    rows_of_block,
)
from skdeeplift.rows.output import Output, noted

# What of an explanation has one entry for each element of the rows, or of a layer's units.
OF_ELEMENTS = ("contributions", "multipliers", "standard_error", "hypothetical", *PARTS)


class ExplainsInBlocks:
    """Explain rows that are not in memory, or results that are not to be."""

    def _explain_rows(self, explain, X, out, *, target=None, reference=None, is_flat=False):
        """Explain rows at once, or in blocks where they are not in memory, or results are to be elsewhere.

        Parameters
        ----------
        explain : callable
            Takes rows, the target and the reference of these, and as a keyword what `check_convergence` takes of
            blocks; returns their `Explanation`.
        X : array-like, or source of batches
            The rows.
        out : dict or None
            What of the explanation is written where.
        target, reference : object, default=None
            As the user gave them.
        is_flat : bool, default=False
            Whether an axis of all targets is folded into the columns of a table.

        Returns
        -------
        explanation : Explanation
        """
        in_batches = gives_batches(X)
        if not in_batches and not is_on_disk(X) and out is None:
            return explain(X, target, reference)
        n_rows = None if in_batches else count_rows(X, self.network_)
        cuts = _CutsByRow(self, target, reference, n_rows)
        outputs = self._outputs(out or {}, X, n_rows, cuts, is_flat)
        if in_batches:
            blocks = blocks_of_batches(X, self.network_, type(self).__name__, cuts.rows_of_block)
        else:
            blocks = blocks_of_array(X, self.network_, cuts.rows_of_block)
        # A pipeline's explanation has what its earlier steps make of them.
        keeps_given = not in_batches and (self._transformer is None or self._raw_sources is not None)
        parts, beyond, finished = [], [], 0
        every = [output for of_name in outputs.values() for output in of_name]
        with noted(every, lambda: finished):
            for start, stop, rows in blocks:
                try:
                    part = explain(rows, *cuts.of(start, stop), of_blocks=(start, beyond))
                except ValueError as error:
                    self._note_row(error, start, rows)
                    raise
                for name, of_name in outputs.items():
                    if part[name] is None:
                        raise ValueError(f"out= names {name!r}, which this explanation does not have.")
                    for output, array in zip(of_name, _flat(part[name]), strict=True):
                        output.write(start, array)
                # What is written need not be kept, and neither rows that are elsewhere.
                left_out = {*(OF_ELEMENTS if out else ()), *(["X"] if out or keeps_given else [])}
                parts.append({name: None if name in left_out else value for name, value in part.items()})
                finished = stop
            for output in every:
                output.close(finished)
            cuts.check_all_used(finished)
        warn_of_rows_beyond(beyond, finished)
        explanation = Explanation(**_joined(parts))
        explanation.update(out or {})
        if keeps_given:
            explanation["X"] = X
        return explanation

    def _note_row(self, error, start, rows):
        """Say with an error which row of a block is the first that is not finite, if there is one."""
        for array in map(np.asarray, self.network_.flatten(rows)):
            if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
                row = start + int(np.argmin(finite.reshape(len(array), -1).all(1)))
                error.add_note(f"Row {row} of X is the first that holds NaN or infinity.")

    def _outputs(self, out, X, n_rows, cuts, is_flat):
        """Check where things are to be written, before anything is computed."""
        if not out:
            return {}
        names, method, outputs = self._source_names(), cuts.method, {}
        n_targets = (cuts.n_targets,) if cuts.is_all else ()
        rows = [] if n_rows is None else self.network_.flatten(X)
        given = [np.shape(each)[1:] for each in rows] or [None] * len(names)
        for name, arrays in out.items():
            if isinstance(arrays, dict) and set(arrays) == set(names):
                arrays = [arrays[each] for each in names]
            arrays = list(arrays) if isinstance(arrays, (list, tuple, dict)) else [arrays]
            if len(arrays) != len(method.sources):
                raise ValueError(f"out= takes {len(method.sources)} arrays, as contributions are. Got {len(arrays)}.")
            outputs[name] = []
            for position, (array, source) in enumerate(zip(arrays, method.sources, strict=True)):
                shape = tuple(source.value.shape[1:])
                if self._raw_sources is not None:
                    shape = (self.n_features_in_,)
                elif self._fitted["layer"] is None and given[position] is not None and None in shape:
                    shape = given[position]
                targets = () if name in OF_ALL_TARGETS else n_targets
                shape = (shape[0] * targets[0],) if is_flat and targets and len(shape) == 1 else (*shape, *targets)
                label = "out=" if name == "contributions" else f"out= for {name!r}"
                output = Output(array, (n_rows, *shape), dtype_of_contributions(source, method), label)
                if any(_share_elements(array, each) for each in rows):
                    raise ValueError(f"{label} shares memory with X. Pass an array of its own.")
                if any(_share_elements(array, other.array) for of_name in outputs.values() for other in of_name):
                    raise ValueError(f"{label} shares memory with another array of out=. Pass an array of its own.")
                outputs[name].append(output)
        return outputs


class _CutsByRow:
    """What belongs to a block: targets and references, of which each row may have its own, and how many rows."""

    def __init__(self, explainer, target, reference, n_rows):
        self.target, self.reference, self.n_rows = target, reference, n_rows
        self.network = explainer.network_
        self.has_targets = _has_targets(target, getattr(explainer, "classes_", None))
        explained = explainer._explained("all" if self.has_targets else target)
        self.method, self.is_all = explained.method, explained.target.is_all and not self.has_targets
        self.n_targets = explained.target.number(self.method.target.shape[1:]) if self.is_all else 1
        self.is_of_layer = explainer._fitted["layer"] is not None
        if reference is None:
            fitted = getattr(explainer, "references_", None)
            if fitted is not None and fitted.per_row and fitted.arrays is not None:
                self.reference = fitted
        self.lengths = {len(target)} if self.has_targets else set()
        self.lengths |= {len(each) for each in self._references_of_rows()}
        if n_rows is not None:
            self._check({n_rows})

    def rows_of_block(self, elements):
        """How many rows, and results of rows, make a block."""
        units = sum(source.value.shape[1:].num_elements() or elements for source in self.method.sources)
        return rows_of_block(elements + units * self.n_targets if self.is_of_layer else elements * self.n_targets)

    def of(self, start, stop):
        """The target and the reference of some rows."""
        if stop > min(self.lengths, default=stop):
            raise ValueError(
                f"target= and reference= of each row need one entry for each row of X, which has at least {stop}. Got "
                f"{min(self.lengths)}."
            )
        target = cut_array(self.target, start, stop) if self.has_targets else self.target
        return target, self._cut(self.reference, start, stop)

    def check_all_used(self, n_rows):
        """Refuse targets and references of more rows than there were."""
        self._check({n_rows})

    def _check(self, n_rows):
        if self.lengths - n_rows:
            raise ValueError(
                f"target= and reference= of each row need one entry for each of the {n_rows.pop()} rows of X. Got "
                f"{', '.join(map(str, sorted(self.lengths)))}."
            )

    def _references_of_rows(self):
        reference = self.reference
        if isinstance(reference, References):
            return reference.arrays if reference.per_row and reference.arrays is not None else []
        several = reference.values() if isinstance(reference, dict) else reference
        several = [reference] if self.network.is_single else several if isinstance(reference, (list, dict)) else []
        return [each for each in several if self._is_of_rows(each)]

    def _is_of_rows(self, array):
        if isinstance(array, str) or callable(array) or array is None or not np.ndim(array):
            return False
        return np.ndim(array) in {len(spec.shape) + 1 for spec in self.network.flat_specs}

    def _cut(self, reference, start, stop):
        if isinstance(reference, References):
            return reference.take(slice(start, stop)) if reference.per_row else reference
        if isinstance(reference, dict):
            return {name: self._cut(each, start, stop) for name, each in reference.items()}
        if isinstance(reference, (list, tuple)) and not self.network.is_single:
            return [self._cut(each, start, stop) for each in reference]
        return reference[start:stop] if self._is_of_rows(reference) else reference


def written(out):
    """What of an explanation is written where, from what the user gave as ``out``."""
    if out is None:
        return None
    if not (isinstance(out, dict) and "contributions" in out):
        return {"contributions": out}
    unknown = sorted(set(out) - set(OF_ELEMENTS))
    if unknown:
        raise ValueError(f"out= as a dict takes {', '.join(OF_ELEMENTS)}. Got {', '.join(map(repr, unknown))}.")
    return out


def _has_targets(target, labels):
    """Whether each row has a target: an array of floats has weights of all, unless class labels are floats."""
    if target is None or isinstance(target, (str, tuple, dict)) or callable(target) or np.ndim(target) != 1:
        return False
    of_floats = isinstance(labels, np.ndarray) and labels.dtype.kind == "f"
    return np.asarray(target).dtype.kind != "f" or of_floats


def _flat(arrays):
    if isinstance(arrays, dict):
        return list(arrays.values())
    return arrays if isinstance(arrays, list) else [arrays]


def _share_elements(array, other):
    """Whether what is written into an array may change another, as far as is known; columns of one do not."""
    if array is other:
        return True
    if not (isinstance(array, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    # Of what may not, as bytes of one mapping, only the file tells.
    return np.shares_memory(array, other) if np.may_share_memory(array, other) else _share_a_file(array, other)


def _share_a_file(*arrays):
    """Whether two memory maps are of one file, as far as is known, and of bytes that both have in it."""
    if not all(isinstance(array, np.memmap) and array.filename is not None for array in arrays):
        return False
    if not Path(arrays[0].filename).samefile(arrays[1].filename):
        return False
    (first, last), (of_other, last_of_other) = map(_place_in_file, arrays)
    return first < last_of_other and of_other < last


def _place_in_file(array):
    """Where the bytes of a memory map, or of a part of it, begin and end in its file."""
    whole = array
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    return tuple(whole.offset + address - whole.ctypes.data for address in np.lib.array_utils.byte_bounds(array))


def _joined(parts):
    """One explanation's fields, of those of its blocks."""
    first, joined = parts[0], {}
    for name, value in first.items():
        values = [part[name] for part in parts]
        if value is None or len(parts) == 1:
            joined[name] = value
        elif name == "index":
            joined[name] = value.append(values[1:])
        elif name in ("X", *OF_ELEMENTS):
            joined[name] = join(values)
        elif name in ("feature_names", "class_names", "letters_axis") or (
            name == "target" and not isinstance(value, np.ndarray)
        ):
            joined[name] = value
        else:
            joined[name] = np.concatenate(values)
    return joined
