"""Estimators with scikit-learn's interface: cloning, training, and the network of a trained estimator."""

import sys

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from skdeeplift.compat import PERCEPTRON_TRAINING_ATTRIBUTES, copy_routing, request_in_fit
from skdeeplift.network.ensembles import (
    check_steps,
    check_voting,
    is_ensemble,
    keep_fit_kwargs,
    members_of,
    parts_of,
)

ACTIVATIONS = {
    "identity": "linear",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
    "exp": "exponential",
}


def model_of_mlp(mlp, dtype):
    """Make a Keras model with the same outputs as a fitted perceptron.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        Fitted perceptron.
    dtype : str
        Dtype of the computation.

    Returns
    -------
    model : keras.Model
        Model with the layers ``hidden_1``, ``hidden_2`` and so on, and ``output``.
    """
    import keras

    hidden = [(f"hidden_{number}", mlp.activation) for number in range(1, len(mlp.coefs_))]
    model = keras.Sequential([keras.Input((mlp.n_features_in_,), dtype=dtype)], name=type(mlp).__name__)
    for (name, activation), weights in zip([*hidden, ("output", mlp.out_activation_)], mlp.coefs_, strict=True):
        model.add(keras.layers.Dense(weights.shape[1], ACTIVATIONS[activation], name=name, dtype=dtype))
    model.set_weights([array for pair in zip(mlp.coefs_, mlp.intercepts_, strict=True) for array in pair])
    return model


_NO_NETWORK = (
    "estimator= takes a keras.Model, a path, or estimators that hold a network: MLPClassifier, MLPRegressor, "
    "keras.wrappers.SKLearnClassifier or SKLearnRegressor, others whose model_ is a keras.Model once they are fitted, "
    "BaggingClassifier, BaggingRegressor, VotingClassifier or VotingRegressor of these, or a Pipeline that ends in one "
    "of these or in a trained network. Got a {}."
)


def is_estimator(value):
    """Test whether an object has ``fit`` and parameters, like scikit-learn estimators."""
    return hasattr(value, "fit") and hasattr(value, "get_params") and not isinstance(value, type)


