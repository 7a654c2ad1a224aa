"""Rows with their contributions to a target, as arrays that all metrics share."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils.validation import check_is_fitted

from skdeeplift.binding.comparison import references_of_rows
from skdeeplift.binding.lengths import at_lengths_of
from skdeeplift.compat import Function, Interval, StrOptions, validate_params
from skdeeplift.execution.mixtures import Mixtures, compute_at_mixtures
from skdeeplift.execution.problem import Problem
from skdeeplift.execution.references import References
from skdeeplift.explainers.base import BaseExplainer
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.metrics import metric_parameters
from skdeeplift.perturbation.partition import expand_over_sources, partition_by_axes
from skdeeplift.shared_docstrings import fill_placeholders

# Value of ``fill`` that means the explainer's own references.
OWN_REFERENCES = "reference"
# Constraints of the parameters that several metrics have.
SHARED_CONSTRAINTS = {
    "absolute": ["boolean"],
    "measure": [StrOptions({"spearman", "pearson", "top_k"})],
    "n_draws": [Interval(Integral, 1, None, closed="left")],
    "n_steps": [Interval(Integral, 1, None, closed="left")],
    "per_row": ["boolean"],
    "random_state": ["random_state"],
}


def check_parameters(**constraints: list[Any]) -> Callable[[Function], Function]:
    """Return a decorator that checks the parameters of a metric, and fills its docstring with shared descriptions.

    Parameters
    ----------
    **constraints : list
        Constraints of the metric's own parameters, in addition to ``SHARED_CONSTRAINTS``.

    Returns
    -------
    decorate : callable
        Decorator that takes a metric and returns the metric with checks.
    """

    def decorate(metric):
        """Return the metric with checks of its parameters."""
        fill_placeholders(metric, metric_parameters.__doc__)
        shared = {name: SHARED_CONSTRAINTS[name] for name in signature(metric).parameters if name in SHARED_CONSTRAINTS}
        return validate_params({**shared, **constraints}, prefer_skip_nested_validation=True)(metric)

    return decorate


class ExplainedRows:
    """Rows to measure, with their contributions and the explained target.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    X : array-like, or list or dict of array-like
        The rows.
    explanation : Explanation, array-like, list, dict or None
        Explanation of the rows. If None, the explainer computes one.
    target : object
        Target of the explanation, as in `explain`.
    axes : int, tuple, list, dict or None, default=None
        Axes whose positions are the parts of a row, as in `skdeeplift.metrics.deletion_curve`.

    Attributes
    ----------
    arrays : list of ndarray
        The rows, one array for each of the network's inputs.
    explanation : Explanation
        Explanation of the rows.
    contributions : ndarray of shape (n_rows, n_targets, n_parts)
        Contributions, summed over the elements of each part.
    labels : list of ndarray of int
        One array for each input. Each entry is the number of the part that this element of a row belongs to.
    target_weights : ndarray of shape (1 or n_rows, n_targets, *target's axes)
        Weights of the network's outputs in the target. If the target is the predicted class, these weights select the
        class predicted for the unchanged row.
    prediction : ndarray of shape (n_rows, n_targets)
        Target at the rows.
    """

    def __init__(self, explainer, X, explanation=None, target=None, axes=None):
        check_explainer(explainer)
        explainer = at_lengths_of(explainer, X)
        bound = explainer.bound_
        if bound.layer is not None:
            raise ValueError(
                f"This metric takes contributions of the network's input, and the explainer has layer={bound.layer!r}, "
                "so that it returns contributions of units. Pass an explainer fitted with layer=None."
            )
        self.explainer, self.bound = explainer, bound
        self.explanation = explain_unless_given(explainer, X, explanation, target)
        self.target = fix_target(self.explanation, target)
        self.arrays = bound.arrays(bound.encoded(X, explainer), explainer)
        self.n_rows = len(self.arrays[0])
        compiled, checked = bound.compiled_with_target(self.target, self.n_rows)
        self.problem = Problem(
            compiled.method, self.arrays, checked, batch_size=explainer.batch_size, fixed=bound.network.batch_size
        )
        self.is_all = checked.is_all
        outputs = self.problem.outputs()
        self.target_weights = checked.weights(outputs)
        self.prediction = self.weigh_outputs(outputs)
        self._find_parts(axes)

    def _find_parts(self, axes):
        """Find the parts of a row, and sum the contributions over the elements of each part."""
        network, raw = self.bound.network, self.bound.raw_columns
        n_targets = self.target_weights.shape[1]
        contributions = self.explanation.contributions
        if raw is None:
            shapes, names = [array.shape[1:] for array in self.arrays], network.input_names
            parts = partition_by_axes(expand_over_sources(axes, names, "axes="), shapes, names, "axes=")
            self.labels, n_parts = [each.labels for each in parts], parts[0].number
            arrays, of_elements = network.flatten(contributions), self.labels
        else:
            # One raw column is one part: the explanation holds one contribution for all columns encoded from it.
            if axes is not None:
                raise ValueError(
                    "The explainer sums contributions to raw columns (to_source=), and these are the parts of a row. "
                    f"Pass axes=None. Got {axes!r}."
                )
            n_parts = self.bound.n_columns
            shapes, names, self.labels = [(n_parts,)], network.input_names, [raw]
            arrays, of_elements = [contributions], [np.arange(n_parts)]
        self.n_parts = n_parts
        self.contributions = 0
        for array, shape, labels, name in zip(arrays, shapes, of_elements, names, strict=True):
            array = np.asarray(array)
            expected = (self.n_rows, *shape, *([n_targets] if self.is_all else []))
            if array.shape != expected or not np.isfinite(array).all():
                got = f"shape {array.shape}" if array.shape != expected else "NaN or infinity"
                raise ValueError(f"Contributions of {name!r} are finite numbers of shape {expected}. Got {got}.")
            flat = np.moveaxis(array.reshape(self.n_rows, -1, n_targets), 2, 1).astype(np.float64)
            elements = labels.size
            to_parts = csr_array((np.ones(elements), (np.arange(elements), labels.ravel())), (elements, n_parts))
            self.contributions = self.contributions + (flat.reshape(-1, elements) @ to_parts).reshape(
                self.n_rows, n_targets, n_parts
            )

    def weigh_outputs(self, outputs):
        """Compute the target from outputs of the network, in float64 and of shape (n_rows, n_targets)."""
        outputs = outputs.reshape(len(outputs), 1, -1).astype(np.float64)
        return (outputs * self.target_weights.reshape(*self.target_weights.shape[:2], -1)).sum(2)

    def make_fill(self, fill):
        """Make the references whose values replace erased parts.

        Parameters
        ----------
        fill : str, Reference, callable, array-like or References
            Value of the metric's parameter ``fill``.

        Returns
        -------
        references : References
            References, in the dtype of the rows.
        """
        explainer, bound, references = self.explainer, self.bound, fill
        if isinstance(fill, str) and fill == OWN_REFERENCES:
            if "reference" not in bound.parameters:
                raise ValueError(
                    f'fill="reference" takes parts from the references of an explainer, and {bound.owner} compares '
                    'rows with no reference. Pass fill="zeros", fill="mean" or another reference.'
                )
            return references_of_rows(explainer, bound, self.arrays)
        if not isinstance(fill, References):
            references = bound.learn_references(explainer, fill, self.arrays)
            is_single = references.arrays is not None and not references.per_row and len(references.weights) == 1
            pairs = zip(references.arrays, self.arrays, strict=True) if is_single else ()
            if is_single and all((rows == array).all() for array, rows in pairs):
                raise ValueError(
                    f"fill={fill!r} equals the rows themselves, so that filling would change nothing. Pass more rows "
                    "to learn it from, or an array."
                )
        return references_of_rows(explainer, bound, self.arrays, references)

    def values_where_replaced(self, references, ranks, counts, targets=slice(None)):
        """Compute the target after the ``counts`` parts of lowest rank are replaced.

        Parameters
        ----------
        references : References
            Values that replace the parts.
        ranks, counts : ndarray of int
            Rank of each part, and numbers of parts to replace, as in `skdeeplift.execution.mixtures.Mixtures`.
        targets : slice, default=slice(None)
            Targets to compute, if there are several. By default all.

        Returns
        -------
        values : ndarray of shape (n_rows, n_counts, n_targets)
            Means of the target over the references, in float64.
        """
        return compute_at_mixtures(
            self.problem.method,
            self.arrays,
            references,
            Mixtures(self.labels, ranks, counts, self.target_weights[:, targets]),
            batch_size=self.problem.batch_size,
            fixed=self.problem.fixed,
        )


def check_explainer(explainer):
    """Raise an error unless an object is a fitted explainer.

    Parameters
    ----------
    explainer : object
        The user's explainer.

    Raises
    ------
    TypeError
        If the object is no explainer.
    NotFittedError
        If the explainer is not fitted.
    """
    if not isinstance(explainer, BaseExplainer):
        raise TypeError(f"Metrics take a fitted explainer, such as DeepLiftExplainer(...).fit(X). Got {explainer!r}.")
    check_is_fitted(explainer)


def explain_unless_given(explainer, X, explanation, target, **options):
    """Return the user's explanation as an `Explanation`, or compute one if the user passed none.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    X : array-like, or list or dict of array-like
        The rows.
    explanation : Explanation, array-like, list, dict or None
        Explanation or contributions that the user passed.
    target : object
        The user's target.
    **options : object
        Further arguments of `explain`, used only if an explanation is computed.

    Returns
    -------
    explanation : Explanation
        Explanation of the rows. Its only key is ``"contributions"`` if the user passed contributions.
    """
    if explanation is None:
        return explainer.explain(X, target=target, **options)
    if not isinstance(explanation, Explanation):
        return Explanation(contributions=explanation)
    if target is not None and "target" in explanation:
        raise ValueError("An Explanation holds its own target. Pass target=None.")
    return explanation


def fix_target(explanation, target):
    """Return the target of an explanation in a form that stays the same for changed rows and other networks.

    Parameters
    ----------
    explanation : Explanation
        The explanation.
    target : object
        The user's target.

    Returns
    -------
    target : object
        Value of the parameter ``target`` of `explain`. The predicted class becomes the class of each row.
    """
    if "target" not in explanation:
        return target
    # An explanation of a network with a single output has no target.
    return "auto" if explanation.target is None else explanation.target


def rank_parts(contributions):
    """Rank the parts: 0 for the largest contribution; of two equal contributions the first gets the lower rank."""
    return np.argsort(np.argsort(-contributions, axis=-1, kind="stable"), axis=-1)


def summarize(numbers, per_row, has_targets):
    """Return one number for each row, and for each target if there are several; or the mean of all, without NaN."""
    if not per_row:
        return mean_without_nan(numbers)
    return numbers if has_targets else numbers[:, 0]


def mean_without_nan(numbers):
    """Return the mean of all numbers but NaN as a float, or NaN if no number is left."""
    known = numbers[~np.isnan(numbers)]
    return float(known.mean()) if known.size else float("nan")
