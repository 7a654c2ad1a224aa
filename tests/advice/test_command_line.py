"""Advice of the command line."""

import sys

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer, Explanation
from skdeeplift.__main__ import main
from skdeeplift.plotting import ImageContributionDisplay

pytestmark = pytest.mark.advice


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    keras.Sequential([keras.Input((2,)), layers.Dense(2, "relu", name="last"), layers.Dense(1)]).save(
        folder / "model.keras"
    )
    keras.Sequential([keras.Input((2, 2)), layers.Flatten(), layers.Dense(1)]).save(folder / "images.keras")
    keras.Sequential([keras.Input((2, 2, 2, 2)), layers.Flatten(), layers.Dense(1)]).save(folder / "volumes.keras")
    np.save(folder / "volumes.npy", np.ones((2, 2, 2, 2, 2), np.float32))
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    keras.Model([left, right], layers.Dense(1)(layers.concatenate([left, right]))).save(folder / "two.keras")
    table = pd.DataFrame({"id": ["p", "q"], "age": [3.0, 5.0], "dose": [0.5, 1.0], "diagnosis": ["ill", "well"]})
    table.to_csv(folder / "rows.csv", index=False)
    table[["age", "dose"]].to_csv(folder / "numbers.csv", index=False)
    table[["age", "dose"]].assign(dose=[0.5, None]).to_csv(folder / "missing.csv", index=False)
    np.save(folder / "images.npy", np.ones((2, 2, 2), np.float32))
    np.savez(folder / "two.npz", left=np.ones((2, 2), np.float32), right=np.ones((2, 2), np.float32))
    return folder


@pytest.fixture
def follow(folder, capsys):
    """A function that runs a command, whose error gives the advice, and then others, which end well."""

    def run(*words, data="numbers.csv", model="model.keras", before=lambda: None):
        before()
        status = main(["explain", str(folder / model), str(folder / data), *map(str, words)])
        return status, capsys.readouterr().err

    def follow(advice, wrong, *following):
        status, error = run(**wrong) if isinstance(wrong, dict) else run(*wrong)
        assert status == 2
        assert advice in error
        for words, options in following:
            assert run(*words, **options) == (0, "")

    return follow


def test_columns_that_are_no_inputs(follow):
    follow(
        "Leave columns out that are not inputs with --drop NAME, and name the column that labels the rows with --index",
        {"data": "rows.csv"},
        (["--drop", "diagnosis", "--index", "id"], {"data": "rows.csv"}),
    )


def test_missing_values(follow, folder):
    table = pd.read_csv(folder / "missing.csv")
    table.fillna(1.0).to_csv(folder / "filled.csv", index=False)
    table.dropna().to_csv(folder / "left.csv", index=False)
    follow(
        "fill them in as in its training rows, or leave their rows out",
        {"data": "missing.csv"},
        ([], {"data": "filled.csv"}),
        ([], {"data": "left.csv"}),
    )


def test_several_arrays(follow, folder, capsys, tmp_path):
    output = tmp_path / "contributions.npy"
    two = ["explain", str(folder / "two.keras"), str(folder / "two.npz"), "--output"]
    assert main([*two, str(output)]) == 2
    assert "write an .npz file" in capsys.readouterr().err
    assert main([*two, str(output.with_suffix(".npz"))]) == 0
    explanation = Explanation.load(output.with_suffix(".npz"))
    assert set(explanation.contributions) == {"left", "right"}


def test_plots_of_what_is_no_table(folder, capsys, tmp_path):
    images = ["explain", str(folder / "volumes.keras"), str(folder / "volumes.npy")]
    assert main([*images, "--plot", str(tmp_path / "plot.png")]) == 2
    assert "Write them with --output, and draw them in Python with skdeeplift.plotting" in capsys.readouterr().err
    assert main([*images, "--output", str(tmp_path / "contributions.npy")]) == 0
    written, X = np.load(tmp_path / "contributions.npy"), np.load(folder / "volumes.npy")
    explanation = DeepLiftExplainer(folder / "volumes.keras").fit(X).explain(X)
    np.testing.assert_allclose(explanation.contributions, written, rtol=1e-6)
    assert ImageContributionDisplay(X[..., 0, 0], [written.sum((-1, -2))], ["summed"]).plot() is not None


@pytest.mark.parametrize(
    ("package", "words", "data", "advice"),
    [
        ("matplotlib", ["--plot", "plot.png"], "numbers.csv", "pip install 'skdeeplift[plot]'"),
        ("pyarrow", [], "numbers.parquet", "pip install pyarrow"),
    ],
)
def test_packages_to_install(folder, capsys, tmp_path, monkeypatch, package, words, data, advice):
    """The commands are those of pip, which this test does not run: afterwards the package is there."""
    pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    pd.read_csv(folder / "numbers.csv").to_parquet(folder / "numbers.parquet")
    command = ["explain", str(folder / "model.keras"), str(folder / data), *words]
    with monkeypatch.context() as without:
        without.setitem(sys.modules, package, None)
        assert main(command) == 2
    assert advice in capsys.readouterr().err
    assert main(command) == 0


def test_files_that_are_read(follow, folder, tmp_path):
    follow(
        "which is read. Name another file",
        ["--output", folder / "numbers.csv"],
        (["--output", tmp_path / "contributions.csv"], {}),
    )
