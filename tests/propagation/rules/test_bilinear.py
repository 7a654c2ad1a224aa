import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function


def test_product_is_shared_by_the_means_of_the_factors():
    """3*5 - 1*2 = 13: the first gets 2 * (5+2)/2 = 7, the second 3 * (3+1)/2 = 6."""
    (first, second), change = explain_function(tf.multiply, [[[3.0]], [[5.0]]], [[[1.0]], [[2.0]]])
    assert (first.item(), second.item(), change.item()) == (7.0, 6.0, 13.0)


def test_equal_factors_share_equally():
    (first, second), _ = explain_function(tf.multiply, [[[4.0]], [[4.0]]], [[[0.0]], [[0.0]]])
    assert first.item() == second.item() == 8.0


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: tf.matmul(a, b, transpose_b=True),
        lambda a, b: tf.einsum("nij,nkj->nik", a, b),
        lambda a, b: a * b[:, :1],
        tf.math.multiply_no_nan,
    ],
)
def test_sums_to_the_change(function, mode):
    generator = np.random.default_rng(0)
    number = 2 if mode is Mode.SHARED else 6
    rows = [generator.normal(size=(3, 4, 5)) for _ in range(2)]
    references = [generator.normal(size=(number, 4, 5)) for _ in range(2)]
    assert_sums_to_change(function, rows, references, mode=mode)
