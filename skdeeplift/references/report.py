"""How contributions depend on the choice of references, and on how many there are."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.utils.validation import check_is_fitted

OWN = "fitted"


def reference_report(explainer, X, *, references=("zeros", "mean", "sample"), n_references=None):
    """Tell how contributions settle as references grow, and how far they depend on the choice of references.

    .. versionadded:: 0.1

    Parameters
    ----------
    explainer : BaseExplainer
        A fitted explainer that compares rows with references.
    X : array-like of shape (n_rows, *features), or list or dict of array-like
        Rows to explain. What other choices of references learn, they learn from these rows, too.
    references : list, or dict of str, default=("zeros", "mean", "sample")
        Other choices to compare with the explainer's own, each as an explainer takes it; a dict names them.
    n_references : list of int, default=None
        Of how many references contributions are computed, of those that there are; by default the powers of two, and
        all.

    Returns
    -------
    report : DataFrame
        One row for each choice, of which ``"fitted"`` is the explainer's own, and number of references. Columns, each a
        mean over the rows of ``X``:

        - ``standard_error``: that of the contributions beside these, each as the root of the sum of squares;
        - ``change``: how far the contributions are from those by the most references of the same choice, beside these;
        - ``rank_correlation``: Spearman's, of a row's contributions and those by the most references of the same
          choice;
        - ``reference_value`` and ``reference_spread``: mean and standard deviation of what the network says of the
          references;
        - ``prediction``: what it says of the rows;
        - ``rank_correlation_with_...``: the same with those by the most references of each choice.

    Raises
    ------
    NotFittedError
        If the explainer is not fitted.
    ValueError
        If a choice does not fit the network, or the explainer has no references.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.references import reference_report
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> rows = np.array([[1.0, 1.0], [3.0, -1.0]])
    >>> explainer = DeepLiftExplainer(model, reference=rows[:1]).fit(rows)
    >>> reference_report(explainer, rows, references=["zeros"])[["reference_value", "prediction"]]
                            reference_value  prediction
    reference n_references
    fitted    1                        -1.0         2.0
    zeros     1                         0.0         2.0
    """
    check_is_fitted(explainer)
    if getattr(explainer, "references_", None) is None:
        raise ValueError(f"{type(explainer).__name__} compares rows with no reference.")
    if isinstance(references, str):
        references = [references]
    choices = references if isinstance(references, dict) else {_name(each): each for each in references}
    made = {OWN: explainer.references_}
    made.update({name: explainer._learned_references(choice, X) for name, choice in choices.items()})
    explanations = {name: _grown(explainer, X, each, n_references) for name, each in made.items()}
    of_most = {name: _flat(grown[max(grown)].contributions) for name, grown in explanations.items()}
    ranks = {name: _ranks(contributions) for name, contributions in of_most.items()}
    rows = {}
    for name, grown in explanations.items():
        for number, explanation in grown.items():
            contributions = _flat(explanation.contributions)
            errors = None if explanation.standard_error is None else _flat(explanation.standard_error)
            own_ranks = _ranks(contributions)
            correlations = {other: _mean((own_ranks * each).sum(1)) for other, each in ranks.items()}
            rows[name, number] = {
                "standard_error": np.nan if errors is None else _beside(errors, contributions),
                "change": _beside(contributions - of_most[name], of_most[name]),
                "rank_correlation": correlations[name],
                "reference_value": explanation.reference_value.mean(),
                "reference_spread": explanation.reference_spread.mean(),
                "prediction": explanation.prediction.mean(),
                **{f"rank_correlation_with_{other}": each for other, each in correlations.items()},
            }
    report = pd.DataFrame.from_dict(rows, orient="index")
    report.index = pd.MultiIndex.from_tuples(rows, names=["reference", "n_references"])
    return report


def _name(reference):
    return reference if isinstance(reference, str) else getattr(reference, "__name__", None) or repr(reference)


def _grown(explainer, X, references, numbers):
    """Explanations by the first references, for each number of them."""
    most = len(references.weights)
    if numbers is None:
        numbers = [2**power for power in range(most.bit_length())]
    numbers = sorted({number for number in numbers if 1 <= number < most} | {most})
    # As many as are asked for, even if the explainer would be content with fewer.
    return {
        number: explainer.explain(X, reference=references.first(number)._replace(is_random=False)) for number in numbers
    }


def _flat(contributions):
    """All contributions of a row, of whatever inputs or layers, side by side."""
    arrays = contributions.values() if isinstance(contributions, dict) else contributions
    arrays = [contributions] if isinstance(contributions, np.ndarray) else list(arrays)
    return np.concatenate([np.reshape(array, (len(array), -1)) for array in arrays], 1).astype(np.float64)


def _ranks(contributions):
    """Ranks of each row's contributions, so that the products of two sum to Spearman's correlation."""
    ranks = rankdata(contributions, axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    size = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, size, out=np.full_like(ranks, np.nan), where=size > 0)


def _beside(numbers, contributions):
    sizes = np.linalg.norm(contributions, axis=1)
    return _mean(np.linalg.norm(numbers, axis=1)[sizes > 0] / sizes[sizes > 0])


def _mean(numbers):
    """The mean of what is known."""
    known = numbers[np.isfinite(numbers)]
    return known.mean() if len(known) else np.nan
