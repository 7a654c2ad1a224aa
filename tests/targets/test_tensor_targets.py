"""Targets of each row as tensors."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.targets.target import check_target
from skdeeplift.targets.target_tensor import TargetTensor
from skdeeplift.targets.tensor_targets import TensorTargets


def of_shape(*shape):
    return TargetTensor(tf.TensorSpec([None, *shape], tf.float64), competing=True)


@pytest.mark.parametrize(
    ("shape", "labels", "centered", "targets"),
    [
        ((3,), None, False, [2, 0, 1, 2]),
        ((3,), None, True, [2, 0, 1, 2]),
        ((2, 3), None, False, [[1, 2], [0, 0], [1, 0], [0, 2]]),
        ((3,), np.array([7, 3, 5]), False, [3, 5, 7, 3]),
        ((3,), np.array(["no", "yes", "maybe"], object), True, ["yes", "yes", "no", "maybe"]),
        ((1,), np.array(["no", "yes"]), False, ["yes", "no", "yes", "no"]),
        ((1,), np.array([0, 1]), False, [1, 0, 1, 0]),
    ],
)
def test_weights_are_those_of_an_array_of_targets(shape, labels, centered, targets):
    tensor = of_shape(*shape)
    found = TensorTargets(tensor, labels, centered)
    expected = check_target(np.array(targets), tensor, n_rows=4, centered=centered, labels=labels)
    weights = found.weights(tf.constant(targets, found.spec.dtype), tf.float64)
    np.testing.assert_allclose(weights[:, None], expected.weights(np.empty((4, *shape))), rtol=1e-15)
    assert found.spec.shape.is_compatible_with(np.shape(targets))


@pytest.mark.parametrize(
    ("shape", "labels", "targets", "message"),
    [
        ((3,), None, [2, 3], r"an index from 0 to 2\. Got\] \[3\]"),
        ((3,), None, [-1, 0], r"an index from 0 to 2\. Got\] \[-1\]"),
        ((2, 3), None, [[1, 2], [2, 0]], r"a tuple of indices below \(2, 3\)\. Got\] \[\[2 0\]\]"),
        ((2,), np.array(["no", "yes"]), ["yes", "none"], r"one of no, yes\. Got\] \[none\]"),
    ],
)
def test_targets_that_do_not_exist(shape, labels, targets, message):
    found = TensorTargets(of_shape(*shape), labels, centered=False)
    run = tf.function(lambda targets: found.weights(targets, tf.float32))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        run(tf.constant(targets, found.spec.dtype))
