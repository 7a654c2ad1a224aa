import numpy as np
import tensorflow as tf

from skdeeplift.execution.references import Path
from skdeeplift.propagation.pairing import Mode, Pairing
from skdeeplift.propagation.request import Request, weights_of_predicted
from skdeeplift.targets.target import Target

PAIRING = Pairing(Mode.SHARED, 2, 3)
WEIGHTS, OF_TARGET = np.array([0.5, 0.3, 0.2]), np.ones((1, 1, 4))


def test_the_static_part_is_the_same_for_all_chunks_of_one_form():
    path = Path(np.zeros((1, 2, 3)), np.ones((1, 2)))
    request = Request(PAIRING, OF_TARGET, WEIGHTS, ("squares",), (1,), first_reference=3, path=path)
    other = Request(PAIRING, 2 * OF_TARGET, 2 * WEIGHTS, ("squares",), (1,))
    static, _ = request.split()
    assert static == other.split()[0]
    assert hash(static) == hash(other.split()[0])
    others = other._replace(wanted=("contributions",)), other._replace(pairing=PAIRING._replace(rows=4))
    assert static not in {each.split()[0] for each in others}


def test_both_parts_make_the_request_again():
    path = Path(np.zeros((1, 2, 3)), np.ones((1, 2)))
    request = Request(PAIRING, OF_TARGET, WEIGHTS, ("squares",), (1,), path=path)
    static, tensors = request.split(drawn=[tf.constant(7)])
    again = static.join(tensors)
    assert again.wanted == ("squares",)
    assert again.letters == (1,)
    np.testing.assert_array_equal(again.target, OF_TARGET)
    np.testing.assert_array_equal(again.weights, WEIGHTS)
    for got, expected in zip(again.path, path, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert again.drawn[0].numpy() == 7


def test_a_target_may_depend_on_the_output():
    """Of the outputs (1, 3, 2) the second is the largest; centred, its weights are 1 and 0 less a third."""
    output = tf.constant([[1.0, 3.0, 2.0]])
    request = Request(PAIRING, Target("predicted", centered=True), WEIGHTS)
    assert request.depends_on_output
    static, tensors = request.split()
    again = static.join(tensors)
    np.testing.assert_allclose(again.at_output(output).target, [[np.array([-1, 2, -1]) / 3]], rtol=1e-6)
    np.testing.assert_array_equal(weights_of_predicted(output, centered=False), [[[0, 1, 0]]])
    fixed = Request(PAIRING, OF_TARGET, WEIGHTS)
    assert fixed.at_output(output) is fixed
