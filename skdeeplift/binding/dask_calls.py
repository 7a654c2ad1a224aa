"""Rows of Dask: contributions stay lazy, and `fit` learns statistics block by block."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeeplift.binding import dask_blocks
from skdeeplift.binding.calls import check_single_target
from skdeeplift.binding.comparison import flat_reference, make_reference_objects
from skdeeplift.binding.estimators import with_attributes
from skdeeplift.binding.fitting import fit_rows, learn
from skdeeplift.binding.importances import Importances
from skdeeplift.binding.lengths import at_lengths_of
from skdeeplift.binding.row_checks import check_weights
from skdeeplift.config import get_config
from skdeeplift.dtypes import kind_of
from skdeeplift.execution.workers import WorkerCopy, reduce_partials, ship_once
from skdeeplift.network.trained import is_trained_in_fit
from skdeeplift.references.computed_references import Constant, median
from skdeeplift.references.reference import Reference
from skdeeplift.rows.dask_map import check_length, map_in_form
from skdeeplift.rows.dask_rows import LazyRows, as_list, compute_all
from skdeeplift.rows.validation import holds_ids, importance_rows

# Rows that are enough to bind and check a network, if the reference does not learn from single rows.
FEW_ROWS = 16


def copy_for_workers(explainer, target=None):
    """Return a copy of an explainer for workers, which computes in one thread.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    target : object, default=None
        Target of the copy; by default the explainer's own.

    Returns
    -------
    copied : WorkerCopy
    """
    bound = explainer.bound_ if target is None else explainer.bound_.with_target(target)
    copied = with_attributes(explainer, bound_=bound, n_jobs=None, verbose=0)
    for name in ("references_", "_importances", "_chunks"):
        vars(copied).pop(name, None)
    if hasattr(copied, "reference"):
        # Workers use the learned references instead.
        copied.reference = None
    return WorkerCopy(copied)


def transform_lazily(explainer, X, *, target=None, out=None):
    """Return lazy contributions in the form of the rows.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    X : dask array, dask DataFrame, or list or dict of dask arrays
        The rows.
    target, out : object, default=None
        As `transform` takes them.

    Returns
    -------
    contributions : dask array, dask DataFrame, or list or dict of dask arrays
    """
    check_is_fitted(explainer)
    # Another thread may fit the explainer meanwhile.
    explainer = with_attributes(explainer)
    if out is not None:
        raise ValueError(
            "out= cannot be filled with rows of Dask, which are explained later. Pass out=None, and write the result "
            "block by block with dask.array.store(transform(X), out)."
        )
    rows = LazyRows(X)
    zeros = rows.like_one()
    explainer = at_lengths_of(explainer, zeros)
    bound = explainer.bound_
    # Errors for columns and shapes that do not fit are raised before anything is computed.
    if bound.encoder is None:
        arrays = bound.arrays(zeros, explainer)
    else:
        arrays = None
        validate_data(explainer, zeros, reset=False, skip_check_array=True)
    of_rows = target if bound.has_entry_per_row(target) else None
    of_all = target if of_rows is None else None
    compiled, checked = bound.compiled_with_target(of_all)
    check_single_target(bound, target)
    references = bound.references
    if references is not None and references.n_rows is not None:
        raise ValueError(
            f"The explainer was fitted with separate references for each of {references.n_rows} rows, and X holds rows "
            "of Dask. Pass each chunk with its references as explain(X, reference=...)."
        )
    copied = copy_for_workers(explainer, of_all)
    is_all = of_rows is None and checked.is_all
    specs = _specs_of_contributions(bound, arrays, compiled, checked if is_all else None)
    names = None
    if bound.gives_table:
        names = explainer.get_feature_names_out() if is_all else bound.contribution_names(explainer)
    block = partial(dask_blocks.contributions_of_block, {"jit_compile": get_config()["jit_compile"]})
    return bound.like_rows(map_in_form(explainer, block, rows, copied, of_rows, specs, names), rows.X)


def _specs_of_contributions(bound, arrays, compiled, all_targets):
    """Return the shape and dtype of a row's contributions for each source, without running an encoder."""
    method = compiled.method
    shapes = bound.shapes_of_sources(method)
    if bound.raw_columns is not None:
        shapes = [(bound.n_columns,)]
    elif bound.layer is None and arrays is not None:
        shapes = [array.shape[1:] for array in arrays]
    elif any(None in shape for shape in shapes):
        # Only a run of the network tells the size. A network behind an encoder takes a table of known sizes.
        entries = [tensor.shape for tensor in method.source_values(arrays)]
        shapes = [tuple(shape) if shape[0] > 1 else tuple(shape[1:]) for shape in entries]
    if all_targets is not None:
        number = all_targets.number(compiled.tensor.shape)
        shapes = [(shape[0] * number,) if bound.gives_table else (*shape, number) for shape in shapes]
    return list(zip(shapes, method.contribution_dtypes, strict=True))


