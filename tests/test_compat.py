import ast
from numbers import Integral, Real
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib._dask import DaskDistributedBackend
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.utils.metaestimators import available_if

from skdeeplift import compat

INVALID = r"The '\w+' parameter of \w+ must be"
AT_LEAST_ONE = compat.Interval(Integral, 1, None, closed="left")


@compat.validate_params(
    {
        "count": [AT_LEAST_ONE],
        "share": [compat.Interval(compat.RealNotInt, 0, 1, closed="right"), compat.Hidden(compat.StrOptions({"all"}))],
        "order": [compat.StrOptions({"least", "most"})],
        "estimator": [compat.HasMethods(["fit", "predict"]), None],
    },
    prefer_skip_nested_validation=True,
)
def validated(count=1, share=1.0, order="most", estimator=None):
    return count, share, order, estimator


class Counter(BaseEstimator):
    _parameter_constraints = {"count": [AT_LEAST_ONE]}

    def __init__(self, count=1):
        self.count = count

    @compat.fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Return the estimator."""
        return self


def test_validate_params_accepts_what_the_constraints_allow():
    ridge = Ridge()
    assert validated(3, 0.5, "least", ridge) == (3, 0.5, "least", ridge)
    assert validated(share="all") == (1, "all", "most", None)


@pytest.mark.parametrize(
    "arguments",
    [
        {"count": 0},
        {"count": 1.0},
        {"share": 0.0},
        {"share": 1},  # an integer is a count
        {"share": "none"},
        {"order": "highest"},
        {"estimator": object()},
    ],
)
def test_validate_params_rejects_others(arguments):
    # scikit-learn's InvalidParameterError, which is private as well, is both.
    with pytest.raises(ValueError, match=INVALID) as value_error:
        validated(**arguments)
    assert isinstance(value_error.value, TypeError)
    assert type(value_error.value).__name__ == "InvalidParameterError"


def test_interval_says_the_range():
    with pytest.raises(ValueError, match=r"an int in the range \[1, inf\). Got 0 instead"):
        validated(count=0)


def test_hidden_values_are_not_listed():
    with pytest.raises(ValueError, match=r"range \(0.0, 1.0\]. Got 2.0 instead"):
        validated(share=2.0)


def test_validation_can_be_skipped():
    with config_context(skip_parameter_validation=True):
        assert validated(count=0)[0] == 0
        Counter(0).fit([[1]])


def test_fit_context_validates_when_fit_is_called():
    counter = Counter(0)
    with pytest.raises(ValueError, match="The 'count' parameter of Counter must be"):
        counter.fit([[1]])
    assert counter.set_params(count=2).fit([[1]]) is counter


def test_has_methods_respects_available_if():
    class Without:
        fit = available_if(lambda self: True)(lambda self: None)
        predict = available_if(lambda self: False)(lambda self: None)

    with pytest.raises(ValueError, match="must be an object implementing 'fit' and 'predict'"):
        validated(estimator=Without())


def test_validate_parameter_constraints_takes_one_value():
    constraints = {"limit": [compat.Interval(Real, 1, None, closed="left"), None], "flag": ["boolean"]}
    compat.validate_parameter_constraints(constraints, {"limit": None, "flag": True}, "set_limit")
    with pytest.raises(ValueError, match="The 'limit' parameter of set_limit must be a float in the range"):
        compat.validate_parameter_constraints(constraints, {"limit": 0.5}, "set_limit")


def test_check_sample_weight():
    X = np.zeros((2, 1))
    weights = compat.check_sample_weight([1, 2], X, ensure_non_negative=True)
    assert weights.dtype == float
    np.testing.assert_array_equal(weights, [1, 2])
    with pytest.raises(ValueError, match=r"sample_weight\.shape"):
        compat.check_sample_weight([1, 2, 3], X, ensure_non_negative=True)
    with pytest.raises(ValueError, match="Negative values"):
        compat.check_sample_weight([1, -2], X, ensure_non_negative=True)


def test_check_feature_names_in():
    counter = Counter()
    counter.n_features_in_ = 2
    np.testing.assert_array_equal(compat.check_feature_names_in(counter, generate_names=True), ["x0", "x1"])
    np.testing.assert_array_equal(compat.check_feature_names_in(counter, ["a", "b"], generate_names=True), ["a", "b"])
    counter.feature_names_in_ = np.array(["c", "d"], object)
    np.testing.assert_array_equal(compat.check_feature_names_in(counter, generate_names=True), ["c", "d"])
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        compat.check_feature_names_in(counter, ["a", "b"], generate_names=True)


def test_check_feature_names_compares_names_in_order():
    counter, table = Counter(), pd.DataFrame({"a": [1.0], "b": [2.0]})
    compat.check_feature_names(counter, table, reset=True)
    np.testing.assert_array_equal(counter.feature_names_in_, ["a", "b"])
    with pytest.raises(ValueError, match="must be in the same order"):
        compat.check_feature_names(counter, table[["b", "a"]], reset=False)


def test_get_feature_names():
    np.testing.assert_array_equal(compat.get_feature_names(pd.DataFrame({"a": [1.0], "b": [2.0]})), ["a", "b"])
    assert compat.get_feature_names(np.zeros((1, 2))) is None
    assert compat.get_feature_names(pd.DataFrame([[1.0, 2.0]])) is None


@pytest.mark.parametrize("make", [list, np.array, lambda rows: pd.DataFrame({"a": rows}, index=["x", "y", "z"])])
def test_safe_indexing_takes_rows_by_position(make):
    taken = compat.safe_indexing(make([5, 6, 7]), np.array([2, 0]))
    np.testing.assert_array_equal(np.ravel(taken), [7, 5])


def private_imports(path):
    """List the private names that a module imports from scikit-learn."""
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    names = [f"{node.module}.{alias.name}" for node in imports for alias in node.names]
    return [name for name in names if name.startswith("sklearn.") and "._" in name]


def test_only_this_module_imports_private_names():
    paths = Path(compat.__file__).parent.rglob("*.py")
    assert {path.name for path in paths if private_imports(path)} == {"compat.py"}


class Doubled(TransformerMixin, BaseEstimator):
    def __init__(self, factor=2):
        self.factor = factor

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.factor * X

    def get_feature_names_out(self, input_features=None):
        return input_features


def test_the_container_that_set_output_asks_for():
    assert compat.get_output_container(Doubled()) == "default"
    assert compat.get_output_container(Doubled().set_output(transform="pandas")) == "pandas"
    with config_context(transform_output="polars"):
        assert compat.get_output_container(Doubled()) == "polars"
        assert compat.get_output_container(Doubled().set_output(transform="pandas")) == "pandas"


def test_copied_routing_is_what_clone_copies():
    with config_context(enable_metadata_routing=True):
        estimator = Ridge().set_fit_request(sample_weight=True)
        copied = Ridge()
        compat.copy_routing(estimator, copied)
        assert copied.get_metadata_routing().fit.requests == {"sample_weight": True}
    copied = Doubled()
    compat.copy_routing(Doubled().set_output(transform="pandas"), copied)
    assert compat.get_output_container(copied) == "pandas"


def test_active_backend_and_its_number_of_workers():
    """Threads where the user chose nothing; what the user chose otherwise, also if another backend is preferred."""
    backend, n_jobs = compat.get_active_backend(prefer="threads")
    assert backend.supports_sharedmem
    assert backend.supports_return_generator
    assert (type(backend).__name__, n_jobs) == ("ThreadingBackend", 1)
    assert backend.effective_n_jobs(3) == 3
    for name, expected in (("loky", "LokyBackend"), ("multiprocessing", "MultiprocessingBackend")):
        with joblib.parallel_config(backend=name, n_jobs=3):
            backend, n_jobs = compat.get_active_backend(prefer="threads")
        assert (type(backend).__name__, n_jobs) == (expected, 3)
        assert not getattr(backend, "supports_sharedmem", False)
    with joblib.parallel_config(n_jobs=3):
        # Only without a preference is the number known that the user set for all backends.
        assert compat.get_active_backend()[1] == 3
        assert type(compat.get_active_backend(prefer="threads")[0]).__name__ == "ThreadingBackend"


def test_class_of_the_backend_for_dask():
    """`compute_parts` knows it by this name."""
    assert DaskDistributedBackend.__name__ == "DaskDistributedBackend"


def test_training_leaves_these_attributes_in_a_perceptron():
    rows = np.arange(40.0).reshape(20, 2)
    fitted = MLPClassifier((3,), max_iter=2, early_stopping=True).fit(rows, [0, 1] * 10)
    assert set(compat.PERCEPTRON_TRAINING_ATTRIBUTES) <= {*vars(fitted)}
