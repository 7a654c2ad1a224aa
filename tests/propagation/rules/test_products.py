import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network import devices
from skdeeplift.propagation.rules.products import Kernel, RecomputedProduct, propagate

PRODUCT = RecomputedProduct("SkdeepliftTestProduct", lambda x, r: (x + r, x - r), number=2)
KEPT = RecomputedProduct("SkdeepliftTestKept", lambda x: x, keep=tf.nn.relu)


@tf.function
def both_ways(first, second, x, r, incoming):
    result = PRODUCT.linear(first, second, x, r)
    shape = PRODUCT.gradient_only(first, second, x, r)
    gradients, again = (propagate(tensor, incoming, [first, second]) for tensor in (result, shape))
    tf.debugging.assert_equal(gradients, again)
    return result, *gradients


def test_result_and_gradient_are_those_of_the_plain_product():
    """3 * (2 + 1) + 5 * (2 - 1) = 14; the gradient is the slopes, 3 and 1, times 10."""
    tensors = [tf.constant([[value]]) for value in (3.0, 5.0, 2.0, 1.0, 10.0)]
    np.testing.assert_allclose([tensor.numpy().item() for tensor in both_ways(*tensors)], [14, 30, 10])
    assert PRODUCT.forward(*tensors[:4]).numpy().item() == 14


def test_gradient_has_the_shape_that_values_are_broadcast_to():
    first, second = tf.ones((2, 3, 4)), tf.ones((2, 3, 4))
    _, gradient, _ = both_ways(first, second, tf.ones((2, 1, 4)), tf.ones((1, 3, 4)), tf.ones((2, 3, 4)))
    np.testing.assert_array_equal(gradient, np.full((2, 3, 4), 2.0))


def test_what_is_kept_of_the_incoming_multiplier():
    @tf.function
    def gradient(difference, incoming):
        return propagate(KEPT.linear(difference, 2 * tf.ones(2)), incoming, [difference])

    np.testing.assert_array_equal(gradient(tf.ones(2), tf.constant([3.0, -1.0])), [[6.0, 0.0]])


def test_only_the_shape():
    """Nothing is computed, also not where values have more entries than the difference."""
    result = PRODUCT.shape_only(tf.fill((1, 2), np.nan), tf.ones((1, 2)), tf.ones((3, 2)), tf.ones((1, 1)))
    assert result.shape == (3, 2)


@pytest.mark.parametrize("large", [1, 2**18])
def test_kernel_is_traced_once_for_all_shapes(monkeypatch, large):
    """1 + 2 * 3 in each of 2 x 3 places and in one, whether it is compiled for each shape or not."""
    monkeypatch.setattr(devices, "CPU", devices.CPU._replace(large=large))
    traced = []

    def function(x, y):
        traced.append(x.shape)
        return 1 + x * y, x - y

    kernel = Kernel(function)

    @tf.function
    def several():
        results = kernel(tf.fill((2, 1), 2.0), tf.fill((1, 3), 3.0)), kernel(tf.constant(2.0), tf.constant(3.0))
        assert [[tensor.shape.as_list() for tensor in each] for each in results] == [[[2, 3]] * 2, [[]] * 2]
        return results

    (first, difference), (scalar, _) = several()
    np.testing.assert_array_equal(first, np.full((2, 3), 7.0))
    np.testing.assert_array_equal(difference, np.full((2, 3), -1.0))
    assert scalar.numpy() == 7
    assert len(traced) == 1
    assert traced[0].rank is None
    in_double = kernel(tf.constant(2.0, tf.float64), tf.constant(3.0, tf.float64))
    assert in_double[0].dtype == tf.float64


@pytest.mark.parametrize("size", [3, 700])
def test_large_and_small_tensors_have_the_same_gradient(size):
    """A product of 700 x 800 elements is one compiled pass, a product of 3 x 800 is not."""
    random = np.random.default_rng(0)
    first, second, incoming = (tf.constant(random.normal(size=(size, 800))) for _ in range(3))
    x, r = tf.constant(random.normal(size=(size, 800))), tf.constant(random.normal(size=(1, 800)))
    assert (size * 800 >= devices.CPU.large) == (size == 700)
    _, *gradients = both_ways(first, second, x, r, incoming)
    for gradient, slope in zip(gradients, (x + r, x - r), strict=True):
        np.testing.assert_allclose(gradient, incoming * slope, rtol=1e-14)


def test_gradients_of_rules_count_while_multipliers_are_propagated():
    """Three times the result has the multiplier 3 * 2, of which the derivative by the slope's value is 3."""

    @tf.function
    def run(difference, x):
        result = KEPT.in_place_of(tf.sin(difference), difference, x)
        [multiplier] = propagate(3 * result, None, [difference])
        return multiplier, tf.gradients(multiplier, x)[0], tf.gradients(result, difference)[0]

    found = run(tf.constant([0.5]), tf.constant([2.0]))
    np.testing.assert_allclose(np.ravel(found), [6, 3, np.cos(0.5)], rtol=1e-6)
