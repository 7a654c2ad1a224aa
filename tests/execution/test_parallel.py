"""Parts of the rows, side by side."""

import warnings

import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from skdeeplift import DeepLiftExplainer, config_context
from skdeeplift.binding import bound
from skdeeplift.config import get_config
from skdeeplift.execution.parallel import compute_parts, cut_rows, number_of_workers, run_in_parts
from skdeeplift.execution.problem import Problem
from skdeeplift.execution.references import References
from skdeeplift.targets.target import Target
from tests.functions import streams_of

ROWS = np.random.default_rng(0).normal(size=(40, 3))


def run(problem):
    return problem.schedule.run(problem)


@given(st.integers(1, 500), st.integers(1, 40), st.integers(1, 9))
def test_parts_are_whole_chunks_and_all_rows(n_rows, chunk, n_workers):
    parts = cut_rows(n_rows, chunk, n_workers)
    assert np.concatenate([np.arange(n_rows)[part] for part in parts]).tolist() == list(range(n_rows))
    assert all(part.start % chunk == 0 for part in parts)
    n_chunks = -(-n_rows // chunk)
    # No worker is idle while there is a chunk for each, and no worker has many parts.
    assert len(parts) >= min(n_chunks, n_workers) / 2
    assert len(parts) <= 4 * n_workers


def test_number_of_parts():
    assert cut_rows(100, 10, 2) == [slice(start, start + 20 if start < 80 else 100) for start in range(0, 100, 20)]
    assert cut_rows(30, 10, 8) == [slice(0, 10), slice(10, 20), slice(20, 30)]
    assert cut_rows(7, 10, 8) == [slice(0, 7)]


def test_number_of_workers():
    assert number_of_workers(None) == 1
    assert number_of_workers(3) == 3
    with joblib.parallel_config(n_jobs=2):
        assert number_of_workers(None) == 2
        assert number_of_workers(4) == 4


def test_error_about_a_backend_that_forks():
    with (
        joblib.parallel_config(backend="multiprocessing", n_jobs=2),
        pytest.raises(ValueError, match=r"'multiprocessing': it forks.*'loky'"),
    ):
        number_of_workers(None)


def scaled(factor, rows):
    warnings.warn("small" if factor < 10 else "large", UserWarning, stacklevel=1)
    return factor * rows


def failing(factor, rows):
    raise ValueError(f"Row {rows[0]} is wrong.")


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_results_are_in_order_and_warnings_come_once(backend):
    parts = cut_rows(40, 5, 2)
    arguments = [(np.arange(40)[part],) for part in parts]
    with joblib.parallel_config(backend=backend), pytest.warns(UserWarning, match="small") as caught:
        results = compute_parts(scaled, [3], parts, arguments, 2, 0)
    assert np.concatenate(results).tolist() == list(range(0, 120, 3))
    if backend == "loky":
        assert len(caught) == 1
    with joblib.parallel_config(backend=backend), pytest.raises(ValueError, match=r"Row \d+ is wrong"):
        compute_parts(failing, [3], parts, arguments, 2, 0)


class Compiled:
    """A network that counts how often workers compile it, by the settings that they compile it with."""

    def __init__(self, method):
        self.method, self.settings = method, []

    def __call__(self):
        self.settings.append(get_config()["jit_compile"])
        return self


@pytest.mark.parametrize("of_rows", [False, True])
def test_parts_give_the_numbers_of_one_call(of_rows):
    """References of rows go with their rows, and shared ones to all parts."""
    compiled = Compiled(streams_of(lambda x: tf.nn.relu(tf.reduce_sum(x, 1, keepdims=True)), (3,)))
    array = np.random.default_rng(1).normal(size=(40, 2, 3) if of_rows else (2, 3))
    references = References([array], of_rows, np.full(2, 0.5))
    problem = Problem(compiled.method, [ROWS], Target("single"), references, batch_size=8)
    # Threads inherit no settings.
    with config_context(jit_compile=False):
        got = run_in_parts(problem, 2, lambda: compiled)
    expected = run(problem)
    np.testing.assert_allclose(got.contributions[0], expected.contributions[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(got.reference_value, expected.reference_value, rtol=1e-12)
    # Ten chunks of four rows and two references, in parts of one or two chunks.
    assert len(compiled.settings) > 2
    assert set(compiled.settings) == {False}


def test_one_part_is_run_as_it_is():
    compiled = Compiled(streams_of(tf.nn.relu, (3,)))
    references = References([np.zeros((1, 3))], False, np.ones(1))
    problem = Problem(compiled.method, [ROWS], Target({(1,): 1.0}), references)
    for n_jobs in (None, 1, 2):
        assert run_in_parts(problem, n_jobs, lambda: compiled).contributions[0].shape == (40, 3)
    assert compiled.settings == []


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(4, "softmax")])


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("own", "target"),
    [
        ("auto", np.array([1.0, 0.0, -1.0, 0.0])),
        (lambda output: output[:, 0] ** 2, 2),
        (1, lambda output: output[:, 0] ** 2),
        ("auto", np.arange(40) % 4),
    ],
)
def test_targets_of_other_kinds_than_the_own(network, own, target):
    """A float array or a function means the network's output, an index its logits: each is compiled by itself."""
    explainer = DeepLiftExplainer(network, target=own, batch_size=8).fit(ROWS)
    expected = explainer.transform(ROWS, target=target)
    got = explainer.set_params(n_jobs=2).transform(ROWS, target=target)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_threads_find_the_method_compiled(network, monkeypatch):
    explainer = DeepLiftExplainer(network, batch_size=8).fit(ROWS)
    expected = explainer.transform(ROWS)
    monkeypatch.setattr(bound, "compile_target", None)
    got = explainer.set_params(n_jobs=2).transform(ROWS)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
