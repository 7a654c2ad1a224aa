"""Scores of raw columns: importances from an explainer, which may follow or contain an encoder."""

from __future__ import annotations

from typing import Literal

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

from skdeeplift.annotations import Estimator, GroupsLike, RandomState
from skdeeplift.binding.estimators import PredictionMixin
from skdeeplift.compat import safe_indexing
from skdeeplift.network.encoder_columns import as_dense, source_columns
from skdeeplift.network.trained import is_estimator, steps_of, unfrozen
from skdeeplift.rows.dask_rows import compute_all, is_lazy
from skdeeplift.selection.contribution_layout import find_group_labels
from skdeeplift.selection.mean_absolute_importance import MeanAbsoluteImportance

# FunctionTransformer also passes the names of the columns through.
DENSE = FunctionTransformer(as_dense, accept_sparse=True, feature_names_out="one-to-one")


def contribution_score(
    explainer: Estimator,
    *,
    groups: GroupsLike = "auto",
    within: Literal["sum", "mean_absolute", "norm"] = "sum",
    max_samples: int = 1000,
    random_state: RandomState | None = None,
) -> ContributionScore:
    """Make a function that scores columns by contributions, for ``SelectKBest`` and ``SelectPercentile``.

    Parameters
    ----------
    explainer : estimator
        An explainer, or a pipeline that ends in one. Each call of the function fits a clone of this estimator.
    groups : "auto", array-like, dict or callable, default="auto"
        Raw column of each encoded column, as in `ContributionSelector`. By default the encoder determines the raw
        columns.
    within : {"sum", "mean_absolute", "norm"}, default="sum"
        Absolute contribution of the encoded columns of one raw column: the absolute value of their sum, the mean of
        their absolute values, or their Euclidean norm.
    max_samples : int, default=1000
        Maximum number of rows for the scores of groups. If there are more rows, a random sample is used.
    random_state : int, RandomState instance or None, default=None
        Source of the sample of rows. Pass an int to get the same scores in every call.

    Returns
    -------
    score : ContributionScore
        Function of ``X`` and ``y`` that returns a score for each column. It can be cloned and pickled, and a parameter
        search can set parameters such as ``score_func__explainer__rule``.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from sklearn.feature_selection import SelectKBest
    >>> from skdeeplift import DeepLiftExplainer, contribution_score
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.set_weights([np.array([[1.0], [0.0], [-3.0]]), np.zeros(1)])
    >>> selector = SelectKBest(contribution_score(DeepLiftExplainer(model)), k=1)
    >>> selector.fit([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], [0, 1]).scores_
    array([1., 0., 3.])
    """
    return ContributionScore(
        explainer, groups=groups, within=within, max_samples=max_samples, random_state=random_state
    )


class ContributionScore(BaseEstimator):
    """Score function that `contribution_score` returns.

    Parameters
    ----------
    explainer, groups, within, max_samples, random_state : object
        Parameters of `contribution_score`.
    """

    def __init__(self, explainer, *, groups="auto", within="sum", max_samples=1000, random_state=None):
        self.explainer = explainer
        self.groups = groups
        self.within = within
        self.max_samples = max_samples
        self.random_state = random_state

    def __call__(self, X, y=None):
        """Score columns.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Rows with raw columns.
        y : array-like of shape (n_rows,), default=None
            Target values for training the explainer's network. Not needed if the network is already trained.

        Returns
        -------
        scores : ndarray of shape (n_columns,)
            Mean absolute contribution of each column.
        """
        if is_lazy(X):
            X, y = compute_all(X, y)
        X = X if hasattr(X, "shape") else np.asarray(X)
        names = list(X.columns) if hasattr(X, "columns") else None
        return fit_importances(self, clone(self.explainer), (X, y, None), names, check_random_state(self.random_state))


