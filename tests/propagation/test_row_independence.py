import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.binding.row_checks import rows_are_independent
from tests.functions import streams_of


@pytest.mark.parametrize(
    ("function", "independent"),
    [
        (tf.nn.relu, True),
        (lambda x: tf.reduce_sum(tf.sin(x * 1000) * 1000, 1) * 1e-9, True),
        (lambda x: x - tf.reduce_mean(x, 0), False),
        (lambda x: tf.reshape(x, [-1, 2]), False),
        (lambda x: tf.reverse(x, [0]), False),
    ],
)
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_rows_alone_and_in_company(function, independent, dtype):
    row = np.random.default_rng(0).normal(size=(1, 4)).astype(dtype.as_numpy_dtype)
    for each in (row, np.zeros_like(row)):
        # A reversed batch of one row of zeros among others shows as well.
        assert rows_are_independent(streams_of(function, (4,), dtype=dtype), [each]) == independent
