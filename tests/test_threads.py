"""Many threads at once."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    MutagenesisExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
)

N_THREADS, N_CALLS = 9, 25
GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(64, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(6, activation="tanh"), keras.layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((4,)), *layers])


def calls(explainer, thread):
    """All calls of a thread: of different numbers of rows, from different places, and for different targets."""
    for call in range(N_CALLS):
        start, number, target = (7 * call + thread) % 32, 1 + (call + 3 * thread) % 9, (call + thread) % 3
        yield explainer.transform(ROWS[start : start + number], target=target)


def side_by_side(explainers):
    """Return the results of each thread; all threads begin at the same time."""
    together = threading.Barrier(N_THREADS)

    def work(thread):
        together.wait()
        return list(calls(explainers[thread], thread))

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(work, range(N_THREADS)))


def test_one_shared_explainer(model):
    """It is compiled by whoever comes first, while the others wait; what they compute is what they would alone."""
    fitted = DeepLiftExplainer(model, reference="sample", max_references=3, random_state=0).fit(ROWS)
    expected = [list(calls(fitted, thread)) for thread in range(N_THREADS)]
    shared = DeepLiftExplainer(model, reference="sample", max_references=3, random_state=0).fit(ROWS)
    for got, alone in zip(side_by_side([shared] * N_THREADS), expected, strict=True):
        for one, other in zip(got, alone, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_nine_different_explainers_of_one_model(model):
    explainers = [
        DeepLiftExplainer(model, rule="reveal_cancel"),
        ExpectedGradientsExplainer(model, n_draws=8, random_state=0),
        GradientExplainer(model, kind="saliency"),
        GuidedBackpropExplainer(model),
        IntegratedGradientsExplainer(model, n_steps=5, check="ignore"),
        LRPExplainer(model),
        MutagenesisExplainer(model),
        OcclusionExplainer(model),
        ShapleySamplingExplainer(model),
    ]
    for explainer in explainers:
        explainer.fit(ROWS)
    got = side_by_side(explainers)
    for thread, explainer in enumerate(explainers):
        for one, other in zip(got[thread], calls(explainer, thread), strict=True):
            np.testing.assert_array_equal(one, other)


def test_nobody_waits_for_a_slow_call(model):
    """A call that is held up in the middle, where it asks for references, does not hold up another one."""
    held_up, go_on = threading.Event(), threading.Event()

    def reference(rows, random_state):
        if rows[0, 0] == 100:
            held_up.set()
            assert go_on.wait(60)
        return np.zeros((len(rows), 2, 4))

    explainer = DeepLiftExplainer(model, reference=reference, target=0).fit(ROWS)
    slow = ROWS.copy()
    slow[0, 0] = 100
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(explainer.transform, slow)
        assert held_up.wait(60)
        quick = pool.submit(explainer.transform, ROWS)
        np.testing.assert_array_equal(quick.result(60), explainer.transform(ROWS))
        # Nor by what another explainer has compiled for itself.
        DeepLiftExplainer(model, target=1).fit_transform(ROWS)
        assert not waiting.done()
        go_on.set()
        got = waiting.result(60)
    np.testing.assert_array_equal(got, explainer.transform(slow))


def test_fits_in_threads(model):
    """Each thread has an explainer of its own, all fitted at the same time to one model."""

    def fitted(thread):
        return DeepLiftExplainer(model, target=thread % 3).fit(ROWS).feature_importances_

    with ThreadPoolExecutor(N_THREADS) as pool:
        got = list(pool.map(fitted, range(N_THREADS)))
    for thread, importances in enumerate(got):
        np.testing.assert_array_equal(importances, fitted(thread))


class Slow(keras.layers.Layer):
    """A layer whose trace can be held up, while attributes of the other layers are replaced."""

    def __init__(self, held_up, go_on):
        super().__init__()
        self.trace = SimpleNamespace(is_slow=False, number=0, held_up=held_up, go_on=go_on)

    def call(self, rows):
        self.trace.number += 1
        if self.trace.is_slow:
            self.trace.held_up.set()
            assert self.trace.go_on.wait(60)
        return tf.tanh(rows)


def test_calls_and_fits_wait_for_a_trace_of_the_same_layers():
    """They neither fail nor find the network changed, and do not trace it again."""
    slow = Slow(threading.Event(), threading.Event())
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.Dense(3, activation="relu"), slow])
    model.add(keras.layers.GlobalAveragePooling1D())
    rows = ROWS[:8].reshape(2, 4, 4)
    explainer = DeepLiftExplainer(model, target=0).fit(rows)
    expected = explainer.transform(rows)
    slow.trace.is_slow, slow.trace.number = True, 0
    with ThreadPoolExecutor(3) as pool:
        tracing = pool.submit(DeepLiftExplainer(model, target=0).fit_transform, rows[:, :3])
        assert slow.trace.held_up.wait(60)
        calling = pool.submit(explainer.transform, rows)
        fitting = pool.submit(DeepLiftExplainer(model, target=0).fit_transform, rows)
        assert not wait([calling, fitting], 0.3).done
        slow.trace.go_on.set()
        np.testing.assert_array_equal(calling.result(60), expected)
        np.testing.assert_array_equal(fitting.result(60), expected)
        assert tracing.result(60).shape == (2, 3, 4)
    assert slow.trace.number == 1
