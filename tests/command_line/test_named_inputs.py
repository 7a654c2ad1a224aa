import keras
import numpy as np
import pandas as pd
import pytest

from skdeeplift import Explanation
from skdeeplift.__main__ import main
from skdeeplift.command_line.named_inputs import split_columns

ROWS = pd.DataFrame({"dose": [0.5, 1.0], "age": [3.0, 5.0]}, pd.Index(["p", "q"], name="id"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network of two named inputs, age - 2 dose, and the same for two classes."""
    path = tmp_path_factory.mktemp("named") / "model.keras"
    inputs = [keras.Input((1,), name=name) for name in ("age", "dose")]
    outputs = keras.layers.Dense(2)(keras.layers.concatenate(inputs))
    network = keras.Model(inputs, outputs)
    network.set_weights([np.array([[1.0, -1.0], [-2.0, 2.0]]), np.zeros(2)])
    network.save(path)
    return path


@pytest.mark.parametrize("target", ["0", "all"])
def test_columns_are_found_by_their_names(model, tmp_path, capsys, target):
    """In any order, which needs no check then; the output is that of a table."""
    pytest.importorskip("matplotlib")
    ROWS.to_csv(tmp_path / "rows.csv")
    words = [model, tmp_path / "rows.csv", "--index", "id", "--reference", "zeros", "--target", target]
    output = ["--output", tmp_path / "out.csv", "--plot", tmp_path / "out.png"]
    assert main(["explain", *map(str, [*words, *output])]) == 0
    table = pd.read_csv(tmp_path / "out.csv", index_col="id")
    assert table.index.tolist() == ["p", "q"]
    expected = pd.DataFrame({"dose": [-1.0, -2.0], "age": [3.0, 5.0]}, ROWS.index)
    names = ["dose", "age"] if target == "0" else ["dose__0", "age__0"]
    np.testing.assert_allclose(table[names], expected)
    assert "not checked" not in capsys.readouterr().out
    saved = ["--select", "1", "--output", tmp_path / "out.npz"]
    assert main(["explain", *map(str, [*words, *saved])]) == 0
    explanation = Explanation.load(tmp_path / "out.npz")
    assert explanation.feature_names.tolist() == ["age"]
    pd.testing.assert_frame_equal(explanation.X, ROWS[["age"]])


def test_columns_that_are_no_inputs():
    shapes = {"age": (1,), "dose": ()}
    arrays = split_columns(ROWS, shapes)
    assert {name: array.shape for name, array in arrays.items()} == {"age": (2, 1), "dose": (2,)}
    with pytest.raises(ValueError, match=r"no input 'weight'\. Leave the column out with --drop weight"):
        split_columns(ROWS.assign(weight=1), shapes)
    with pytest.raises(
        ValueError, match=r"has an input 'dosis', and DATA has no column of this name\. Did you mean dose\?"
    ):
        split_columns(ROWS, {"age": (1,), "dosis": (1,)})
    with pytest.raises(ValueError, match=r"takes 2 inputs .*and DATA is one table"):
        split_columns(ROWS, {"age": (1,), "dose": (2,)})
