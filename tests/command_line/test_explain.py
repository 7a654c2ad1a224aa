import argparse
import errno
import inspect
import os
import subprocess
import sys
import tempfile

import keras
import numpy as np
import pandas as pd
import pytest

import skdeeplift
from skdeeplift import Explanation
from skdeeplift.__main__ import main
from skdeeplift.command_line.explain import METHODS, add_arguments, make_explainer
from skdeeplift.references.assembly import REFERENCE_NAMES

# Of relu(x1 - 2 x2 - 1) at (3, 0.5) and (5, 1), where it is 1 and 2, from zeros, where it is 0: by the rescale rule the
# slope is delta_out / delta_in, 1 / 2 and 2 / 3, since the linear part is -1 at the reference.
BY_RESCALE = [[1.5, -0.5], [10 / 3, -4 / 3]]
COLUMNS = ["--index", "id", "--drop", "diagnosis"]


def explain(folder, *words, data="rows.csv", model="model.keras"):
    return main(["explain", str(folder / model), str(folder / data), *map(str, words)])


def refused(capsys, status):
    """The one line that says what is wrong."""
    assert status == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    assert error.count("\n") == 1
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize("data", ["rows.csv", "rows.tsv"])
def test_table_in_and_table_out(folder, tmp_path, capsys, data):
    output = tmp_path / "contributions.csv"
    assert explain(folder, *COLUMNS, "--reference", "zeros", "--output", output, data=data) == 0
    table = pd.read_csv(output, index_col="id")
    assert table.index.tolist() == ["p", "q"]
    assert table.columns.tolist() == ["age", "dose"]
    np.testing.assert_allclose(table, BY_RESCALE, rtol=1e-6)
    lines = capsys.readouterr().out.splitlines()
    # The means of 1.5 and 10/3, and of 0.5 and 4/3, and half of what is between them.
    assert lines[1].split() == ["age", "2.417", "0.9167"]
    assert lines[2].split() == ["dose", "0.9167", "0.4167"]
    assert "2 rows; the target is 1.5 on average (1 to 2), and 0 at the reference" in lines
    assert lines[-1] == f"Wrote {output}"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("suffix", ["tsv", "parquet", "npy", "npz"])
