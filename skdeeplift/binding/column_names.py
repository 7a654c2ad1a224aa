"""Names of columns: learned from the tables of each input in `fit`, and compared with those of later calls."""

import numpy as np
import pandas as pd
from sklearn.base import clone

from skdeeplift.binding.estimators import with_attributes
from skdeeplift.compat import check_feature_names, get_feature_names
from skdeeplift.references.computed_references import Constant, align_series
from skdeeplift.rows.validation import input_labels


def find_column_names(explainer, bound):
    """Find the names of the columns of ``X``: those of a DataFrame, or of the parameter ``feature_names``.

    Parameters
    ----------
    explainer : BaseExplainer
        Has the number and the names of the user's columns.
    bound : Bound
        Has the parameter.

    Returns
    -------
    names : ndarray of str or None

    Raises
    ------
    ValueError
        If the parameter does not name each column once, or differs from the column names of a DataFrame.
    """
    given, names = bound.parameters["feature_names"], getattr(explainer, "feature_names_in_", None)
    if given is None:
        return names
    if bound.encoder is None and not bound.network.takes_table:
        raise ValueError(
            "feature_names= names the columns of one table, and X is no single table. Pass feature_names=None."
        )
    given, n_columns = np.array(list(given), dtype=object), explainer.n_features_in_
    is_named = given.shape == (n_columns,) and all(isinstance(name, str) for name in given)
    if not is_named or len(set(given)) < n_columns:
        raise ValueError(
            f"feature_names= takes {n_columns} different strings, one for each column of X. Got {given.tolist()!r}."
        )
    if names is not None and list(names) != list(given):
        raise ValueError(
            f"feature_names= is {given.tolist()}, but the columns of X are named {names.tolist()}. Pass "
            "feature_names=None, or X.to_numpy()."
        )
    return given


def check_rows_names(explainer, bound, X, reset):
    """Learn or compare the column names of each input; scikit-learn itself keeps those of a single table.

    Parameters
    ----------
    explainer : BaseExplainer
        The explainer, which is named in warnings.
    bound : Bound
        Keeps the names of each input.
    X : array-like, or list or dict of array-like
        The user's rows.
    reset : bool
        Whether these rows define the columns.

    Raises
    ------
    ValueError
        If the columns of an input have other names, or another order.
    """
    if bound.network.takes_table:
        return
    arrays, labels = bound.network.flatten(X), input_labels(bound.network)
    if reset:
        bound.names_of_inputs = dict(enumerate(map(get_feature_names, arrays)))
    # Inputs of other lengths than in fit have no known names.
    for position, names in bound.names_of_inputs.items():
        _compare_names(explainer, arrays[position], names, labels[position])


def align_entries(explainer, bound, entries):
    """Return the reference of each input with its entries in the order of the columns.

    Parameters
    ----------
    explainer : BaseExplainer
        Has the names of a single table's columns.
    bound : Bound
        Has the names of the columns of several inputs.
    entries : list
        One entry for each input, of any kind.

    Returns
    -------
    entries : list
        The entries, with each named Series as an array in the order of the columns.

    Raises
    ------
    ValueError
        If a Series or a table has other names, or a table has another order.
    """
    network = bound.network
    if bound.encoder is not None:
        entries = [_encoded(each, bound, explainer) for each in entries]
    names = _names_of_table(bound) if network.takes_table else bound.names_of_inputs
    zipped = zip(entries, network.flat_specs, input_labels(network), strict=True)
    return [
        # Only the entries of a row of a table have names.
        _align(each, names.get(position), f"reference= for {label}", explainer) if spec.shape.rank == 2 else each
        for position, (each, spec, label) in enumerate(zipped)
    ]


def _encoded(value, bound, explainer):
    """Return references of raw columns as encoded columns, and other references unchanged.

    A reference with column names has raw columns. Arrays have no names, and hold encoded columns.
    """
    if isinstance(value, Constant):
        encoded = _encoded(value.value, bound, explainer)
        return value if encoded is value.value else clone(value).set_params(value=encoded)
    names = bound.column_names
    labels = value.index if isinstance(value, pd.Series) else getattr(value, "columns", ())
    if names is None or set(labels) != set(names):
        return value
    # A row of a table with columns of several dtypes has a common dtype, so the columns' dtypes are restored.
    is_row = isinstance(value, pd.Series)
    rows = value.to_frame().T[list(names)].astype(bound.raw_dtypes or {}) if is_row else value
    # If only the explainer got names, the encoder knows none.
    rows = rows if hasattr(explainer, "feature_names_in_") else rows[list(names)].to_numpy()
    return bound.encoded(rows, explainer)[0] if is_row else bound.encoded(rows, explainer)


def _names_of_table(bound):
    names = bound.column_names
    if names is not None and bound.encoder is not None:
        names = bound.encoded_names(names)
    return {0: names}


def _align(value, names, label, explainer):
    """Return a reference of one input with each Series in the order of the columns."""
    if isinstance(value, Constant):
        aligned = _align(value.value, names, label, explainer)
        return value if aligned is value.value else clone(value).set_params(value=aligned)
    if isinstance(value, (list, tuple)):
        aligned = [_align(each, names, label, explainer) for each in value]
        is_same = all(each is before for each, before in zip(aligned, value, strict=True))
        return value if is_same else type(value)(aligned)
    if isinstance(value, pd.Series):
        return align_series(value, names, label)
    if hasattr(value, "columns"):
        _compare_names(explainer, value, names, label)
    return value


def _compare_names(explainer, X, names, label):
    """Compare the names of columns as scikit-learn does for one table, and name the input in an error."""
    if names is None and isinstance(X, np.ndarray):
        return
    holder = with_attributes(explainer)
    vars(holder).pop("feature_names_in_", None)
    if names is not None:
        holder.feature_names_in_ = names
    try:
        check_feature_names(holder, X, reset=False)
    except ValueError as error:
        raise ValueError(f"{label}: {error}") from error
