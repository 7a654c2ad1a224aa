import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.__main__ import main


def test_rules_of_a_network(folder, capsys):
    assert main(["describe", str(folder / "model.keras"), "--rule", "reveal_cancel"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["layer", "op", "family", "rule", "supported"]
    assert lines[1].split() == ["last", "MatMul", "linear", "apply_weights", "yes"]
    assert lines[3].split() == ["last", "Relu", "activation", "reveal_cancel", "yes"]
    assert lines[-1] == "3 operations in 1 layers; each has a rule."


def test_what_has_no_rule(tmp_path, capsys):
    @keras.saving.register_keras_serializable()
    class Length(keras.layers.Layer):
        def call(self, x):
            return tf.linalg.svd(x[:, None], compute_uv=False)

    keras.Sequential([keras.Input((2,)), Length(name="length")]).export(tmp_path / "saved", verbose=False)
    assert main(["describe", str(tmp_path / "saved")]) == 0
    last = capsys.readouterr().out.splitlines()[-2:]
    assert last[0].endswith("1 cannot be explained:")
    assert "a matrix decomposition" in last[1]


def test_what_is_refused(folder, tmp_path, capsys):
    for words in (
        [str(tmp_path / "nowhere.keras")],
        [str(folder / "model.keras"), "--data", str(folder / "rows.csv")],
    ):
        assert main(["describe", *words]) == 2
        error = capsys.readouterr().err
        assert error.startswith("skdeeplift describe: error: ")
        assert error.count("\n") == 1


def test_rows_complete_what_a_network_leaves_open(folder, tmp_path, capsys):
    np.save(tmp_path / "rows.npy", np.ones((1, 2), np.float32))
    assert main(["describe", str(folder / "model.keras"), "--data", str(tmp_path / "rows.npy")]) == 0
    assert "each has a rule" in capsys.readouterr().out


def test_unknown_rules(folder, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["describe", str(folder / "model.keras"), "--rule", "rescal"])
    assert capsys.readouterr().err == "skdeeplift describe: error: --rule has no 'rescal'. Did you mean rescale?\n"
