"""Importances: mean absolute contributions of the rows of `fit`, computed when they are first read."""

import math
import threading
from typing import Any, NamedTuple

import numpy as np

from skdeeplift.binding.problems import CallReport, make_problem, run_problem
from skdeeplift.network.encoder_columns import source_columns
from skdeeplift.targets.target import Target
from skdeeplift.warn import warn

# Largest number of references for importances if references are added automatically.
IMPORTANCE_REFERENCES = 100
# Largest number of elements of results in memory at once.
MOST_NUMBERS = 2**26


def warn_of_encoded_columns(explainer):
    """Warn if scikit-learn would mistake importances of encoded columns for those of raw columns.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    """
    bound = explainer.bound_
    if bound.encoder is None or bound.raw_columns is not None or bound.layer is not None:
        return
    n_columns, n_encoded = explainer.n_features_in_, bound.network.input_specs.shape[1]
    # No warning, since scikit-learn's selectors notice if importances outnumber columns.
    if n_encoded > n_columns:
        return
    try:
        sources = source_columns(bound.encoder, n_columns, n_encoded)
    except ValueError:
        sources = None
    if not np.array_equal(sources, np.arange(n_columns)):
        warn(
            f"feature_importances_ of {bound.owner} belong to {n_encoded} encoded columns, but X has {n_columns} raw "
            "columns, and the encoder does not tell which belong together. Selectors of scikit-learn such as "
            "SelectFromModel would take these importances for those of raw columns. Pass to_source=True for "
            "importances of raw columns. If the encoder mixes columns, select with ContributionSelector and groups=. "
            "For importances of encoded columns, put the encoder before the explainer into a Pipeline.",
            UserWarning,
        )


class Importances:
    """Importances that are computed once, by the thread that first reads them.

    Parameters
    ----------
    sample : SampleInMemory or LazySample
        Rows of `fit` that importances are computed from.
    is_dict : bool
        Whether rows of several inputs were passed as a dict.
    """

    def __init__(self, sample, is_dict):
        self.sample, self.is_dict = sample, is_dict
        self._value, self._lock = None, threading.Lock()

    @property
    def is_computed(self):
        """True if importances were read before."""
        return self._value is not None

    def read(self, explainer):
        """Return the importances of a fitted explainer, in the form of its rows."""
        with self._lock:
            if self._value is None:
                sample, bound = self.sample, explainer.bound_
                sums, total = sample.absolute_sums(explainer)
                dtypes = bound.compiled(sample.target).method.contribution_dtypes
                # Double precision, as in NumPy's weighted means.
                if sample.sample_weight is not None:
                    dtypes = [np.float64] * len(sums)
                means = [(each / total).astype(dtype) for each, dtype in zip(sums, dtypes, strict=True)]
                self._value = bound.like_rows(means, {} if self.is_dict else None)
                # Frees the rows, which are no longer needed.
                self.sample = None
            return self._value

    def __getstate__(self):
        return {"sample": self.sample, "is_dict": self.is_dict, "_value": self._value}

    def __setstate__(self, state):
        vars(self).update(state, _lock=threading.Lock())


class SampleInMemory(NamedTuple):
    """Rows for importances, with their weights, targets and references."""

    arrays: list
    sample_weight: np.ndarray | None
    # An array if each row has a target of its own.
    target: Any
    references: Any

    def absolute_sums(self, explainer, name_row="row {}".format):
        """Sum the absolute contributions of rows by weight.

        If the target is the predicted class, importances are means over the logits of all classes, less their common
        mean. Contributions to the predicted class alone would omit evidence against other classes.

        Parameters
        ----------
        explainer : BaseExplainer
            The fitted explainer.
        name_row : callable, default="row {}".format
            Function from a row's position to its name in a warning.

        Returns
        -------
        sums : list of ndarray
            One array for each source, in float64.
        total : float
            Sum of the weights.
        """
        bound, report = explainer.bound_, CallReport(explainer, name_row)
        problem, compiled = make_problem(explainer, self.arrays, self.target, self.references)
        if bound.parameters.get("max_references") == "auto":
            # More references for each row would cost much and change little, since importances are also means over
            # rows.
            problem = problem.replace(references=problem.references.first(IMPORTANCE_REFERENCES))
        if problem.target.is_predicted:
            problem = problem.replace(target=Target("all", centered=True))
        weights = np.ones(problem.n_rows) if self.sample_weight is None else self.sample_weight
        sums = None
        for start, part in _parts_in_memory(problem, bound.shapes_of_sources(problem.method)):
            results = run_problem(explainer, part, compiled)
            report.add(part, compiled, results, start, with_delta=False)
            of_part = weights[start : start + part.n_rows]
            arrays = [np.tensordot(of_part, np.abs(array).astype(np.float64), 1) for array in results.contributions]
            if part.target.is_all:
                arrays = [array.mean(-1) for array in arrays]
            sums = arrays if sums is None else [one + other for one, other in zip(sums, arrays, strict=True)]
        report.finish()
        return sums, weights.sum()


def _parts_in_memory(problem, shapes):
    """Yield the position of the first row and the problem of parts of the rows, whose results fit into memory."""
    size_of_row = problem.rows[0][0].size
    elements = sum(size_of_row if None in shape else math.prod(shape) for shape in shapes)
    n_rows = max(1, MOST_NUMBERS // (elements * problem.n_targets))
    if n_rows >= problem.n_rows:
        yield 0, problem
        return
    for start in range(0, problem.n_rows, n_rows):
        yield start, problem.take(slice(start, start + n_rows))
