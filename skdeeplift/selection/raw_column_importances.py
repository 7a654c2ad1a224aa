"""Importances of raw columns, of an explainer behind an encoder."""

import numpy as np
from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils import resample
from sklearn.utils.validation import has_fit_parameter

from skdeeplift.compat import safe_indexing
from skdeeplift.network.encoder_columns import source_columns
from skdeeplift.selection.column_groups import find_groups
from skdeeplift.selection.mean_absolute_importance import MeanAbsoluteImportance


def fit_importances(estimator, X, y, sample_weight, *, names, groups, within, max_samples, random_state):
    """Fit an explainer, or a pipeline that ends in one, and compute the importances of the columns that it is given.

    Parameters
    ----------
    estimator : estimator
        Is fitted.
    X : DataFrame or array of shape (n_rows, n_columns)
        Raw columns.
    y : array-like or None
        What a network that is not yet trained learns.
    sample_weight : ndarray of shape (n_rows,) or None
        Weights of rows, in training and in importances.
    names : ndarray of str or None
        The columns' names; None where they have none.
    groups, within : object
        As `ContributionSelector` takes them.
    max_samples : int
        On how many rows importances of several encoded columns are computed at the most.
    random_state : RandomState
        Where the draw of these comes from.

    Returns
    -------
    importances : ndarray of shape (n_columns,)
        In the order of the raw columns; zero for those that are not used.

    Raises
    ------
    ValueError
        If the estimator has no importances of columns, or they can not be brought back to raw columns.
    """
    estimator.fit(X, y, **_weights_for(estimator, sample_weight))
    n_rows, n_columns = X.shape
    encoder, explainer = _split(estimator)
    importances = _importances_of(explainer)
    if isinstance(groups, str):
        labels = np.arange(len(importances)) if encoder is None else source_columns(encoder, n_columns)
        columns_of = {label: [label] for label in range(n_columns)}
    else:
        labels = find_groups(groups, _encoded_names(encoder, names, len(importances)))
        columns_of = _columns_of_labels(labels, names, n_columns)
    if len(labels) != len(importances):
        raise ValueError(
            f"{type(explainer).__name__} has importances of {len(importances)} columns, but is given {len(labels)}. "
            "Pass an estimator with one importance for each column."
        )
    if len(set(labels)) < len(labels):
        if n_rows > max_samples:
            drawn = np.sort(random_state.choice(n_rows, max_samples, replace=False))
            X = safe_indexing(X, drawn)
            sample_weight = None if sample_weight is None else sample_weight[drawn]
        contributions = _contributions(explainer, X if encoder is None else encoder.transform(X), len(labels))
        n_targets = contributions.shape[1] // len(labels)
        grouped = MeanAbsoluteImportance(
            groups=list(labels), within=within, n_classes=None if n_targets == 1 else n_targets
        )
        grouped.fit(contributions, sample_weight=sample_weight)
        labels, importances = grouped.groups_, grouped.feature_importances_
    result = np.zeros(n_columns)
    for label, importance in zip(labels, importances, strict=True):
        result[columns_of[label]] = importance
    return result


def draw(X, y, sample_weight, fraction, random_state):
    """Draw rows of any weight but zero without replacement; of classes, each in its proportion.

    Parameters
    ----------
    X, y, sample_weight : array-like or None
        What belongs to the rows.
    fraction : float
        How many of the rows to draw.
    random_state : RandomState
        Where the draw comes from.

    Returns
    -------
    X, y, sample_weight : array-like or None
        The rows drawn.
    """
    rows = np.arange(X.shape[0]) if sample_weight is None else np.flatnonzero(sample_weight)
    labels = None if y is None else np.asarray(y)[rows]
    n_drawn = max(1, round(fraction * len(rows)))
    stratify = labels if _are_labels(labels) else None
    drawn = resample(rows, replace=False, n_samples=n_drawn, random_state=random_state, stratify=stratify)
    return [None if array is None else safe_indexing(array, drawn) for array in (X, y, sample_weight)]


