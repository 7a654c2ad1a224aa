"""Standard input and output, and results that are not lost when something fails after they are computed."""

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skdeeplift import DeepLiftExplainer, Explanation
from skdeeplift.__main__ import main
from skdeeplift.command_line import result_files

COLUMNS = ["--index", "id", "--drop", "diagnosis", "--reference", "zeros"]
BY_RESCALE = [[1.5, -0.5], [10 / 3, -4 / 3]]


def explain(folder, data, *words, model="model.keras"):
    return main(["explain", str(folder / model), str(data), *map(str, words)])


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.npy"])
def test_standard_input_and_output(folder, monkeypatch, capsys, name):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / name).read_bytes())))
    words = ["--reference", "zeros"] if name == "rows.npy" else COLUMNS
    assert explain(folder, "-", *words, "--output", "-") == 0
    printed, summary = capsys.readouterr()
    table = pd.read_csv(io.StringIO(printed), index_col=0)
    np.testing.assert_allclose(table.iloc[:, 2:], BY_RESCALE, rtol=1e-6)
    # The table has standard output for itself.
    assert "the target is 1.5 on average" in summary


def test_damaged_standard_input(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert explain(folder, "-") == 2
    assert capsys.readouterr().err == "skdeeplift explain: error: cannot read standard input: it is empty\n"


def test_the_order_of_columns(folder, tmp_path, capsys):
    """It is said where nothing tells the order."""
    assert explain(folder, folder / "rows.csv", *COLUMNS) == 0
    note = "The order of the columns is not checked: the network has no names for age, dose. To check it, pass the"
    assert note in capsys.readouterr().out
    pd.DataFrame({"age": [1.0], "dose": [2.0]}).to_csv(tmp_path / "training.csv", index=False)
    assert explain(folder, folder / "rows.csv", *COLUMNS, "--background", tmp_path / "training.csv") == 0
    assert "not checked" not in capsys.readouterr().out
    # An array has no names that could be in another order.
    assert explain(folder, folder / "rows.npy") == 0
    assert "not checked" not in capsys.readouterr().out


def test_an_output_that_cannot_be_written_is_kept_elsewhere(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    assert explain(folder, folder / "rows.csv", *COLUMNS, "--output", tmp_path / "out.csv") == 2
    error = capsys.readouterr().err
    assert "the results cannot be written (No space left on device). They are kept in '" in error
    kept = Path(error.rpartition(" in '")[2].rstrip("'\n"))
    np.testing.assert_allclose(Explanation.load(kept).contributions, BY_RESCALE, rtol=1e-6)
    assert not (tmp_path / "out.csv").exists()
    # Where there is no space for that either, the first error is said.
    monkeypatch.setattr(Explanation, "save", full)
    assert explain(folder, folder / "rows.csv", *COLUMNS, "--output", tmp_path / "out.csv") == 2
    assert capsys.readouterr().err == "skdeeplift explain: error: No space left on device\n"


def test_a_picture_that_fails_comes_after_everything_else(folder, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fail(*arguments):
        raise ValueError("it cannot be drawn")

    monkeypatch.setattr(result_files, "write_picture", fail)
    words = [*COLUMNS, "--plot", tmp_path / "out.png"]
    assert explain(folder, folder / "rows.csv", *words, "--output", tmp_path / "out.npy") == 2
    printed, error = capsys.readouterr()
    assert "the target is 1.5 on average" in printed
    assert f"Wrote {tmp_path / 'out.npy'}" in printed
    assert error == "skdeeplift explain: error: it cannot be drawn\n"
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), BY_RESCALE, rtol=1e-6)
    # Without another file, all is kept.
    assert explain(folder, folder / "rows.csv", *words) == 2
    assert "it cannot be drawn). They are kept in" in capsys.readouterr().err


def test_contributions_that_miss_the_change_are_written_before_the_error(folder, tmp_path, capsys):
    words = [*COLUMNS, "--method", "integrated_gradients", "--set", "n_steps=1", "--output", tmp_path / "out.npz"]
    assert explain(folder, folder / "rows.csv", *words, "--set", "check=raise") == 2
    printed, error = capsys.readouterr()
    assert f"Wrote {tmp_path / 'out.npz'}" in printed
    assert error.count("\n") == 2
    assert error.startswith("skdeeplift: warning: ")
    assert "skdeeplift explain: error: " in error
    assert Explanation.load(tmp_path / "out.npz").contributions.shape == (2, 2)
    assert explain(folder, folder / "rows.csv", *words) == 0
    assert capsys.readouterr().err.startswith("skdeeplift: warning: ")


@pytest.mark.parametrize("when", ["explaining", "writing"])
def test_an_interrupt_leaves_no_file(folder, tmp_path, capsys, monkeypatch, when):
    def interrupt(*arguments, **options):
        if when == "writing":
            Path(arguments[1]).write_text("half")
        raise KeyboardInterrupt

    place = (DeepLiftExplainer, "explain") if when == "explaining" else (pd.DataFrame, "to_csv")
    monkeypatch.setattr(*place, interrupt)
    assert explain(folder, folder / "rows.csv", *COLUMNS, "--output", tmp_path / "out.csv") == 130
    assert capsys.readouterr() == ("", "skdeeplift explain: interrupted\n")
    assert not list(tmp_path.iterdir())


def test_classes_and_predictions_are_in_every_file(classifier, folder, tmp_path):
    words = [*COLUMNS, "--classes", "a,b,c", "--quiet", "--output"]
    for name in ("out.npz", "out.csv"):
        assert explain(folder, folder / "rows.csv", *words, tmp_path / name, model=classifier.name) == 0
    table, saved = pd.read_csv(tmp_path / "out.csv"), np.load(tmp_path / "out.npz")
    for name in ("explained_class", "prediction", "reference_value"):
        np.testing.assert_array_equal(table[name], saved[name])
    assert Explanation.load(tmp_path / "out.npz").explained_class.tolist() == ["c", "c"]


@pytest.mark.parametrize(("target", "name"), [("auto", "well"), ("ill", "ill"), ("all", None)])
def test_two_classes_of_one_logit(folder, tmp_path, target, name):
    keras = pytest.importorskip("keras")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")]).save(tmp_path / "model.keras")
    words = ["--classes", "ill,well", "--target", target, "--output", tmp_path / "out.csv", "--quiet"]
    assert explain(tmp_path, folder / "rows.npy", *words) == 0
    table = pd.read_csv(tmp_path / "out.csv")
    if name is None:
        names = ["prediction__well", "reference_value__well", "x0__well", "x1__well"]
        assert table.columns.tolist() == ["row", *names]
    else:
        assert table["explained_class"].tolist() == [name, name]


def test_a_column_that_has_the_name_of_one_of_ours(folder, tmp_path):
    table = pd.DataFrame({"age": [3.0, 5.0], "prediction": [0.5, 1.0]})
    table.to_csv(tmp_path / "rows.csv", index=False)
    output = tmp_path / "out.csv"
    assert explain(folder, tmp_path / "rows.csv", "--reference", "zeros", "--output", output) == 0
    written = pd.read_csv(output)
    assert written.columns.tolist() == ["row", "prediction_of_row", "reference_value", "age", "prediction"]
    np.testing.assert_allclose(written[["age", "prediction"]], BY_RESCALE, rtol=1e-6)


def test_pictures_with_their_contributions(tmp_path, capsys):
    keras, image = pytest.importorskip("keras"), pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    model = keras.Sequential([keras.Input((8, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    model.save(tmp_path / "model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    image.fromarray(pixels).save(tmp_path / "cat.png")
    words = [tmp_path / "cat.png", "--reference", "zeros"]
    assert explain(tmp_path, *words) == 2
    assert "the network does not define the range of its pixels. Pass --pixels 0..255" in capsys.readouterr().err
    words += ["--pixels", "0..1"]
    output = ["--output", tmp_path / "out.npz", "--plot", tmp_path / "out.png"]
    assert explain(tmp_path, *words, *output) == 0
    explanation = Explanation.load(tmp_path / "out.npz")
    expected = DeepLiftExplainer(model, reference="zeros").fit(pixels[None] / 255).explain(pixels[None] / 255)
    np.testing.assert_allclose(explanation.contributions, expected.contributions, rtol=1e-4, atol=1e-6)
    assert explanation.index.tolist() == ["cat.png"]
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert printed.splitlines()[2].split()[:2] == ["cat.png", str(expected.target[0])]
    assert explain(tmp_path, *words, "--output", tmp_path / "out.csv") == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert len(table) == 8 * 6 * 3
    assert table["row"].unique().tolist() == ["cat.png"]
    np.testing.assert_allclose(table["prediction"], expected.prediction[0], rtol=1e-5)


def test_array_images_and_layers(tmp_path):
    keras = pytest.importorskip("keras")
    pytest.importorskip("matplotlib")
    conv = keras.layers.Conv2D(2, 3, activation="relu", name="conv")
    keras.Sequential([keras.Input((8, 8, 1)), conv, keras.layers.Flatten(), keras.layers.Dense(1, name="last")]).save(
        tmp_path / "model.keras"
    )
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).uniform(size=(2, 8, 8, 1)))
    for words in ([], ["--layer", "conv"], ["--layer", "last"]):
        assert explain(tmp_path, tmp_path / "rows.npy", *words, "--plot", tmp_path / "out.png") == 0
        assert (tmp_path / "out.png").stat().st_size > 10_000
        (tmp_path / "out.png").unlink()
