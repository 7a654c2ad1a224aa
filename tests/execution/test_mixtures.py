"""Mixtures of rows and references, compared with mixing them one by one."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.execution.mixtures import Mixtures, compute_at_mixtures
from skdeeplift.execution.references import References
from skdeeplift.perturbation.windows import OneByOne, Windows
from skdeeplift.propagation import replay
from tests.perturbation.networks import method_of

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(5, 3, 2))
OTHERS = GENERATOR.normal(size=(5, 3, 3, 2))
LABELS = np.array([[0, 0], [1, 1], [2, 3]])
SCALES = np.arange(1.0, 7).reshape(3, 2)


def method():
    def function(x):
        scaled = tf.reshape(x * SCALES, (-1, 6))
        return tf.stack([tf.reduce_sum(scaled**2, 1), tf.reduce_prod(scaled, 1)], 1)

    return method_of(function, [(3, 2)], lambda sources: [OneByOne([Windows((3, 2), (1, 1), (1, 1))])])


def one_by_one(rows, others, ranks, counts, weights, reference_weights):
    values = np.zeros((len(rows), counts.shape[1], weights.shape[1]))
    for row in range(len(rows)):
        for mixture in range(counts.shape[1]):
            order = ranks[min(row, len(ranks) - 1), min(mixture, ranks.shape[1] - 1)]
            replaced = (order < counts[min(row, len(counts) - 1), mixture])[LABELS]
            for other, share in zip(others[row], reference_weights, strict=True):
                scaled = (np.where(replaced, other, rows[row]) * SCALES).ravel()
                output = np.array([(scaled**2).sum(), scaled.prod()])
                values[row, mixture] += share * weights[min(row, len(weights) - 1)] @ output
    return values


@pytest.mark.sampled(3)
@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize(("n_orders", "of_rows"), [(1, True), (7, False)])
@pytest.mark.parametrize("batch", [dict(), dict(batch_size=4), dict(batch_size=1), dict(fixed=6)])
def test_values_at_mixtures_are_those_of_mixing_one_by_one(per_row, n_orders, of_rows, batch):
    ranks = GENERATOR.permuted(np.tile(np.arange(4), (5 if of_rows else 1, n_orders, 1)), axis=-1)
    counts = GENERATOR.integers(0, 5, (5 if of_rows else 1, 7))
    weights = GENERATOR.normal(size=(5 if per_row else 1, 2, 2))
    share = np.array([0.5, 0.3, 0.2])
    references = References([OTHERS if per_row else OTHERS[0]], per_row, share)
    found = compute_at_mixtures(method(), [ROWS], references, Mixtures([LABELS], ranks, counts, weights), **batch)
    others = OTHERS if per_row else np.broadcast_to(OTHERS[0], OTHERS.shape)
    np.testing.assert_allclose(found, one_by_one(ROWS, others, ranks, counts, weights, share), rtol=1e-10, atol=1e-12)


def test_one_function_serves_calls_of_many_sizes(monkeypatch):
    perturbed, traced, run = method(), [], replay.run
    monkeypatch.setattr(replay, "run", lambda *arguments: traced.append(1) or run(*arguments))
    references = References([OTHERS[0]], False, np.full(3, 1 / 3))
    ranks, counts = np.arange(4, dtype=np.int32)[None, None], np.arange(5, dtype=np.int32)[None]
    for number in (5, 6, 7, 8):
        rows = GENERATOR.normal(size=(number, 3, 2))
        compute_at_mixtures(perturbed, [rows], references, Mixtures([LABELS], ranks, counts, np.ones((1, 1, 2))))
    assert len(traced) == 1
