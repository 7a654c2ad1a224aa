"""Assembly of the references of a call from the parameter ``reference=``."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skdeeplift.execution.references import AUTOMATIC_REFERENCES, References
from skdeeplift.network.bind import check_unmasked
from skdeeplift.references.computed_references import Blur, Constant, Held
from skdeeplift.references.reference import Reference, RowChooser, draw_seed
from skdeeplift.references.reference_sources import (
    ChosenReferences,
    FunctionReferences,
    ReferenceSource,
    SampledReferences,
    SharedReferences,
    convert_dtype,
    join_inputs,
    read_only,
)
from skdeeplift.references.sequence_references import (
    BackgroundFrequency,
    DinucleotideShuffle,
    SequenceShuffle,
    Shuffle,
)
from skdeeplift.references.training_rows import NearestOther, Permuted, TrainingSample

# Names that `reference=` accepts, with the objects that they mean.
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
    "held": Held(),
}
REFERENCE_NAMES = tuple(SHORTHANDS)


def make_references(
    reference,
    arrays,
    input_names,
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
        The user's ``reference=``. A list has one entry for each input; entries may be of different kinds. An entry may
        also be an array: of shape ``(*features)`` for one reference, ``(n_references, *features)`` for references that
        all rows share, or ``(n_rows, n_references, *features)``.
    arrays : list of ndarray
        Training rows of each input. With ``learning=False``, the rows to explain.
    input_names : list of str
        Names of the inputs in error messages.
    max_references : int or "auto"
        Largest number of references.
    random_state : int or RandomState
        Source of the seeds of random references.
    classes : callable, default=None
        Function without arguments that returns the class that the network predicts for each training row.
    check : callable, default=None
        Function of one array of references for each input that raises an error if the network does not accept them.
    learning : bool, default=True
        True if ``arrays`` are training rows. If False, reference objects must be fitted or learn nothing.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the training rows.

    Returns
    -------
    references : References
        References in the dtype of the rows, with weights that sum to one.

    Raises
    ------
    ValueError
        If a name is unknown, an array does not fit the input, or the references of all inputs are ``"held"``.
    """
    names, arrays = [f"reference= for {name}" for name in input_names], list(map(read_only, arrays))
    random_state, groups = check_random_state(random_state), []
    most = AUTOMATIC_REFERENCES if max_references == "auto" else max_references
    for entry, positions in _split_by_input(reference, len(arrays)):
        seed = draw_seed(random_state)
        group_arrays, group_names = ([sequence[position] for position in positions] for sequence in (arrays, names))
        if not (isinstance(entry, Reference) or callable(entry)):
            array = _check_array(entry, group_arrays[0], group_names[0])
            is_per_row = array.ndim == group_arrays[0].ndim + 1
            maker = GivenReferences([array]) if is_per_row else SharedReferences([array], False)
            groups.append(_Group(positions, maker, array.shape[int(is_per_row)]))
        elif isinstance(entry, Reference):
            if max_references == "auto":
                _check_is_random(entry)
            entry = _fit(entry, group_arrays, classes, learning, sample_weight)
            groups.append(_group_from_object(entry, positions, group_arrays, group_names, most, seed))
        else:
            maker = FunctionReferences(entry, seed, group_names)
            number = maker.count([array[:1] for array in group_arrays], most)
            groups.append(_Group(positions, maker, number))
    return _combine_groups(groups, names, check)


def _split_by_input(reference, n_inputs):
    """Yield each entry of ``reference=`` with the positions of its inputs."""
    if isinstance(reference, list):
        yield from ((_look_up(entry), [position]) for position, entry in enumerate(reference))
        return
    reference = _look_up(reference)
    # A chooser picks the same training rows for all inputs, and a function takes all inputs at once.
    if isinstance(reference, RowChooser) or not isinstance(reference, Reference):
        yield reference, list(range(n_inputs))
    else:
        yield from ((reference, [position]) for position in range(n_inputs))


def _look_up(reference):
    """Look up the object that a name means; return all other values unchanged."""
    if isinstance(reference, str):
        if reference not in SHORTHANDS:
            raise ValueError(
                f"reference= takes {', '.join(map(repr, REFERENCE_NAMES))} or an array. Got {reference!r}."
            )
        return SHORTHANDS[reference]
    return reference


def _check_is_random(reference):
    """Raise an error for clusters, whose number cannot grow until a tolerance is reached."""
    if isinstance(reference, TrainingSample) and not reference.is_random and reference.n_clusters is None:
        raise ValueError(
            'max_references="auto" adds random references, but clusters are not random. Pass max_references= as an '
            "int, or TrainingSample('kmeans', n_clusters=...)."
        )


def _fit(reference, arrays, classes, learning, sample_weight):
    """Fit a copy of an object to the training rows; without training rows, check that the object is fitted."""
    if learning or not reference.learns:
        X, y = read_only(join_inputs(arrays)), classes() if getattr(reference, "needs_classes", False) else None
        if sample_weight is None:
            return clone(reference).fit(X, y)
        if has_fit_parameter(reference, "sample_weight"):
            return clone(reference).fit(X, y, sample_weight=sample_weight)
        # An object that takes no weights must still not see rows of weight zero.
        counts = sample_weight > 0
        return clone(reference).fit(X[counts], None if y is None else y[counts])
    check_is_fitted(reference)
    return reference


class GivenReferences(NamedTuple):
    """References of one input that the user gave for each row."""

    arrays: list
    is_random = False


