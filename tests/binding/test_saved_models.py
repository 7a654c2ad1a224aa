"""SavedModels of explanations: complete or not written, without traces of this machine, in the forms of services."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from skdeeplift import DeepLiftExplainer
from skdeeplift.binding import saved_models
from tests.binding.networks import ROWS, table_network


@pytest.fixture(scope="module")
def explainer():
    # Few sizes of blocks, so that exports are small.
    return DeepLiftExplainer(table_network(3, "softmax"), target=0, batch_size=4).fit(ROWS)


def test_an_interrupted_export_leaves_the_earlier_one(explainer, tmp_path, monkeypatch):
    folder = tmp_path / "export"
    explainer.export(folder)
    forget = saved_models._forget_origin

    def interrupt(path):
        forget(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(saved_models, "_forget_origin", interrupt)
    with pytest.raises(KeyboardInterrupt):
        explainer.export(folder, target=1)
    with pytest.raises(KeyboardInterrupt):
        explainer.export(tmp_path / "other", target=1)
    assert list(tmp_path.iterdir()) == [folder]
    loaded = tf.saved_model.load(folder)
    np.testing.assert_allclose(loaded.explain(ROWS)["contributions"], explainer.transform(ROWS), rtol=1e-4, atol=1e-6)
    monkeypatch.undo()
    explainer.export(folder, target=1)
    assert set(os.listdir(folder)) <= saved_models.ENTRIES
    loaded = tf.saved_model.load(folder)
    np.testing.assert_allclose(
        loaded.explain(ROWS)["contributions"], explainer.transform(ROWS, target=1), rtol=1e-4, atol=1e-6
    )


def test_folders_with_other_files_are_not_touched(explainer, tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(FileExistsError, match=r"holds '1', which is no part of one"):
        explainer.export(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_files_name_no_device(tmp_path):
    with tf.device("CPU:0"):
        DeepLiftExplainer(table_network(), reference="zeros").fit(ROWS).export(tmp_path)
    stored = SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    nodes = [
        node
        for each in stored.meta_graphs
        for function in each.graph_def.library.function
        for node in function.node_def
    ]
    assert {node.device for node in nodes} == {""}


def test_inputs_whose_names_differ_only_in_signs(tmp_path):
    inputs = [keras.Input((2,), name=name) for name in ("a.b", "a-b", "target")]
    network = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Concatenate()(inputs)))
    rows = [ROWS[:, :2], ROWS[:, 2:4], ROWS[:, 1:3]]
    explainer = DeepLiftExplainer(network, target=0).fit(rows)
    explainer.export(tmp_path, target_per_row=True)
    loaded = tf.saved_model.load(tmp_path)
    signature, targets = loaded.signatures["serving_default"], np.arange(len(ROWS)) % 3
    names = ["a_b", "a_b_1", "target", "target_3"]
    assert sorted(signature.structured_input_signature[1]) == sorted(names)
    found = signature(**dict(zip(names, map(tf.constant, [*rows, targets]), strict=True)))
    expected = explainer.explain(rows, target=targets).contributions
    for name, array in zip(names, expected, strict=False):
        np.testing.assert_allclose(found[f"contributions_{name}"], array, rtol=1e-4, atol=1e-6)


def test_a_session_runs_the_signature(explainer, tmp_path):
    """TensorFlow Serving and C++ run a SavedModel in a session, by the names of tensors."""
    explainer.export(tmp_path)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        served = tf.compat.v1.saved_model.load(session, ["serve"], str(tmp_path))
        signature = served.signature_def["serving_default"]
        names = {name: signature.outputs[name].name for name in signature.outputs}
        found = session.run(names, {signature.inputs["rows"].name: ROWS})
    expected = explainer.explain(ROWS)
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=1e-6)
