"""References of a bound network: learned in `fit`, or passed with the rows of a call."""

from functools import partial

import numpy as np

from skdeeplift.binding.column_names import align_entries
from skdeeplift.dtypes import kind_of
from skdeeplift.execution.references import References
from skdeeplift.execution.run import outputs_at
from skdeeplift.network.masks import find_hiding_masks
from skdeeplift.references.assembly import SHORTHANDS, make_references
from skdeeplift.references.computed_references import STATISTICS, Constant
from skdeeplift.references.reference import Reference
from skdeeplift.rows.validation import check_tokens, holds_ids, input_labels

# Largest number of references of a method without ``max_references``.
MOST_REFERENCES = 100


def learn_references(explainer, bound, reference, arrays, sample_weight=None, learning=True):
    """Make references from the user's choice.

    Parameters
    ----------
    explainer : BaseExplainer
        Checks the columns of references that are tables.
    bound : Bound
        The bound network.
    reference : str, Reference, callable, array-like, list or dict
        The user's choice.
    arrays : list of ndarray
        Rows to learn from, or the rows that per-row references belong to.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows.
    learning : bool, default=True
        Whether the references learn from the rows.

    Returns
    -------
    references : References
        In the dtypes of the rows.
    """
    network = bound.network
    labels, dtypes, of_ids = input_labels(network), [array.dtype for array in arrays], holds_ids(network)
    names = [f"reference= for {label}" for label in labels]
    looks_up = any(of_ids) or any(kind_of(dtype) != "f" for dtype in dtypes) or bool(bound.vocabulary.computed)
    arrays = with_integer_ids(network, arrays)
    references = make_references(
        flat_reference(explainer, bound, reference),
        arrays,
        labels,
        # A method without references has no such parameter, but metrics may pass references to it.
        bound.parameters.get("max_references", MOST_REFERENCES),
        bound.seed,
        classes=partial(predicted_classes, explainer, bound, arrays),
        check=partial(check_tokens, names=names, vocabulary=bound.vocabulary) if looks_up else None,
        learning=learning,
        sample_weight=sample_weight,
    )
    if references.arrays is None:
        return references
    pairs = zip(references.arrays, dtypes, strict=True)
    in_dtypes = [None if array is None else array.astype(dtype, copy=False) for array, dtype in pairs]
    return references._replace(arrays=in_dtypes)


def with_integer_ids(network, arrays):
    """Return the rows of each input, with ids as integers: ids of any dtype have no mean."""
    return [
        array.astype(np.int64) if ids and kind_of(array.dtype) == "f" else array
        for array, ids in zip(arrays, holds_ids(network), strict=True)
    ]


def references_of_rows(explainer, bound, arrays, reference=None):
    """Return the references of the rows of a call.

    Parameters
    ----------
    explainer : BaseExplainer
        Checks the columns of references that are tables.
    bound : Bound
        The bound network.
    arrays : list of ndarray
        Rows of the call, one array for each input.
    reference : str, Reference, callable, array-like, References or None, default=None
        The user's choice; by default the references that `fit` learned.

    Returns
    -------
    references : References

    Raises
    ------
    ValueError
        If the references belong to other rows, or must learn from training rows first.
    """
    if reference is None:
        references = bound.references
        if references is None:
            # The rows differ in length from those of fit.
            if (own_length := describe_own_length(explainer, bound)) is not None:
                shapes = ", ".join(str(array.shape) for array in arrays)
                raise ValueError(
                    f"X has shape {shapes}. The network takes rows of this length, but {own_length}, has another "
                    "length. Pass a reference for these rows as explain(X, reference=...), or fit an explainer with a "
                    "reference of any length, such as 'zeros', a number or 'blur'."
                )
            references = learn_references(explainer, bound, bound.parameters["reference"], arrays, learning=False)
        if references.n_rows not in (None, len(arrays[0])):
            raise ValueError(
                f"The explainer was fitted with separate references for each of {references.n_rows} rows, and X has "
                f"{len(arrays[0])} rows. Pass the references of these rows as explain(X, reference=...)."
            )
    elif isinstance(reference, References):
        references = reference
    else:
        _check_needs_no_training(explainer, bound, reference)
        references = learn_references(explainer, bound, reference, arrays, learning=False)
    if not references.needs_classes:
        return references
    return references._replace(classes=predicted_classes(explainer, bound, arrays))


def predicted_classes(explainer, bound, arrays):
    """Return each row's class: its largest output, or whether a single output is positive."""
    # Classes belong to the outputs, even if the target is a function of the outputs.
    compiled = bound.compiled("all")
    if not compiled.tensor.is_ordered:
        # Without logits, the outputs themselves decide.
        compiled = bound.compiled_of_kind((False, False))
    outputs = outputs_at(compiled.method, arrays, explainer.batch_size, bound.network.batch_size)
    return compiled.tensor.classes(outputs)


def flat_reference(explainer, bound, reference):
    """Return one entry for each input, or the object that makes the references of all inputs."""
    network = bound.network
    if isinstance(reference, Constant) and not isinstance(reference.value, str):
        return align_entries(explainer, bound, [reference] * len(network.flat_specs))
    if isinstance(reference, str) and reference in STATISTICS and any(are_masks := find_hiding_masks(network.graph)):
        # Integers and truth values have no statistics. Zeros, their usual reference, would hide all other inputs.
        return ["held" if is_mask else reference for is_mask in are_masks]
    if isinstance(reference, (str, Reference)) or callable(reference):
        return reference
    return align_entries(explainer, bound, network.flatten(reference))


def make_reference_objects(entries):
    """Return the entries of a reference, with an object in place of each shorthand."""
    return [SHORTHANDS.get(each, each) if isinstance(each, str) else each for each in entries]


def describe_own_length(explainer, bound):
    """Describe the explainer's reference if it has the length of the rows of `fit`; otherwise return None."""
    reference = bound.parameters["reference"]
    entries = flat_reference(explainer, bound, reference) if isinstance(reference, (list, dict)) else [reference]
    for each in make_reference_objects(entries):
        learns = isinstance(each, Reference) and each.learns
        if learns or not (isinstance(each, Reference) or callable(each) or np.ndim(each) == 0):
            return f"reference={reference!r}, learned from the rows of fit" if learns else "reference=, an array"
    return None


def _check_needs_no_training(explainer, bound, reference):
    is_one = not isinstance(reference, (list, tuple, dict))
    several = [reference] if is_one else flat_reference(explainer, bound, reference)
    for each in several:
        if isinstance(each, str) and each in SHORTHANDS and SHORTHANDS[each].learns:
            names = ", ".join(repr(name) for name, shorthand in SHORTHANDS.items() if not shorthand.learns)
            raise ValueError(
                f"reference={each!r} learns from training rows. Fit an explainer with it, or pass to explain an array, "
                f"a fitted object of skdeeplift.references, or a name that needs no training rows: {names}."
            )