def unfrozen(estimator):
    """Return the estimator in a `FrozenEstimator`, or any other estimator unchanged."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


def is_trained_in_fit(estimator):
    """Test whether an explainer trains its estimator and does not bind it unchanged.

    A pipeline that ends in a trained network, or in a `FrozenEstimator`, counts as already trained.
    """
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    is_step = estimator is None or (isinstance(estimator, str) and estimator == "passthrough")
    return is_step or (is_estimator(estimator) and not isinstance(estimator, FrozenEstimator))


def clone_estimator(value):
    """Clone an estimator and its parameters, but share networks in them with the original.

    scikit-learn would copy a Keras model through a file, and a clone of Keras's own wrapper loses ``fit_kwargs``. A
    pipeline that ends in a trained network is shared as a whole, because a clone of its encoder would not be fitted.
    """
    if type(value) in (list, tuple):
        return type(value)(map(clone_estimator, value))
    if _is_keras(value, "Model") or (isinstance(value, Pipeline) and not is_trained_in_fit(value)):
        return value
    own = not isinstance(value, BaseEstimator) or type(value).__sklearn_clone__ is not BaseEstimator.__sklearn_clone__
    if own and not _is_wrapper(value):
        return clone(value, safe=False)
    copied = rebuilt(value, {name: clone_estimator(each) for name, each in value.get_params(deep=False).items()})
    if _is_wrapper(value):
        request_in_fit(copied)
    return copied


def rebuilt(estimator, parameters):
    """Make a new estimator of the same class with other parameters and the same routing of metadata and output."""
    copied = type(estimator)(**parameters)
    copy_routing(estimator, copied)
    return copied


def train(estimator, X, y, metadata, owner):
    """Clone and train an estimator.

    Parameters
    ----------
    estimator : estimator
        Estimator to clone, trained or not. It does not change.
    X, y : array-like
        Training rows and their labels.
    metadata : dict
        Further arguments of the estimator's `fit`. Without metadata routing only ``sample_weight``, passed to the last
        step of a pipeline.
    owner : str
        Name of the explainer in errors.

    Returns
    -------
    estimator : estimator
        The trained clone.

    Raises
    ------
    TypeError
        If the estimator holds no network.
    ValueError
        If ``y`` is missing, or weights are passed to an estimator that takes no weights.
    """
    _check_may_hold(unfrozen(steps_of(estimator)[1]))
    if y is None:
        raise ValueError(
            f"{owner} requires y to be passed, but the target y is None: {type(estimator).__name__} is trained in fit. "
            "Pass y, or FrozenEstimator(estimator) for one that is trained already."
        )
    trained = clone_estimator(estimator)
    last = steps_of(trained)[1]
    if metadata and not get_config()["enable_metadata_routing"]:
        if not _takes_weights(last):
            raise ValueError(
                f"{owner} got sample_weight, but {type(last).__name__} cannot be trained with weights. Pass "
                "sample_weight=None, or an estimator whose fit takes sample_weight."
            )
        prefix = _prefix_of_last_step(trained)
        metadata = {prefix + name: value for name, value in metadata.items()}
    # Keep a copy, because Keras's wrapper writes its arguments into this dict.
    kept = dict(last.fit_kwargs or {}) if _is_wrapper(last) else None
    is_own = not isinstance(last, FrozenEstimator)
    for each in nested_in(last, frozen=False) if is_own else ():
        if each is not last and _is_wrapper(each):
            keep_fit_kwargs(each)
    trained.fit(X, y, **metadata)
    if kept is not None:
        last.fit_kwargs = kept
    for each in nested_in(last, frozen=False) if is_own else ():
        for name in (*PERCEPTRON_TRAINING_ATTRIBUTES, "__sklearn_clone__"):
            vars(each).pop(name, None)
        if each is not last and _is_wrapper(each) and each.fit_kwargs:
            # Remove the weights of rows, which the wrapper wrote into this dict.
            each.fit_kwargs.pop("sample_weight", None)
    return trained


def nested_in(estimator, frozen=True):
    """List an estimator and all estimators inside it without repetition: members, templates and steps.

    Parameters
    ----------
    estimator : estimator
        Estimator, trained or not.
    frozen : bool, default=True
        Whether to also list estimators in a `FrozenEstimator`. They are the user's own objects and no copies.

    Returns
    -------
    estimators : list of estimator
    """
    estimator = unfrozen(estimator)
    found, pending = {id(estimator): estimator}, [estimator]
    while pending:
        for part in parts_of(pending.pop()):
            part, is_frozen = unfrozen(part), isinstance(part, FrozenEstimator)
            if id(part) not in found and is_estimator(part) and (frozen or not is_frozen):
                found[id(part)] = part
                pending.append(part)
    return list(found.values())


def _check_may_hold(last):
    """Raise an error if a trained estimator, or a trained template of an ensemble, certainly holds no network."""
    if is_ensemble(last):
        check_voting(last)
        voting = [each for _, each in getattr(last, "estimators", ()) if not isinstance(each, str)]
        for each in voting or [last.estimator]:
            if each is None:
                raise TypeError(_NO_NETWORK.format(f"{type(last).__name__} of decision trees, its default"))
            check_steps(each)
            _check_may_hold(unfrozen(steps_of(each)[1]))
        return
    # A meta-estimator, such as a parameter search, may hold a network.
    may_hold = isinstance(last, (MLPClassifier, MLPRegressor)) or hasattr(last, "estimator")
    if not is_estimator(last) or (type(last).__module__.startswith("sklearn.") and not may_hold):
        raise TypeError(_NO_NETWORK.format(type(last).__name__))


def _prefix_of_last_step(estimator):
    """Return the prefix of arguments that `fit` of nested pipelines passes to the innermost last step."""
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return prefix


def steps_of(estimator):
    """Split an estimator into a pipeline of all earlier steps, or None, and the step that predicts.

    Parameters
    ----------
    estimator : object
        An estimator or a network. The last step of a pipeline may be a pipeline again.

    Returns
    -------
    encoder : Pipeline or None
        The earlier steps. They are shared and not copied.
    last : object
        The step that predicts.
    """
    steps = []
    while isinstance(unfrozen(estimator), Pipeline):
        *earlier, (_, estimator) = unfrozen(estimator).steps
        steps += earlier
    return (Pipeline(steps) if steps else None), estimator


def check_encoder(encoder, X):
    """Raise an error if the steps before a trained network are not fitted, or were fitted on other columns.

    Parameters
    ----------
    encoder : Pipeline
        The steps.
    X : array-like
        Rows as the first step takes them.

    Raises
    ------
    NotFittedError
        If a step is not fitted.
    ValueError
        If the names of the columns differ from the names that the first step was fitted on.
    """
    for step in (each for _, each in encoder.steps if is_estimator(each)):
        try:
            check_is_fitted(step)
        except NotFittedError as error:
            raise NotFittedError(
                f"The Pipeline ends in a trained network, but its step {type(step).__name__} is not fitted. Fit the "
                "encoder on the rows that the network was trained on, as in make_pipeline(encoder.fit(X_train), "
                "model). To train the network in fit too, pass an estimator such as "
                "keras.wrappers.SKLearnClassifier(model) as the last step."
            ) from error
    if hasattr(encoder, "feature_names_in_"):
        validate_data(encoder, X, reset=False, skip_check_array=True)


def network_of(estimator, dtype=None):
    """Find the network of the last step of a pipeline: the step itself, or the network in a trained estimator.

    Parameters
    ----------
    estimator : object
        A network, or a fitted estimator.
    dtype : dtype, default=None
        Dtype of the rows.

    Returns
    -------
    network : object
        A network in a form that `skdeeplift.network.bind.bind` takes.

    Raises
    ------
    TypeError
        If the estimator holds no network.
    """
    estimator = unfrozen(estimator)
    if not is_estimator(estimator):
        return estimator
    if isinstance(estimator, (MLPClassifier, MLPRegressor)):
        is_single = dtype is not None and np.dtype(dtype) == np.float32
        # The solver may have converted the weights to double precision for rows in single precision.
        return model_of_mlp(estimator, "float32" if is_single else estimator.coefs_[0].dtype.name)
    if is_ensemble(estimator):
        from skdeeplift.network.ensemble_model import Ensemble

        members = members_of(estimator)
        models = [network_of(member.estimator, dtype) for member in members]
        return Ensemble(members, models, getattr(estimator, "n_features_in_", None))
    for attribute in ("model_", "best_estimator_"):
        found = getattr(estimator, attribute, None)
        if _is_keras(found, "Model"):
            return found
        if is_estimator(found):
            return network_of(found, dtype)
    raise TypeError(_NO_NETWORK.format(type(estimator).__name__))


def _takes_weights(estimator):
    if isinstance(estimator, (VotingClassifier, VotingRegressor)):
        return all(_takes_weights(each) for _, each in estimator.estimators if not isinstance(each, str))
    return _is_wrapper(estimator) or has_fit_parameter(estimator, "sample_weight")


def _is_keras(value, name):
    return "keras" in sys.modules and isinstance(value, getattr(sys.modules["keras"], name))


def _is_wrapper(value):
    if "keras" not in sys.modules:
        return False
    wrappers = sys.modules["keras"].wrappers
    return isinstance(value, (wrappers.SKLearnClassifier, wrappers.SKLearnRegressor, wrappers.SKLearnTransformer))
