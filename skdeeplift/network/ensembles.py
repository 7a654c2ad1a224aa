"""Members of scikit-learn ensembles, with the steps before each member's network."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, VotingClassifier, VotingRegressor
from sklearn.feature_selection import SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

_BAGGING = BaggingClassifier, BaggingRegressor
_VOTING = VotingClassifier, VotingRegressor
_SCALERS = MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler


class Member(NamedTuple):
    """Fitted member of an ensemble."""

    # Estimator with the member's network.
    estimator: Any
    # Weight of the member in the mean.
    weight: float
    # Steps before the network: positions of columns, or pairs of a centre and a width that scale columns.
    steps: list
    # Positions of the member's classes among the ensemble's classes; None if the member has all classes.
    classes: np.ndarray | None
    # Number of the ensemble's classes.
    n_classes: int


def is_ensemble(estimator):
    """Test whether an estimator predicts the mean of its members' predictions."""
    return isinstance(estimator, _BAGGING + _VOTING)


def parts_of(estimator):
    """Return the estimators inside a meta-estimator: templates before `fit`, and fitted members after it."""
    parts = [each for _, each in getattr(estimator, "steps", None) or getattr(estimator, "estimators", None) or ()]
    parts += [getattr(estimator, name, None) for name in ("estimator", "estimator_", "best_estimator_")]
    parts += getattr(estimator, "estimators_", ())
    return [each for each in parts if each is not None and not isinstance(each, str)]


def check_voting(estimator):
    """Raise an error if the members of an ensemble vote for classes, because votes have no contributions.

    Raises
    ------
    ValueError
        If ``voting="hard"``.
    """
    if isinstance(estimator, VotingClassifier) and estimator.voting == "hard":
        raise ValueError(
            'VotingClassifier(voting="hard") counts votes, which jump from one class to the other and have no '
            'contributions. Pass VotingClassifier(estimators, voting="soft"), which predicts the mean of probabilities.'
        )


def members_of(ensemble):
    """List the members of a fitted ensemble.

    Parameters
    ----------
    ensemble : BaggingClassifier, BaggingRegressor, VotingClassifier or VotingRegressor
        Fitted ensemble.

    Returns
    -------
    members : list of Member
        Members with their weights, which sum to one.

    Raises
    ------
    ValueError
        If a member has other steps before its network than scalers and selectors of columns.
    """
    check_voting(ensemble)
    estimators = ensemble.estimators_
    columns, weights = [None] * len(estimators), np.ones(len(estimators))
    if isinstance(ensemble, _BAGGING):
        everything = np.arange(ensemble.n_features_in_)
        columns = [None if np.array_equal(each, everything) else each for each in ensemble.estimators_features_]
    elif ensemble.weights is not None:
        kept = [each != "drop" for _, each in ensemble.estimators]
        weights = np.asarray(ensemble.weights, float)[kept]
    n_classes = len(getattr(ensemble, "classes_", ()))
    members = []
    for estimator, taken, weight in zip(estimators, columns, weights / weights.sum(), strict=True):
        steps = [] if taken is None else [taken]
        classes = getattr(estimator, "classes_", None) if n_classes else None
        while isinstance(estimator, (FrozenEstimator, Pipeline)):
            if isinstance(estimator, FrozenEstimator):
                estimator = estimator.estimator
                continue
            check_steps(estimator)
            steps += [found for _, step in estimator.steps[:-1] if (found := _read_step(step)) is not None]
            estimator = estimator.steps[-1][1]
        # A member that saw all classes has them in the ensemble's order, even under other labels.
        classes = None if classes is None or len(classes) == n_classes else np.asarray(classes, int)
        members.append(Member(estimator, weight, steps, classes, n_classes))
    return members


def check_steps(member):
    """Raise an error if a member of an ensemble has steps before its network that cannot become part of the network.

    Parameters
    ----------
    member : estimator
        Member, or template of members, fitted or not.

    Raises
    ------
    ValueError
        If a step is neither a scaler nor a selector of columns.
    """
    for _, step in member.steps[:-1] if isinstance(member, Pipeline) else ():
        is_scaler = isinstance(step, _SCALERS) and not getattr(step, "clip", False)
        if not (step is None or isinstance(step, (str, SelectorMixin)) or is_scaler):
            raise ValueError(
                f"Pipelines inside an ensemble may only scale and select columns. Got the step {type(step).__name__}. "
                "Put this step in front of all members: make_pipeline(step, ensemble), with networks as members."
            )


def _read_step(step):
    """Return the positions of the columns that a step selects, or the centre and the width of a scaler."""
    if step is None or isinstance(step, str):
        return None
    if isinstance(step, SelectorMixin):
        return step.get_support(indices=True)
    if isinstance(step, MinMaxScaler):
        return -step.min_ / step.scale_, 1 / step.scale_
    centre = step.mean_ if getattr(step, "with_mean", False) else getattr(step, "center_", None)
    return 0.0 if centre is None else centre, 1.0 if step.scale_ is None else step.scale_


def keep_fit_kwargs(wrapper):
    """Make scikit-learn's ``clone`` of a Keras wrapper keep ``fit_kwargs``.

    The wrapper's own clone drops ``fit_kwargs``, so an ensemble would train each member for one epoch.

    Parameters
    ----------
    wrapper : SKLearnClassifier, SKLearnRegressor or SKLearnTransformer
        Wrapper that a meta-estimator will clone.

    Returns
    -------
    wrapper : object
        The same wrapper, with an attribute that `forget_training` removes.
    """
    vars(wrapper)["__sklearn_clone__"] = partial(_clone_with_fit_kwargs, wrapper)
    return wrapper


def _clone_with_fit_kwargs(wrapper):
    # Copy the arguments, because the wrapper's `fit` writes into them.
    fit_kwargs = None if wrapper.fit_kwargs is None else dict(wrapper.fit_kwargs)
    return keep_fit_kwargs(type(wrapper)(**{**wrapper.get_params(deep=False), "fit_kwargs": fit_kwargs}))