def _are_labels(y):
    """Whether values come again, as those of classes do."""
    if y is None or y.ndim != 1:
        return False
    return y.dtype.kind not in "iuf" or len(np.unique(y)) <= len(y) // 2


def _split(estimator):
    """The fitted encoder, if there is one, and the explainer behind it."""
    encoders = []
    while isinstance(estimator, Pipeline):
        encoders += estimator.steps[:-1]
        estimator = estimator.steps[-1][1]
    # Steps of pipelines within each other may have the same names.
    steps = [(f"{position}", step) for position, (_, step) in enumerate(encoders)]
    return Pipeline(steps) if steps else None, estimator


def _weights_for(estimator, sample_weight):
    if sample_weight is None:
        return {}
    prefix, last = "", estimator
    while isinstance(last, Pipeline):
        prefix, last = f"{prefix}{last.steps[-1][0]}__", last.steps[-1][1]
    if not has_fit_parameter(last, "sample_weight"):
        raise ValueError(f"{type(last).__name__} does not take sample_weight. Pass sample_weight=None.")
    # With routing, a pipeline asks its steps what they want.
    return {"sample_weight" if get_config()["enable_metadata_routing"] else f"{prefix}sample_weight": sample_weight}


def _importances_of(explainer):
    importances = getattr(explainer, "feature_importances_", None)
    if importances is None:
        raise ValueError(
            f"Columns are selected by feature_importances_, and {type(explainer).__name__} has none. Pass an explainer "
            "such as DeepLiftExplainer, or a Pipeline that ends in one."
        )
    if getattr(explainer, "layer", None) is not None:
        raise ValueError(
            f"{type(explainer).__name__} explains the units of layer={explainer.layer!r}, by which no columns can be "
            "selected. Pass an explainer with layer=None."
        )
    if np.ndim(importances) != 1:
        raise ValueError(
            f"Columns of tables can be selected. {type(explainer).__name__} has importances of shape "
            f"{np.shape(importances)}; select with MeanAbsoluteImportance instead."
        )
    return np.asarray(importances)


def _contributions(explainer, X, n_columns):
    """Contributions of columns, perhaps to several targets."""
    name = type(explainer).__name__
    if not hasattr(explainer, "transform"):
        raise ValueError(
            f"Columns that are made of the same raw one are put together by their contributions, and {name} has no "
            "transform that returns them. Pass an explainer such as DeepLiftExplainer, or an encoder that returns one "
            "column for each."
        )
    contributions = np.asarray(explainer.transform(X))
    if contributions.ndim != 2 or contributions.shape[1] % n_columns or contributions.shape[1] == 0:
        raise ValueError(
            f"{name}.transform returns an array of shape {contributions.shape}. Expected one contribution for each of "
            f"{n_columns} columns, or for each column and target."
        )
    return contributions


def _encoded_names(encoder, names, n_encoded):
    if encoder is not None:
        try:
            return list(encoder.get_feature_names_out())
        except (AttributeError, ValueError):
            names = None
    return [f"x{position}" for position in range(n_encoded)] if names is None else list(names)


def _columns_of_labels(labels, names, n_columns):
    """The raw columns that the labels of groups stand for: each for one, a tuple for several."""
    positions = {} if names is None else {name: position for position, name in enumerate(names)}
    positions = {position: position for position in range(n_columns)} | positions
    columns_of, seen = {}, set()
    for label in dict.fromkeys(labels):
        columns = label if isinstance(label, tuple) and label not in positions else (label,)
        for column in columns:
            if column not in positions:
                raise ValueError(
                    f"groups= takes names or positions of raw columns as labels, or tuples of them. Got {column!r}; "
                    f"the columns are {', '.join(map(repr, range(n_columns) if names is None else names))}."
                )
            if positions[column] in seen:
                raise ValueError(f"groups= has the raw column {column!r} twice. Put what comes from it into one group.")
            seen.add(positions[column])
        columns_of[label] = [positions[column] for column in columns]
    return columns_of
