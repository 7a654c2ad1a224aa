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
from skdeeplift.command_line.explain import add_arguments
from skdeeplift.command_line.explainer_options import METHODS, REFERENCES
from skdeeplift.references.assembly import REFERENCE_NAMES

# Of relu(x1 - 2 x2 - 1) at (3, 0.5) and (5, 1), where it is 1 and 2, from zeros, where it is 0: by the rescale rule the
# slope is delta_out / delta_in, 1 / 2 and 2 / 3, since the linear part is -1 at the reference.
BY_RESCALE = [[1.5, -0.5], [10 / 3, -4 / 3]]
COLUMNS = ["--index", "id", "--drop", "diagnosis"]
OF_ROWS = ["prediction", "reference_value"]


def explain(folder, *words, data="rows.csv", model="model.keras"):
    try:
        return main(["explain", str(folder / model), str(folder / data), *map(str, words)])
    except SystemExit as stop:
        return stop.code


def read_contributions(path, of_rows=OF_ROWS, index="id"):
    """Read a table, and split it into columns of rows and contributions."""
    table = pd.read_csv(path, index_col=index)
    assert table.columns[: len(of_rows)].tolist() == of_rows
    return table[of_rows], table.drop(columns=of_rows)


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
    of_rows, table = read_contributions(output)
    assert table.index.tolist() == ["p", "q"]
    assert table.columns.tolist() == ["age", "dose"]
    np.testing.assert_allclose(table, BY_RESCALE, rtol=1e-6)
    np.testing.assert_allclose(of_rows, [[1, 0], [2, 0]], rtol=1e-6)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["mean", "|contribution|", "SD", "over", "rows"]
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
        "tsv": lambda: pd.read_csv(output, sep="\t", index_col="id").drop(columns=OF_ROWS),
        "parquet": lambda: pd.read_parquet(output).drop(columns=OF_ROWS),
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
    _, table = read_contributions(output, index="row")
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
    table = pd.read_parquet(tmp_path / "contributions.parquet").drop(columns=OF_ROWS)
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
    explainers = {name for name in skdeeplift.__all__ if name.endswith("Explainer")}
    assert {each.explainer for each in METHODS.values()} == explainers
    for method in METHODS.values():
        explainer = getattr(skdeeplift, method.explainer)
        parameters = inspect.signature(explainer).parameters
        assert method.has_reference == ("reference" in parameters)
        if method.rule_parameter is not None:
            assert parameters[method.rule_parameter].default == method.rules[0]
            [constraint, *_] = explainer._parameter_constraints[method.rule_parameter]
            assert set(constraint.options) == set(method.rules)


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
    ("target", "slopes", "name"),
    [
        ("2", [2, 2], "last"),
        ("auto", [2, 2], "last"),
        ("predicted", [2, 2], "last"),
        ("2-1", [3, 3], "2-1"),
        ("first", [1, 1], "first"),
        ("first-second one", [2, 2], "first-second one"),
        ("all", [1, -1, 2, 1, -1, 2], None),
    ],
)
def test_targets(classifier, folder, tmp_path, target, slopes, name):
    output = tmp_path / "contributions.csv"
    words = ["--target", target, "--classes", "first,second one,last", "--reference", "zeros", "--output", output]
    assert explain(folder, *COLUMNS, *words, model=classifier.name) == 0
    names = ["first", "second one", "last"]
    of_all = [f"{column}__{name}" for column in OF_ROWS for name in names]
    of_rows, table = read_contributions(output, of_all if name is None else ["explained_class", *OF_ROWS])
    rows = np.repeat([[3.0, 0.5], [5.0, 1.0]], len(slopes) // 2, axis=1)
    np.testing.assert_allclose(table, rows * slopes, rtol=1e-6)
    sums = (rows * slopes).reshape(2, 2, -1).sum(1)
    if name is None:
        assert table.columns[:3].tolist() == ["age__first", "age__second one", "age__last"]
        np.testing.assert_allclose(of_rows.iloc[:, :3], sums, rtol=1e-6)
    else:
        assert of_rows["explained_class"].tolist() == [name, name]
        np.testing.assert_allclose(of_rows[["prediction"]], sums, rtol=1e-6)
        assert (of_rows["reference_value"] == 0).all()


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


@pytest.mark.advice
def test_layer(folder, tmp_path, capsys):
    output = tmp_path / "contributions.csv"
    words = ["--layer", "last:pre_activation", "--reference", "zeros", "--output", output]
    assert explain(folder, *COLUMNS, *words) == 0
    np.testing.assert_allclose(read_contributions(output)[1], [[1], [2]], rtol=1e-6)
    assert "last:pre_activation_0" in capsys.readouterr().out
    assert "Leave one of them out" in refused(capsys, explain(folder, *COLUMNS, *words, "--select", "1"))
    assert explain(folder, *COLUMNS, "--select", "1", *words[2:]) == 0


@pytest.mark.parametrize("target", ["0", "all"])
def test_select(classifier, folder, tmp_path, capsys, target):
    pytest.importorskip("matplotlib")
    output, picture, saved = tmp_path / "contributions.csv", tmp_path / "importance.png", tmp_path / "selected.npz"
    words = [*COLUMNS, "--target", target, "--reference", "zeros", "--select", "1"]
    assert explain(folder, *words, "--output", output, "--plot", picture, model=classifier.name) == 0
    of_all = [f"{column}__{number}" for column in OF_ROWS for number in range(3)]
    _, table = read_contributions(output, ["explained_class", *OF_ROWS] if target == "0" else of_all)
    assert table.columns.tolist() == {"0": ["age"], "all": ["age__0", "age__1", "age__2"]}[target]
    assert picture.read_bytes().startswith(b"\x89PNG")
    importances = capsys.readouterr().out.partition("\n\n")[0]
    assert "age" in importances
    assert "dose" not in importances
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
    assert table["prediction"].tolist() == pytest.approx([21] * 6)
    assert capsys.readouterr().out.splitlines()[1].split() == ["other[1,", "1]", "6", "0"]
    message = refused(capsys, main([*words, "--output", str(tmp_path / "contributions.npy")]))
    assert "these contributions are 2 arrays" in message
    assert "--select chooses columns of a table" in refused(capsys, main([*words, "--select", "1"]))
    assert not (tmp_path / "contributions.npy").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "7"], "--target 7 is out of range"),
        (
            ["--rule", "rescal"],
            "is one of rescale, reveal_cancel, genomics_default, pass_through, guided_backprop_rescale",
        ),
        (["--method", "lrp", "--rule", "rescale"], "lrp has no --rule"),
        (["--method", "gradient", "--reference", "zeros"], "gradient compares rows with no reference"),
        (["--reference", "zeroes"], "Did you mean zeros?"),
        (["--reference", "nan"], "--reference takes a finite number. Got nan"),
        (["--reference", "nowhere.csv"], "there is no file 'nowhere.csv'"),
        (["--layer", "lost"], "--layer names 'lost', which is none of the network's layers"),
        (["--set", "n_steps"], "--set takes NAME=VALUE"),
        (["--set", "n_steps=3"], "deeplift does not take --set n_steps. It is for integrated_gradients"),
        (["--set", "n_stops=3"], "deeplift does not take --set n_stops"),
        (["--set", "estimator=3"], "--set does not take the network: MODEL names it"),
        (["--set", "rule={'last': rescale"], "a bracket or a quotation mark that is not closed"),
        (["--batch-size", "0"], "--batch-size takes a whole number, at least 1, or auto. Got '0'"),
        (["--output", "contributions.xls"], "expected a file that ends in .csv"),
        (["--output", "nowhere/contributions.csv"], "there is no folder 'nowhere'"),
        (["--plot", "picture.txt"], "expected a file that ends in .png"),
        (["--select", "3"], "--select 3 is too large: there are 2 columns"),
        (["--select", "0"], "at least 1"),
        (["--index", "id", "--drop", "id"], "--index and --drop both name id"),
        (["--background", "-", "--reference", "-"], "standard input can be read once"),
        (["--pixels", "0..1"], "--pixels is for pictures"),
        (["--drop", "weight"], "has no column 'weight'; its columns are id, age, dose, diagnosis"),
        (["--classes", "a,b,c"], "--classes has 3 names, but the number of outputs is 1"),
        (["--classes", "a,a"], "each name once"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused(folder, capsys, words, message):
    assert message in refused(capsys, explain(folder, *COLUMNS, *words))


def test_bad_data(folder, tmp_path, capsys):
    assert "columns without numbers: id (such as 'p'), diagnosis (such as 'ill')" in refused(capsys, explain(folder))
    assert "--drop name columns" in refused(capsys, explain(folder, *COLUMNS, data="rows.npy"))
    assert "there is no file" in refused(capsys, explain(folder, data="nowhere.csv"))
    assert "ends in .csv, .tsv, .txt, .parquet, .npy, .npz" in refused(capsys, explain(folder, data="model.keras"))
    (tmp_path / "rows.npy").write_bytes(b"no array")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "none.csv").write_text("a,b\n")
    np.save(tmp_path / "words.npy", np.array([["a", "b"]]))
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 and then nothing")
    pd.DataFrame({"a": [1.0, 2.0], "b": 2.0, "c": 3.0}).to_csv(tmp_path / "three.csv", index=False)
    pd.DataFrame({"a": [1.0, np.nan], "b": [2.0, 1.0]}).to_csv(tmp_path / "missing.csv", index=False)
    for name, message in {
        "rows.npy": "cannot read",
        "objects.npy": "cannot read",
        "empty.csv": "cannot read",
        "three.csv": "The network takes 2 columns, and DATA has 3. Leave columns out that are not inputs",
        "none.csv": "has column names, but no rows",
        "damaged.npz": "cannot read",
        "words.npy": "expected an array of numbers, but the array holds text",
        "missing.csv": "has missing values in the columns a (1). A network cannot take missing values: fill them in",
    }.items():
        assert message in refused(capsys, main(["explain", str(folder / "model.keras"), str(tmp_path / name)]))


