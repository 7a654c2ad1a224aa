"""What all metrics look at: contributions, and the network, the target and the rows that they are about."""

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils.validation import check_is_fitted

from skdeeplift.execution.references import References
from skdeeplift.execution.run import predict
from skdeeplift.explainers.base import BaseExplainer
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.perturbation.partition import partition_by_axes
from skdeeplift.perturbation.source_parameters import expand_over_sources

# The explainer's own references, wherever something else may be taken from elsewhere.
OWN = "reference"


class Judged:
    """Contributions of rows, and the very target that they explain.

    Parameters
    ----------
    explainer : BaseExplainer
        Fitted.
    X : array-like, or list or dict of array-like
        The rows.
    explanation : Explanation, array-like, list, dict or None
        What is judged; by default what the explainer says.
    target : object
        What is explained, as `explain` takes it.
    axes : int, tuple, list, dict or None, default=None
        Axes whose positions are parts of a row, as the metrics take them.

    Attributes
    ----------
    arrays : list of ndarray
        The rows, one array for each of the network's inputs.
    explanation : Explanation
        What is judged.
    contributions : ndarray of shape (n_rows, n_targets, n_parts)
        Summed over the elements of each part.
    labels : list of ndarray of int
        For each input, to which part each element of a row belongs.
    target_weights : ndarray of shape (1 or n_rows, n_targets, *target's axes)
        What makes the target of the network's output: each row's predicted class is that of the row as it is.
    prediction : ndarray of shape (n_rows, n_targets)
        The target at the rows.
    """

    def __init__(self, explainer, X, explanation=None, target=None, axes=None):
        check_explainer(explainer)
        if explainer._fitted["layer"] is not None:
            raise ValueError(
                f"This metric judges contributions of the network's input, and the explainer has "
                f"layer={explainer._fitted['layer']!r}: its contributions are of that layer's units. Pass an explainer "
                "fitted with layer=None."
            )
        self.explainer, self.X = explainer, X
        self.explanation = explanation_of(explainer, X, explanation, target)
        self.target = target_of(explainer, self.explanation, target)
        self.arrays = explainer._rows(explainer._transformed(X))
        self.n_rows = len(self.arrays[0])
        self.explained = explainer._explained(self.target, self.n_rows)
        self.is_all = self.explained.target.is_all
        outputs = self.outputs(self.arrays)
        self.target_weights = self.explained.target.weights(outputs)
        self.prediction = self.weigh(outputs)
        self._find_parts(axes)

    def _find_parts(self, axes):
        network, raw = self.explainer.network_, self.explainer._raw_sources
        n_targets = self.target_weights.shape[1]
        contributions = self.explanation.contributions
        if raw is None:
            shapes, names = [array.shape[1:] for array in self.arrays], network.input_names
            parts = partition_by_axes(expand_over_sources(axes, names, "axes="), shapes, names, "axes=")
            self.labels, n_parts = [each.labels for each in parts], parts[0].number
            arrays, of_elements = network.flatten(contributions), self.labels
        else:
            # Columns that an encoder made of one column are one part, whose contribution is known.
            if axes is not None:
                raise ValueError(f"to_source=True says what the parts of a row are. Pass axes=None. Got {axes!r}.")
            n_parts = self.explainer.n_features_in_
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

    def outputs(self, arrays):
        """The elements of the target tensor at some rows."""
        explainer = self.explainer
        return predict(self.explained.method, arrays, explainer.batch_size, explainer.network_.batch_size)

    def weigh(self, outputs):
        """The target, of shape (n_rows, n_targets), in float64."""
        outputs = outputs.reshape(len(outputs), 1, -1).astype(np.float64)
        return (outputs * self.target_weights.reshape(*self.target_weights.shape[:2], -1)).sum(2)

    def fill(self, fill):
        """Make what parts are replaced with, as `References`.

        Parameters
        ----------
        fill : str, Reference, callable, array-like or References
            As the metrics take it.

        Returns
        -------
        references : References
            In the rows' dtype.
        """
        explainer = self.explainer
        if isinstance(fill, str) and fill == OWN:
            if getattr(explainer, "references_", None) is None:
                raise ValueError(
                    f'fill="reference" takes parts from the references of an explainer, and {type(explainer).__name__} '
                    'compares rows with none. Pass fill="zeros", fill="mean" or what else is in their place.'
                )
            return explainer._given_references(self.arrays, None)
        if isinstance(fill, References):
            return explainer._with_classes(fill, self.arrays)
        references = explainer._learned_references(fill, self.X)
        if references.arrays is not None and not references.per_row and all(map(_same, self.arrays, references.arrays)):
            raise ValueError(
                f"fill={fill!r} is the same as the rows themselves: nothing would change. Pass more rows to learn it "
                "from, or an array."
            )
        return explainer._with_classes(references, self.arrays)

    def values(self, references, ranks, counts, targets=slice(None)):
        """The target where the ``counts`` parts of lowest rank are replaced; see `compute_at_mixtures`."""
        from skdeeplift.perturbation.mixtures import Mixtures, compute_at_mixtures

        return compute_at_mixtures(
            self.explained.method,
            self.arrays,
            references,
            Mixtures(self.labels, ranks, counts, self.target_weights[:, targets]),
            batch_size=self.explainer.batch_size,
            fixed=self.explainer.network_.batch_size,
        )

    def finish(self, of_rows, per_row):
        """Return the mean of what is known of rows and targets, or what is known of each."""
        if per_row:
            return of_rows if self.is_all else of_rows[:, 0]
        return mean_of_known(of_rows)


def check_explainer(explainer):
    """Refuse what is no fitted explainer.

    Parameters
    ----------
    explainer : object
        What the user gave.

    Raises
    ------
    TypeError
        If it is no explainer.
    NotFittedError
        If it is not fitted.
    """
    if not isinstance(explainer, BaseExplainer):
        raise TypeError(f"Metrics take a fitted explainer, such as DeepLiftExplainer(...).fit(X). Got {explainer!r}.")
    check_is_fitted(explainer)


def explanation_of(explainer, X, explanation, target, **options):
    """Return what is judged as an Explanation.

    Parameters
    ----------
    explainer : BaseExplainer
        Fitted.
    X : array-like, or list or dict of array-like
        The rows.
    explanation : Explanation, array-like, list, dict or None
        What the user gave.
    target : object
        What is explained.
    **options : object
        Further arguments of `explain`, where it has to be called.

    Returns
    -------
    explanation : Explanation
        Of mere contributions, if that is all there is.
    """
    if explanation is None:
        return explainer.explain(X, target=target, **options)
    if not isinstance(explanation, Explanation):
        return Explanation(contributions=explanation)
    if target is not None and "target" in explanation:
        raise ValueError("An Explanation knows its own target. Pass target=None.")
    return explanation


def target_of(explainer, explanation, target):
    """Return what is explained so that it stays the same for changed rows and other networks.

    Parameters
    ----------
    explainer : BaseExplainer
        Fitted.
    explanation : Explanation
        What is judged.
    target : object
        What the user asked for.

    Returns
    -------
    target : object
        As `explain` takes it; each row's own class where it is the predicted one.
    """
    if "target" not in explanation:
        return target
    # Of a single output it is not said which it is.
    return "auto" if explanation.target is None else explanation.target


def mean_of_known(numbers):
    """Return the mean of the numbers that are not NaN, NaN if there are none, as a float."""
    known = numbers[~np.isnan(numbers)]
    return float(known.mean()) if known.size else float("nan")


def _same(rows, references):
    return len(references) == 1 and (rows == references).all()
