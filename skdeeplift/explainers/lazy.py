"""Rows that are Dask's arrays and tables: contributions stay lazy, and what `fit` learns is reduced over blocks."""

from functools import partial

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeeplift.compat import check_sample_weight
from skdeeplift.execution.dask import carried_once, check_length, mapped, mapped_in_form, output_form, reduced
from skdeeplift.execution.results import dtype_of_contributions
from skdeeplift.execution.worker_copy import Carried
from skdeeplift.explainers.blocks import (
    columns_of_block,
    contributions_of_block,
    importances_of_block,
    median_of_columns,
    merge_statistics,
    merge_sums,
    statistics_of_block,
)
from skdeeplift.network.trained import is_estimator, unfrozen
from skdeeplift.references.assembly import SHORTHANDS
from skdeeplift.references.constant import Constant
from skdeeplift.references.reference import Reference
from skdeeplift.rows.dask_rows import LazyRows, in_memory, is_lazy
from skdeeplift.rows.validation import holds_ids, importance_rows

# Enough to bind a network and to look at how it treats rows, where no more is learned of single rows.
FEW_ROWS = 16


class TakesLazyRows:
    """What an explainer does with arrays and tables of Dask."""

    def _transform_lazily(self, X, *, target=None, out=None):
        """Contributions in the form of the rows, of which nothing is computed yet."""
        check_is_fitted(self)
        if out is not None:
            raise ValueError(
                "out= is for rows that are read in blocks here. Pass out=None, and write what is returned, block by "
                "block, with dask.array.store(transform(X), out)."
            )
        rows = LazyRows(X)
        self._check_form(rows)
        of_rows = target if _is_of_rows(target) else None
        own = target is None or of_rows is not None
        explained = self._explained(None if own else target)
        if not own:
            self._check_one_target(explained)
        references = getattr(self, "references_", None)
        if references is not None and references.per_row and references.arrays is not None:
            raise ValueError(
                f"The explainer was fitted with references of their own for {len(references.arrays[0])} rows, and X is "
                "lazy. Pass each chunk with its references as explain(X, reference=...)."
            )
        carried = Carried(self._to_go(self._fitted["target"] if own else target))
        is_all, names = of_rows is None and explained.target.is_all, None
        specs = self._specs_of_contributions(explained, is_all)
        if self._gives_table():
            names = self.get_feature_names_out() if is_all else self._column_names()
        if len(specs) == 1 and not isinstance(rows.X, (list, dict)):
            array = mapped_in_form(self, contributions_of_block, rows, carried, of_rows, specs[0], names)
            return self._like_given([array], rows.X)
        if names is None and output_form(self) == "pandas":
            self.get_feature_names_out()
        return self._like_given(mapped(contributions_of_block, rows, carried, of_rows, specs), rows.X)

    def _check_form(self, rows):
        """Refuse columns and shapes that do not fit, before anything is computed."""
        if self._transformer is None:
            self._rows(rows.like_one())
        else:
            validate_data(self, rows.like_one(), reset=False, skip_check_array=True)

    def _specs_of_contributions(self, explained, is_all):
        """Shape of a row, and dtype, of each source's contributions."""
        importances = self.feature_importances_
        flat = list(importances.values()) if isinstance(importances, dict) else importances
        shapes = [each.shape for each in (flat if isinstance(flat, list) else [flat])]
        if is_all:
            number = explained.target.number(explained.tensor.shape)
            shapes = [(shape[0] * number,) if self._gives_table() else (*shape, number) for shape in shapes]
        dtypes = [dtype_of_contributions(source, explained.method) for source in explained.method.sources]
        return list(zip(shapes, dtypes, strict=True))

    def _fit_lazily(self, X, y, sample_weight, target):
        estimator = unfrozen(self.estimator)
        y, sample_weight, target = in_memory(y, sample_weight, target)
        rows = LazyRows(X)
        lengths = rows.lengths()
        n_rows = sum(lengths)
        if (is_estimator(estimator) and estimator is self.estimator) or n_rows <= self.max_samples:
            # Whatever is trained in one process needs all rows in it.
            self._fit(in_memory(X)[0], y, sample_weight, target)
            return
        if target_of_rows(target) is not None:
            check_length(target, n_rows)
        if sample_weight is not None:
            like_rows = np.broadcast_to(0.0, (n_rows, 1))
            sample_weight = check_sample_weight(sample_weight, like_rows, ensure_non_negative=True)
            if not sample_weight.any():
                raise ValueError("sample_weight= must have a weight above zero for a row at least. Got only zeros.")
        # What is no draw of importances' rows, which are to be those that they are in memory.
        random_state = check_random_state(self.random_state)
        random_state = np.random.RandomState(random_state.randint(np.iinfo(np.int32).max))
        candidates = np.arange(n_rows) if sample_weight is None else np.flatnonzero(sample_weight)
        number = min(len(candidates), self.max_samples if self._learns_of_rows() else FEW_ROWS)
        drawn = np.sort(random_state.choice(candidates, number, replace=False))
        of_drawn = [
            None if each is None else np.asarray(each)[drawn] for each in (sample_weight, target_of_rows(target))
        ]
        arrays, _, explained, random_state = self._learn(
            rows.gather(drawn, lengths),
            None,
            of_drawn[0],
            target if of_drawn[1] is None else of_drawn[1],
            find_reference=partial(self._reference_of_all, rows, lengths, sample_weight),
        )
        chosen = np.arange(n_rows)[importance_rows(arrays, self.max_samples, random_state, n_rows)]
        self._learn_importances(rows, lengths, chosen, sample_weight, target, explained)

    def _learn_importances(self, rows, lengths, chosen, sample_weight, target, explained):
        """Reduce absolute contributions of some rows over the blocks."""
        import dask

        of_rows = target_of_rows(target)
        carried = carried_once(
            Carried(self._to_go(self._fitted["target"] if of_rows is not None or target is None else target))
        )
        add = dask.delayed(importances_of_block)
        partials = [
            add(
                carried,
                block,
                np.ones(len(positions)) if sample_weight is None else sample_weight[positions],
                None if of_rows is None else np.asarray(of_rows)[positions],
                positions,
            )
            for block, _, positions in rows.take(chosen, lengths)
        ]
        sums, total = reduced(partials, merge_sums)
        dtypes = [dtype_of_contributions(source, explained.method) for source in explained.method.sources]
        # As NumPy's means are: weights make them double.
        dtypes = dtypes if sample_weight is None else [np.float64] * len(sums)
        absolute = [(each / total).astype(dtype) for each, dtype in zip(sums, dtypes, strict=True)]
        self.feature_importances_ = self._like_given(absolute, rows.X)

    def _learns_of_rows(self):
        """Whether the reference is made of single rows, and not of a statistic of all."""
        reference = getattr(self, "reference", None)
        several = reference.values() if isinstance(reference, dict) else reference
        several = several if isinstance(several, (list, tuple)) or several is not reference else [reference]
        objects = [SHORTHANDS.get(each, each) if isinstance(each, str) else each for each in several]
        return any(isinstance(each, Reference) and each.learns and not isinstance(each, Constant) for each in objects)

    def _reference_of_all(self, rows, lengths, weights, arrays):
        """What is passed as reference, with statistics computed of all rows."""
        given = self._flat_reference(self.reference)
        entries = list(given) if isinstance(given, list) else [given] * len(arrays)
        objects = [SHORTHANDS.get(each, each) if isinstance(each, str) else each for each in entries]
        for each, array in zip(objects, arrays, strict=True):
            if not isinstance(each, Reference) and not callable(each) and np.ndim(each) > array.ndim:
                raise ValueError(
                    "reference= has references of their own for each row, which do not go with rows of Dask. Pass rows "
                    "in memory, or references that all rows share."
                )
        of_ids = holds_ids(self.network_)
        kinds = {
            position: each.value
            for position, each in enumerate(objects)
            if isinstance(each, Constant)
            and each.learns
            and arrays[position].dtype.kind == "f"
            and not of_ids[position]
        }
        if not kinds:
            return self.reference
        carried = carried_once(Carried(self._to_go(None)))
        statistics = _statistics(rows, lengths, weights, carried, kinds, arrays)
        entries = [statistics.get(position, each) for position, each in enumerate(entries)]
        return entries[0] if self.network_.is_single else dict(zip(self.network_.input_names, entries, strict=True))


