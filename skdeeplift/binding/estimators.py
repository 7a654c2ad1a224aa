"""Explainers as scikit-learn's estimators: predictions of the explained estimator, and attributes around `fit`."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from operator import itemgetter
from typing import Any

import numpy as np
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import ArrayLike, Rows
from skdeeplift.compat import get_config
from skdeeplift.network.trained import clone_estimator, is_estimator, is_trained_in_fit, steps_of, unfrozen


def _estimator_has(name):
    def has(explainer):
        estimator = getattr(explainer, "estimator_", None)
        if estimator is None:
            estimator = unfrozen(explainer.estimator)
            # The last step of a pipeline may be a network, which has no predictions of scikit-learn's kind.
            if not is_estimator(unfrozen(steps_of(estimator)[1])):
                raise AttributeError(
                    f"{type(explainer).__name__} has {name} only if it explains an estimator with methods as in "
                    f"scikit-learn. Got {estimator!r}."
                )
        # Raises an AttributeError that names the missing method.
        getattr(estimator, name)
        return True

    return has


class PredictionMixin:
    """Predictions of the explained estimator, for selectors that compare scores."""

    @available_if(_estimator_has("predict"))
    def predict(self, X: Rows) -> np.ndarray:
        """Predict with the trained estimator.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows as in `fit`.

        Returns
        -------
        y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Predictions of the estimator.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Rows) -> np.ndarray:
        """Predict class probabilities with the trained estimator.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_rows, n_classes)
            Probabilities in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Rows) -> np.ndarray:
        """Compute the decision function of the trained estimator.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows as in `fit`.

        Returns
        -------
        decisions : ndarray of shape (n_rows,) or (n_rows, n_classes)
            Values of the decision function.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    @available_if(_estimator_has("score"))
    def score(self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Score the predictions of the trained estimator.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows as in `fit`.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            True labels.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Accuracy of a classifier, R2 of a regressor.
        """
        check_is_fitted(self)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return self.estimator_.score(X, y, **weights)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        if not hasattr(self.estimator, "get_params"):
            # Networks skip the checks below, since scikit-learn reads tags several times in a call.
            return tags
        inner = unfrozen(self.estimator)
        encoder, last = steps_of(inner)
        if encoder is not None:
            # Tags of the first step, since a pipeline's own tags tell little about accepted input.
            of_rows = get_tags(next(filter(is_estimator, map(itemgetter(1), encoder.steps)), encoder)).input_tags
            for name in ("string", "categorical", "allow_nan"):
                setattr(tags.input_tags, name, getattr(of_rows, name))
            # Only a network without an estimator takes images and other arrays.
            tags.input_tags.three_d_array = False
        if not is_estimator(unfrozen(last)):
            return tags
        # With several outputs, the user must choose one, or all.
        takes_several = not (isinstance(self.target, str) and self.target in ("auto", "predicted"))
        copied = deepcopy(get_tags(inner))
        tags.estimator_type = copied.estimator_type
        tags.classifier_tags, tags.regressor_tags = copied.classifier_tags, copied.regressor_tags
        tags.target_tags, tags.non_deterministic = copied.target_tags, copied.non_deterministic
        tags.target_tags.multi_output &= takes_several
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label &= takes_several
        tags.input_tags.three_d_array = False
        tags.target_tags.required = is_trained_in_fit(self.estimator)
        return tags

    def get_metadata_routing(self) -> Any:
        """Return the requests for metadata of `fit`, and of the estimator that `fit` trains.

        Returns
        -------
        routing : MetadataRequest or MetadataRouter
            A router only if an estimator is trained.
        """
        if not is_trained_in_fit(self.estimator):
            return super().get_metadata_routing()
        # Owned by a name: scikit-learn copies routers, and would copy the explainer's network with its owner.
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        # The clone of a Keras wrapper makes the requests in `fit` that the wrapper itself stores elsewhere.
        return router.add(
            estimator=clone_estimator(self.estimator), method_mapping=MethodMapping().add(caller="fit", callee="fit")
        )


def consumes_weights(explainer):
    """Return whether the explainer uses ``sample_weight`` of `fit`, and not only the estimator that it trains."""
    own = super(PredictionMixin, explainer).get_metadata_routing()
    return not get_config()["enable_metadata_routing"] or own.fit.requests.get("sample_weight") is not False


def route_to_training(explainer, metadata):
    """Return the arguments for the `fit` of the estimator, by scikit-learn's rules of routing.

    Parameters
    ----------
    explainer : BaseExplainer
        Explainer whose estimator is trained.
    metadata : dict
        Metadata that the explainer's `fit` got.

    Returns
    -------
    arguments : dict
        All metadata without routing; with routing, the metadata that the estimator requests.

    Raises
    ------
    TypeError
        If nothing requests some of the metadata.
    """
    if get_config()["enable_metadata_routing"]:
        return dict(process_routing(explainer, "fit", **metadata).estimator.fit)
    check_metadata(explainer, metadata.keys() - {"sample_weight"})
    return metadata


def check_metadata(explainer, names):
    """Raise an error if `fit` got metadata that nothing requests.

    Raises
    ------
    TypeError
        If there is such metadata.
    """
    if names:
        owner, listed = type(explainer).__name__, ", ".join(f"{name}=" for name in sorted(names))
        raise TypeError(
            f"{owner}.fit() got the metadata {listed}, which are passed on only to an untrained estimator that "
            "requests them. Call sklearn.set_config(enable_metadata_routing=True) and set_fit_request of the "
            "estimator, or leave them out."
        )


@contextmanager
def restore_on_error(estimator):
    """Restore the attributes of an estimator if an error is raised.

    Parameters
    ----------
    estimator : estimator
        The estimator. Its attributes may be set meanwhile, but not changed in place.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def take_attributes(estimator, fitted, before):
    """Set and remove attributes of an estimator as on a fitted copy, in one step.

    Threads that use the estimator meanwhile never see attributes of two fits.

    Parameters
    ----------
    estimator : estimator
        The estimator that was copied.
    fitted : estimator
        The fitted copy.
    before : dict
        Attributes that the copy had before.
    """
    after = vars(fitted)
    kept = {name: value for name, value in vars(estimator).items() if name not in before or name in after}
    changed = {name: value for name, value in after.items() if name not in before or value is not before[name]}
    estimator.__dict__ = {**kept, **changed}


def with_attributes(value, **attributes):
    """Return a shallow copy with other attributes, without the copying methods of the class."""
    copied = object.__new__(type(value))
    vars(copied).update(vars(value), **attributes)
    return copied
