"""Checks and conversion of users' rows to one array for each of the network's inputs."""

from functools import partial

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skdeeplift.dtypes import kind_of
from skdeeplift.network.bind import as_whole_numbers, check_lengths, check_unmasked
from skdeeplift.propagation.lookups import vocabulary_sizes
from skdeeplift.references.random_paths import are_frequencies, are_letters, describe_first
from skdeeplift.rows.text_and_dates import are_dates, check_entries

# Maximum count of numbers for importances: more rows make the means slower and hardly more precise.
IMPORTANCE_ELEMENTS = 10_000_000


def check_rows(explainer, X, network, vocabulary, reset, has_columns=True):
    """Check rows and return one finite array in the network's dtype for each input.

    Parameters
    ----------
    explainer : BaseExplainer
        Explainer that stores the number and the names of a table's columns.
    X : array-like, or list or dict of array-like
        The user's rows.
    network : Network
        Network that takes the rows.
    vocabulary : Vocabulary
        Embedding tables in which the network looks up integers.
    reset : bool
        Whether these rows define the columns.
    has_columns : bool, default=True
        Whether a table's columns are the user's columns, and not the columns of an encoder.

    Returns
    -------
    arrays : list of ndarray
        One array for each input, in the network's order.

    Raises
    ------
    TypeError
        If ``X`` is sparse or ragged.
    ValueError
        If ``X`` does not fit the network, holds text, dates or masked entries, or holds integers that the network
        cannot look up.
    """
    owner = type(explainer).__name__
    if network.takes_table:
        dtype = network.input_specs.dtype.as_numpy_dtype
        check = partial(validate_data, explainer, reset=reset) if has_columns else check_array
        array = _as_numbers(check, X, dtype, "X" if has_columns else "X behind the encoder", owner, not has_columns)
        if array.dtype != dtype:
            array = _in_dtype(array, dtype, "X")
        expected = network.input_specs.shape[1]
        if expected is not None and array.shape[1] != expected and not has_columns:
            raise ValueError(
                f"The encoder in front of the network returns {array.shape[1]} columns, but the network takes "
                f"{expected}. Pass the encoder that was fitted on the rows that the network was trained on."
            )
        if expected is not None and array.shape[1] != expected:
            raise ValueError(
                f"X has {array.shape[1]} features, but the network bound to {owner} takes {expected}. A bound network "
                f"cannot be refitted on fewer columns; to let RFE or GridSearchCV retrain it, pass an unfitted "
                f"estimator such as MLPClassifier."
            )
        check_tokens([array], ["X"], vocabulary)
        return [array]
    arrays = []
    for array, spec, name in zip(network.flatten(X), network.flat_specs, input_labels(network), strict=True):
        dtype = spec.dtype.as_numpy_dtype
        check = partial(check_array, allow_nd=True, ensure_2d=False, input_name=name)
        array = _in_dtype(_as_numbers(check, array, dtype, name, owner), dtype, name)
        array = add_last_axis(array, spec)
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
    """Raise an error for ids that the network's embedding tables do not have.

    Parameters
    ----------
    arrays : list of ndarray
        Rows or references, one array for each input.
    names : list of str
        Name of each array in an error.
    vocabulary : Vocabulary
        Embedding tables in which the network looks up integers.

    Raises
    ------
    ValueError
        If a number is no id of its table.
    """
    for array, name, sizes in zip(arrays, names, vocabulary.sizes, strict=True):
        if sizes is not None:
            if kind_of(array.dtype) == "f":
                looked_up = array[np.broadcast_to(sizes > 0, array.shape)]
                # Check for fractions, because the network would truncate them.
                as_whole_numbers(looked_up, np.int64, name)
            # Negative ids count from the table's end.
            outside = (sizes > 0) & ((array >= sizes) | (array < -sizes))
            if outside.any():
                size = np.broadcast_to(sizes, array.shape)[outside][0]
                raise ValueError(
                    f"{name} holds the id {array[outside][0]}, and the network looks up ids in a table of {size} rows. "
                    f"Expected ids from 0 to {size - 1}."
                )

    if not vocabulary.computed:
        return
    # References of each row have two axes before the features.
    ranks = [value.shape.rank for value in vocabulary.graph.inputs]
    found = vocabulary.find_outside(
        [array.reshape(-1, *array.shape[array.ndim - rank + 1 :]) for array, rank in zip(arrays, ranks, strict=True)]
    )
    if found is not None:
        position, place, index, size = found
        name, held = " and ".join(names), "what it holds"
        if position is not None:
            array = arrays[position]
            rows = array.reshape(-1, *array.shape[array.ndim - ranks[position] + 1 :])
            name, held = names[position], f"the id {rows[place]} of row {place[0]}, at position {place[1:]}"
        raise ValueError(
            f"{name} does not fit the network, which computes the id {index} from {held}, and looks up ids in a table "
            f"of {size} rows. Expected numbers that give ids from 0 to {size - 1}."
        )


