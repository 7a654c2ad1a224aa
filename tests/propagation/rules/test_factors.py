import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function

GENERATOR = np.random.default_rng(0)


def change_in_order(x, r, order):
    """The change of the product by each factor, as the factors change in an order."""
    now, found = np.array(r), np.zeros(len(r))
    for place in order:
        before = now.prod()
        now[place] = x[place]
        found[place] = now.prod() - before
    return found


def by_both_orders(x, r):
    order = range(len(x))
    return (change_in_order(x, r, order) + change_in_order(x, r, order[::-1])) / 2


def test_product_by_hand():
    """2 * 3 * 4 - 1 * 1 * 1 = 23. From the front 1, 4, 18; from the back 12, 8, 3 (for the third)."""
    [contributions], change = explain_function(lambda x: tf.reduce_prod(x, 1), [[[2.0, 3.0, 4.0]]], [[[1.0, 1.0, 1.0]]])
    np.testing.assert_allclose(contributions, [[6.5, 6.0, 10.5]])
    np.testing.assert_allclose(change, [23.0])


def test_two_factors_are_shared_as_by_a_product_of_two():
    row, reference = [[3.0, 5.0]], [[1.0, 2.0]]
    [together], _ = explain_function(lambda x: tf.reduce_prod(x, 1), [[row]][0], [[reference]][0])
    [apart], _ = explain_function(lambda x: x[:, 0] * x[:, 1], [[row]][0], [[reference]][0])
    np.testing.assert_allclose(together, apart)
    np.testing.assert_allclose(together, [[7.0, 6.0]])


def test_factors_of_zero():
    """0 * 3 * 4 - 1 * 0 * 4: the first from the front -0, and the second 0; from the back 12 and -12."""
    [contributions], _ = explain_function(lambda x: tf.reduce_prod(x, 1), [[[0.0, 3.0, 4.0]]], [[[1.0, 0.0, 4.0]]])
    np.testing.assert_allclose(contributions, [by_both_orders([0.0, 3.0, 4.0], [1.0, 0.0, 4.0])])
    np.testing.assert_allclose(contributions, [[-6.0, 6.0, 0.0]])


@pytest.mark.parametrize("axes", [[1], [-1], [1, 2], [2, 1]])
def test_contributions_are_changes_in_both_orders(axes):
    x, r = GENERATOR.normal(size=(2, 3, 4))
    [found], _ = explain_function(lambda x: tf.reduce_prod(x, axes, keepdims=True), [[x]], [[r]])
    if len(axes) == 2:
        expected = by_both_orders(x.ravel(), r.ravel()).reshape(3, 4)
    elif axes == [1]:
        expected = np.stack([by_both_orders(*pair) for pair in zip(x.T, r.T, strict=True)], 1)
    else:
        expected = np.stack([by_both_orders(*pair) for pair in zip(x, r, strict=True)])
    np.testing.assert_allclose(found[0], expected)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumulative_products_are_products_of_many(exclusive, reverse):
    x, r = GENERATOR.normal(size=(2, 5))
    weights = GENERATOR.normal(size=5)
    [found], _ = explain_function(
        lambda x: tf.math.cumprod(x, 1, exclusive=exclusive, reverse=reverse) * weights, [[x]], [[r]]
    )
    expected = np.zeros(5)
    for place in range(5):
        taken = slice(place + exclusive, None) if reverse else slice(None, place + 1 - exclusive)
        expected[taken] += weights[place] * by_both_orders(x[taken], r[taken])
    np.testing.assert_allclose(found[0], expected)


def test_spread_has_absolute_coefficients():
    """x1 * x2 at (2, -3) from (1, 1): coefficients (1 - 3)/2 = -1 and 3/2, differences 1 and -4.

    The product falls by -1 and -6: one negative part of 7, so that relu(y + 3), 4 at the reference, has slope 4/7.
    """
    [contributions], _ = explain_function(
        lambda x: tf.nn.relu(tf.reduce_prod(x, 1) + 3), [[[2.0, -3.0]]], [[[1.0, 1.0]]], rule="reveal_cancel"
    )
    np.testing.assert_allclose(contributions, [[-4 / 7, -24 / 7]])


@pytest.mark.sampled(8)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.reduce_prod(tf.sin(x) + 1, 2),
        lambda x: tf.reduce_prod(tf.sin(x), [1, 2]),
        lambda x: tf.math.cumprod(1 - tf.sigmoid(x), 1, exclusive=True) * tf.sigmoid(x),
        lambda x: tf.math.cumprod(tf.sin(x) + 1, -1, reverse=True),
    ],
)
def test_sums_to_the_change(function, mode, rule):
    rows, references = GENERATOR.normal(size=(3, 4, 3)), GENERATOR.normal(size=(2 if mode is Mode.SHARED else 6, 4, 3))
    assert_sums_to_change(lambda x: tf.tanh(function(x)), [rows], [references], mode=mode, rule=rule)


def test_inside_of_a_loop():
    def function(x):
        state = x[:, 0]
        steps = tf.constant(0)

        def step(number, state):
            now = tf.sigmoid(state) + x[:, 1] * 0.3
            return number + 1, tf.math.cumprod(now, 1) + tf.reduce_prod(now, 1, keepdims=True)

        return tf.tanh(tf.while_loop(lambda number, _: number < 3, step, (steps, state))[1])

    rows, references = GENERATOR.normal(size=(3, 2, 4)), GENERATOR.normal(size=(2, 2, 4))
    for rule in ("rescale", "reveal_cancel"):
        assert_sums_to_change(function, [rows], [references], rule=rule)
