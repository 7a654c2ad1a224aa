"""Numbers are written as people write them."""

import math

import numpy as np
import pandas as pd
import pytest

from skdeeplift.number_text import format_number, format_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2007, "2007"),
        (2899.6, "2900"),
        (0.52, "0.52"),
        (0.51999, "0.52"),
        (-1.23456, "−1.23"),
        (99.94, "99.9"),
        (123.4, "123"),
        (1234567, "1234567"),
        (12345678, "1.23e+07"),
        (1.25e-5, "1.25e−05"),
        (0, "0"),
        (-0.0, "0"),
        (np.float32(0.1), "0.1"),
        (math.nan, "missing"),
        (math.inf, "inf"),
    ],
)
def test_whole_numbers_are_full_and_others_have_three_digits(value, text):
    assert format_number(value) == text


def test_sign_is_written_on_request():
    assert format_number(0.5, sign=True) == "+0.5"
    assert format_number(-250.0, sign=True) == "−250"


@pytest.mark.parametrize("gap", [None, math.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT")], ids=str)
def test_gaps_are_missing(gap):
    assert format_value(gap) == "missing"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2007, "2007"),
        (np.int64(3), "3"),
        ("x", "x"),
        (True, "True"),
        (np.bool_(False), "False"),
        (np.str_("y"), "y"),
        (np.datetime64("2020-01-02T00:00:00.000000"), "2020-01-02"),
        (np.datetime64("2020-01-02T10:30:00"), "2020-01-02 10:30"),
        (pd.Timestamp("2020-01-02"), "2020-01-02"),
    ],
)
def test_values_are_numbers_or_categories(value, text):
    assert format_value(value) == text