def test_what_is_written(folder, tmp_path, capsys, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    output = tmp_path / f"contributions.{suffix}"
    assert explain(folder, *COLUMNS, "--reference", "zeros", "--output", output, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    read = {
        "tsv": lambda: pd.read_csv(output, sep="\t", index_col="id"),
        "parquet": lambda: pd.read_parquet(output),
        "npy": lambda: np.load(output),
        "npz": lambda: np.load(output)["contributions"],
    }
    contributions = read[suffix]()
    np.testing.assert_allclose(contributions, BY_RESCALE, rtol=1e-6)
    if suffix in ("tsv", "parquet"):
        assert contributions.index.tolist() == ["p", "q"]
    if suffix == "npz":
        explanation = Explanation.load(output)
        assert explanation.feature_names.tolist() == ["age", "dose"]
        np.testing.assert_allclose(np.load(output)["prediction"], [1, 2], rtol=1e-6)


@pytest.mark.parametrize("data", ["numbers.csv", "rows.npy"])
def test_rows_without_names(folder, tmp_path, data):
    output = tmp_path / "contributions.csv"
    assert explain(folder, "--reference", "0", "--output", output, data=data) == 0
    table = pd.read_csv(output, index_col="row")
    assert table.columns.tolist() == ["x0", "x1"]
    np.testing.assert_allclose(table, BY_RESCALE, rtol=1e-6)


def test_parquet_in(folder, tmp_path):
    pytest.importorskip("pyarrow")
    pd.read_csv(folder / "rows.csv", index_col="id").to_parquet(tmp_path / "rows.parquet")
    words = [
        "explain",
        folder / "model.keras",
        tmp_path / "rows.parquet",
        "--drop",
        "diagnosis",
        "--reference",
        "zeros",
    ]
    assert main([*map(str, words), "--output", str(tmp_path / "contributions.parquet")]) == 0
    table = pd.read_parquet(tmp_path / "contributions.parquet")
    assert table.index.tolist() == ["p", "q"]
    np.testing.assert_allclose(table, BY_RESCALE, rtol=1e-6)


def test_architecture_and_weights(folder, tmp_path):
    output = tmp_path / "contributions.npy"
    words = [*COLUMNS, "--weights", folder / "model.weights.h5", "--reference", "zeros", "--output", output]
    assert explain(folder, *words, model="model.json") == 0
    np.testing.assert_allclose(np.load(output), BY_RESCALE, rtol=1e-6)


# Worked out by hand, at (3, 0.5) and (5, 1) from zeros, of relu(x1 - 2 x2 - 1). The linear part goes from -1 to 1 and
# 2: the gradient (1, -2) is there on the last 1/2 and 2/3 of the way. Shapley values: the feature alone gives
# relu(3 - 1) = 2 and relu(-2) = 0 of 1, and relu(5 - 1) = 4 and 0 of 2, so that x2 has -(2 - 1) / 2 and -(4 - 2) / 2.
# As seen from zero the activation's slope is 1 in both rows. In place of the row, (1, 0) and (0, 1) give zero.
BY_METHOD = {
    "deeplift": BY_RESCALE,
    "integrated_gradients": BY_RESCALE,
    "expected_gradients": BY_RESCALE,
    "gradient": [[3, -1], [5, -2]],
    "guided_backprop": [[1, -2], [1, -2]],
    "lrp": [[3, -1], [5, -2]],
    "mutagenesis": [[-1, -1], [-2, -2]],
    "occlusion": [[1, -1], [2, -2]],
    "shapley_sampling": [[1.5, -0.5], [3, -1]],
}
# How far numerical integration may be from a step, and the mean of random points on the way.
TOLERANCES = {"integrated_gradients": 0.05, "expected_gradients": 0.15, "lrp": 1e-3}


@pytest.mark.parametrize("method", METHODS)
def test_every_method(folder, tmp_path, method):
    output = tmp_path / "contributions.npy"
    words = [*COLUMNS, "--method", method, "--output", output]
    if method not in ("gradient", "guided_backprop", "lrp", "mutagenesis"):
        words += ["--reference", "zeros"]
    if method == "integrated_gradients":
        words += ["--set", "n_steps=100", "--set", "convergence_tol=0.1"]
    assert explain(folder, *words) == 0
    np.testing.assert_allclose(np.load(output), BY_METHOD[method], rtol=TOLERANCES.get(method, 1e-6))


def test_methods_are_all_explainers():
    assert {name for name, _ in METHODS.values()} == {name for name in skdeeplift.__all__ if name.endswith("Explainer")}
    for name, rule in METHODS.values():
        assert rule is None or rule in inspect.signature(getattr(skdeeplift, name)).parameters


def test_rules(folder, tmp_path):
    output = tmp_path / "contributions.npy"
    assert explain(folder, *COLUMNS, "--reference", "zeros", "--rule", "reveal_cancel", "--output", output) == 0
    # The parts 3 and -1 of the linear part's difference from -1: positive ½(2 - 0 + 1 - 0) = 1.5, negative
    # ½(0 - 0 + 1 - 2) = -0.5; then 5 and -2: positive ½(4 + 2 - 0) = 3, negative ½(0 + 2 - 4) = -1.
    np.testing.assert_allclose(np.load(output), [[1.5, -0.5], [3, -1]], rtol=1e-6)
    words = ["--method", "gradient", "--rule", "saliency", "--output", output]
    assert explain(folder, *COLUMNS, *words) == 0
    np.testing.assert_allclose(np.load(output), [[1, 2], [1, 2]], rtol=1e-6)


@pytest.mark.parametrize(
    ("target", "slopes"),
    [
        ("2", [2, 2]),
        ("auto", [2, 2]),
        ("predicted", [2, 2]),
        ("2-1", [3, 3]),
        ("first", [1, 1]),
        ("first-second one", [2, 2]),
        ("all", [1, -1, 2, 1, -1, 2]),
    ],
)
def test_targets(classifier, folder, tmp_path, target, slopes):
    output = tmp_path / "contributions.csv"
    words = ["--target", target, "--classes", "first,second one,last", "--reference", "zeros", "--output", output]
    assert explain(folder, *COLUMNS, *words, model=classifier.name) == 0
    table = pd.read_csv(output, index_col="id")
    rows = np.repeat([[3.0, 0.5], [5.0, 1.0]], len(slopes) // 2, axis=1)
    np.testing.assert_allclose(table, rows * slopes, rtol=1e-6)
    if target == "all":
        assert table.columns[:3].tolist() == ["age__first", "age__second one", "age__last"]


def test_reference_of_a_file_and_of_a_background(folder, tmp_path):
    pd.DataFrame({"age": [1.0], "dose": [0.25]}).to_csv(tmp_path / "reference.csv", index=False)
    outputs = [tmp_path / "of_file.npy", tmp_path / "of_background.npy"]
    words = ["--reference", tmp_path / "reference.csv", "--output", outputs[0]]
    assert explain(folder, *COLUMNS, *words) == 0
    assert explain(folder, *COLUMNS, "--background", tmp_path / "reference.csv", "--output", outputs[1]) == 0
    # The linear part goes from -0.5 to 1 and 2, and the output from 0.
    expected = [[2 * 1 / 1.5, -0.5 * 1 / 1.5], [4 * 2 / 2.5, -1.5 * 2 / 2.5]]
    for output in outputs:
        np.testing.assert_allclose(np.load(output), expected, rtol=1e-6)


def test_layer(folder, tmp_path, capsys):
    output = tmp_path / "contributions.csv"
    words = ["--layer", "last:pre_activation", "--reference", "zeros", "--output", output]
    assert explain(folder, *COLUMNS, *words) == 0
    np.testing.assert_allclose(pd.read_csv(output, index_col="id"), [[1], [2]], rtol=1e-6)
    assert "last:pre_activation_0" in capsys.readouterr().out
    assert "a layer's units" in refused(capsys, explain(folder, *COLUMNS, *words, "--select", "1"))


@pytest.mark.parametrize("target", ["0", "all"])
def test_select(classifier, folder, tmp_path, capsys, target):
    pytest.importorskip("matplotlib")
    output, picture, saved = tmp_path / "contributions.csv", tmp_path / "importance.png", tmp_path / "selected.npz"
    words = [*COLUMNS, "--target", target, "--reference", "zeros", "--select", "1"]
    assert explain(folder, *words, "--output", output, "--plot", picture, model=classifier.name) == 0
    assert (
        pd.read_csv(output, index_col="id").columns.tolist()
        == {
            "0": ["age"],
            "all": ["age__0", "age__1", "age__2"],
        }[target]
    )
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "age" in printed
    assert "dose" not in printed
    assert explain(folder, *words, "--output", saved, model=classifier.name) == 0
    explanation = Explanation.load(saved)
    assert explanation.X.columns.tolist() == explanation.feature_names.tolist() == ["age"]
    assert explanation.contributions.shape[:2] == (2, 1)


def test_arrays_of_several_axes_and_several_inputs(folder, tmp_path, capsys):
    one, other = keras.Input((2,), name="one"), keras.Input((2, 2), name="other")
    joined = keras.layers.Concatenate()([one, keras.layers.Flatten()(other)])
    model = keras.Model([one, other], keras.layers.Dense(1, name="sum")(joined))
    model.set_weights([np.arange(1.0, 7)[:, None], np.zeros(1)])
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "rows.npz", one=np.ones((1, 2)), other=np.ones((1, 2, 2)))
    words = ["explain", str(tmp_path / "model.keras"), str(tmp_path / "rows.npz"), "--reference", "zeros"]
    assert main([*words, "--output", str(tmp_path / "contributions.csv")]) == 0
    table = pd.read_csv(tmp_path / "contributions.csv")
    assert table["contribution"].tolist() == pytest.approx([1, 2, 3, 4, 5, 6])
    assert table["input"].tolist() == ["one"] * 2 + ["other"] * 4
    assert capsys.readouterr().out.splitlines()[1].split() == ["other[1,", "1]", "6", "0"]
    message = refused(capsys, main([*words, "--output", str(tmp_path / "contributions.npy")]))
    assert "several arrays" in message
    assert "--select chooses columns of a table" in refused(capsys, main([*words, "--select", "1"]))
    assert not (tmp_path / "contributions.npy").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "7"], "target"),
        (["--rule", "unknown"], "'rule' parameter of DeepLiftExplainer must be"),
        (["--method", "lrp", "--rule", "rescale"], "lrp has no --rule"),
        (["--method", "gradient", "--reference", "zeros"], "gradient has no reference; its parameters are"),
        (["--reference", "unknown"], "unknown"),
        (["--reference", "nowhere.csv"], "there is no file 'nowhere.csv'"),
        (["--layer", "unknown"], "unknown"),
        (["--set", "n_steps"], "--set takes NAME=VALUE"),
        (["--set", "n_steps=3"], "deeplift has no n_steps"),
        (["--batch-size", "0"], "batch_size"),
        (["--output", "contributions.xls"], "expected a file that ends in .csv"),
        (["--output", "nowhere/contributions.csv"], "there is no folder 'nowhere'"),
        (["--plot", "picture.txt"], "expected a file that ends in .png"),
        (["--select", "3"], "there are only 2 columns"),
        (["--select", "0"], "at least 1"),
        (["--drop", "weight"], "has no column 'weight'; its columns are id, age, dose, diagnosis"),
        (["--classes", "a,b,c"], "class_names"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused(folder, capsys, words, message):
    assert message in refused(capsys, explain(folder, *COLUMNS, *words))


def test_bad_data(folder, tmp_path, capsys):
    assert "columns without numbers: id, diagnosis" in refused(capsys, explain(folder))
    assert "--drop name columns" in refused(capsys, explain(folder, *COLUMNS, data="rows.npy"))
    assert "there is no file" in refused(capsys, explain(folder, data="nowhere.csv"))
    assert "ends in .csv, .tsv, .parquet, .npy, .npz" in refused(capsys, explain(folder, data="model.keras"))
    (tmp_path / "rows.npy").write_bytes(b"no array")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "none.csv").write_text("a,b\n")
    np.save(tmp_path / "words.npy", np.array([["a", "b"]]))
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 and then nothing")
    pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0]}).to_csv(tmp_path / "three.csv", index=False)
    pd.DataFrame({"a": [1.0, np.nan], "b": [2.0, 1.0]}).to_csv(tmp_path / "missing.csv", index=False)
    for name, message in {
        "rows.npy": "cannot read",
        "objects.npy": "cannot read",
        "empty.csv": "cannot read",
        "three.csv": "X has 3 features, but the network bound to DeepLiftExplainer takes 2",
        "none.csv": "has column names, but no rows",
        "damaged.npz": "cannot read",
        "words.npy": "expected an array of numbers, but the array has dtype <U1",
        "missing.csv": "has missing values in the columns a (1). A network cannot take missing values: fill them in",
    }.items():
        assert message in refused(capsys, main(["explain", str(folder / "model.keras"), str(tmp_path / name)]))


