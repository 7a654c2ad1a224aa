"""Faults from outside: memory, disks, interrupts, networks that change; nothing is left broken."""

import copy
import errno
import gc
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
from joblib import parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from keras import layers

import skdeeplift
from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    IntegratedGradientsExplainer,
    MutagenesisExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
)
from skdeeplift.exceptions import BatchSizeWarning, SummationToDeltaWarning
from skdeeplift.rows import blocks

ROWS = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
CLOSE = dict(rtol=1e-4, atol=1e-5)


def make_model(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(3)])


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture
def blocks_of_16_rows(monkeypatch):
    monkeypatch.setattr(blocks, "NUMBERS_OF_BLOCK", 6 * 16)


class MemoryRunsOut:
    """Has the calls of a network's compiled functions fail: some of them, or those of more rows than fit."""

    def __init__(self, explainer, monkeypatch, failing=(), most=np.inf):
        self.calls, self.failed, self.failing, self.most = 0, 0, set(failing), most
        method = explainer.bound_.compiled().method
        self.only_runs = method.copies is not None
        for name in ("forward", "forward_both", "forward_references", "contributions", "explain", "at_rows"):
            owner = method.runs if name.startswith("forward") else method
            if hasattr(owner, name):
                monkeypatch.setattr(owner, name, self.watched(getattr(owner, name), name))

    def watched(self, function, name):
        def call(*args, **options):
            if not tf.executing_eagerly():
                # Within another function that is being traced.
                return function(*args, **options)
            self.calls += 1
            if self.calls in self.failing or self.size(name, args) > self.most:
                self.failed += 1
                raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
            return function(*args, **options)

        return call

    def size(self, name, args):
        if name not in ("contributions", "explain", "at_rows"):
            return len(args[0][0])
        # What is only run is run for all targets at once.
        pairing = args[0].pairing
        return pairing.pairs if self.only_runs else pairing.size


REFERENCES = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)
CASES = {
    "one reference": (DeepLiftExplainer, dict(target=1)),
    "shared references": (DeepLiftExplainer, dict(target=1, reference=REFERENCES)),
    "references of rows": (DeepLiftExplainer, dict(target=1, reference=np.broadcast_to(REFERENCES, (50, 5, 6)))),
    "all targets": (DeepLiftExplainer, dict(target="all", reference=REFERENCES)),
    "predicted class": (DeepLiftExplainer, dict(target="predicted", rule="reveal_cancel")),
    "paths": (IntegratedGradientsExplainer, dict(target=1, n_steps=20, check="ignore")),
    "draws": (ExpectedGradientsExplainer, dict(target=1, n_draws=20)),
    "gradient": (GradientExplainer, dict(target="all")),
    "gradient of the predicted class": (GradientExplainer, dict(target="predicted")),
    "noise": (GradientExplainer, dict(target=1, noise_scale=0.1, n_draws=6)),
    "letters": (MutagenesisExplainer, dict(target=1)),
    "occlusion": (OcclusionExplainer, dict(target="all")),
    "orders": (ShapleySamplingExplainer, dict(target=1, n_permutations=4)),
}


def cases():
    """Some always, all where there is time."""
    slow = {"one reference", "predicted class", "draws", "gradient", "noise", "occlusion"}
    return [pytest.param(case, marks=pytest.mark.slow if case in slow else ()) for case in CASES]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", cases())