def fit_lazily(explainer, hooks, X, y, sample_weight, target, metadata=None):
    """Fit an explainer to rows of Dask.

    Parameters
    ----------
    explainer : BaseExplainer
        Gets the fitted attributes.
    hooks : Hooks
        Functions by which the explainer differs from others.
    X, y, sample_weight, target : object
        As `fit` takes them.
    metadata : dict, default=None
        Further metadata of `fit`, for the estimator that is trained.

    Returns
    -------
    importances : Importances
        Importances, computed when they are first read.
    """
    y, sample_weight, target = compute_all(y, sample_weight, target)
    rows = LazyRows(X)
    n_rows = sum(rows.lengths)
    if is_trained_in_fit(explainer.estimator) or n_rows <= explainer.max_samples:
        # A network is trained in one process, which needs all rows.
        return fit_rows(explainer, hooks, compute_all(X)[0], y, sample_weight, target, metadata)
    if sample_weight is not None:
        like_rows = np.broadcast_to(0.0, (n_rows, 1))
        sample_weight = check_weights(sample_weight, like_rows)
        if not sample_weight.any():
            raise ValueError("sample_weight= needs at least one weight above zero. Got only zeros.")
    # A separate generator, so that importances use the same rows as for rows in memory.
    random_state = check_random_state(explainer.random_state)
    random_state = np.random.RandomState(random_state.randint(np.iinfo(np.int32).max))
    candidates = np.arange(n_rows) if sample_weight is None else np.flatnonzero(sample_weight)
    number = min(len(candidates), explainer.max_samples if _learns_from_single_rows(explainer) else FEW_ROWS)
    drawn = np.sort(random_state.choice(candidates, number, replace=False))

    def find_target(bound):
        """Return the targets of the gathered rows."""
        if not bound.has_entry_per_row(target):
            return target
        check_length(target, n_rows)
        return entries_at(target, drawn)

    arrays, _, _, random_state = learn(
        explainer,
        hooks,
        rows.gather(drawn),
        None,
        None if sample_weight is None else sample_weight[drawn],
        None,
        find_reference=partial(_find_reference, explainer, rows, sample_weight),
        find_target=find_target,
    )
    chosen = np.arange(n_rows)[importance_rows(arrays, explainer.max_samples, random_state, n_rows)]
    has_targets = explainer.bound_.has_entry_per_row(target)
    sample = LazySample(rows, chosen, sample_weight, *((None, target) if has_targets else (target, None)))
    return Importances(sample, isinstance(X, dict))


def entries_at(target, positions):
    """Return the targets of the rows at some positions, with their index if they have one."""
    return target.iloc[positions] if hasattr(target, "iloc") else np.asarray(target)[positions]


