"""Numbers are written as people write them."""

import math

import pytest

from skdeeplift.number_text import format_number


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
        (math.nan, "missing"),
        (math.inf, "inf"),
    ],
)
def test_whole_numbers_are_full_and_others_have_three_digits(value, text):
    assert format_number(value) == text


def test_sign_is_written_on_request():
    assert format_number(0.5, sign=True) == "+0.5"
    assert format_number(-250.0, sign=True) == "−250"