def lacks_last_axis(array, spec):
    """Test whether rows lack the last axis of an input, of size one; Keras also adds this axis."""
    if spec.shape[-1] != 1 or spec.shape.rank < 2:
        return False
    shape = array.shape if hasattr(array, "shape") else np.shape(array)
    fits = all(size in (None, given) for size, given in zip(spec.shape[1:], shape[1:], strict=False))
    return len(shape) == spec.shape.rank - 1 and fits


def add_last_axis(array, spec):
    """Add the missing last axis of size one to an array."""
    return array[..., None] if lacks_last_axis(array, spec) else array


def add_last_axes(X, network):
    """Add missing last axes to the rows of all inputs, and return rows that lack no axis unchanged."""
    if network.takes_table:
        return X
    pairs = list(zip(network.flatten(X), network.flat_specs, strict=True))
    if not any(lacks_last_axis(each, spec) for each, spec in pairs):
        return X
    arrays = [add_last_axis(np.asarray(each), spec) for each, spec in pairs]
    if network.is_single:
        return arrays[0]
    return dict(zip(network.input_names, arrays, strict=True)) if isinstance(X, dict) else arrays


def holds_ids(network):
    """Test for each input whether all its numbers are ids to look up in tables, even floating-point numbers."""
    return [sizes is not None and bool((sizes > 0).all()) for sizes in vocabulary_sizes(network.graph)]


def _as_numbers(check, X, dtype, name, owner, is_encoded=False):
    """Convert rows with a scikit-learn function, or raise an error that names entries that are no numbers."""
    check_unmasked(X, name)
    try:
        if any(are_dates(X)):
            # NumPy would convert dates to counts of days.
            raise TypeError("dates and times are no numbers.")
        return check(X, **_conversion_options(X, dtype))
    except (TypeError, ValueError) as error:
        # scikit-learn looks for missing values only after all entries are converted to numbers.
        shapes = [np.shape(each) for each in X] if isinstance(X, (list, tuple)) else []
        if len(set(shapes)) > 1:
            raise ValueError(
                f"{name} is one array, with rows of one shape. Got a list of arrays of the shapes "
                f"{', '.join(map(str, shapes[:5]))}. Join arrays of rows, as with np.concatenate(X)."
            ) from error
        check_entries(X, error, name, owner, is_encoded)
        raise


def _conversion_options(X, dtype):
    """Return scikit-learn's options to convert rows to an array, for a network that takes a dtype.

    scikit-learn would truncate fractions for an integer dtype, and does not know bfloat16, which is no NumPy dtype. Its
    check for finite numbers takes several times as long as a sum of squares. A finite sum shows that all numbers are
    finite. If the sum is not finite, numbers may only be large, so scikit-learn checks them.
    """
    kind, total = kind_of(np.dtype(dtype)), np.nan
    # Leave np.matrix to scikit-learn, which raises an error because `*` means another product for a matrix.
    if isinstance(X, np.ndarray) and X.dtype == dtype and kind == "f" and not isinstance(X, np.matrix):
        with np.errstate(over="ignore", invalid="ignore"):
            if X.flags.forc and X.dtype.char in "fd":
                # The dot product uses BLAS on all cores.
                numbers = X.ravel(order="K")
                total = np.dot(numbers, numbers)
            else:
                total = np.add.reduce(X, axis=None)
    is_own = kind == "f" and np.dtype(dtype).isbuiltin == 1
    asked_for = "numeric" if kind in "biu" else dtype if is_own else np.float32
    return {"dtype": asked_for, "ensure_all_finite": not np.isfinite(total)}


