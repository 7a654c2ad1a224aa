"""What is computed of all steps at once is, at each step, what the pairing gives of that step alone."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.loop_steps import AllSteps
from skdeeplift.propagation.pairing import Mode, Pairing, Purpose, identity
from skdeeplift.propagation.stream_values import PassSettings, StreamValues
from tests.functions import streams_of

STEPS = 3


def mean_and_change(spread, x, r):
    return (x + r) / 2, spread * (tf.tanh(x) - r)


@pytest.mark.parametrize(
    ("pairing", "n_rows", "n_references"),
    [
        (Pairing(Mode.SHARED, 4, 1), 4, 1),
        (Pairing(Mode.SHARED, 4, 2, targets=3), 4, 2),
        (Pairing(Mode.PER_ROW, 4, 2), 4, 8),
        (Pairing(Mode.PER_ROW, 4, 1, targets=2), 4, 4),
        (Pairing(Mode.PAIR_SIZE, 2, 2), 4, 4),
    ],
    ids=str,
)
@pytest.mark.parametrize("fold", [1, 5])
@pytest.mark.parametrize("known", [True, False], ids=["steps known", "steps unknown"])
def test_each_step_has_its_own(pairing, n_rows, n_references, fold, known):
    streams = streams_of(tf.tanh, (2,))
    [value], generator = streams.graph.inputs, np.random.default_rng(0)
    numbers = n_rows, n_references, pairing.pairs
    x, r, spread = (generator.normal(size=(STEPS, number * fold, 2)) for number in numbers)

    @tf.function(autograph=False)
    def of_steps(*tensors):
        if not known:
            shapes = [[None, *tensor.shape[1:]] for tensor in tensors]
            tensors = map(tf.compat.v1.placeholder_with_default, tensors, shapes)
        x, r, spread = tensors
        around = StreamValues(PassSettings(pairing, Purpose.GRADIENT, {}), {value: x}, {value: r}, {value: spread})
        all_steps = AllSteps(around, [value])

        def of_all(streams):
            known = streams.at_input, streams.at_reference, streams.spreads
            return streams.pairing.combine(mean_and_change, *([each[value]] for each in known))

        def one_step(number, *results):
            taken = [pairing.combine(identity, at_pairs=[each]) for each in all_steps.at_step(number, of_all)]
            return number + 1, *(array.write(number, each) for array, each in zip(results, taken, strict=True))

        arrays = [tf.TensorArray(tf.float64, STEPS) for _ in range(2)]
        return [array.stack() for array in tf.while_loop(lambda number, *_: number < STEPS, one_step, (0, *arrays))[1:]]

    at_once = of_steps(*map(tf.constant, (x, r, spread)))
    for number in range(STEPS):
        apart = pairing.combine(mean_and_change, *([each[number]] for each in (x, r, spread)))
        for all_steps, one_step in zip(at_once, apart, strict=True):
            np.testing.assert_array_equal(all_steps[number], one_step)


def test_what_only_the_reference_tells_belongs_to_all_rows():
    streams, pairing = streams_of(tf.tanh, (1,)), Pairing(Mode.SHARED, 2, 3)
    [value] = streams.graph.inputs

    @tf.function(autograph=False)
    def at_second_step():
        x, r = tf.zeros((2, 2, 1)), tf.reshape(tf.range(6.0), (2, 3, 1))
        around = StreamValues(PassSettings(pairing, Purpose.GRADIENT, {}), {value: x}, {value: r}, {})
        return AllSteps(around, [value]).at_step(1, lambda streams: [2 * streams.at_reference[value]])

    np.testing.assert_array_equal(at_second_step()[0], [[6], [8], [10]] * 2)
