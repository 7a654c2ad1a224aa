"""Raw columns of the columns of an encoder's output."""

import copy

import numpy as np
import pandas as pd
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, OneHotEncoder, SplineTransformer, TargetEncoder

from skdeeplift.dtypes import kind_of


def as_dense(X):
    """Convert a sparse table to an array, and return any other table unchanged."""
    return X.toarray() if hasattr(X, "toarray") else X


def source_columns(transformer, n_columns, n_encoded=None):
    """Return the position of the input column of each column of the output.

    Parameters
    ----------
    transformer : transformer, "passthrough", "drop" or None
        Fitted transformer, which may be a pipeline, a union or a column transformer.
    n_columns : int
        Number of columns of the input.
    n_encoded : int, default=None
        Number of columns of the output, if known.

    Returns
    -------
    sources : ndarray of int
        Position of the input column, for each column of the output.

    Raises
    ------
    ValueError
        If a column of the output is computed from several input columns.
    """
    while isinstance(transformer, FrozenEstimator):
        transformer = transformer.estimator
    if isinstance(transformer, str) and transformer == "drop":
        return np.arange(0)
    # NumPy's own functions, such as log1p, take each number by itself.
    is_function = isinstance(transformer, FunctionTransformer)
    is_by_column = is_function and (transformer.func in (None, as_dense) or isinstance(transformer.func, np.ufunc))
    if transformer is None or isinstance(transformer, str) or is_by_column:
        sources = np.arange(n_columns)
    elif n_columns == 1 and n_encoded is not None:
        # A transformer of a single column, such as a counter of words.
        sources = np.zeros(n_encoded, int)
    else:
        sources = _sources(transformer, n_columns)
    if n_encoded is not None and len(sources) != n_encoded:
        raise _unknown(transformer, f"it returns {n_encoded} columns, but names {len(sources)}")
    return sources


def _sources(transformer, n_columns):
    if isinstance(transformer, Pipeline):
        sources = np.arange(n_columns)
        for _, step in transformer.steps:
            sources = sources[source_columns(step, len(sources))]
        return sources
    if isinstance(transformer, FeatureUnion):
        each = [source_columns(part, n_columns) for _, part in transformer.transformer_list]
        return np.concatenate(each) if each else np.arange(0)
    if isinstance(transformer, ColumnTransformer):
        return _of_column_transformer(transformer, n_columns)
    if isinstance(transformer, SelectorMixin):
        return transformer.get_support(indices=True)
    if isinstance(transformer, MissingIndicator):
        return transformer.features_
    if isinstance(transformer, KBinsDiscretizer) and transformer.encode != "ordinal":
        return np.repeat(np.arange(n_columns), transformer.n_bins_)
    if isinstance(transformer, SplineTransformer):
        return np.repeat(np.arange(n_columns), transformer.n_features_out_ // n_columns)
    if isinstance(transformer, TargetEncoder) and transformer.target_type_ == "multiclass":
        return np.repeat(np.arange(n_columns), len(transformer.classes_))
    return _by_names(transformer, n_columns)


def _of_column_transformer(transformer, n_columns):
    names = getattr(transformer, "feature_names_in_", None)
    positions = pd.Series(np.arange(n_columns), index=names)
    places = transformer.output_indices_
    sources = np.empty(max((place.stop for place in places.values()), default=0), int)
    for name, inner, columns in transformer.transformers_:
        place = places[name]
        if place.stop > place.start:
            chosen = _chosen(columns, positions)
            sources[place] = chosen[source_columns(inner, len(chosen), place.stop - place.start)]
    return sources


def _chosen(columns, positions):
    """Return the positions of the columns that a part of a column transformer takes, from any form of specification."""
    if isinstance(columns, slice):
        by_label = any(isinstance(end, str) for end in (columns.start, columns.stop))
        return (positions.loc[columns] if by_label else positions.iloc[columns]).to_numpy()
    columns = np.atleast_1d(np.asarray(columns))
    if kind_of(columns.dtype) in "iub":
        return positions.to_numpy()[columns]
    return positions.loc[list(columns)].to_numpy()


def _by_names(transformer, n_columns):
    """Find columns by their names, because most transformers keep names."""
    if isinstance(transformer, ClassNamePrefixFeaturesOutMixin) and n_columns > 1:
        raise _unknown(transformer, "it mixes columns")
    names = list(getattr(transformer, "feature_names_in_", [f"x{position}" for position in range(n_columns)]))
    if len(set(names)) < len(names):
        raise _unknown(transformer, "some of its input columns have the same name")
    if isinstance(transformer, OneHotEncoder):
        transformer = copy.copy(transformer).set_params(feature_name_combiner=lambda name, category: name)
    try:
        encoded = list(transformer.get_feature_names_out())
    except (AttributeError, ValueError, TypeError) as error:
        remedy = ', as feature_names_out="one-to-one" would' if isinstance(transformer, FunctionTransformer) else ""
        raise _unknown(transformer, f"it does not name its encoded columns{remedy}") from error
    if n_columns == 1:
        return np.zeros(len(encoded), int)
    indicated = np.arange(0)
    if getattr(transformer, "add_indicator", False):
        # Imputers put indicator columns last.
        indicated = transformer.indicator_.features_
        encoded = encoded[: len(encoded) - len(indicated)]
    positions = {name: position for position, name in enumerate(names)}
    others = [name for name in encoded if name not in positions]
    if others:
        raise _unknown(transformer, f"the encoded column {others[0]!r} has the name of no input column")
    return np.concatenate([np.array([positions[name] for name in encoded], int), indicated])


def _unknown(transformer, reason):
    return ValueError(
        f"{type(transformer).__name__} does not tell from which raw columns its encoded columns come: {reason}. Pass "
        "groups=, a dict from raw columns to lists of encoded columns, with a tuple for raw columns that are mixed, as "
        "in {'age': ['age'], ('height', 'weight'): ['pca0', 'pca1']}."
    )