def test_bad_models(folder, tmp_path, capsys):
    assert "does not exist" in refused(capsys, explain(folder, *COLUMNS, model="nowhere.keras"))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])
    model.save(tmp_path / "code.keras")
    words = ["explain", str(tmp_path / "code.keras"), str(folder / "rows.npy")]
    assert "stores Python code" in refused(capsys, main(words))


def test_a_file_that_is_there_is_kept_if_anything_fails(folder, tmp_path, capsys, monkeypatch):
    output = tmp_path / "contributions.npy"
    output.write_text("old")

    def fail(file, array):
        file.write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "save", fail)
    assert "No space left" in refused(capsys, explain(folder, *COLUMNS, "--output", output))
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [output]


def test_what_can_not_be_drawn_is_not_half_done(tmp_path, capsys):
    keras.Sequential([keras.Input((2, 2)), keras.layers.Flatten(), keras.layers.Dense(1)]).save(
        tmp_path / "model.keras"
    )
    np.save(tmp_path / "rows.npy", np.ones((3, 2, 2)))
    output, plot = tmp_path / "contributions.csv", tmp_path / "picture.png"
    status = explain(tmp_path, "--output", output, "--plot", plot, data="rows.npy")
    assert "--plot draws the columns of a table" in refused(capsys, status)
    assert not output.exists()
    assert not plot.exists()


