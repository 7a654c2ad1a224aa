import re
from pathlib import Path

import ml_dtypes
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import skdeeplift
from skdeeplift.dtypes import is_continuous, is_whole, kind_of


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (np.dtype("float32"), "f"),
        (np.dtype("int8"), "i"),
        (np.dtype(ml_dtypes.bfloat16), "f"),
        (np.dtype(ml_dtypes.float8_e4m3fn), "f"),
        (np.dtype(ml_dtypes.int4), "i"),
        (np.dtype(ml_dtypes.uint4), "u"),
        (np.dtype("V4"), "V"),
        (np.dtype([("float", "f4")]), "V"),
        (pd.CategoricalDtype(), "O"),
        (None, "O"),
    ],
)
def test_kind_of_a_dtype(dtype, kind):
    assert kind_of(dtype) == kind


@pytest.mark.parametrize(
    ("dtype", "whole", "continuous"),
    [
        (tf.float32, False, True),
        (tf.bfloat16, False, True),
        (tf.complex64, False, True),
        (tf.int8, True, False),
        (tf.bool, True, False),
        (tf.string, False, False),
        (tf.variant, False, False),
    ],
)
def test_only_whole_numbers_and_truth_values_are_whole(dtype, whole, continuous):
    assert (is_whole(dtype), is_continuous(dtype)) == (whole, continuous)


def test_nothing_else_asks_a_dtype_for_its_kind():
    folder = Path(skdeeplift.__file__).parent
    asking = [
        path.name
        for path in folder.rglob("*.py")
        if path.name not in ("dtypes.py", "npz_file.py")
        and re.search(r"dtype\S*\.kind\b|issubdtype", path.read_text(encoding="utf-8"))
    ]
    assert asking == []
