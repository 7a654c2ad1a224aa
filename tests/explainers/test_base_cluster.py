"""A cluster of processes, as Dask starts it; one of them is killed."""

import os
import signal
import threading
import time
import warnings

import dask.array as da
import joblib
import keras
import numpy as np
import pytest
from distributed import Client, LocalCluster

from skdeeplift import DeepLiftExplainer, MeanAbsoluteImportance
from skdeeplift.exceptions import SummationToDeltaError, SummationToDeltaWarning
from skdeeplift.execution import workers as worker_copy

ROWS = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def explainer():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((6,)), *layers])
    return DeepLiftExplainer(model, reference="sample", max_references=7, random_state=0).fit(ROWS)


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def slowly(block):
    time.sleep(0.5)
    return block


def unpacked():
    """Return the ids of the objects that this worker has unpacked."""
    return [id(value) for value in worker_copy._UNPACKED.values()]


def kill_one(client):
    """Kill the process of a worker, as a machine that is switched off would."""
    os.kill(min(client.run(os.getpid).values()), signal.SIGKILL)


@pytest.mark.slow
def test_a_worker_is_killed_in_the_middle(client, explainer):
    expected = explainer.transform(ROWS)
    rows = da.from_array(ROWS, chunks=(20, 6)).map_blocks(slowly, dtype=ROWS.dtype, meta=ROWS[:0])
    before = set(client.run(os.getpid).values())
    future = client.compute(explainer.transform(rows))
    deadline = time.monotonic() + 120
    while not any(client.run(unpacked).values()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(1.5)
    assert not future.done()
    kill_one(client)
    got = future.result(timeout=240)
    assert set(client.run(os.getpid).values()) != before
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    # The network came to each worker once: the next call finds what was unpacked there.
    explainer.transform(da.from_array(ROWS, chunks=(20, 6))).compute()
    kept = client.run(unpacked)
    assert all(len(objects) == 1 for objects in kept.values())
    explainer.transform(da.from_array(ROWS, chunks=(50, 6))).compute()
    assert client.run(unpacked) == kept


@pytest.mark.slow
def test_importances_are_reduced_where_contributions_are(client, explainer):
    contributions = explainer.transform(da.from_array(ROWS, chunks=(20, 6)))
    got = MeanAbsoluteImportance().fit(contributions).feature_importances_
    expected = MeanAbsoluteImportance().fit(explainer.transform(ROWS)).feature_importances_
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    options = {"max_samples": 300, "random_state": 0}
    fitted = DeepLiftExplainer(explainer.estimator, **options).fit(da.from_array(ROWS, chunks=(20, 6)))
    expected = DeepLiftExplainer(explainer.estimator, **options).fit(ROWS).feature_importances_
    np.testing.assert_allclose(fitted.feature_importances_, expected, rtol=1e-5)


@pytest.mark.slow
def test_joblib_on_the_cluster_while_a_worker_is_killed(client, explainer):
    """References that are made by a function, slowly, so that the worker is in the middle of something."""

    def reference(rows, random_state):
        time.sleep(0.3)
        return np.zeros((len(rows), 1, 6))

    slow = DeepLiftExplainer(explainer.estimator, reference=reference, batch_size=8, max_samples=10, random_state=0)
    expected = slow.fit(ROWS[:10]).set_params(n_jobs=2).explain(ROWS)
    before = set(client.run(os.getpid).values())
    killing = threading.Timer(3.0, kill_one, [client])
    killing.start()
    with joblib.parallel_config(backend="dask", wait_for_workers_timeout=60):
        got = slow.explain(ROWS)
    killing.join()
    assert set(client.run(os.getpid).values()) != before
    np.testing.assert_allclose(got.contributions, expected.contributions, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(got.target, expected.target)


@pytest.mark.slow
@pytest.mark.usefixtures("client")
def test_warnings_come_back():
    """The worker's warning reaches the client: rounding at a large number takes the change of two rows."""
    x = keras.Input((6,))
    # A number that TensorFlow does not know when it optimizes the graph.
    large = 1e8 + keras.ops.relu(-keras.ops.absolute(x[:, 1:]))
    lost = (keras.ops.relu(x[:, :1] - 8.0) + large) - large
    model = keras.Model(x, keras.ops.sum(x[:, 1:] + lost, 1, keepdims=True))
    rows = ROWS.copy()
    rows[[250, 255], 0] = 9.5, 10.5
    explainer = DeepLiftExplainer(model, reference=1.0).fit(ROWS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        explainer.transform(da.from_array(rows, chunks=(100, 6))).compute()
        deadline = time.monotonic() + 20
        while not caught and time.monotonic() < deadline:
            time.sleep(0.1)
    [message] = {str(each.message) for each in caught if each.category is SummationToDeltaWarning}
    assert "In 2 of 100 rows" in message
    assert "The worst is row 25" in message
    with pytest.raises(SummationToDeltaError, match="row 25"):
        explainer.set_params(check="raise").transform(da.from_array(rows, chunks=(100, 6))).compute()
