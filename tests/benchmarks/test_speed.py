"""Time and memory, only ever as ratios, and that calls of sizes seen before compile nothing."""

import importlib.util

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer
from skdeeplift.propagation import replay
from skdeeplift.propagation.streams import Streams
from tests.benchmarks.measure import PROCESS_STATUS, in_fresh_process
from tests.benchmarks.workloads import BENCHMARKS

pytestmark = [pytest.mark.slow, pytest.mark.benchmark]
needs_shap = pytest.mark.skipif(importlib.util.find_spec("shap") is None, reason="shap is not installed")
needs_linux = pytest.mark.skipif(not PROCESS_STATUS.exists(), reason="peak memory is read from Linux's /proc")
# Rows are padded to powers of two, of which there are eight up to 250; here are seventeen sizes.
SIZES = (100, 37, 250, 100, 1, *range(64, 128, 5))
# The same commit gives ratios that differ by so much between days and machines; what makes it slower gives more.
ALLOWED = 1.25
conditions = {"mlp-shap": [needs_shap], "memory": [needs_linux]}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[*conditions.get(name, ()), *[pytest.mark.exhaustive] * benchmark.is_exhaustive])
        for name, benchmark in BENCHMARKS.items()
        if not benchmark.depends_on_machine
    ],
)
def test_ratio(name):
    # Other work on the machine makes a measurement slower, hardly ever faster: one of five within the bound is enough.
    for _ in range(5):
        measured = in_fresh_process(name)
        print(f"{name}: {measured} {BENCHMARKS[name].unit}")
        if measured.ratio <= ALLOWED * BENCHMARKS[name].bound:
            break
    assert measured.ratio <= ALLOWED * BENCHMARKS[name].bound, f"{BENCHMARKS[name].run.__doc__} {measured}"


@pytest.fixture
def counted(monkeypatch):
    """How often the network was called, a third stream was traced, and any op was created by a trace."""
    calls = {"network": 0, "third stream": 0, "op": 0}

    def count(what, function):
        def counting(*args, **kwargs):
            calls[what] += 1
            return function(*args, **kwargs)

        return counting

    monkeypatch.setattr(Streams, "differences", count("third stream", Streams.differences))
    monkeypatch.setattr(replay, "create", count("op", replay.create))
    calls["counting layer"] = keras.layers.Lambda(count("network", lambda tensor: tensor))
    return calls


@pytest.mark.parametrize("n_references", [1, 3])
def test_sizes_seen_before_are_not_traced_again(counted, n_references):
    network = keras.Sequential(
        [keras.Input((6,)), counted["counting layer"], keras.layers.Dense(8, "relu"), keras.layers.Dense(2)]
    )
    X = np.random.default_rng(0).normal(size=(250, 6)).astype("float32")
    called_while_built = counted["network"]
    explainer = DeepLiftExplainer(network, reference=X[:n_references], target=1).fit(X)
    explainer.transform(X)
    assert counted["network"] == called_while_built + 1
    assert counted["third stream"] >= 1

    traced = counted["third stream"]
    contributions = [explainer.transform(X[:size]) for size in SIZES]
    assert counted["third stream"] - traced <= 8

    operations = counted["op"]
    again = [explainer.transform(X[:size]) for size in SIZES]
    assert counted["op"] == operations
    assert counted["network"] == called_while_built + 1
    for first, second in zip(contributions, again, strict=True):
        np.testing.assert_array_equal(first, second)

    # The explainer's earlier trace serves again.
    explainer.fit(X)
    assert counted["network"] == called_while_built + 1
