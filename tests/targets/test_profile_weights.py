"""Checks of a profile against the outputs of a network, and the weights of its logits."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.targets import Profile
from skdeeplift.targets.profile_weights import check_profile


def test_weights_of_rows_and_of_pairs():
    """The softmax of (0, log 3) is (1/4, 3/4), and that of (0, 0) is (1/2, 1/2), less their mean."""
    rows, references = tf.constant([[0.0, np.log(3)]]), tf.constant([[[0.0, 0.0], [0.0, np.log(3)]]], tf.float32)
    of_row = check_profile("profile", (2,)).for_pairs(rows, references)
    np.testing.assert_allclose(of_row, [[[-0.25, 0.25]]], rtol=1e-6)
    of_pairs = check_profile(Profile(weights="mean"), (2,)).for_pairs(rows, references)
    np.testing.assert_allclose(of_pairs, [[[[-0.125, 0.125]], [[-0.25, 0.25]]]], rtol=1e-6)
    halves = check_profile("profile", (2,)).for_pairs(tf.cast(rows, tf.float16))
    assert halves.dtype == tf.float32


def test_large_logits_have_a_softmax():
    np.testing.assert_allclose(
        check_profile("profile", (2,)).for_pairs(tf.constant([[1e4, -1e4]])), [[[0.5, -0.5]]], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (Profile(weights="reference"), "weights='row' or weights='mean'"),
        (Profile(axis=0), "each axis of the output once, from 1 to 2"),
        (Profile(axis=3), "each axis of the output once, from 1 to 2"),
        (Profile(axis=(1, -2)), "each axis of the output once"),
        (Profile(task=2), "of shape \\(2,\\)"),
        (Profile(axis=None, task=0), "of shape \\(\\)"),
    ],
)
def test_says_what_does_not_fit(profile, message):
    with pytest.raises(ValueError, match=message):
        check_profile(profile, (8, 2))


def test_says_that_another_softmax_is_there():
    with pytest.raises(ValueError, match="Pass axis=2"):
        check_profile("profile", (8, 2), is_competing=True)
    check_profile(Profile(axis=2), (8, 2), is_competing=True)
    with pytest.raises(ValueError, match="center_logits=False"):
        check_profile("profile", (8, 2), centered=True)