def fit_importances(settings, estimator, rows, names, random_state):
    """Fit an explainer, or a pipeline that ends in one, and compute the importances of its input columns.

    Parameters
    ----------
    settings : ContributionSelector or ContributionScore
        Estimator with the parameters ``groups``, ``within`` and ``max_samples``.
    estimator : estimator
        Explainer or pipeline to fit.
    rows : tuple
        Tuple ``(X, y, sample_weight)``. Raw columns ``X`` are a DataFrame or an array of shape (n_rows, n_columns).
        Target values ``y`` train an untrained network, and may be None. Weights of the rows in training and in
        importances may also be None.
    names : ndarray of str or None
        Names of the raw columns; None if they have no names.
    random_state : RandomState
        Source of the sample of rows.

    Returns
    -------
    importances : ndarray of shape (n_columns,)
        Importances in the order of the raw columns; zero for columns that the encoder drops.

    Raises
    ------
    ValueError
        If the estimator has no importances of columns, or encoded columns cannot be assigned to raw columns.
    """
    (X, y, sample_weight), groups = rows, settings.groups
    _prepare(estimator, is_encoded=not isinstance(groups, str) or settings.within != "sum")
    estimator.fit(X, y, **_route_weights(estimator, sample_weight))
    n_rows, n_columns = X.shape
    encoders, _, explainer = _split_encoder(estimator)
    encoder = _join(encoders)
    importances, inner = _get_importances(explainer), _get_inner_encoder(explainer)
    if isinstance(groups, str):
        labels = source_columns(encoder, n_columns)
        if inner is not None:
            labels = labels[source_columns(inner, len(labels), len(importances))]
        columns_of = {label: [label] for label in range(n_columns)}
    else:
        whole = encoder if inner is None else _join([*encoders, inner])
        labels = find_group_labels(groups, _get_encoded_names(whole, names, len(importances)))
        columns_of = _find_raw_columns(labels, names, n_columns)
    if len(labels) != len(importances):
        raise ValueError(
            f"{type(explainer).__name__} has importances of {len(importances)} columns, but takes {len(labels)} "
            "columns. Pass an estimator with one importance for each column."
        )
    if len(set(labels)) < len(labels):
        if n_rows > settings.max_samples:
            drawn = np.sort(random_state.choice(n_rows, settings.max_samples, replace=False))
            X = safe_indexing(X, drawn)
            sample_weight = None if sample_weight is None else sample_weight[drawn]
        contributions = _compute_contributions(explainer, X if encoder is None else encoder.transform(X), len(labels))
        n_targets = contributions.shape[1] // len(labels)
        n_classes = None if n_targets == 1 else n_targets
        grouped = MeanAbsoluteImportance(groups=list(labels), within=settings.within, n_classes=n_classes)
        grouped.fit(contributions, sample_weight=sample_weight)
        labels, importances = grouped.groups_, grouped.feature_importances_
    raw_importances = np.zeros(n_columns)
    for label, importance in zip(labels, importances, strict=True):
        raw_importances[columns_of[label]] = importance
    return raw_importances


def _prepare(estimator, is_encoded):
    """Prepare an explainer at the end of a pipeline: insert a step that makes rows dense, and set ``to_source``.

    With ``is_encoded``, groups need contributions of encoded columns, so the explainer must not sum these
    contributions to raw columns.
    """
    last = unfrozen(steps_of(estimator)[1])
    if not is_estimator(last):
        raise ValueError(
            f"Columns are selected by feature_importances_, and the Pipeline ends in a {type(last).__name__}, which "
            "has none. Pass an explainer of it, such as DeepLiftExplainer(pipeline)."
        )
    while isinstance(estimator, Pipeline):
        pipeline, estimator = estimator, estimator.steps[-1][1]
        if isinstance(estimator, PredictionMixin):
            # The space in this name avoids a clash with a user's step.
            pipeline.steps.insert(-1, ("as dense", DENSE))
    if is_encoded and getattr(estimator, "to_source", None) == "auto":
        estimator.set_params(to_source=False)


def _split_encoder(estimator):
    """Split (nested) pipelines into the steps before the explainer, the names on the path to it, and the explainer."""
    encoders, names = [], []
    while isinstance(estimator, Pipeline):
        encoders += [step for _, step in estimator.steps[:-1]]
        name, estimator = estimator.steps[-1]
        names.append(name)
    return encoders, names, unfrozen(estimator)


