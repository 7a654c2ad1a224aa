"""Short text of numbers for plots, tables and pages."""

from datetime import datetime
from numbers import Real

import numpy as np
import pandas as pd


def format_number(value, *, sign=False):
    """Format a number with three significant digits, and whole numbers below ten million in full.

    Parameters
    ----------
    value : float
        The number. NaN means a missing value.
    sign : bool, default=False
        Whether to write a plus before positive numbers. The minus sign is then as wide as the plus.

    Returns
    -------
    text : str
        Text such as "2007", "2900", "0.52" or "1.2e-05"; "missing" for NaN.
    """
    # Adding zero turns minus zero into zero.
    value = float(value) + 0.0
    if value != value:
        return "missing"
    plus = "+" if sign else ""
    # Keep all digits before the decimal point, so that a year or price reads 2007 instead of 2.01e+03.
    if 100 <= abs(value) < 1e7 or (value.is_integer() and abs(value) < 1e7):
        text = f"{value:{plus}.0f}"
    else:
        text = f"{value:{plus}.3g}"
    return text.replace("-", "−")


def format_value(value):
    """Format the value of a feature: a number, a missing value, or the name of a category.

    Parameters
    ----------
    value : object
        The value. None, NaN and pandas's missing values count as missing.

    Returns
    -------
    text : str
        The number as `format_number` writes it, "missing", or the text of the value. A date at midnight has no time.
    """
    try:
        is_gap = value is None or bool(value != value)
    except TypeError:
        # Comparing pandas's NA with itself gives NA, which has no truth value.
        is_gap = True
    if is_gap:
        return "missing"
    if isinstance(value, (np.datetime64, np.timedelta64, datetime)):
        # NumPy writes the time of a date, and counts nanoseconds.
        return str(pd.Series([value])[0]).removesuffix(" 00:00:00")
    is_number = isinstance(value, (Real, np.number)) and not isinstance(value, (bool, np.bool_))
    return format_number(value) if is_number else str(value)
