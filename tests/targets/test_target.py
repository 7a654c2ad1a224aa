import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.targets.target import Target, check_target
from skdeeplift.targets.target_tensor import TargetTensor


def tensor(*shape, competing=False):
    from skdeeplift.network.graph import Value

    return TargetTensor(Value("output", tf.float32, tf.TensorShape((None, *shape))), competing)


def choice(target, tensor, **options):
    return check_target(target, tensor, **options).choice


def test_auto_is_the_only_output_or_the_predicted_class():
    assert choice("auto", tensor(1)) == "single"
    assert choice("auto", tensor()) == "single"
    assert choice("auto", tensor(3, competing=True)) == "predicted"
    assert choice("predicted", tensor(3)) == "predicted"
    assert choice("predicted", tensor(1)) == "single"


def test_indices_and_weights():
    assert choice(2, tensor(3)) == {(2,): 1.0}
    assert choice((1, 0), tensor(4, 3)) == {(1, 0): 1.0}
    assert choice({8: 1, 3: -1}, tensor(10)) == {(8,): 1.0, (3,): -1.0}
    assert choice(np.array([0.0, 1.0, -1.0]), tensor(3)) == {(1,): 1.0, (2,): -1.0}
    np.testing.assert_array_equal(Target({(2,): 1.0, (0,): -2.0}).weights(np.zeros((5, 3))), [[[-2, 0, 1]]])


def test_one_target_per_row():
    logits = np.array([[1.0, 3.0, 2.0], [5.0, 0.0, 0.0]])
    np.testing.assert_array_equal(Target("predicted").weights(logits), [[[0, 1, 0]], [[1, 0, 0]]])
    of_rows = check_target([2, 0], tensor(3), n_rows=2)
    np.testing.assert_array_equal(of_rows.weights(logits), [[[0, 0, 1]], [[1, 0, 0]]])


def test_all_outputs_have_one_weight_each():
    weights = Target("all").weights(np.zeros((5, 2, 3)))
    assert Target("all").number((2, 3)) == 6
    np.testing.assert_array_equal(weights.reshape(6, 6), np.eye(6))


def test_centred_weights_are_those_of_the_logits_less_their_mean():
    logits = np.random.default_rng(0).normal(size=(4, 3))
    weights = Target({(1,): 2.0}, centered=True).weights(logits)
    np.testing.assert_allclose(logits @ weights[0, 0], 2 * (logits[:, 1] - logits.mean(1)))
    np.testing.assert_array_equal(Target({(0,): 1.0, (1,): -1.0}, True).weights(logits), [[[1, -1, 0]]])
    with pytest.raises(ValueError, match="no axis of several classes"):
        check_target("auto", tensor(1), centered=True)


@pytest.mark.parametrize(
    ("target", "shape", "message"),
    [
        ("auto", (3,), r"cannot choose among the network's 3 outputs.* an integer from 0 to 2"),
        ("auto", (4, 3), r"cannot choose .*a tuple of 2 integers, each below \(4, 3\)"),
        (3, (3,), "3 is out of range.* 0 to 2"),
        (-1, (3,), "-1 is out of range"),
        (1, (4, 3), "a tuple of 2 integers"),
        ((1, 7), (4, 3), "out of range"),
        (True, (3,), "Got True"),
        ({0: "one"}, (3,), "weights, which are numbers"),
        ({}, (3,), "target= takes 'auto'"),
        ({0: float("nan")}, (3,), "finite weights"),
        ({0: 1, (0,): 1}, (3,), "each index once"),
        ({5: 1.0}, (3,), "out of range"),
        (1.5, (3,), "target= takes 'auto'"),
        (
            [0.5, 0.5],
            (3,),
            r"one finite weight for each .* in shape \(3,\), or with an axis of rows in front\. Got shape \(2,\)",
        ),
        ([0.5, np.nan, 1.0], (3,), "one finite weight"),
        ([0, 1, 2], (3,), "only in explain"),
    ],
)
def test_impossible_targets(target, shape, message):
    with pytest.raises(ValueError, match=message):
        check_target(target, tensor(*shape))


@pytest.mark.parametrize(
    ("target", "shape", "message"),
    [
        (np.array([0, 1, 2]), (3,), r"shape \(2,\)"),
        ([0, 1, 2], (3,), "index of an output for each row, or a weight for each output"),
        ([0.0, 1.0], (3,), "Indices, one for each row, are integers"),
        (["a", "b"], (3,), "integer array"),
        ([0, 3], (3,), "out of range"),
        ([-1, 0], (3,), "out of range"),
        ([0, 1], (4, 3), r"integer array of shape \(2, 2\), for outputs of shape \(4, 3\)"),
        ([(0, 1), (4, 0)], (4, 3), r"\(4, 1\) is out of range"),
        ([(0, 1), (1,)], (4, 3), "rows of one length"),
        (np.zeros((3, 2)), (2,), r"weights for each row is a finite array of shape \(2, 2\)"),
        (np.full((2, 2), np.nan), (2,), "weights for each row is a finite array"),
        (np.zeros((2, 2), int), (2,), r"floats of shape \(2, 2\)"),
    ],
)
def test_impossible_targets_of_rows(target, shape, message):
    with pytest.raises(ValueError, match=message):
        check_target(target, tensor(*shape), n_rows=2)


def test_the_first_of_two_classes_is_minus_the_logit_of_the_second():
    """Labels of two classes choose the only output or its negative, one for all rows or one for each."""
    options = dict(labels=np.array(["no", "yes"]), n_rows=3)
    of_rows = check_target(np.array(["yes", "no", "yes"]), tensor(1), **options)
    np.testing.assert_array_equal(of_rows.weights(np.zeros((3, 1))), [[[1]], [[-1]], [[1]]])
    for target, expected in (("yes", 1), ("no", -1), ({"yes": 2.0, "no": 0.5}, 1.5)):
        np.testing.assert_array_equal(
            check_target(target, tensor(1), **options).weights(np.zeros((3, 1))), [[[expected]]]
        )
    given = np.array([[0.5, 2.0], [3.0, 1.0], [0.0, 0.0]])
    weights = check_target(given, tensor(1), **options).weights(np.zeros((3, 1)))
    np.testing.assert_array_equal(weights, [[[1.5]], [[-2.0]], [[0.0]]])
