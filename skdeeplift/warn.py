"""Warnings of the package, shown at the user's line of code."""

import inspect
import os
import warnings

import joblib
import sklearn

# Frames in these folders are not the user's code: scikit-learn and joblib call the estimators of this package.
_INNER_FOLDERS = tuple(os.path.dirname(module) + os.sep for module in (__file__, sklearn.__file__, joblib.__file__))


def warn(message, category):
    """Warn at the innermost line outside of this package, scikit-learn and joblib.

    Parameters
    ----------
    message : str
        Message of the warning.
    category : type
        Class of the warning.
    """
    level, frame = 2, inspect.currentframe().f_back
    while frame is not None and frame.f_code.co_filename.startswith(_INNER_FOLDERS):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
