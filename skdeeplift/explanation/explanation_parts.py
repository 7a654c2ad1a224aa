"""Parts of an explanation: the inputs or layers that its contributions belong to."""

from types import NoneType
from typing import NamedTuple

import numpy as np

from skdeeplift.dtypes import kind_of


class Part(NamedTuple):
    """Contributions to one input or one layer."""

    # Name of the input or layer: its key, or its position if it has no name; None if there is only one.
    name: object
    contributions: np.ndarray
    standard_error: np.ndarray | None
    # None if the rows have another shape than the contributions, as those of a layer's units.
    values: np.ndarray | None
    # Key or position of the contributions in the explanation.
    key: object = None


def find_parts(explanation):
    """Split an explanation by inputs or layers.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.

    Returns
    -------
    kind : {"input", "layer"} or None
        Whether the parts are inputs or layers; None if there is only one part.
    parts : list of Part
        One part for each input or layer.
    """
    contributions, errors, X = explanation.contributions, explanation.get("standard_error"), explanation.get("X")
    if not isinstance(contributions, (list, tuple, dict)):
        return None, [Part(None, contributions, errors, _values(unwrap_single(X), contributions, explanation))]
    of_inputs = type(X) is type(contributions) and len(X) == len(contributions) and explanation.get("layer") is None
    keys, names = list(contributions) if isinstance(contributions, dict) else list(range(len(contributions))), None
    if keys == list(range(len(contributions))):
        names = explanation.get("input_names") if of_inputs else explanation.get("layer")
    has_names = isinstance(names, (list, tuple)) and len(names) == len(keys)
    parts = [
        Part(
            name,
            contributions[key],
            None if errors is None else errors[key],
            _values(X[key], contributions[key], explanation) if of_inputs else None,
            key,
        )
        for key, name in zip(keys, names if has_names else keys, strict=True)
    ]
    if all(part.values is not None for part in parts):
        return "input", parts
    return "layer", [part._replace(values=None) for part in parts]


def find_part(parts, choice):
    """Return the input or layer with a name, key or position, or None."""
    return next((part for part in parts if choice in (part.name, part.key)), None)


def has_targets(explanation):
    """Return whether contributions have a last axis of targets."""
    return np.ndim(explanation.get("prediction")) == 2


def count_rows(explanation):
    """Return the number of rows of an explanation; 0 for one without predictions and contributions."""
    prediction, contributions = explanation.get("prediction"), explanation.get("contributions")
    if prediction is not None:
        return len(prediction)
    if isinstance(contributions, (list, tuple, dict)):
        contributions = next(iter(contributions.values() if isinstance(contributions, dict) else contributions), ())
    return 0 if contributions is None else len(contributions)


def has_row_targets(explanation):
    """Return whether the field ``target`` has an index, a label or weights for each row."""
    target = explanation.get("target")
    if not isinstance(target, np.ndarray) or len(target) != count_rows(explanation):
        return False
    # One-dimensional floats are weights of the outputs, unless the labels of classes are numbers.
    labels = np.asarray(explanation.get("class_names"))
    return target.ndim > 1 or kind_of(target.dtype) != "f" or kind_of(labels.dtype) in "iuf"


def find_kind(part, explanation):
    """Find the kind of data of a part.

    Parameters
    ----------
    part : Part
        One input or layer of the explanation.
    explanation : Explanation
        The explanation.

    Returns
    -------
    kind : {"table", "tokens", "sequence", "image", "array"}
        The kind; "array" is for rows without a plot of their own.
    """
    n_axes = part.contributions.ndim - has_targets(explanation)
    tokens, ids = explanation.get("holds_tokens"), part.values
    if isinstance(tokens, (list, dict)) and part.name is not None:
        tokens = tokens[part.key]
    elif ids is None and tokens:
        # An embedding layer has several units for each token.
        ids = unwrap_single(explanation.get("X"))
    if tokens is True and n_axes in (2, 3) and np.shape(ids) == part.contributions.shape[:2]:
        return "tokens"
    if n_axes == 2:
        return "table"
    if n_axes in (3, 4) and find_letters_axis(part, explanation) is not None:
        return "sequence"
    # A layer's contributions are drawn over the rows.
    below = unwrap_single(explanation.get("X")) if part.values is None else part.values
    return "image" if n_axes in (3, 4) and not isinstance(below, (list, dict, NoneType)) else "array"


