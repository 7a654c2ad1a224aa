"""Checks of users' rows, which become one array for each of the network's inputs."""

from functools import partial

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skdeeplift.network.bind import as_whole_numbers, check_lengths
from skdeeplift.propagation.lookups import vocabulary_sizes
from skdeeplift.references.random_paths import are_letters

# Importances are means over rows: more numbers make them slower and hardly better.
IMPORTANCE_ELEMENTS = 10_000_000


def check_rows(explainer, X, network, vocabulary, reset, has_columns=True):
    """Return one finite array in the network's dtype for each input.

    Parameters
    ----------
    explainer : BaseExplainer
        Explainer that keeps the number and the names of a table's columns.
    X : array-like, or list or dict of array-like
        The user's rows.
    network : Network
        Network that takes the rows.
    vocabulary : list of ndarray or None
        Sizes of the tables in which the network looks up each input.
    reset : bool
        Whether these rows define the columns.
    has_columns : bool, default=True
        Whether a table's columns are the user's, and not those of an encoder.

    Returns
    -------
    arrays : list of ndarray
        One array for each input, in the network's order.

    Raises
    ------
    TypeError
        If ``X`` is sparse or ragged.
    ValueError
        If ``X`` does not fit the network, or holds integers that the network cannot look up.
    """
    owner = type(explainer).__name__
    if network.takes_table:
        dtype = network.input_specs.dtype.as_numpy_dtype
        check = partial(validate_data, explainer, reset=reset) if has_columns else check_array
        array = check(X, **_conversion_options(X, dtype))
        if array.dtype != dtype:
            array = _in_dtype(array, dtype, "X")
        expected = network.input_specs.shape[1]
        if expected is not None and array.shape[1] != expected:
            raise ValueError(
                f"X has {array.shape[1]} features, but the network bound to {owner} takes {expected}. A bound network "
                f"cannot be refitted on fewer columns; to let RFE or GridSearchCV retrain it, pass an unfitted "
                f"estimator such as MLPClassifier."
            )
        if vocabulary[0] is not None:
            check_tokens([array], ["X"], vocabulary)
        return [array]
    arrays = []
    for array, spec, name in zip(network.flatten(X), network.flat_specs, input_labels(network), strict=True):
        dtype = spec.dtype.as_numpy_dtype
        array = check_array(array, allow_nd=True, ensure_2d=False, input_name=name, **_conversion_options(array, dtype))
        array = _in_dtype(array, dtype, name)
        fits = array.ndim == len(spec.shape) and all(
            size in (None, given) for size, given in zip(spec.shape[1:], array.shape[1:], strict=True)
        )
        if not fits:
            raise ValueError(
                f"{name} has shape {array.shape}, but the network bound to {owner} takes {shape_of_rows(spec)}."
            )
        arrays.append(array)
    check_lengths([len(array) for array in arrays])
    check_tokens(arrays, input_labels(network), vocabulary)
    return arrays


def check_tokens(arrays, names, vocabulary):
    """Raise an error for ids that the tables of the network do not have.

    Parameters
    ----------
    arrays : list of ndarray
        Rows or references, one array for each input.
    names : list of str
        Name of each array in an error.
    vocabulary : list of ndarray or None
        Sizes of the tables in which the network looks up each input.

    Raises
    ------
    ValueError
        If a number is not an id.
    """
    for array, name, sizes in zip(arrays, names, vocabulary, strict=True):
        if sizes is not None:
            if array.dtype.kind == "f":
                looked_up = array[np.broadcast_to(sizes > 0, array.shape)]
                # The network would truncate fractions.
                as_whole_numbers(looked_up, np.int64, name)
            # Negative ids count from the table's end.
            outside = (sizes > 0) & ((array >= sizes) | (array < -sizes))
            if outside.any():
                size = np.broadcast_to(sizes, array.shape)[outside][0]
                raise ValueError(
                    f"{name} holds the id {array[outside][0]}, but the network looks it up in a table of {size} rows. "
                    f"Expected ids from 0 to {size - 1}."
                )


