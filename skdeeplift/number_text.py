"""Numbers as people write them, for pictures, tables and pages."""

from datetime import datetime
from numbers import Real

import numpy as np
import pandas as pd


def format_number(value, *, sign=False):
    """Format a number with three significant digits, and whole numbers below ten million in full.

    Parameters
    ----------
    value : float
        The number. NaN is a gap.
    sign : bool, default=False
        Whether a positive number has a plus. A minus is as wide as a plus.

    Returns
    -------
    text : str
        Such as "2007", "2900", "0.52" or "1.2e-05"; "missing" for NaN.
    """
    # The sum turns minus zero into zero.
    value = float(value) + 0.0
    if value != value:
        return "missing"
    plus = "+" if sign else ""
    # A year or a price of 2,007 keeps all digits before its point. "2.01e+03" is for machines.
    if 100 <= abs(value) < 1e7 or (value.is_integer() and abs(value) < 1e7):
        text = f"{value:{plus}.0f}"
    else:
        text = f"{value:{plus}.3g}"
    return text.replace("-", "−")


def format_value(value):
    """Format the value of a feature: a number, a date, a gap, or the name of a category.

    Parameters
    ----------
    value : object
        The value. None, NaN and the missing values of pandas are gaps.

    Returns
    -------
    text : str
        The number as `format_number` writes it, "missing", a date without a time of 0:00, or the text of the value.
    """
    try:
        is_gap = value is None or bool(value != value)
    except TypeError:
        # The NA of pandas neither equals itself nor differs from itself.
        is_gap = True
    if is_gap:
        return "missing"
    if isinstance(value, (np.datetime64, np.timedelta64, datetime)):
        # NumPy writes the time of a date, and counts nanoseconds.
        return str(pd.Series([value])[0]).removesuffix(" 00:00:00")
    is_number = isinstance(value, (Real, np.number)) and not isinstance(value, (bool, np.bool_))
    return format_number(value) if is_number else str(value)