def test_bad_models(folder, tmp_path, capsys):
    assert "there is no file" in refused(capsys, explain(folder, *COLUMNS, model="nowhere.keras"))
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
    keras.Sequential([keras.Input((2, 2, 2, 2)), keras.layers.Flatten(), keras.layers.Dense(1)]).save(
        tmp_path / "model.keras"
    )
    np.save(tmp_path / "rows.npy", np.ones((3, 2, 2, 2, 2)))
    output, plot = tmp_path / "contributions.csv", tmp_path / "picture.png"
    status = explain(tmp_path, "--output", output, "--plot", plot, data="rows.npy")
    assert "--plot draws the columns of a table, or images" in refused(capsys, status)
    assert not output.exists()
    assert not plot.exists()


@pytest.mark.parametrize("word", ["--output", "--plot"])
def test_a_folder_that_takes_no_files(folder, tmp_path, capsys, monkeypatch, word):
    """Found out before anything is computed, and without the name of the unfinished file."""

    def refuse(dir):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr("skdeeplift.command_line.explain.import_quietly", None)
    path = tmp_path / "contributions.png" if word == "--plot" else tmp_path / "contributions.csv"
    message = f"cannot write '{path}': no file can be written to the folder '{tmp_path}' (Read-only file system)"
    assert message in refused(capsys, explain(folder, *COLUMNS, word, path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("word", ["--output", "--background", "--reference"])
def test_a_file_that_is_read_is_not_replaced(folder, tmp_path, capsys, monkeypatch, word):
    monkeypatch.setattr("skdeeplift.command_line.explain.import_quietly", None)
    data, link = tmp_path / "rows.csv", tmp_path / "link.csv"
    data.write_bytes((folder / "rows.csv").read_bytes())
    link.symlink_to(data)
    read = {"--output": []}.get(word, [word, data])
    words = ["explain", folder / "model.keras", data if word == "--output" else folder / "rows.csv", *COLUMNS, *read]
    for output in (data, link):
        status = main([*map(str, words), "--output", str(output)])
        assert f"--output {output} would replace {data}, which this command reads" in refused(capsys, status)
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
    np.testing.assert_allclose(read_contributions(output)[1], BY_RESCALE, rtol=1e-6)
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
    assert set(REFERENCES) == set(REFERENCE_NAMES)
