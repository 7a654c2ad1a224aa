"""Warnings at the user's line."""

import inspect
import warnings

import joblib
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeeplift import warn


def function_of_the_package():
    """Return a function that warns, with a frame like those of the package's own files."""
    path = warn.__file__.replace("warn.py", "elsewhere.py")
    namespace = {"warn": warn.warn}
    exec(compile("def warning(X):\n    warn('inside', RuntimeWarning)\n    return X", path, "exec"), namespace)
    return namespace["warning"]


def directly(warning):
    return warning(1), inspect.currentframe().f_lineno


def through_a_pipeline(warning):
    pipeline = make_pipeline(FunctionTransformer(warning), "passthrough").fit([[1.0]])
    return pipeline.transform([[1.0]]), inspect.currentframe().f_lineno


def through_joblib(warning):
    return joblib.Parallel(n_jobs=1)([joblib.delayed(warning)(1)]), inspect.currentframe().f_lineno


@pytest.mark.parametrize("call", [directly, through_a_pipeline, through_joblib])
def test_the_line_is_the_innermost_of_the_user(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, line = call(function_of_the_package())
    assert caught[-1].category is RuntimeWarning
    assert str(caught[-1].message) == "inside"
    assert (caught[-1].filename, caught[-1].lineno) == (__file__, line)


def test_filters_hold():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises(UserWarning, match="as an error"):
            warn.warn("as an error", UserWarning)