@pytest.mark.parametrize("word", ["--output", "--plot"])
def test_a_folder_that_takes_no_files(folder, tmp_path, capsys, monkeypatch, word):
    """Found out before anything is computed, and without the name of the unfinished file."""

    def refuse(dir):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr("skdeeplift.command_line.explain.make_explainer", None)
    path = tmp_path / "contributions.png" if word == "--plot" else tmp_path / "contributions.csv"
    message = f"cannot write '{path}': the folder '{tmp_path}' takes no file (Read-only file system)"
    assert message in refused(capsys, explain(folder, *COLUMNS, word, path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("word", ["--output", "--background", "--reference"])
def test_a_file_that_is_read_is_not_replaced(folder, tmp_path, capsys, monkeypatch, word):
    monkeypatch.setattr("skdeeplift.command_line.explain.make_explainer", None)
    data, link = tmp_path / "rows.csv", tmp_path / "link.csv"
    data.write_bytes((folder / "rows.csv").read_bytes())
    link.symlink_to(data)
    read = {"--output": []}.get(word, [word, data])
    words = ["explain", folder / "model.keras", data if word == "--output" else folder / "rows.csv", *COLUMNS, *read]
    for output in (data, link):
        status = main([*map(str, words), "--output", str(output)])
        assert f"--output {output} would replace {data}, which is read" in refused(capsys, status)
    assert data.read_bytes() == (folder / "rows.csv").read_bytes()


def start(*words):
    """Start the command line in another process, as a shell would that sets nothing about TensorFlow."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    command = [sys.executable, "-m", "skdeeplift", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_results_and_errors_in_other_processes(folder, tmp_path):
    """Each prints what it should, and nothing of TensorFlow's; side by side, because both take long to start."""
    output, common = tmp_path / "contributions.csv", ["explain", folder / "model.keras", folder / "rows.csv", *COLUMNS]
    done, failed = start(*common, "--reference", "zeros", "-o", output), start(*common, "--target", "7")
    printed, errors = done.communicate()
    assert done.returncode == 0
    np.testing.assert_allclose(pd.read_csv(output, index_col="id"), BY_RESCALE, rtol=1e-6)
    assert f"Wrote {output}" in printed
    assert errors == ""
    printed, errors = failed.communicate()
    assert (failed.returncode, printed) == (2, "")
    assert errors.startswith("skdeeplift explain: error: ")
    assert errors.count("\n") == 1


def test_help_names_every_reference(capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    text = " ".join(parser.format_help().split())
    # Lines are broken between words only.
    assert all(name in text for name in REFERENCE_NAMES)


def test_settings(folder):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = [
        "--method",
        "integrated_gradients",
        "--set",
        "n_steps=auto",
        "--set",
        "max_steps=7",
        "--set",
        "output=None",
    ]
    explainer = make_explainer(parser.parse_args([str(folder / "model.keras"), "rows.csv", *words, "--seed", "3"]))
    assert (explainer.n_steps, explainer.max_steps, explainer.output, explainer.random_state) == ("auto", 7, None, 3)
