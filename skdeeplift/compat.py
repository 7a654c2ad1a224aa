"""Private parts of scikit-learn and joblib that this package relies on, each with the reason why no public name serves.

Other modules import these names from here only. When one of the packages changes one of them, ``tests/test_compat.py``
fails, and this module is the only place to repair.
"""
# ruff: noqa: F401

from joblib.parallel import get_active_backend  # tells which backend is active before rows are cut into parts
from sklearn import get_config
from sklearn.base import (
    _fit_context as fit_context,  # `fit` validates `_parameter_constraints`; respects `skip_parameter_validation`
)
from sklearn.base import clone
from sklearn.utils import (
    _safe_indexing as safe_indexing,  # takes rows of a list, an array or a DataFrame; documented by scikit-learn
)
from sklearn.utils._param_validation import (
    HasMethods,  # accepts an inner estimator by its methods, where a class would require a base class
    Hidden,  # accepts a value that the error message does not list
    Interval,  # accepts the numbers of a range
    RealNotInt,  # tells a fraction from a count; numbers.Real accepts both
    StrOptions,  # accepts certain strings, beside other constraints of the same parameter
    validate_parameter_constraints,  # checks settings outside of a decorated function
    validate_params,  # checks the arguments of a function, with the messages that estimators have
)
from sklearn.utils.validation import (
    _check_feature_names as check_feature_names,  # compares names; `validate_data` would count columns too
)
from sklearn.utils.validation import (
    _check_feature_names_in as check_feature_names_in,  # merges the caller's names with `feature_names_in_`
)
from sklearn.utils.validation import (
    _check_sample_weight as check_sample_weight,  # checks the length, the type and the sign of weights
)
from sklearn.utils.validation import (
    _get_feature_names as get_feature_names,  # reads the names of a table's columns, of pandas and of other packages
)


def get_output_container(estimator):
    """Return the container that `set_output` asks of `transform`; scikit-learn reads the setting in private only."""
    own = getattr(estimator, "_sklearn_output_config", {})
    return own.get("transform", get_config()["transform_output"])


def copy_routing(estimator, copied):
    """Copy the routing of metadata and the setting of `set_output`, as scikit-learn's ``clone`` does."""
    for name in ("_metadata_request", "_sklearn_output_config"):
        if name in vars(estimator):
            setattr(copied, name, clone(vars(estimator)[name], safe=False))


def request_in_fit(wrapper):
    """Let Keras's wrapper request in `fit` what its ``set_fit_request`` wrote down for ``score``.

    Nothing else tells scikit-learn that the wrapper's `fit` takes weights, so that it would drop them without a word.

    Parameters
    ----------
    wrapper : SKLearnClassifier, SKLearnRegressor or SKLearnTransformer
        Gets the requests.
    """
    request = wrapper.get_metadata_routing()
    given = request.score.requests if "_metadata_request" in vars(wrapper) else {}
    for name, alias in {"sample_weight": None, **given}.items():
        request.fit.add_request(param=name, alias=alias)
    wrapper._metadata_request = request


# Attributes that training leaves in a perceptron of scikit-learn. They are of no use to an explanation, and larger than
# the weights.
PERCEPTRON_TRAINING_ATTRIBUTES = ("_optimizer", "_best_coefs", "_best_intercepts")
