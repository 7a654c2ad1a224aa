"""What workers compute of a block of rows. Imports no TensorFlow: Dask's scheduler imports this too."""

import numpy as np

from skdeeplift.config import config_context
from skdeeplift.execution.worker_copy import with_attributes
from skdeeplift.references.constant import median


def contributions_of_block(explainer, X, target, name_row):
    """Compute the contributions of each source; the target is given where each row has its own."""
    target = target.to_numpy() if hasattr(target, "to_numpy") else target
    with config_context(**explainer._config):
        return with_attributes(explainer, _name_row=name_row)._contributions(X, target)


def importances_of_block(carried, X, weights, target, positions):
    """Add up absolute contributions by weight, and the weights."""
    explainer = with_attributes(carried.value, _name_row=lambda row: f"row {positions[row]}")
    arrays = explainer._rows(explainer._transformed(X))
    explained = explainer._explained(target, len(arrays[0]))
    references = explainer._references_for_importances(arrays, explained)
    with config_context(**explainer._config):
        results, _ = explainer._run(arrays, references, explained)
    absolute = [np.tensordot(weights, np.abs(array).astype(np.float64), 1) for array in results.contributions]
    if explained.target.is_all:
        absolute = [array.mean(-1) for array in absolute]
    return absolute, weights.sum()


def merge_sums(partials):
    """Add up what `importances_of_block` returns."""
    of_each, totals = zip(*partials, strict=True)
    return [np.sum(arrays, 0) for arrays in zip(*of_each, strict=True)], sum(totals)


def _weighted_rows(carried, X, weights, positions):
    """Checked rows of some inputs in double precision, those of weight zero left out, and weights."""
    explainer = carried.value
    arrays = explainer._rows(explainer._transformed(X))
    weights = np.ones(len(arrays[0])) if weights is None else weights
    counts = weights > 0
    return {position: arrays[position][counts] for position in positions}, weights[counts]


def statistics_of_block(carried, X, weights, kinds):
    """Add up rows by weight for a mean, or take minima, of some inputs; and add up the weights."""
    arrays, weights = _weighted_rows(carried, X, weights, kinds)
    values = {
        position: np.tensordot(weights, array.astype(np.float64), 1) if kinds[position] == "mean" else array.min(0)
        for position, array in arrays.items()
    }
    return values, weights.sum()


def merge_statistics(kinds, partials):
    """Bring what `statistics_of_block` returns together."""
    of_each, totals = zip(*partials, strict=True)
    merge = {"mean": np.sum, "minimum": np.min}
    values = {position: merge[kind]([each[position] for each in of_each], 0) for position, kind in kinds.items()}
    return values, sum(totals)


def columns_of_block(carried, X, weights, position):
    """Return rows of an input as those of a table."""
    arrays, _ = _weighted_rows(carried, X, weights, [position])
    return arrays[position].reshape(len(arrays[position]), -1)


def median_of_columns(values, weights):
    """The median of columns that are there from top to bottom."""
    return median(values, weights)
