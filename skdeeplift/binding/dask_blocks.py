"""Work of a worker on one block of rows. This module imports no TensorFlow: Dask's scheduler imports it too."""

import numpy as np

from skdeeplift.config import config_context
from skdeeplift.rows.dask_rows import as_list


def contributions_of_block(config, explainer, X, target, name_row):
    """Compute the contributions of each source.

    Parameters
    ----------
    config : dict
        Settings of the process that built the graph.
    explainer : BaseExplainer
        The fitted explainer.
    X : array-like, or list or dict of array-like
        Rows of the block.
    target : array-like or None
        Targets of the rows, if each row has its own.
    name_row : callable
        Function from a row's position in the block to its name in a warning.

    Returns
    -------
    contributions : list of ndarray
    """
    from skdeeplift.binding.calls import Fields, explain_block
    from skdeeplift.binding.problems import CallReport
    from skdeeplift.rows.blocks import Block

    report = CallReport(explainer, name_row)
    with config_context(**config):
        contributions = explain_block(explainer, Block(0, X, target, None), Fields(), report).contributions
        report.finish()
    return as_list(contributions)


def importances_of_block(config, copied, X, weights, target, positions):
    """Return the weighted sum of absolute contributions, and the sum of weights."""
    from skdeeplift.binding.importances import SampleInMemory

    explainer = copied.value
    bound = explainer.bound_
    arrays = bound.arrays(bound.encoded(X, explainer), explainer)
    sample = SampleInMemory(arrays, weights, bound.align_targets(target, X), None)
    with config_context(**config):
        return sample.absolute_sums(explainer, lambda row: f"row {positions[row]}")


def merge_sums(partials):
    """Add the sums of several blocks."""
    of_each, totals = zip(*partials, strict=True)
    return [np.sum(arrays, 0) for arrays in zip(*of_each, strict=True)], sum(totals)


def _weighted_rows(copied, X, weights, positions):
    """Return the checked rows with positive weights of some inputs, and these weights."""
    explainer = copied.value
    bound = explainer.bound_
    arrays = bound.arrays(bound.encoded(X, explainer), explainer)
    weights = np.ones(len(arrays[0])) if weights is None else weights
    counts = weights > 0
    return {position: arrays[position][counts] for position in positions}, weights[counts]


def statistics_of_block(copied, X, weights, kinds):
    """Return weighted sums of rows, or their minimum, for some inputs, and the sum of weights."""
    arrays, weights = _weighted_rows(copied, X, weights, kinds)
    values = {
        position: np.tensordot(weights, array.astype(np.float64), 1) if kinds[position] == "mean" else array.min(0)
        for position, array in arrays.items()
    }
    return values, weights.sum()


def merge_statistics(kinds, partials):
    """Merge the statistics of several blocks."""
    of_each, totals = zip(*partials, strict=True)
    merge = {"mean": np.sum, "minimum": np.min}
    values = {position: merge[kind]([each[position] for each in of_each], 0) for position, kind in kinds.items()}
    return values, sum(totals)


def columns_of_block(copied, X, weights, position):
    """Return the rows of an input as a table."""
    arrays, _ = _weighted_rows(copied, X, weights, [position])
    return arrays[position].reshape(len(arrays[position]), -1)