def target_of_rows(target):
    """The target if it has one entry for each row, else None."""
    return target if _is_of_rows(target) else None


def _is_of_rows(target):
    if is_lazy(target):
        return True
    if not isinstance(target, (list, np.ndarray)) and not hasattr(target, "to_numpy"):
        return False
    # Floats are weights of outputs.
    return np.asarray(target).dtype.kind != "f"


def _statistics(rows, lengths, weights, carried, kinds, arrays):
    """Compute statistics of some inputs over all rows, by the inputs' positions."""
    import dask

    blocks = []
    for block, stop, length in zip(rows.blocks(), np.cumsum(lengths), lengths, strict=True):
        of_block = None if weights is None else weights[stop - length : stop]
        if length and (of_block is None or of_block.any()):
            blocks.append((block, of_block, int(length if of_block is None else (of_block > 0).sum())))
    of_sums, found = {position: kind for position, kind in kinds.items() if kind != "median"}, {}
    if of_sums:
        compute = dask.delayed(statistics_of_block)
        partials = [compute(carried, block, of_block, of_sums) for block, of_block, _ in blocks]
        values, total = reduced(partials, partial(merge_statistics, of_sums))
        found = {position: value / total if kinds[position] == "mean" else value for position, value in values.items()}
    for position in kinds.keys() - of_sums.keys():
        found[position] = _median(blocks, weights, carried, position, arrays[position])
    return {position: value.astype(arrays[position].dtype)[None] for position, value in found.items()}


def _median(blocks, weights, carried, position, like):
    """The median of all rows, which needs whole columns: some columns at once."""
    import dask
    import dask.array as da

    width, compute = int(np.prod(like.shape[1:])), dask.delayed(columns_of_block)
    parts = [
        da.from_delayed(compute(carried, block, of_block, position), (number, width), like.dtype)
        for block, of_block, number in blocks
    ]
    values = da.concatenate(parts).rechunk((-1, "auto"))
    weights = None if weights is None else weights[weights > 0]
    found = values.map_blocks(median_of_columns, weights, chunks=((1,), values.chunks[1]), dtype=like.dtype)
    return found.compute()[0].reshape(like.shape[1:])
