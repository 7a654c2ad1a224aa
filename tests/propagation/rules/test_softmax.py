import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function


def first_class(function):
    return lambda x: function(x)[:, :1]


def test_two_classes_by_hand():
    """log_softmax of (1, 0) against (0, 0): log-sum-exp changes by log((e + 1)/2), all through the first logit."""
    [contributions], _ = explain_function(first_class(tf.nn.log_softmax), [[[1.0, 0.0]]], [[[0.0, 0.0]]])
    np.testing.assert_allclose(contributions, [[1 - np.log((np.e + 1) / 2), 0.0]], atol=1e-14)


@pytest.mark.parametrize("function", [tf.nn.softmax, tf.nn.log_softmax])
@pytest.mark.parametrize("mode", list(Mode))
def test_sums_to_the_change(function, mode):
    generator = np.random.default_rng(0)
    number = 3 if mode is Mode.SHARED else 12
    rows, references = generator.normal(size=(4, 6)) * 3, generator.normal(size=(number, 6)) * 3
    assert_sums_to_change(first_class(function), [rows], [references], mode=mode)


@pytest.mark.parametrize("offset", [0.0, 500.0, -500.0])
def test_float32_neither_overflows_nor_cancels(offset):
    generator = np.random.default_rng(0)
    rows, references = (generator.normal(size=(number, 8)) * 20 + offset for number in (6, 2))
    assert_sums_to_change(first_class(tf.nn.softmax), [rows], [references], tolerance=2e-4, dtype=tf.float32)


def test_row_equal_to_its_reference_has_no_contribution():
    [contributions], _ = explain_function(first_class(tf.nn.softmax), [[[1.0, 2.0]]], [[[1.0, 2.0]]])
    assert (contributions == 0).all()
