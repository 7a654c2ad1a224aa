"""From what the user passes as ``reference=`` to references for the rows of a call."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skdeeplift.execution.references import AUTOMATIC_REFERENCES, References
from skdeeplift.references.blur import Blur
from skdeeplift.references.constant import Constant
from skdeeplift.references.makers import ByChoice, ByFunction, ByObject, SharedByAll, Source, in_dtype, joined
from skdeeplift.references.reference import Reference, RowChooser
from skdeeplift.references.sequence import BackgroundFrequency, DinucleotideShuffle, Shuffle
from skdeeplift.references.training import NearestOther, Permuted, TrainingSample

SHORTHANDS = {
    "mean": Constant("mean"),
    "median": Constant("median"),
    "zeros": Constant("zeros"),
    "minimum": Constant("minimum"),
    "sample": TrainingSample("random"),
    "kmeans": TrainingSample("kmeans"),
    "permuted": Permuted(),
    "nearest_other": NearestOther(),
    "blur": Blur(),
    "shuffle": Shuffle(),
    "dinucleotide_shuffle": DinucleotideShuffle(),
    "background_frequency": BackgroundFrequency(),
}
NAMES = tuple(SHORTHANDS)


def make_references(
    reference,
    arrays,
    given,
    max_references,
    random_state,
    *,
    classes=None,
    check=None,
    learning=True,
    sample_weight=None,
):
    """Make the references for the rows of a call.

    Parameters
    ----------
    reference : str, Reference, callable or list
        What the user passed; a list has one entry for each input, which may also be an array: of shape ``(*features)``,
        ``(n_references, *features)`` for references that all rows share, or ``(n_rows, n_references, *features)``.
    arrays : list of ndarray
        The training rows of each input; or, where nothing is learned, the rows that are explained.
    given : list of str
        What to call each input in an error.
    max_references : int or "auto"
        How many references at the most.
    random_state : int or RandomState
        Where what is random comes from.
    classes : callable, default=None
        Returns the classes that the network predicts of the training rows.
    check : callable, default=None
        Takes one array of references for each input, and raises an error where the network has no such number.
    learning : bool, default=True
        Whether ``arrays`` are training rows. If not, objects must be fitted, or learn nothing.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the training rows.

    Returns
    -------
    references : References
        In the rows' dtype, with weights that sum to one.

    Raises
    ------
    ValueError
        If a name is unknown, or an array does not fit the input.
    """
    names = [f"reference= for {name}" for name in given]
    if isinstance(reference, list) and not any(map(_makes, reference)):
        references = _given(reference, arrays, names)
        if check is not None:
            check(references.arrays)
        return references
    random_state, groups = check_random_state(random_state), []
    most = AUTOMATIC_REFERENCES if max_references == "auto" else max_references
    for each, positions in _with_inputs(reference, len(arrays)):
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        of_inputs, of_names = ([sequence[position] for position in positions] for sequence in (arrays, names))
        if not _makes(each):
            groups.append(_group_of_given(each, positions, of_inputs, of_names))
        elif isinstance(each, Reference):
            if max_references == "auto":
                _check_can_be_added(each)
            each = _fitted(each, of_inputs, classes, learning, sample_weight)
            groups.append(_group_of_object(each, positions, of_inputs, of_names, most, seed))
        else:
            maker = ByFunction(each, seed, of_names)
            groups.append(_Group(positions, maker, maker.number([array[:1] for array in of_inputs], most)))
    return _together(groups, names, check)


def _makes(reference):
    return isinstance(reference, (str, Reference)) or callable(reference)


def _with_inputs(reference, n_inputs):
    """Yield what makes references, and for which inputs."""
    if isinstance(reference, list):
        yield from ((_object(each), [position]) for position, each in enumerate(reference))
        return
    reference = _object(reference)
    # Rows are chosen for all inputs together, and functions take all inputs.
    if isinstance(reference, RowChooser) or not isinstance(reference, Reference):
        yield reference, list(range(n_inputs))
    else:
        yield from ((reference, [position]) for position in range(n_inputs))


def _object(reference):
    """What a name stands for."""
    if isinstance(reference, str):
        if reference not in SHORTHANDS:
            raise ValueError(f"reference= takes {', '.join(map(repr, NAMES))} or an array. Got {reference!r}.")
        return SHORTHANDS[reference]
    return reference


def _check_can_be_added(reference):
    if isinstance(reference, TrainingSample) and not reference.is_random and reference.n_clusters is None:
        raise ValueError(
            'max_references="auto" adds references that are drawn at random, which clusters are not. Pass '
            "max_references= as an int, or TrainingSample('kmeans', n_clusters=...)."
        )


def _fitted(reference, arrays, classes, learning, sample_weight):
    if learning or not reference.learns:
        X, y = joined(arrays), classes() if getattr(reference, "needs_classes", False) else None
        if sample_weight is None:
            return clone(reference).fit(X, y)
        if has_fit_parameter(reference, "sample_weight"):
            return clone(reference).fit(X, y, sample_weight=sample_weight)
        # What does not weigh rows is at least not told of those that do not count.
        counts = sample_weight > 0
        return clone(reference).fit(X[counts], None if y is None else y[counts])
    check_is_fitted(reference)
    return reference


class _Group(NamedTuple):
    """What makes the references of some inputs, and how many."""

    positions: list
    maker: Any
    number: int
    # None where all count the same.
    weights: np.ndarray | None = None


def _group_of_given(reference, positions, arrays, names):
    made = _given([reference], arrays, names)
    if made.per_row:
        raise ValueError(
            f"{names[0]} has references of their own for each row, beside inputs whose references are made by a name, "
            "an object or a function. Pass arrays for all inputs."
        )
    return _Group(positions, SharedByAll(made.arrays, False), len(made.weights))


def _group_of_object(reference, positions, arrays, names, most, seed):
    """What a fitted object makes."""
    first, chooses = [array[:1] for array in arrays], isinstance(reference, RowChooser)
    training = _training_rows(reference, arrays) if chooses else None
    if reference.per_row:
        maker = ByChoice(reference, training) if chooses else ByObject(reference, seed, names[0], reference.is_random)
        return _Group(positions, maker, maker.number(first, most))
    weights = None
    if chooses:
        chosen, weights = reference.choose(None, most, seed)
        made = [array[chosen] for array in training]
    else:
        made = [reference.sample(arrays[0], most, seed)]
    made = [_checked(array, of, name) for array, of, name in zip(made, arrays, names, strict=True)]
    # Weights that differ belong to rows that are all there, so that none can be left out.
    is_random = reference.is_random and (weights is None or np.ptp(weights) == 0)
    return _Group(positions, SharedByAll(made, is_random), len(made[0]), weights)


def _training_rows(chooser, arrays):
    """The training rows of each input, of which an object chooses."""
    if len(arrays) == 1:
        return [chooser.rows_]
    sizes = np.cumsum([array[0].size for array in arrays])[:-1]
    return [
        columns.reshape(-1, *array.shape[1:]).astype(array.dtype)
        for columns, array in zip(np.split(chooser.rows_, sizes, 1), arrays, strict=True)
    ]


def _together(groups, names, check):
    """References of all inputs, of which those that are drawn at random are as many as the fewest."""
    several = [group for group in groups if group.number > 1]
    number = min((group.number for group in several), default=1)
    if any(group.number > number and not group.maker.is_random for group in several):
        numbers = ", ".join(str(group.number) for group in groups)
        raise ValueError(f"All inputs need the same number of references, or one. Got {numbers}.")
    unequal = [group.weights for group in several if group.weights is not None and np.ptp(group.weights) > 0]
    if len(unequal) > 1:
        raise ValueError("Only one input can have clusters that count by their size. Pass one object for all inputs.")
    weights = unequal[0] if unequal else np.full(number, 1 / number)
    is_random = bool(several) and all(group.maker.is_random for group in several)
    if all(isinstance(group.maker, SharedByAll) for group in groups):
        arrays = [None] * len(names)
        for group in groups:
            for position, array in zip(group.positions, group.maker.arrays, strict=True):
                arrays[position] = array[:number] if group.number > 1 else np.repeat(array, number, 0)
        if check is not None:
            check(arrays)
        return References(arrays, False, weights, is_random=is_random)
    source = Source([(group.maker, group.positions, group.number) for group in groups], names, number, check)
    needs_classes = any(group.maker.needs_classes for group in groups)
    return References(None, True, weights, source, needs_classes=needs_classes, is_random=is_random)


def _given(reference, arrays, names):
    """References that are arrays."""
    checked = [_checked(each, array, name) for each, array, name in zip(reference, arrays, names, strict=True)]
    per_row = {each.ndim == array.ndim + 1 for each, array in zip(checked, arrays, strict=True)}
    if len(per_row) > 1 or len({each.shape[: 1 + per_row.copy().pop()] for each in checked}) > 1:
        shapes = ", ".join(str(each.shape) for each in checked)
        raise ValueError(f"All inputs need the same number of references, shared or per row. Got shapes {shapes}.")
    n_references = checked[0].shape[int(per_row == {True})]
    return References(checked, per_row == {True}, np.full(n_references, 1 / n_references))


def _checked(reference, array, name):
    # A copy, so that later changes of the user's own do not count.
    reference = in_dtype(np.array(reference), array.dtype, name)
    features, n_rows = array.shape[1:], len(array)
    if reference.ndim == 0:
        reference = np.broadcast_to(reference, features).copy()
    if reference.shape == features:
        reference = reference[None]
    shared = reference.shape[1:] == features and reference.ndim == array.ndim
    per_row = reference.shape[2:] == features and reference.ndim == array.ndim + 1
    if per_row and len(reference) != n_rows:
        raise ValueError(
            f"{name} has one set of references per row, for {len(reference)} rows. Got {n_rows} rows; "
            f"pass references that go with these rows as explain(X, reference=...)."
        )
    if not (shared or per_row) or 0 in reference.shape:
        axes = str(features)[1:-1].rstrip(",")
        raise ValueError(
            f"{name} has shape {reference.shape}. Expected {features}, (n_references, {axes}) or "
            f"(n_rows, n_references, {axes}), with at least one reference."
        )
    if not np.isfinite(reference).all():
        raise ValueError(f"{name} holds NaN or infinity.")
    return reference