def test_memory_that_runs_out_changes_no_numbers(case, model, monkeypatch):
    """At any chunk, and at any of the calls that a chunk makes."""
    kind, parameters = CASES[case]
    explainer = kind(model, random_state=0, batch_size=64, **parameters).fit(ROWS)
    expected = explainer.explain(ROWS)
    with monkeypatch.context() as patch:
        calls = MemoryRunsOut(explainer, patch)
        explainer.explain(ROWS)
    assert calls.calls
    for failing in sorted({1, -(-calls.calls // 2), calls.calls}):
        again = kind(model, random_state=0, batch_size=64, **parameters).fit(ROWS)
        with monkeypatch.context() as patch:
            MemoryRunsOut(again, patch, failing=[failing])
            with pytest.warns(BatchSizeWarning) as caught:
                got = again.explain(ROWS)
        assert len(caught) == 1
        for name in ("contributions", "standard_error", "prediction", "reference_value", "reference_spread"):
            if expected[name] is not None:
                np.testing.assert_allclose(got[name], expected[name], err_msg=f"call {failing}: {name}", **CLOSE)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("most", [7, 1])
def test_chunks_are_halved_until_they_fit_and_stay_so(case, most, model, monkeypatch):
    kind, parameters = CASES[case]
    explainer = kind(model, random_state=0, **parameters).fit(ROWS)
    expected = explainer.explain(ROWS)
    with monkeypatch.context() as patch:
        calls = MemoryRunsOut(explainer, patch, most=most)
        with pytest.warns(BatchSizeWarning, match="Memory ran out") as caught:
            got = explainer.explain(ROWS)
        assert len(caught) == 1
        assert calls.failed
        calls.failed = 0
        # Nothing that failed is tried again, and nothing is said twice.
        np.testing.assert_allclose(explainer.explain(ROWS).contributions, expected.contributions, **CLOSE)
        assert not calls.failed
    np.testing.assert_allclose(got.contributions, expected.contributions, **CLOSE)
    np.testing.assert_allclose(got.prediction, expected.prediction, **CLOSE)


def test_memory_for_not_even_one_row(model, monkeypatch):
    explainer = DeepLiftExplainer(model, target=1).fit(ROWS)
    MemoryRunsOut(explainer, monkeypatch, most=0)
    with pytest.warns(BatchSizeWarning), pytest.raises(MemoryError, match="One row alone needs more memory"):
        explainer.transform(ROWS)


def test_a_network_of_one_batch_size_cannot_be_halved(monkeypatch):
    network = keras.Sequential([keras.Input((6,), batch_size=4), layers.Dense(1, "tanh")])
    explainer = DeepLiftExplainer(network).fit(ROWS)
    MemoryRunsOut(explainer, monkeypatch, most=0)
    with pytest.raises(MemoryError, match="only batch that the network takes, of 4 rows"):
        explainer.transform(ROWS)


class FullDisk:
    """An array on a disk that is full after some blocks."""

    shape, dtype = ROWS.shape, np.dtype(np.float32)

    def __init__(self, blocks):
        self.array, self.left = np.full(ROWS.shape, np.nan, np.float32), blocks

    def __len__(self):
        return len(self.array)

    def __setitem__(self, rows, values):
        if not self.left:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.left -= 1
        self.array[rows] = values


@pytest.mark.parametrize("blocks", [0, 2])
def test_a_full_disk(model, blocks, blocks_of_16_rows):
    explainer = DeepLiftExplainer(model, target=1).fit(ROWS)
    before, out = pickle.dumps(explainer), FullDisk(blocks)
    with pytest.raises(OSError, match="No space left") as caught:
        explainer.explain(ROWS, out=out)
    assert caught.value.errno == errno.ENOSPC
    note = "The first 32 rows (up to row 31) are finished, and in out=" if blocks else "No row is finished"
    assert note in caught.value.__notes__[0]
    np.testing.assert_allclose(out.array[: 16 * blocks], explainer.transform(ROWS)[: 16 * blocks], **CLOSE)
    assert np.isnan(out.array[16 * blocks :]).all()
    assert pickle.dumps(explainer) == before


def test_a_generator_that_raises(model, blocks_of_16_rows):
    """Rows before the error are explained and written, also if they fill no block."""
    explainer, out = DeepLiftExplainer(model, target=1).fit(ROWS), np.full_like(ROWS, np.nan)

    def broken():
        yield ROWS[:10]
        yield ROWS[10:21]
        raise ConnectionError("the other end is gone")

    before = pickle.dumps(explainer)
    with pytest.raises(ConnectionError, match="gone") as caught:
        explainer.transform(broken(), out=out)
    assert "The first 21 rows (up to row 20) are finished" in caught.value.__notes__[0]
    np.testing.assert_allclose(out[:21], explainer.transform(ROWS)[:21], **CLOSE)
    assert np.isnan(out[21:]).all()
    with pytest.raises(ConnectionError) as caught:
        explainer.transform(broken())
    assert "pass out=" in caught.value.__notes__[0]
    assert pickle.dumps(explainer) == before
    with pytest.raises(ConnectionError, match="gone"):
        explainer.fit(broken())
    assert pickle.dumps(explainer) == before


@pytest.fixture
def is_interruptible():
    """Restore Python's own handler of interrupts, which a job in the background of a shell ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


INTERRUPTED = textwrap.dedent(
    """
    import sys, time
    import keras, numpy as np
    from numpy.lib.format import open_memmap
    from skdeeplift import DeepLiftExplainer

    rows = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    explainer = DeepLiftExplainer(model).fit(rows)
    out = open_memmap(sys.argv[1], "w+", np.float32, (640_000, 6))

    def slowly():
        for number in range(10_000):
            if number == 9_000:
                print("started", flush=True)
            if number >= 9_000:
                time.sleep(0.01)
            yield rows

    try:
        explainer.transform(slowly(), out=out)
    except KeyboardInterrupt as error:
        n_rows = int(error.__notes__[0].split("The first ")[1].split()[0])
        expected = explainer.transform(rows)
        blocks = np.load(sys.argv[1], mmap_mode="r").reshape(-1, 64, 6)
        assert 0 < n_rows < 640_000
        np.testing.assert_allclose(blocks[: n_rows // 64], np.broadcast_to(expected, (n_rows // 64, 64, 6)), 1e-5, 1e-6)
        assert not blocks[-(-n_rows // 64):].any()
        print("finished", n_rows)
    """
)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends interrupts to the whole console")
@pytest.mark.usefixtures("is_interruptible")
def test_control_c_in_the_middle(tmp_path):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "out.npy")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=os.getcwd()
    )
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert output.startswith("finished"), errors
    assert process.returncode == 0


class Reference:
    """Zeros, but for a row that begins with a number: whatever is to happen there."""

    def __init__(self, number, happens):
        self.number, self.happens = number, happens

    def __call__(self, rows, random_state):
        if (rows[:, 0] == self.number).any():
            self.happens()
        return np.zeros((len(rows), 1, rows.shape[1]), np.float32)


@pytest.mark.usefixtures("is_interruptible")
def test_control_c_in_one_of_several_threads_ends_the_call():
    def interrupted():
        signal.raise_signal(signal.SIGINT)
        # Signals reach the main thread, which waits for the others.
        time.sleep(2)

    explainer = DeepLiftExplainer(make_model(), target=1, reference=Reference(100, interrupted), batch_size=4, n_jobs=2)
    rows = ROWS.copy()
    expected = explainer.fit(rows).transform(rows)
    rows[30, 0] = 100
    with pytest.raises(KeyboardInterrupt):
        explainer.transform(rows)
    np.testing.assert_array_equal(explainer.transform(ROWS), expected)


@pytest.mark.slow
def test_a_process_that_dies_is_an_error_and_the_next_call_has_another():
    explainer = DeepLiftExplainer(make_model(), target=1, batch_size=4, n_jobs=2)
    # Defined where processes find it: os._exit ends one without a word.
    explainer.set_params(reference=Reference(100, partial(os._exit, 9)))
    rows = ROWS.copy()
    with parallel_config("loky"):
        expected = explainer.fit(rows).transform(rows)
        rows[30, 0] = 100
        with pytest.raises(TerminatedWorkerError, match="unexpectedly terminated"):
            explainer.transform(rows)
        np.testing.assert_array_equal(explainer.transform(ROWS), expected)


def test_a_network_of_which_weights_are_no_numbers():
    model = make_model()
    explainer = DeepLiftExplainer(model, target=1).fit(ROWS)
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    with pytest.warns(
        SummationToDeltaWarning,
        match=r"In 50 of 50 rows .*because the network returns a number that is not finite. Look at its weights",
    ):
        explainer.transform(ROWS)


@pytest.mark.parametrize(
    "explainer", [GradientExplainer, OcclusionExplainer, partial(DeepLiftExplainer, rule="pass_through")]
)
def test_a_network_of_which_some_rows_give_no_numbers(explainer):
    """No sum would show it, since these contributions need not add up."""
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.ops.log(keras.layers.Dense(1, use_bias=False, name="dense")(inputs)))
    model.set_weights([np.array([[1.0], [0.0]])])
    rows = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [3.0, 0.0], [-2.0, 0.0]])
    fitted = explainer(model, **({} if explainer is GradientExplainer else {"reference": rows[:1]})).fit(rows[:2])
    with pytest.warns(RuntimeWarning, match="In 2 of 5 rows, first in row 2, the target is not finite"):
        fitted.transform(rows)


def test_a_model_that_predicts_in_another_thread(model):
    explainer = DeepLiftExplainer(model, target=1).fit(ROWS)
    expected, done = explainer.transform(ROWS), threading.Event()

    def predict():
        predicted = model.predict(ROWS, verbose=0)
        while not done.is_set():
            np.testing.assert_array_equal(model.predict(ROWS, verbose=0), predicted)

    with ThreadPoolExecutor(1) as pool:
        predicting = pool.submit(predict)
        try:
            for _ in range(20):
                np.testing.assert_array_equal(explainer.transform(ROWS), expected)
            anew = DeepLiftExplainer(model, target=1).fit(ROWS)
            np.testing.assert_array_equal(anew.transform(ROWS), expected)
        finally:
            done.set()
        predicting.result(60)


@pytest.mark.parametrize("parameters", [dict(batch_size=2**62), dict(batch_size=1)])
@pytest.mark.parametrize("memory_limit", [None, 1])
def test_sizes_beyond_reason(parameters, memory_limit, model):
    expected = DeepLiftExplainer(model, target=1).fit(ROWS).transform(ROWS)
    with skdeeplift.config_context(memory_limit=memory_limit):
        explainer = DeepLiftExplainer(model, target=1, **parameters).fit(ROWS)
        np.testing.assert_allclose(explainer.transform(ROWS), expected, **CLOSE)


def test_a_model_trained_between_calls_gives_new_numbers():
    model = make_model()
    model.compile("sgd", "mse")
    explainer = DeepLiftExplainer(model, target=1).fit(ROWS)
    before = explainer.transform(ROWS)
    model.fit(ROWS, np.ones((50, 3)), epochs=3, verbose=0)
    after = explainer.transform(ROWS)
    assert np.abs(after - before).max() > 1e-3
    anew = DeepLiftExplainer(model, target=1).fit(ROWS)
    np.testing.assert_allclose(after, anew.transform(ROWS), rtol=1e-6)


@pytest.mark.parametrize("used", ["predict", "evaluate", "fit"])
def test_an_explainer_is_copied_whatever_its_model_was_used_for(used):
    """Keras keeps what it has compiled for each of these in the model."""
    model = make_model()
    model.compile("sgd", "mse")
    explainer = DeepLiftExplainer(model, target=1).fit(ROWS)
    getattr(model, used)(ROWS, *([] if used == "predict" else [np.ones((50, 3))]), verbose=0)
    expected = explainer.transform(ROWS)
    for copied in (copy.deepcopy(explainer), pickle.loads(pickle.dumps(explainer))):
        np.testing.assert_allclose(copied.transform(ROWS), expected, rtol=1e-6)


@pytest.mark.slow
def test_a_model_that_its_user_no_longer_holds():
    model = make_model()
    explainer = DeepLiftExplainer(model, target=1).fit(ROWS)
    expected = explainer.transform(ROWS)
    seen = weakref.ref(model)
    del model
    gc.collect()
    np.testing.assert_array_equal(explainer.transform(ROWS), expected)
    # Of a size that is compiled only now.
    np.testing.assert_allclose(explainer.transform(ROWS[:3]), expected[:3], **CLOSE)
    del explainer
    gc.collect()
    assert seen() is None


def test_copies_of_an_explainer_made_between_calls(model):
    explainer = DeepLiftExplainer(model, target=1).fit(ROWS)
    expected = explainer.transform(ROWS)
    copied = copy.deepcopy(explainer)
    np.testing.assert_allclose(copied.transform(ROWS), expected, rtol=1e-6)
    np.testing.assert_array_equal(explainer.transform(ROWS), expected)
    blocks = iter([ROWS[:20], ROWS[20:]])

    def copied_in_between():
        for rows in blocks:
            copy.deepcopy(explainer).transform(rows[:2])
            yield rows

    np.testing.assert_allclose(explainer.transform(copied_in_between()), expected, **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [DeepLiftExplainer, partial(IntegratedGradientsExplainer, n_steps=50, check="ignore"), GradientExplainer]
)
def test_ten_thousand_small_calls(kind, model, monkeypatch):
    """Once each size up to 16 is compiled, nothing more is compiled, and no memory is kept."""
    explainer, traces, make_graph = kind(model, target=1).fit(ROWS), [], tf.Graph.__init__

    def made(graph, *args, **options):
        # Each trace makes a graph.
        traces.append(1)
        make_graph(graph, *args, **options)

    monkeypatch.setattr(tf.Graph, "__init__", made)
    tf.function(lambda: tf.constant(1))()
    assert traces

    def calls(number):
        for call in range(number):
            explainer.transform(ROWS[: 1 + call % 16])

    calls(500)
    gc.collect()
    process = psutil.Process()
    memory = process.memory_info().rss
    traces.clear()
    calls(10_000)
    gc.collect()
    assert not traces
    assert process.memory_info().rss - memory < 20e6


def test_nothing_is_left_of_a_failed_call(model):
    explainer = DeepLiftExplainer(model, target=1).fit(ROWS)
    before = {name: id(value) for name, value in vars(explainer).items()}
    with pytest.raises(ValueError, match="NaN"):
        explainer.transform(iter([ROWS, np.full_like(ROWS, np.nan)]))
    assert {name: id(value) for name, value in vars(explainer).items()} == before
    assert skdeeplift.get_config() == {"memory_limit": None, "jit_compile": None}