def holds_ids(network):
    """Return for each input whether all its numbers are looked up in tables, even if they are floating-point."""
    return [sizes is not None and bool((sizes > 0).all()) for sizes in vocabulary_sizes(network.graph)]


def _conversion_options(X, dtype):
    """Return the options with which scikit-learn makes an array of rows, for a network that takes a dtype.

    scikit-learn would truncate fractions for an integer dtype, and does not know bfloat16, which is not NumPy's own.
    Its check that all numbers are finite takes several times as long as a sum that shows it. Where the sum is not
    finite, some numbers may only be large, so that scikit-learn decides.
    """
    kind, total = np.dtype(dtype).kind, np.nan
    if isinstance(X, np.ndarray) and X.dtype == dtype and kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            if X.flags.forc and X.dtype.char in "fd":
                # BLAS sums squares on all cores.
                numbers = X.ravel(order="K")
                total = np.dot(numbers, numbers)
            else:
                total = np.add.reduce(X, axis=None)
    asked_for = "numeric" if kind in "biu" else dtype if kind == "f" else np.float32
    return {"dtype": asked_for, "ensure_all_finite": not np.isfinite(total)}


def _in_dtype(array, dtype, name):
    integers = np.dtype(dtype).kind in "biu"
    return as_whole_numbers(array, dtype, name) if integers else array.astype(dtype, copy=False)


def importance_rows(arrays, max_samples, random_state, n_rows=None):
    """Draw the rows that importances are computed from, in order, of ``n_rows`` rows or those of the arrays."""
    n_rows = len(arrays[0]) if n_rows is None else n_rows
    elements = sum(array[0].size for array in arrays)
    most = min(max_samples, max(16, IMPORTANCE_ELEMENTS // elements))
    if n_rows <= most:
        return slice(None)
    return np.sort(random_state.choice(n_rows, most, replace=False))


def input_labels(network):
    """Return the name of each input in an error."""
    return ["X"] if network.is_single else [f"X[{name!r}]" for name in network.input_names]


def shapes_of_rows(network):
    """Describe the shapes in which a network takes rows, for an error."""
    return ", ".join(shape_of_rows(spec) for spec in network.flat_specs)


def shape_of_rows(spec):
    """Describe the shape in which a network takes rows of one input, for an error."""
    return f"({', '.join(['n_rows', *('any' if size is None else str(size) for size in spec.shape[1:])])})"


def find_letters(X, axis, label):
    """Find the axis of an array's one-hot letters.

    Parameters
    ----------
    X : ndarray of shape (n_rows, ...)
        Rows in which one position of the axis is 1 and the others are 0. All positions may be alike where the letter is
        not known.
    axis : int or True
        The axis, counted with that of the rows, or True to find it.
    label : str
        Name of the array in an error.

    Returns
    -------
    axis : int
        Axis counted without that of the rows.

    Raises
    ------
    ValueError
        If no axis, or not the one named, holds one-hot letters, or if several may.
    """
    if axis is True:
        found = [each for each in range(1, X.ndim) if X.shape[each] > 1 and are_letters(X, each).all()]
        if len(found) == 1:
            return found[0] - 1
        which = (
            f"its axes {found} may all be the one. Pass the axis as an int: hypothetical={X.ndim - 1} is the last one "
            f"of an array of shape {X.shape}."
            if found
            else "along none of its axes exactly one entry is 1. Pass rows with one 1 and zeros elsewhere for each "
            "letter, or all entries alike where the letter is not known."
        )
        raise ValueError(f"hypothetical=True looks for an axis of one-hot letters in {label}, and {which}")
    if not -X.ndim <= axis < X.ndim or axis % X.ndim == 0:
        raise ValueError(
            f"hypothetical={axis} is no axis of {label}'s features: {label} has shape {X.shape}, with the rows first."
        )
    if not are_letters(X, axis).all():
        raise ValueError(
            f"hypothetical={axis}: {label} is not one-hot along this axis. Expected one 1 and zeros elsewhere, or all "
            f"entries alike where the letter is not known."
        )
    return axis % X.ndim - 1