class LazySample(NamedTuple):
    """Rows of Dask for importances, with their weights and targets."""

    rows: LazyRows
    # Positions of the rows.
    chosen: np.ndarray
    sample_weight: np.ndarray | None
    # One target for all rows, or one for each row.
    target: Any
    target_of_rows: Any

    def absolute_sums(self, explainer):
        """Sum absolute contributions by weight, one array for each source, without gathering the rows."""
        import dask

        copied, of_rows = ship_once(copy_for_workers(explainer)), self.target_of_rows
        weights, add = self.sample_weight, dask.delayed(dask_blocks.importances_of_block)
        config = {"jit_compile": get_config()["jit_compile"]}
        partials = [
            add(
                config,
                copied,
                block,
                np.ones(len(positions)) if weights is None else weights[positions],
                self.target if of_rows is None else entries_at(of_rows, positions),
                positions,
            )
            for block, positions in self.rows.take(self.chosen)
        ]
        return reduce_partials(partials, dask_blocks.merge_sums)


def _learns_from_single_rows(explainer):
    """Return whether the reference is made from single rows, and not from a statistic of all rows."""
    objects = make_reference_objects(as_list(getattr(explainer, "reference", None)))
    return any(isinstance(each, Reference) and each.learns and not isinstance(each, Constant) for each in objects)


def _find_reference(explainer, rows, weights, bound, arrays):
    """Return the reference to learn, with statistics computed over all rows."""
    given = flat_reference(explainer, bound, explainer.reference)
    entries = list(given) if isinstance(given, list) else [given] * len(arrays)
    objects = make_reference_objects(entries)
    for each, array in zip(objects, arrays, strict=True):
        if not isinstance(each, Reference) and not callable(each) and np.ndim(each) > array.ndim:
            raise ValueError(
                "reference= has separate references for each row, which cannot be matched to rows of Dask. Pass rows "
                "in memory, or references that all rows share."
            )
    of_ids = holds_ids(bound.network)
    kinds = {
        position: each.value
        for position, each in enumerate(objects)
        if isinstance(each, Constant)
        and each.learns
        and kind_of(arrays[position].dtype) == "f"
        and not of_ids[position]
    }
    if not kinds:
        return explainer.reference
    statistics = _statistics(rows, weights, ship_once(copy_for_workers(explainer)), kinds, arrays)
    entries = [statistics.get(position, each) for position, each in enumerate(entries)]
    return entries[0] if bound.network.is_single else dict(zip(bound.network.input_names, entries, strict=True))


def _statistics(rows, weights, copied, kinds, arrays):
    """Compute statistics over all rows for some inputs, keyed by the inputs' positions."""
    import dask

    blocks = []
    for block, stop, length in zip(rows.blocks(), np.cumsum(rows.lengths), rows.lengths, strict=True):
        of_block = None if weights is None else weights[stop - length : stop]
        if length and (of_block is None or of_block.any()):
            blocks.append((block, of_block, int(length if of_block is None else (of_block > 0).sum())))
    of_sums, found = {position: kind for position, kind in kinds.items() if kind != "median"}, {}
    if of_sums:
        compute = dask.delayed(dask_blocks.statistics_of_block)
        partials = [compute(copied, block, of_block, of_sums) for block, of_block, _ in blocks]
        values, total = reduce_partials(partials, partial(dask_blocks.merge_statistics, of_sums))
        found = {position: value / total if kinds[position] == "mean" else value for position, value in values.items()}
    for position in kinds.keys() - of_sums.keys():
        found[position] = _median(blocks, weights, copied, position, arrays[position])
    return {position: value.astype(arrays[position].dtype)[None] for position, value in found.items()}


def _median(blocks, weights, copied, position, like):
    """Compute the median of all rows, for several whole columns at once."""
    import dask
    import dask.array as da

    width, compute = int(np.prod(like.shape[1:])), dask.delayed(dask_blocks.columns_of_block)
    parts = [
        da.from_delayed(compute(copied, block, of_block, position), (number, width), like.dtype)
        for block, of_block, number in blocks
    ]
    values = da.concatenate(parts).rechunk((-1, "auto"))
    weights = None if weights is None else weights[weights > 0]
    found = values.map_blocks(median, weights, chunks=((1,), values.chunks[1]), dtype=like.dtype)
    return found.compute()[0].reshape(like.shape[1:])
