import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation import replay
from skdeeplift.propagation.pairing import Mode, Pairing
from skdeeplift.propagation.request import Request
from tests.functions import assert_sums_to_change, explain_function, streams_of


def test_constants_have_no_part_in_a_join():
    """Of [x, 7] * [2, 3] only x has a difference: 2 * 4."""

    def function(x):
        return tf.concat([x, 7 * tf.ones_like(x)], 1) * tf.constant([2.0, 3.0], tf.float64)

    [contributions], change = explain_function(function, [[[5.0]]], [[[1.0]]])
    assert contributions.item() == change.item() == 8.0


@pytest.mark.parametrize(
    "function",
    [
        tf.add,
        tf.subtract,
        lambda a, b: tf.add_n([a, b, tf.ones_like(a), a]),
        lambda a, b: a[:, :1] - b,
        lambda a, b: tf.constant(3.0, tf.float64) - a + b,
        lambda a, b: (tf.constant(3.0, tf.float64) - a) - (b + tf.ones(5, tf.float64)),
        lambda a, b: tf.concat([a[:, :1] + tf.ones(5, tf.float64), b[:, 1:2] - tf.ones(5, tf.float64)], -1),
        lambda a, b: tf.concat([a, b], -1),
        lambda a, b: tf.stack([a, b, a], 1),
        lambda a, b: tf.where(tf.constant([True, False, True, False, True]), a, b),
        lambda a, b: tf.where(tf.constant([True, False, True, False, True]), a, 3.0) + b,
        lambda a, b: tf.pad(a, [[0, 0], [1, 1]], constant_values=5.0)[:, 1:6] + b,
    ],
)
def test_sums_to_the_change_exactly(function):
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(4, 5)) for _ in range(2)]
    references = [generator.normal(size=(3, 5)) for _ in range(2)]
    assert_sums_to_change(function, rows, references, tolerance=1e-12)


def test_a_sum_with_a_constant_creates_nothing(monkeypatch):
    """Neither the sum nor the constant, here a sum of two, is needed for a difference."""
    created = []
    create = replay.create
    monkeypatch.setattr(
        replay, "create", lambda op, *args, **kwargs: created.append(op.type) or create(op, *args, **kwargs)
    )
    constants = [tf.Variable(np.full(5, value)) for value in (1.0, 2.0)]
    streams = streams_of(lambda x: 3 * x + (constants[0] + constants[1]), (5,))
    at_input, at_reference = (streams.forward([tf.constant(np.full((1, 5), value))]) for value in (4.0, 1.0))
    created.clear()
    pairing = Pairing(Mode.SHARED, 1, 1)
    request = Request(pairing, np.ones((1, 1, 5)), np.ones(1))
    [(contributions,)] = streams.contributions(request, at_input, at_reference)
    np.testing.assert_array_equal(contributions, np.full((1, 1, 5), 9.0))
    assert sorted(created) == ["Const", "Mul"]
