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


@pytest.mark.parametrize(
    "reciprocal",
    [
        lambda b: 1 / b,
        tf.math.reciprocal,
        lambda b: tf.minimum(tf.math.rsqrt(tf.square(b)), 1e12),
        lambda b: -(tf.reshape(b, [-1, 5]) ** -1) * -1,
    ],
)
def test_product_with_a_reciprocal_is_shared_as_the_quotient(reciprocal):
    """Against all zeros, the reciprocal is 1e8 at the reference."""
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(3, 5)), generator.uniform(0.5, 2, (3, 5))]
    references = [generator.normal(size=(2, 5)) * [[0], [1]], np.stack([np.full(5, 1e-8), rows[1][0]])]
    divided, _ = explain_function(tf.divide, rows, references)
    for function in (lambda a, b: a * reciprocal(b), lambda a, b: reciprocal(b) * a):
        multiplied, _ = explain_function(function, rows, references)
        np.testing.assert_allclose(multiplied, divided, atol=1e-9)
    in_single_precision, _ = explain_function(function, rows, references, dtype=tf.float32)
    np.testing.assert_allclose(in_single_precision, divided, atol=1e-5)


def test_product_with_what_is_no_reciprocal():
    """A quotient of two varying tensors, and a product of them, is no reciprocal: 3*(8/2) - 1*(1/1) = 11."""
    (first, *_), _ = explain_function(
        lambda a, b, c: a * (b / c), [[[3.0]], [[8.0]], [[2.0]]], [[[1.0]], [[1.0]], [[1.0]]]
    )
    assert first.item() == 5.0


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


def test_squared_difference_by_hand():
    """(3 - 1)^2 - (1 - 2)^2 = 3: of u = a - b from -1 to 2, each difference counts (2 - 1) times; b's is -1."""
    [of_first, of_second], change = explain_function(tf.math.squared_difference, [[[3.0]], [[1.0]]], [[[1.0]], [[2.0]]])
    np.testing.assert_allclose([of_first.item(), of_second.item(), change.item()], [2, 1, 3])
