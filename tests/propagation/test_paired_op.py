import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.paired_op import PairedOp
from skdeeplift.propagation.pairing import Mode, Pairing, Purpose
from skdeeplift.propagation.rules.rescale import SIGNED
from skdeeplift.propagation.stream_values import PassSettings, StreamValues
from tests.functions import streams_of

ROWS, REFERENCES = np.array([[1.0, -2.0], [3.0, 0.5]]), np.array([[0.0, 0.0], [1.0, 1.0], [4.0, 0.5]])
TARGETS = 2


def within_a_graph(function, purpose=Purpose.GRADIENT):
    """Call a function with the op of an activation, x * sigmoid(x), in a chunk of two rows, references and targets."""
    streams = streams_of(lambda x: x * tf.sigmoid(x), (2,))
    shown = [
        dict(zip(streams.shown, streams.forward([tf.constant(values)]), strict=True)) for values in (ROWS, REFERENCES)
    ]
    [step] = streams.plan.difference_steps

    @tf.function
    def traced():
        settings = PassSettings(Pairing(Mode.SHARED, 2, 3, TARGETS), purpose, {})
        return function(PairedOp(step, StreamValues(settings, *shown, {})))

    return traced()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_pairs_with_and_without_targets():
    once = within_a_graph(lambda op: op.combine_pairs(tf.subtract, op.inputs[0]))
    np.testing.assert_allclose(once, (ROWS[:, None] - REFERENCES).reshape(6, 2))
    each = within_a_graph(lambda op: op.combine(tf.subtract, op.inputs[0]))
    np.testing.assert_allclose(each, np.repeat(once, TARGETS, 0))


def test_function_and_derivative_of_other_values():
    points = np.linspace(-2, 2, 12).reshape(6, 2)
    values, slopes = within_a_graph(lambda op: op.at_pairs(tf.constant(points)))
    np.testing.assert_allclose(values, points * sigmoid(points))
    np.testing.assert_allclose(slopes, sigmoid(points) * (1 + points * (1 - sigmoid(points))))


@pytest.mark.parametrize(
    ("purpose", "of_spread", "is_computed"),
    [
        (Purpose.SPREADS, True, True),
        (Purpose.SPREADS, False, False),
        (Purpose.GRADIENT, False, False),
        (Purpose.DIFFERENCES, False, True),
    ],
)
def test_only_what_is_read_is_computed(purpose, of_spread, is_computed):
    """A difference times its sign; where it is not read, it stands there itself."""

    def scale(op):
        delta = op.combine(tf.subtract, op.inputs[0])
        return delta, op.scale(SIGNED, [delta], op.inputs[0], of_spread=of_spread)

    delta, scaled = within_a_graph(scale, purpose)
    np.testing.assert_allclose(scaled, np.abs(delta) if is_computed else delta)


def test_what_passes_share_is_computed_once():
    calls = []

    def compute(op):
        calls.append(op)
        return tf.constant(1.0)

    within_a_graph(lambda op: op.once(compute) + op.once(compute))
    assert len(calls) == 1
