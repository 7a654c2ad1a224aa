import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function

GENERATOR = np.random.default_rng(0)


def number(x):
    """The complex number x1 + i x2."""
    return tf.complex(x[:, 0], x[:, 1])


def test_size_by_hand():
    """|3 + 4i| - |0 - 1i| = 4. The sum of both is 3 + 3i, that of their sizes 6: 3 * 3/6 + 5 * 3/6 = 1.5 + 2.5."""
    [contributions], change = explain_function(lambda x: tf.abs(number(x)), [[[3.0, 4.0]]], [[[0.0, -1.0]]])
    np.testing.assert_allclose(contributions, [[1.5, 2.5]])
    np.testing.assert_allclose(change, [4.0])


def test_size_of_nothing_has_no_slope():
    [multipliers], _ = explain_function(
        lambda x: tf.abs(number(x)), [[[0.0, 0.0]]], [[[0.0, 0.0]]], wanted="multipliers"
    )
    np.testing.assert_array_equal(multipliers, [[0.0, 0.0]])


def test_angle_by_hand():
    """From 1 to 1i, by way of 0 or of 1 + 1i.

    If the real part changes first, the angle goes 0, 0 (of zero), 90 degrees; if last, 0, 45, 90 degrees. So the
    imaginary part has (90 + 45) / 2, and the real part (0 + 45) / 2.
    """
    [contributions], change = explain_function(lambda x: tf.math.angle(number(x)), [[[0.0, 1.0]]], [[[1.0, 0.0]]])
    np.testing.assert_allclose(np.degrees(contributions), [[22.5, 67.5]])
    np.testing.assert_allclose(np.degrees(change), [90.0])


def test_a_part_that_does_not_change_contributes_nothing():
    [contributions], _ = explain_function(lambda x: tf.math.angle(number(x)), [[[2.0, 1.0]]], [[[1.0, 1.0]]])
    np.testing.assert_allclose(contributions, [[np.arctan2(1, 2) - np.arctan2(1, 1), 0.0]])


def test_a_difference_has_one_part_behind_complex_numbers():
    """The size of x1 + i x2 grows from 0 to 5 by contributions of 9/5 and 16/5, both in one part.

    So relu(|z| - 2) gives them its rescale slope 3/5, while relu(x1 + x2 - 2), as x1 + x2 = 3 + 4, has two parts.
    """
    [contributions], change = explain_function(
        lambda x: tf.nn.relu(tf.abs(number(x)) - 2), [[[3.0, -4.0]]], [[[0.0, 0.0]]], rule="reveal_cancel"
    )
    np.testing.assert_allclose(contributions, [[27 / 25, 48 / 25]])
    np.testing.assert_allclose(change, [3.0])


def test_parts_of_a_real_layer_behind_complex_numbers():
    """A layer of which parts are asked for: -4i has the imaginary part -4, which is all of the negative part."""
    function, options = lambda x: tf.tanh(tf.math.imag(number(x))), dict(rule="reveal_cancel", layer_before="Tanh")
    for name, expected in (("negative_difference", -4.0), ("positive_difference", 0.0)):
        [difference], _ = explain_function(function, [[[3.0, -4.0]]], [[[0.0, 0.0]]], wanted=name, **options)
        np.testing.assert_allclose(difference, [expected])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_spectrum_sums_to_the_change(mode, rule):
    number_of_references = 2 if mode is Mode.SHARED else 6

    def function(x):
        z = tf.signal.rfft(tf.nn.relu(x))
        return tf.nn.relu(tf.abs(z) - 2) + tf.sin(tf.math.angle(z))

    rows, references = GENERATOR.normal(size=(3, 5, 8)), GENERATOR.normal(size=(number_of_references, 5, 8))
    assert_sums_to_change(function, [rows], [references], mode=mode, rule=rule)


def test_inside_of_a_loop():
    """A state of complex numbers that each step turns and that its own size holds back."""

    def function(x):
        def step(state, now):
            return state * tf.cast(0.5 * tf.tanh(tf.abs(state)), state.dtype) * (0.6 + 0.8j) + tf.cast(now, state.dtype)

        start = tf.zeros_like(tf.cast(x[:, 0], tf.complex128)) + 1
        states = tf.scan(step, tf.transpose(x, [1, 0, 2]), start)
        return tf.tanh(tf.math.imag(states[-1]))

    rows, references = GENERATOR.normal(size=(3, 4, 2)), GENERATOR.normal(size=(6, 4, 2))
    for rule in ("rescale", "reveal_cancel"):
        assert_sums_to_change(function, [rows], [references], mode=Mode.PAIR_SIZE, rule=rule)


# ---------------------------------------------------------------------------------------------------------------------
# The same contributions by matrices of NumPy: differences of each element are carried forward by themselves.
# ---------------------------------------------------------------------------------------------------------------------


def test_contributions_are_those_of_a_second_computation():
    """An autocorrelation by transforms and the size of a spectrum, with dense weights before and behind."""
    size = 6
    first, last = GENERATOR.normal(size=(size, size)), GENERATOR.normal(size=size)
    row, reference = GENERATOR.normal(size=(2, size))

    def function(x):
        z = tf.signal.rfft(tf.nn.relu(x @ first))
        return tf.tanh(tf.signal.irfft(z * tf.math.conj(z), [size])) @ last[:, None] + tf.abs(z) @ last[:4, None]

    [found], _ = explain_function(function, [row[None]], [reference[None]])

    def slope(function, x, r):
        return (function(x) - function(r)) / (x - r)

    transform = np.exp(-2j * np.pi * np.outer(np.arange(size), np.arange(4)) / size)
    # The inverse transform of half a spectrum: the other half is conjugate.
    twice = np.array([1, 2, 2, 1])
    hidden_x, hidden_r = row @ first, reference @ first
    # One line for each element of the input.
    carried = (row - reference)[:, None] * first
    carried = carried * slope(lambda h: np.maximum(h, 0), hidden_x, hidden_r) @ transform
    z_x, z_r = (np.maximum(h, 0) @ transform for h in (hidden_x, hidden_r))
    mean = (z_x + z_r) / 2
    power = carried * mean.conj() + mean * carried.conj()

    def back(spectrum):
        return (spectrum * twice @ transform.conj().T).real / size

    correlation = back(power) * slope(np.tanh, back(abs(z_x) ** 2), back(abs(z_r) ** 2))
    sizes = ((z_x + z_r).conj() * carried).real / (abs(z_x) + abs(z_r))
    np.testing.assert_allclose(found[0], correlation @ last + sizes @ last[:4], atol=1e-12)
