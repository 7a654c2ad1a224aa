"""From what the user passes as ``reference=`` to arrays of references."""

import numpy as np

from skdeeplift.execution.run import References
from skdeeplift.references import constant, training

CONSTANTS = {"mean": constant.mean, "median": constant.median, "zeros": constant.zeros}
NAMES = (*CONSTANTS, "sample")


def make_references(reference, arrays, given, max_references, random_state):
    """Make the references for the rows of a call.

    Parameters
    ----------
    reference : {"mean", "median", "zeros", "sample"} or list of array-like
        A name, or one array for each input: of shape ``(*features)``, ``(n_references, *features)`` for references that
        all rows share, or ``(n_rows, n_references, *features)``.
    arrays : list of ndarray
        The training rows of each input.
    given : list of str
        What to call each input in an error.
    max_references : int
        How many rows ``"sample"`` draws at the most.
    random_state : RandomState
        Where ``"sample"`` draws from.

    Returns
    -------
    references : References
        Arrays in the rows' dtype, and weights that sum to one.

    Raises
    ------
    ValueError
        If a name is unknown, or an array does not fit the input.
    """
    if isinstance(reference, str):
        if reference in CONSTANTS:
            return _shared([CONSTANTS[reference](array) for array in arrays])
        if reference == "sample":
            return _shared(training.sample(arrays, max_references, random_state))
        raise ValueError(f"reference= takes {', '.join(map(repr, NAMES))} or an array. Got {reference!r}.")
    checked = [_checked(each, array, name) for each, array, name in zip(reference, arrays, given, strict=True)]
    per_row = {each.ndim == array.ndim + 1 for each, array in zip(checked, arrays, strict=True)}
    if len(per_row) > 1 or len({each.shape[: 1 + per_row.copy().pop()] for each in checked}) > 1:
        shapes = ", ".join(str(each.shape) for each in checked)
        raise ValueError(f"All inputs need the same number of references, shared or per row. Got shapes {shapes}.")
    if per_row == {True}:
        n_references = checked[0].shape[1]
        return References(checked, True, np.full(n_references, 1 / n_references))
    return _shared(checked)


def _shared(arrays):
    return References(arrays, False, np.full(len(arrays[0]), 1 / len(arrays[0])))


def _checked(reference, array, name):
    try:
        reference = np.array(reference, dtype=array.dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"reference= for {name} is no array of numbers: {error}") from error
    features, n_rows = array.shape[1:], len(array)
    if reference.shape == features:
        reference = reference[None]
    shared = reference.shape[1:] == features and reference.ndim == array.ndim
    per_row = reference.shape[2:] == features and reference.ndim == array.ndim + 1
    if per_row and len(reference) != n_rows:
        raise ValueError(
            f"reference= for {name} has one set of references per row, for {len(reference)} rows. Got {n_rows} rows; "
            f"pass references that go with these rows as explain(X, reference=...)."
        )
    if not (shared or per_row) or 0 in reference.shape:
        axes = str(features)[1:-1].rstrip(",")
        raise ValueError(
            f"reference= for {name} has shape {reference.shape}. Expected {features}, (n_references, {axes}) or "
            f"(n_rows, n_references, {axes}), with at least one reference."
        )
    if not np.isfinite(reference).all():
        raise ValueError(f"reference= for {name} holds NaN or infinity.")
    return reference
