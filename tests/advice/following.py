"""Ways to follow the advice of a message, to a result."""

import re

import numpy as np
import pandas as pd
import pytest

from skdeeplift import DeepLiftExplainer, Explanation


def follow(advice, wrong, *following):
    """Raise an error with this advice by one call, and check the results of others, which follow it.

    Parameters
    ----------
    advice : str
        Part of the error message.
    wrong : callable
        Function without arguments, which raises the error.
    *following : callable
        Functions without arguments, each of which does as the advice says and returns a result.
    """
    with pytest.raises(Exception, match=re.escape(advice)):
        wrong()
    for each in following:
        assert_result(each())


def assert_result(result):
    """Assert that there is a result, and that its numbers are finite."""
    assert result is not None
    if isinstance(result, Explanation):
        result = result.contributions
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        for each in result:
            assert_result(each)
    elif isinstance(result, (np.ndarray, pd.DataFrame, pd.Series)):
        array = np.asarray(result)
        assert array.size
        assert array.dtype == object or not np.issubdtype(array.dtype, np.number) or np.isfinite(array).all()


def contributions(estimator, X, y=None, *, cls=DeepLiftExplainer, rows=None, call=(), **parameters):
    """Fit an explainer, and return the contributions of an explanation of the rows."""
    explainer = cls(estimator, **parameters).fit(X, y)
    return explainer.explain(X if rows is None else rows, **dict(call)).contributions