def find_letters_axis(part, explanation):
    """Return the axis of one-hot letters of a part, not counting the axis of rows, or None if it has none."""
    # Imported here, so that the command line checks its files before scikit-learn is imported.
    from skdeeplift.references.random_paths import are_letters

    axis, values = explanation.get("letters_axis"), part.values
    axis = axis[part.key] if isinstance(axis, (list, dict)) and part.name is not None else axis
    if isinstance(axis, int) or values is None or kind_of(values.dtype) not in "biuf":
        return axis if isinstance(axis, int) else None
    # One row tells images from letters at less cost than all of them.
    others = [each for each in range(1, values.ndim) if values.shape[each] > 1 and are_letters(values[:1], each).all()]
    found = others if others and sum(size > 1 for size in values.shape[1:]) == 2 else []
    return found[-1] - 1 if len(values) and found and are_letters(values, found[-1]).all() else None


def target_labels(explanation):
    """Return the label of each target on the last axis of contributions, or its index if labels are not known.

    Parameters
    ----------
    explanation : Explanation
        An explanation of several targets.

    Returns
    -------
    labels : list
        One label or index for each target.
    """
    n_targets, labels = np.shape(explanation.prediction)[1], explanation.get("class_names")
    if labels is not None and len(labels) == 2 and n_targets == 1:
        # A single logit stands for the second of two classes.
        labels = labels[1:]
    return list(range(n_targets) if labels is None or len(labels) != n_targets else labels)


def unwrap_single(arrays):
    """Return the array itself if a list or dict holds only one array.

    Parameters
    ----------
    arrays : ndarray, or list or dict of ndarray
        The rows, in the form in which they were passed.

    Returns
    -------
    arrays : ndarray, or list or dict of ndarray
        The only array, or ``arrays`` unchanged if there are several.
    """
    if isinstance(arrays, dict) and len(arrays) == 1:
        [arrays] = arrays.values()
    elif isinstance(arrays, list) and len(arrays) == 1 and isinstance(arrays[0], np.ndarray):
        [arrays] = arrays
    return arrays


def choose_letters(explanation, X, part=None):
    """Choose the input that holds one-hot letters.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.
    X : array-like, or list or dict of array-like
        The rows.
    part : str or int, default=None
        Name, key or position of the input; by default the only one with hypothetical contributions.

    Returns
    -------
    hypothetical : ndarray or None
        Hypothetical contributions of the input.
    X : array-like
        Rows of the input; all rows unchanged if ``X`` is not a list or dict of several inputs.
    axis : int or None
        Axis of the input's letters, not counting the axis of rows.

    Raises
    ------
    ValueError
        If several inputs have letters and none is chosen, or the chosen one has none.
    """
    hypothetical, axis = explanation.get("hypothetical"), explanation.get("letters_axis")
    if not isinstance(axis, (list, dict)):
        if part is not None:
            raise ValueError(f"The explanation is about one input. Leave part= at None, not {part!r}.")
        return unwrap_single(hypothetical), unwrap_single(X), axis
    keys = list(axis) if isinstance(axis, dict) else list(range(len(axis)))
    with_letters = [key for key in keys if axis[key] is not None]
    if part is None and len(with_letters) == 1:
        [part] = with_letters
    parts = [each for each in find_parts(explanation)[1] if each.key in with_letters]
    if (found := find_part(parts, part)) is not None:
        part = found.key
    if part not in with_letters:
        names = " or ".join(repr(each.name) for each in parts)
        raise ValueError(f"part= takes one input that has hypothetical contributions. Pass part={names}. Got {part!r}.")
    arrays = [
        each[part] if type(each) is type(axis) else each[keys.index(part)] if isinstance(each, list) else each
        for each in (hypothetical, X)
    ]
    return *arrays, axis[part]


def _values(X, contributions, explanation):
    """Return the rows as an array, or None if contributions are those of a layer, or have another shape."""
    if X is None or isinstance(X, dict) or explanation.get("layer") is not None:
        return None
    X = np.asarray(X)
    return X if X.shape == (contributions.shape[:-1] if has_targets(explanation) else contributions.shape) else None
