"""Explainers as scikit-learn's estimators: predictions of the explained estimator, and attributes around `fit`."""

from contextlib import contextmanager
from copy import deepcopy

from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdeeplift.network.trained import is_estimator, steps_of, unfrozen


def _estimator_has(name):
    def has(explainer):
        estimator = getattr(explainer, "estimator_", None)
        if estimator is None:
            estimator = unfrozen(explainer.estimator)
            if not is_estimator(estimator):
                raise AttributeError(
                    f"{type(explainer).__name__} has {name} where it explains an estimator of scikit-learn's kind. Got "
                    f"{estimator!r}."
                )
        # This raises an AttributeError that says what is missing.
        getattr(estimator, name)
        return True

    return has


class PredictionMixin:
    """Predict by the explained estimator, for selectors that compare scores."""

    @available_if(_estimator_has("predict"))
    def predict(self, X):
        """Predict by the trained estimator.

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
    def predict_proba(self, X):
        """Predict probabilities of classes by the trained estimator.

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
    def decision_function(self, X):
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
    def score(self, X, y, sample_weight=None):
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
            # A network: scikit-learn reads tags several times a call, so this is the short way.
            return tags
        inner = unfrozen(self.estimator)
        if not is_estimator(inner):
            return tags
        of_last = unfrozen(steps_of(inner)[1])
        if not is_estimator(of_last):
            return tags
        # Of several outputs, the user must choose one, or all.
        takes_several = not (isinstance(self.target, str) and self.target in ("auto", "predicted"))
        copied = deepcopy(get_tags(inner))
        tags.estimator_type = copied.estimator_type
        tags.classifier_tags, tags.regressor_tags = copied.classifier_tags, copied.regressor_tags
        tags.target_tags, tags.non_deterministic = copied.target_tags, copied.non_deterministic
        tags.input_tags.string, tags.input_tags.categorical = copied.input_tags.string, copied.input_tags.categorical
        tags.input_tags.allow_nan = copied.input_tags.allow_nan
        tags.target_tags.multi_output &= takes_several
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label &= takes_several
        # Only a bound network takes images and the like.
        tags.input_tags.three_d_array = False
        tags.target_tags.required = self.estimator is inner
        return tags


@contextmanager
def restore_on_error(estimator):
    """Give an estimator back the attributes that it had before, if anything is raised.

    Parameters
    ----------
    estimator : estimator
        Its attributes may be set meanwhile, but not changed in place.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def take_attributes(estimator, fitted, before):
    """Give an estimator the attributes that a fitted copy has set or removed, in one step.

    Threads that use the estimator meanwhile find those of one fit only.

    Parameters
    ----------
    estimator : estimator
        Which the copy was made of.
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
    """Return a shallow copy with other attributes, whatever the class does when it is copied."""
    copied = object.__new__(type(value))
    vars(copied).update(vars(value), **attributes)
    return copied
