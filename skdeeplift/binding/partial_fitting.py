"""Fitting chunk by chunk: references, and rows for importances, are learned from chunks of rows."""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skdeeplift.binding.comparison import flat_reference, learn_references, make_reference_objects, with_integer_ids
from skdeeplift.binding.estimators import with_attributes
from skdeeplift.binding.fitting import learn
from skdeeplift.binding.importances import Importances, SampleInMemory
from skdeeplift.binding.row_checks import check_weights
from skdeeplift.network.trained import is_trained_in_fit
from skdeeplift.references.reference import Reference, RowChooser
from skdeeplift.references.reference_sources import join_inputs
from skdeeplift.references.reservoir import Reservoir
from skdeeplift.rows.validation import most_rows_for_importances


class Chunks(NamedTuple):
    """State of an explainer between two chunks of rows."""

    # Fitted references: a dict with one entry for each input, or one for all inputs. None without references.
    references: object
    # Rows for importances, one array for each input, and their weights.
    sample: Reservoir
    is_weighted: bool


def check_learns_in_chunks(explainer):
    """Return True if an explainer can be fitted chunk by chunk.

    Raises
    ------
    AttributeError
        If its estimator is trained in `fit`, or its reference needs all rows at once.
    """
    owner = type(explainer).__name__
    if is_trained_in_fit(explainer.estimator):
        raise AttributeError(
            f"{owner} trains its estimator in fit, and partial_fit takes trained networks only. Pass the network, or "
            "FrozenEstimator(estimator)."
        )
    reference = getattr(explainer, "reference", None)
    entries = list(reference.values()) if isinstance(reference, dict) else reference
    for each in make_reference_objects(entries if isinstance(entries, (list, tuple)) else [entries]):
        if isinstance(each, Reference) and each.learns and not hasattr(each, "partial_fit"):
            raise AttributeError(
                f"partial_fit learns the mean, the minimum or a sample of the rows, and reference={each} needs all "
                'rows at once. Pass reference="mean", "minimum", "sample" or one that learns nothing, such as "zeros", '
                "or call fit with all rows."
            )
    return True


def fit_chunk(explainer, hooks, X, sample_weight):
    """Fit an explainer to one more chunk of rows.

    Parameters
    ----------
    explainer : BaseExplainer
        Gets the fitted attributes.
    hooks : Hooks
        Functions by which the explainer differs from others.
    X, sample_weight : array-like
        Rows of the chunk and their weights, as `fit` takes them.

    Returns
    -------
    importances : Importances
        Importances of a sample of the rows of all chunks, computed when they are first read.
    """
    before = getattr(explainer, "_chunks", None)
    if before is None:
        arrays, weights, _, _ = learn(explainer, hooks, X, None, sample_weight, None)
        bound = explainer.bound_
        if bound.references is not None and bound.references.n_rows is not None:
            raise ValueError(
                "reference= has separate references for each row, which cannot be matched to chunks of rows. Pass "
                "references that all rows share, or call fit with all rows."
            )
        references = None if bound.references is None else _new_entries(explainer, bound)
        most = most_rows_for_importances(arrays, explainer.max_samples)
        before = Chunks(references, Reservoir(most, bound.seed), False)
    else:
        bound = explainer.bound_
        arrays = bound.arrays(bound.encoded(X, explainer), explainer)
        weights = None if sample_weight is None else check_weights(sample_weight, arrays[0])
    references = _with_chunk(before.references, with_integer_ids(bound.network, arrays), weights)
    if references is not None:
        learned = learn_references(explainer, bound, references, arrays, learning=False)
        # Compiled networks are kept. Copies for other lengths and strands are dropped, since they hold old references.
        bound = with_attributes(bound, references=learned, of_lengths={}, of_strands={})
        explainer.bound_, explainer.references_ = bound, learned
    sample = before.sample.add([*arrays, np.ones(len(arrays[0])) if weights is None else weights])
    explainer._chunks = Chunks(references, sample, before.is_weighted or weights is not None)
    *rows, weights = sample.arrays
    weights = weights if explainer._chunks.is_weighted else None
    return Importances(SampleInMemory(rows, weights, None, bound.references), isinstance(X, dict))


def _new_entries(explainer, bound):
    """Return the entries of the explainer's reference, as objects that are not fitted yet."""
    given, names = flat_reference(explainer, bound, bound.parameters["reference"]), bound.network.input_names
    if not isinstance(given, list):
        [one] = make_reference_objects([given])
        if isinstance(one, RowChooser) or not isinstance(one, Reference):
            return clone(one) if isinstance(one, Reference) else one
        given = [one] * len(names)
    entries = [clone(each) if isinstance(each, Reference) else each for each in make_reference_objects(given)]
    return entries[0] if bound.network.is_single else dict(zip(names, entries, strict=True))


def _with_chunk(references, arrays, weights):
    """Return copies of reference objects, fitted to one more chunk of rows."""
    if isinstance(references, dict):
        pairs = zip(references.items(), arrays, strict=True)
        return {name: _learned(each, array, weights) for (name, each), array in pairs}
    return _learned(references, join_inputs(arrays), weights)


def _learned(reference, rows, weights):
    """Return a copy of a reference object, fitted to more rows; return an entry that learns nothing unchanged."""
    if not (isinstance(reference, Reference) and reference.learns):
        return reference
    # Copied, so that a failure in another input leaves this object unchanged.
    copied = with_attributes(reference)
    if weights is None or not has_fit_parameter(copied, "sample_weight"):
        return copied.partial_fit(rows if weights is None else rows[weights > 0])
    return copied.partial_fit(rows, sample_weight=weights)
