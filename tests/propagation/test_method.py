"""Explaining a chunk in one compiled call, and in calls of its parts."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network import devices
from skdeeplift.network.network import trace
from skdeeplift.propagation import method as method_module
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.pairing import Mode, Pairing, Request
from skdeeplift.propagation.rulesets import RESCALE
from skdeeplift.propagation.streams import Streams
from skdeeplift.targets.target import Target
from tests.functions import streams_of

N_ROWS, N_REFERENCES = 4, 3
RANDOM = np.random.default_rng(0)
ROWS, REFERENCES = RANDOM.normal(size=(N_ROWS, 5)), RANDOM.normal(size=(N_ROWS * N_REFERENCES, 5))
FIRST, SECOND = RANDOM.normal(size=(5, 8)), RANDOM.normal(size=(8, 3))
THIRD = RANDOM.normal(size=(3, 5))
WANTED = ("contributions", "squares", "multipliers")


def network(x):
    return tf.tanh(tf.nn.relu(x @ FIRST) @ SECOND)


def of_mode(mode):
    """Rows and references, laid out."""
    rows = np.repeat(ROWS, N_REFERENCES, 0) if mode is Mode.PAIR_SIZE else ROWS
    references = REFERENCES[:N_REFERENCES] if mode is Mode.SHARED else REFERENCES
    return [tf.constant(rows)], [tf.constant(references)]


@pytest.mark.parametrize("mode", Mode)
def test_one_call_gives_what_its_parts_give(mode):
    method, (rows, references) = streams_of(network, (5,)), of_mode(mode)
    pairing, of_references = Pairing(mode, N_ROWS, N_REFERENCES), np.array([0.5, 0.3, 0.2])
    of_target = RANDOM.normal(size=(N_ROWS, 1, 3))
    at_input, at_reference = method.forward(rows), method.forward(references)
    request = Request(pairing, of_target, of_references, wanted=WANTED)
    expected = method.contributions(request, at_input, at_reference)
    outputs, reference_outputs, got = method.explain(request, rows, references)
    np.testing.assert_allclose(outputs, network(rows[0]), rtol=1e-12)
    np.testing.assert_allclose(reference_outputs, network(references[0]), rtol=1e-12)
    for one, other in zip(got[0], expected[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    # By hand: contributions sum to the weighted mean of the changes.
    changes = np.reshape(of_target * outputs.numpy().reshape(N_ROWS, -1, 3)[:, :1], (N_ROWS, 1, 3)).sum(-1)
    of_rows = reference_outputs.numpy().reshape(1 if mode is Mode.SHARED else N_ROWS, N_REFERENCES, 3)
    changes = changes - (of_target * of_rows).sum(-1)
    np.testing.assert_allclose(got[0][0].numpy().sum((1, 2)), changes @ of_references, rtol=1e-10)


@pytest.mark.parametrize("bytes_of_op", [0, 2**17], ids=["apart", "as one batch"])
def test_rows_and_shared_references_apart_or_as_one_batch(monkeypatch, bytes_of_op):
    """Large rows are not copied beside the references, which would take longer than to run the network once more."""
    monkeypatch.setattr(devices, "CPU", devices.CPU._replace(bytes_of_op=bytes_of_op))
    method, (rows, references) = streams_of(network, (5,)), of_mode(Mode.SHARED)
    together, forward_both = [], method.forward_both
    monkeypatch.setattr(method.runs, "forward_both", lambda *both: together.append(both) or forward_both(*both))
    request = Request(Pairing(Mode.SHARED, N_ROWS, N_REFERENCES), np.ones((1, 1, 3)), np.full(N_REFERENCES, 1 / 3))
    at_input, at_reference, sums = method.explain(request, rows, references)
    assert bool(together) == (bytes_of_op > 0)
    np.testing.assert_allclose(at_input, network(rows[0]), rtol=1e-12)
    np.testing.assert_allclose(at_reference, network(references[0]), rtol=1e-12)
    changes = at_input.numpy().sum(1) - at_reference.numpy().sum(1).mean()
    np.testing.assert_allclose(sums[0][0].numpy().sum((1, 2)), changes, rtol=1e-10)


def test_a_loop_is_run_once_for_rows_and_references(monkeypatch):
    """It may take as long as hundreds of ops, however large the rows."""

    def repeated(x):
        return tf.while_loop(
            lambda step, _: step < 3, lambda step, x: (step + 1, tf.tanh(x @ FIRST @ SECOND @ THIRD)), (0, x)
        )[1]

    monkeypatch.setattr(devices, "CPU", devices.CPU._replace(bytes_of_op=1))
    method, (rows, references) = streams_of(repeated, (5,)), of_mode(Mode.SHARED)
    together, forward_both = [], method.forward_both
    monkeypatch.setattr(method.runs, "forward_both", lambda *both: together.append(both) or forward_both(*both))
    request = Request(Pairing(Mode.SHARED, N_ROWS, N_REFERENCES), np.ones((1, 1, 5)), np.ones(N_REFERENCES))
    method.explain(request, rows, references)
    assert together


def test_values_at_shared_references_can_be_given():
    method, (rows, references) = streams_of(network, (5,)), of_mode(Mode.SHARED)
    request = Request(Pairing(Mode.SHARED, N_ROWS, N_REFERENCES), np.ones((1, 1, 3)), np.ones(N_REFERENCES))
    _, _, expected = method.explain(request, rows, references)
    _, at_reference, got = method.explain(request, rows, [], method.forward(references))
    np.testing.assert_allclose(got[0][0], expected[0][0], rtol=1e-12)
    np.testing.assert_allclose(at_reference, network(references[0]), rtol=1e-12)


def test_a_target_may_depend_on_what_is_computed():
    """Each row's largest output, chosen within the call."""
    method, (rows, references) = streams_of(network, (5,)), of_mode(Mode.PER_ROW)
    pairing, weights = Pairing(Mode.PER_ROW, N_ROWS, N_REFERENCES), np.full(N_REFERENCES, 1 / N_REFERENCES)
    largest = np.argmax(network(rows[0]), 1)
    of_target = np.eye(3)[largest][:, None]
    _, _, expected = method.explain(Request(pairing, of_target, weights), rows, references)
    _, _, got = method.explain(Request(pairing, Target("predicted"), weights), rows, references)
    np.testing.assert_allclose(got[0][0], expected[0][0], rtol=1e-12)
    assert len(set(largest)) > 1


