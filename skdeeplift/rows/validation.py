"""Rows as users give them, checked and brought into one array for each of the network's inputs."""

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skdeeplift.network.inputs import as_whole_numbers, check_lengths
from skdeeplift.propagation.lookups import vocabulary_sizes

# Importances are means over rows: more numbers than these make them slower, hardly better.
IMPORTANCE_ELEMENTS = 10_000_000


def check_rows(explainer, X, network, reset, has_columns=True):
    """Return one finite array in the network's dtype for each input.

    Parameters
    ----------
    explainer : BaseExplainer
        Who keeps the number and the names of a table's columns.
    X : array-like, or list or dict of array-like
        What the user gave.
    network : Network
        What it is for.
    reset : bool
        Whether these rows say what the columns are.
    has_columns : bool, default=True
        Whether a table's columns are those that the explainer keeps, and not what a step before made of them.

    Returns
    -------
    arrays : list of ndarray
        In the order of the network's inputs.

    Raises
    ------
    TypeError
        If ``X`` is sparse or ragged.
    ValueError
        If ``X`` does not fit the network, or holds integers that it can not look up.
    """
    owner = type(explainer).__name__
    if network.takes_table:
        dtype = network.input_specs.dtype.as_numpy_dtype
        if has_columns:
            finite = _all_finite_in(X, dtype)
            array = validate_data(explainer, X, dtype=_asked_for(dtype), reset=reset, ensure_all_finite=not finite)
        else:
            array = check_array(X, dtype=_asked_for(dtype))
        array = _in_dtype(array, dtype, "X")
        expected = network.input_specs.shape[1]
        if expected is not None and array.shape[1] != expected:
            raise ValueError(
                f"X has {array.shape[1]} features, but the network bound to {owner} takes {expected}. A bound network "
                f"can not be refitted on fewer columns; to let RFE or GridSearchCV retrain it, pass an unfitted "
                f"estimator such as MLPClassifier."
            )
        check_tokens([array], ["X"], network)
        return [array]
    arrays = []
    for array, spec, name in zip(network.flatten(X), network.flat_specs, input_labels(network), strict=True):
        dtype = spec.dtype.as_numpy_dtype
        array = check_array(
            array,
            dtype=_asked_for(dtype),
            allow_nd=True,
            ensure_2d=False,
            ensure_all_finite=not _all_finite_in(array, dtype),
            input_name=name,
        )
        array = _in_dtype(array, dtype, name)
        fits = array.ndim == len(spec.shape) and all(
            size in (None, given) for size, given in zip(spec.shape[1:], array.shape[1:], strict=True)
        )
        if not fits:
            raise ValueError(
                f"{name} has shape {array.shape}, but the network bound to {owner} takes {shape_of_rows(spec)}."
            )
        arrays.append(array.astype(spec.dtype.as_numpy_dtype, copy=False))
    check_lengths([len(array) for array in arrays])
    check_tokens(arrays, input_labels(network), network)
    return arrays


def check_tokens(arrays, names, network):
    """Refuse what is no id of a row in the table in which it is looked up.

    Parameters
    ----------
    arrays : list of ndarray
        Rows or references, one array for each input.
    names : list of str
        What to call each in an error.
    network : Network
        What they are for.

    Raises
    ------
    ValueError
        If there is a number that is none.
    """
    for array, name, sizes in zip(arrays, names, vocabulary_sizes(network.graph), strict=True):
        if sizes is not None:
            if array.dtype.kind == "f":
                looked_up = array[np.broadcast_to(sizes > 0, array.shape)]
                # The network would cut off what is behind the point.
                as_whole_numbers(looked_up, np.int64, name)
            # Negative ones count from the table's end.
            outside = (sizes > 0) & ((array >= sizes) | (array < -sizes))
            if outside.any():
                size = np.broadcast_to(sizes, array.shape)[outside][0]
                raise ValueError(
                    f"{name} holds the id {array[outside][0]}, but the network looks it up in a table of {size} rows. "
                    f"Expected ids from 0 to {size - 1}."
                )


def holds_ids(network):
    """Tell for each input whether all it holds is looked up in tables, also where it is of floating-point numbers."""
    return [sizes is not None and bool((sizes > 0).all()) for sizes in vocabulary_sizes(network.graph)]


def _all_finite_in(X, dtype):
    """Whether a sum tells that there is nothing else to find; scikit-learn's own takes several times as long.

    If it tells nothing, there may be numbers that are not finite, or that are large.
    """
    if not isinstance(X, np.ndarray) or X.dtype != dtype or X.dtype.kind != "f":
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        if X.flags.forc and X.dtype.char in "fd":
            # Of squares, which is summed on all cores.
            numbers = X.ravel(order="K")
            return bool(np.isfinite(np.dot(numbers, numbers)))
        return bool(np.isfinite(np.add.reduce(X, axis=None)))


def _asked_for(dtype):
    """What scikit-learn is to convert to.

    Integers it would make by cutting off what is behind the point, and bfloat16, which is none of NumPy's, not at all.
    """
    kind = np.dtype(dtype).kind
    return "numeric" if kind in "biu" else dtype if kind == "f" else np.float32


def _in_dtype(array, dtype, name):
    integers = np.dtype(dtype).kind in "biu"
    return as_whole_numbers(array, dtype, name) if integers else array.astype(dtype, copy=False)


def importance_rows(arrays, max_samples, random_state, n_rows=None):
    """Choose the rows that importances are computed on, in order; of more than are in the arrays, if there are."""
    n_rows = len(arrays[0]) if n_rows is None else n_rows
    elements = sum(array[0].size for array in arrays)
    most = min(max_samples, max(16, IMPORTANCE_ELEMENTS // elements))
    if n_rows <= most:
        return slice(None)
    return np.sort(random_state.choice(n_rows, most, replace=False))


def input_labels(network):
    """What to call each input in an error."""
    return ["X"] if network.is_single else [f"X[{name!r}]" for name in network.input_names]


def shapes_of_rows(network):
    """Say in what shapes a network takes rows, for an error."""
    return ", ".join(shape_of_rows(spec) for spec in network.flat_specs)


def shape_of_rows(spec):
    """Say in what shape a network takes rows of one input, for an error."""
    return f"({', '.join(['n_rows', *('any' if size is None else str(size) for size in spec.shape[1:])])})"