class _Group(NamedTuple):
    """Inputs that get their references from one maker, with the number and the weights of these references."""

    positions: list
    maker: Any
    number: int
    # None if all references have the same weight.
    weights: np.ndarray | None = None


def _group_from_object(reference, positions, arrays, names, most, seed):
    """Make the group of the inputs of a fitted object."""
    first_rows, chooses = [array[:1] for array in arrays], isinstance(reference, RowChooser)
    training = _split_training_rows(reference, arrays) if chooses else None
    if reference.per_row:
        if chooses:
            maker = ChosenReferences(reference, training)
        else:
            maker = SampledReferences(reference, seed, names[0], reference.is_random)
        return _Group(positions, maker, maker.count(first_rows, most))
    weights = None
    if chooses:
        chosen, weights = reference.choose(None, most, seed)
        samples = [array[chosen] for array in training]
    else:
        samples = [reference.sample(arrays[0], most, seed)]
    samples = [_check_array(*sample_of_input) for sample_of_input in zip(samples, arrays, names, strict=True)]
    # Unequal weights are the shares of clusters. Without one reference, its share would be lost.
    is_random = reference.is_random and (weights is None or np.ptp(weights) == 0)
    return _Group(positions, SharedReferences(samples, is_random), len(samples[0]), weights)


def _split_training_rows(chooser, arrays):
    """Split the training rows of a chooser into one array for each input."""
    if len(arrays) == 1:
        return [chooser.rows_]
    sizes = np.cumsum([array[0].size for array in arrays])[:-1]
    return [
        columns.reshape(-1, *array.shape[1:]).astype(array.dtype)
        for columns, array in zip(np.split(chooser.rows_, sizes, 1), arrays, strict=True)
    ]


def _combine_groups(groups, names, check):
    """Combine the groups of all inputs, and cut random references to the smallest number of any group."""
    several = [group for group in groups if group.number > 1]
    number = min((group.number for group in several), default=1)
    if any(group.number > number and not group.maker.is_random for group in several):
        numbers = ", ".join(str(group.number) for group in groups)
        raise ValueError(f"All inputs need the same number of references, or one. Got {numbers}.")
    unequal = [group.weights for group in several if group.weights is not None and np.ptp(group.weights) > 0]
    if len(unequal) > 1:
        raise ValueError(
            "Only one input can have clusters as references, which are weighted by their size. Pass one reference "
            "object for all inputs."
        )
    weights = unequal[0] if unequal else np.full(number, 1 / number)
    is_random = bool(several) and all(group.maker.is_random for group in several)
    arrays = [None] * len(names)
    for kind, axis in ((SharedReferences, 0), (GivenReferences, 1)):
        if all(isinstance(group.maker, kind) for group in groups):
            for group in groups:
                for position, array in zip(group.positions, group.maker.arrays, strict=True):
                    chosen = (slice(None),) * axis + (slice(number),)
                    arrays[position] = array[chosen] if group.number > 1 else np.repeat(array, number, axis)
            if check is not None:
                check(arrays)
            return References(arrays, axis == 1, weights, is_random=is_random)
    makers = []
    for group in groups:
        if isinstance(group.maker, GivenReferences):
            [arrays[group.positions[0]]] = group.maker.arrays
        else:
            makers.append((group.maker, group.positions, group.number))
    held, shuffled = (
        tuple(maker_positions[0] for maker, maker_positions, _ in makers if _is_made_by(maker, kind))
        for kind in (Held, SequenceShuffle)
    )
    if len(held) == len(names):
        raise ValueError(
            'reference="held" leaves the input at the values of its row, so that it is not explained, and no other '
            "input is left. Pass another reference for one input at least."
        )
    return References(
        None if all(array is None for array in arrays) else arrays,
        True,
        weights,
        ReferenceSource(makers, names, number, check),
        needs_classes=any(maker.needs_classes for maker, _, _ in makers),
        is_random=is_random,
        held=held,
        shuffled=shuffled,
    )


def _is_made_by(maker, kind):
    return isinstance(maker, SampledReferences) and isinstance(maker.reference, kind)


def _check_array(reference, array, name):
    """Return a copy of a reference array in the dtype of the rows, or raise an error if its shape does not fit."""
    check_unmasked(reference, name)
    # Copy the array, so that later changes by the user do not change the references.
    reference = convert_dtype(np.array(reference), array.dtype, name)
    features, n_rows = array.shape[1:], len(array)
    if reference.ndim == 0:
        reference = np.broadcast_to(reference, features).copy()
    if reference.shape == features:
        reference = reference[None]
    is_shared = reference.shape[1:] == features and reference.ndim == array.ndim
    is_per_row = reference.shape[2:] == features and reference.ndim == array.ndim + 1
    if is_per_row and len(reference) != n_rows:
        raise ValueError(
            f"{name} has separate references for each of {len(reference)} rows. Got {n_rows} rows. Pass the references "
            "of these rows as explain(X, reference=...)."
        )
    if not (is_shared or is_per_row) or 0 in reference.shape:
        axes = str(features)[1:-1].rstrip(",")
        raise ValueError(
            f"{name} has shape {reference.shape}. Expected {features}, (n_references, {axes}) or "
            f"(n_rows, n_references, {axes}), with at least one reference."
        )
    if not np.isfinite(reference).all():
        raise ValueError(f"{name} holds NaN or infinity. Pass finite numbers.")
    return reference