def test_layers_sum_together_unless_one_lies_behind_another():
    graph, _ = trace(
        lambda x: tf.tanh(tf.nn.relu(x @ FIRST)) + tf.sigmoid(x @ FIRST), tf.TensorSpec((None, 5), "float64")
    )
    relu, tanh, sigmoid = (
        next(op.outputs[0] for op in graph.ops if op.type == name) for name in ("Relu", "Tanh", "Sigmoid")
    )

    def groups(*values):
        streams = Streams(graph, graph.outputs[0], [Source(value) for value in values], RESCALE, parts=True)
        return method_module.find_summing_groups(streams)

    assert groups(relu, sigmoid) == groups(tanh, sigmoid) == [(0, 1)]
    assert groups(relu, tanh) == groups(relu, tanh, sigmoid) == []
    assert groups(relu, graph.outputs[0]) == [(1,)]


def test_the_coarsest_dtype_has_the_fewest_digits():
    values = [tf.TensorSpec((1,), dtype) for dtype in (tf.float32, tf.int32, tf.bfloat16, tf.float16)]
    assert method_module.coarsest_dtype(values) == tf.bfloat16
    assert method_module.coarsest_dtype(values[1:2]) is None
    assert streams_of(network, (5,)).coarsest_dtype == tf.float64
