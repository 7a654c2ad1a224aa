"""Private names of scikit-learn and joblib that this package uses, each with the reason.

Other modules import these names only from here. If scikit-learn or joblib changes a name, ``tests/test_compat.py``
fails, and only this module needs a repair.
"""
# ruff: noqa: F401

from collections.abc import Callable
from typing import Any, TypeVar

from joblib.parallel import get_active_backend  # Tells the active backend before rows are split.
from sklearn import get_config
from sklearn.base import (
    _fit_context,  # Validates parameters in `fit`, unless `skip_parameter_validation` is set.
    clone,
)
from sklearn.utils import _param_validation
from sklearn.utils import (
    _safe_indexing as safe_indexing,  # Takes rows of a list, an array or a DataFrame.
)
from sklearn.utils._param_validation import (
    HasMethods,  # Accepts an inner estimator by its methods; a class would require a base class.
    Hidden,  # Accepts a value without listing it in the error message.
    Interval,  # Accepts the numbers of a range.
    RealNotInt,  # Distinguishes a fraction from a count; numbers.Real accepts both.
    StrOptions,  # Accepts certain strings, in addition to other constraints of the same parameter.
    validate_parameter_constraints,  # Checks settings outside of a decorated function.
)
from sklearn.utils.validation import (
    _check_feature_names as check_feature_names,  # Compares names only; `validate_data` also counts columns.
)
from sklearn.utils.validation import (
    _check_feature_names_in as check_feature_names_in,  # Merges the caller's names with `feature_names_in_`.
)
from sklearn.utils.validation import (
    _check_sample_weight as check_sample_weight,  # Checks the length, the type and the sign of weights.
)
from sklearn.utils.validation import (
    _get_feature_names as get_feature_names,  # Reads column names of tables of pandas and other packages.
)

Function = TypeVar("Function", bound=Callable[..., Any])


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Function], Function]:
    """Return scikit-learn's decorator of `fit`, with a type by which type checkers keep the method's signature."""
    return _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)


def validate_params(
    constraints: dict[str, Any], *, prefer_skip_nested_validation: bool
) -> Callable[[Function], Function]:
    """Return scikit-learn's decorator that checks a function's arguments, with the same messages as for estimators."""
    return _param_validation.validate_params(constraints, prefer_skip_nested_validation=prefer_skip_nested_validation)


def get_output_container(estimator):
    """Return the container that `set_output` sets for `transform`; scikit-learn has no public way to read it."""
    own = getattr(estimator, "_sklearn_output_config", {})
    return own.get("transform", get_config()["transform_output"])


def copy_routing(estimator, copied):
    """Copy the metadata routing and the setting of `set_output`, as scikit-learn's ``clone`` does."""
    for name in ("_metadata_request", "_sklearn_output_config"):
        if name in vars(estimator):
            setattr(copied, name, clone(vars(estimator)[name], safe=False))


def request_in_fit(wrapper):
    """Copy the metadata requests that a Keras wrapper's ``set_fit_request`` stored for ``score`` to `fit`.

    Without these requests, scikit-learn does not know that the wrapper's `fit` takes weights, and silently drops them.

    Parameters
    ----------
    wrapper : SKLearnClassifier, SKLearnRegressor or SKLearnTransformer
        Wrapper whose requests are changed in place.
    """
    request = wrapper.get_metadata_routing()
    given = request.score.requests if "_metadata_request" in vars(wrapper) else {}
    for name, alias in {"sample_weight": None, **given}.items():
        request.fit.add_request(param=name, alias=alias)
    wrapper._metadata_request = request


# Attributes that training leaves in a scikit-learn perceptron. Explanations do not need them, and they take more memory
# than the weights.
PERCEPTRON_TRAINING_ATTRIBUTES = ("_optimizer", "_best_coefs", "_best_intercepts")