def _in_dtype(array, dtype, name):
    integers = kind_of(np.dtype(dtype)) in "biu"
    return as_whole_numbers(array, dtype, name) if integers else array.astype(dtype, copy=False)


def most_rows_for_importances(arrays, max_samples):
    """Return the maximum number of rows to compute importances from; the larger the rows, the fewer."""
    return min(max_samples, max(16, IMPORTANCE_ELEMENTS // sum(array[0].size for array in arrays)))


def importance_rows(arrays, max_samples, random_state, n_rows=None):
    """Draw the positions of rows for importances, in order, from ``n_rows`` rows or the rows of the arrays."""
    n_rows = len(arrays[0]) if n_rows is None else n_rows
    most = most_rows_for_importances(arrays, max_samples)
    if n_rows <= most:
        return slice(None)
    return np.sort(random_state.choice(n_rows, most, replace=False))


def input_labels(network):
    """Return the name of each input for errors."""
    return ["X"] if network.is_single else [f"X[{name!r}]" for name in network.input_names]


def shapes_of_rows(network):
    """Describe the expected shapes of rows of all inputs, for errors."""
    return ", ".join(shape_of_rows(spec) for spec in network.flat_specs)


def shape_of_rows(spec):
    """Describe the expected shape of rows of one input, for errors."""
    return f"({', '.join(['n_rows', *('any' if size is None else str(size) for size in spec.shape[1:])])})"


_LETTERS = are_letters, are_frequencies


def find_letters(X, axis, label, parameter="hypothetical", automatic="True"):
    """Find the axis of an array's one-hot letters.

    Parameters
    ----------
    X : ndarray of shape (n_rows, ...)
        One-hot letters: one entry along the axis is 1 and all others are 0. Frequencies of letters that sum to one,
        such as of an unknown letter, are accepted too.
    axis : int or True
        The axis, where axis 0 is the axis of rows, or True to find it.
    label : str
        Name of the array in an error.
    parameter, automatic : str
        Name of the parameter in an error, and the value of this parameter that finds the axis.

    Returns
    -------
    axis : int
        Axis of the letters, counted without the axis of rows.

    Raises
    ------
    ValueError
        If no axis or several axes hold letters or their frequencies, or the named axis does not.
    """
    if axis is True:
        axes = [each for each in range(1, X.ndim) if X.shape[each] > 1]
        # Accept frequencies only if no axis holds letters throughout.
        found = next(filter(None, ([each for each in axes if are(X, each).all()] for are in _LETTERS)), [])
        if len(found) == 1:
            return found[0] - 1
        which = (
            f"its axes {found} may all be the one. Pass the axis as an int: {parameter}={X.ndim - 1} is the last one "
            f"of an array of shape {X.shape}."
            if found
            else "along none of its axes exactly one entry is 1, or the entries sum to one. Pass rows with one 1 and "
            "zeros elsewhere for each letter, or all entries alike where the letter is not known."
        )
        raise ValueError(f"{parameter}={automatic} looks for an axis of one-hot letters in {label}, and {which}")
    if not -X.ndim <= axis < X.ndim or axis % X.ndim == 0:
        raise ValueError(
            f"hypothetical={axis} is no axis of {label}'s features: {label} has shape {X.shape}, with the rows first."
        )
    accepted = are_frequencies(X, axis)
    if not accepted.all():
        raise ValueError(
            f"hypothetical={axis}: {label} is not one-hot along this axis: {describe_first(X, axis, accepted)}. "
            "Expected one 1 and zeros elsewhere, or frequencies of letters that sum to one."
        )
    return axis % X.ndim - 1
