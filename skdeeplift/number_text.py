"""Numbers as people write them, for pictures, tables and pages."""


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
    value = float(value)
    if value != value:
        return "missing"
    plus = "+" if sign else ""
    # A year or a price of 2,007 keeps all digits before its point. "2.01e+03" is for machines.
    if 100 <= abs(value) < 1e7 or (value.is_integer() and abs(value) < 1e7):
        text = f"{value:{plus}.0f}"
    else:
        text = f"{value:{plus}.3g}"
    return text.replace("-", "−")