def _join(encoders):
    """Return a pipeline of encoders, or None if there are none."""
    # Number the steps, because steps of nested pipelines may have equal names.
    return Pipeline([(str(number), step) for number, step in enumerate(encoders)]) if encoders else None


def _get_inner_encoder(explainer):
    """Return the encoder inside an explainer if importances are of its encoded columns, else None."""
    bound = explainer.bound_ if isinstance(explainer, PredictionMixin) else None
    return None if bound is None or bound.raw_columns is not None else bound.encoder


def _route_weights(estimator, sample_weight):
    """Return the keyword argument of `fit` that routes the weights to the explainer, perhaps through pipelines."""
    if sample_weight is None:
        return {}
    _, names, explainer = _split_encoder(estimator)
    if not has_fit_parameter(explainer, "sample_weight"):
        raise ValueError(f"{type(explainer).__name__} does not take sample_weight. Pass sample_weight=None.")
    # With metadata routing, a pipeline passes weights to the steps that request them.
    prefix = [] if get_config()["enable_metadata_routing"] else names
    return {"__".join([*prefix, "sample_weight"]): sample_weight}


def _get_importances(explainer):
    """Return the importances of columns, or raise an error if the explainer has none."""
    # `read_importances` gives no warning about encoded columns, because they are mapped to raw columns later.
    is_explainer = isinstance(explainer, PredictionMixin)
    importances = explainer.read_importances() if is_explainer else getattr(explainer, "feature_importances_", None)
    if importances is None:
        raise ValueError(
            f"Columns are selected by feature_importances_, and {type(explainer).__name__} has none. Pass an explainer "
            "such as DeepLiftExplainer, or a Pipeline that ends in one."
        )
    if getattr(explainer, "layer", None) is not None:
        raise ValueError(
            f"{type(explainer).__name__} explains the units of layer={explainer.layer!r}, which cannot select columns. "
            "Pass an explainer with layer=None."
        )
    if np.ndim(importances) != 1:
        raise ValueError(
            f"Only columns of tables can be selected, but {type(explainer).__name__} has importances of shape "
            f"{np.shape(importances)}. Select with MeanAbsoluteImportance instead."
        )
    return np.asarray(importances)


def _compute_contributions(explainer, X, n_columns):
    """Return the contributions of columns to one or several targets."""
    name = type(explainer).__name__
    if not hasattr(explainer, "transform"):
        raise ValueError(
            f"Encoded columns of one raw column are combined by their contributions, but {name} has no transform that "
            "returns contributions. Pass an explainer such as DeepLiftExplainer, or an encoder that returns one column "
            "for each raw column."
        )
    contributions = np.asarray(explainer.transform(X))
    if contributions.ndim != 2 or contributions.shape[1] % n_columns or contributions.shape[1] == 0:
        raise ValueError(
            f"{name}.transform returns an array of shape {contributions.shape}. Expected one contribution for each of "
            f"{n_columns} columns, or for each column and target. Pass an explainer such as DeepLiftExplainer."
        )
    return contributions


def _get_encoded_names(encoder, names, n_encoded):
    """Return the names of the encoded columns, or generate names if the columns have none."""
    if encoder is not None:
        try:
            return list(encoder.get_feature_names_out())
        except (AttributeError, ValueError):
            names = None
    return [f"x{position}" for position in range(n_encoded)] if names is None else list(names)


def _find_raw_columns(labels, names, n_columns):
    """Return the positions of the raw columns of each group label; a label that is a tuple names several columns."""
    positions = {position: position for position in range(n_columns)}
    positions |= {name: position for position, name in enumerate(() if names is None else names)}
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
                raise ValueError(
                    f"groups= has the raw column {column!r} twice. Put all its encoded columns into one group."
                )
            seen.add(positions[column])
        columns_of[label] = [positions[column] for column in columns]
    return columns_of
