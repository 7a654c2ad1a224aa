"""Advice of the command line."""

import io
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer, Explanation
from skdeeplift.__main__ import main
from skdeeplift.plotting import ImageContributionDisplay
from skdeeplift.sequences import one_hot, read_fasta

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
    pd.concat([table, table])[["age", "dose"]].assign(dose=[0.5, None, 1, 1]).to_csv(
        folder / "missing.csv", index=False
    )
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


# A wrong command line, the advice, and command lines that follow it.
FOLLOWED = [
    ("model.keras images.npy --index id", "Leave them out", "images.keras images.npy"),
    (
        "model.keras rows.csv --index id --drop diagnosis --drop id",
        "Leave out --drop id",
        "model.keras rows.csv LABELS",
    ),
    (
        "model.keras numbers.csv --drop age --drop dose",
        "Name fewer columns with --index and --drop",
        "model.keras numbers.csv",
    ),
    (
        "model.keras numbers.csv --background heavy.csv",
        "Add the column to DATA, or leave it out of that file",
        "model.keras numbers.csv --background numbers.csv",
    ),
    (
        "model.keras heavy.csv --background numbers.csv",
        "Leave it out with --drop weight",
        "model.keras heavy.csv --background numbers.csv --drop weight",
    ),
    (
        "model.keras order.csv --background numbers.csv",
        "Write both files in the order of the training",
        "model.keras written.csv --background numbers.csv",
    ),
    ("model.keras - --background -", "pass - for one of DATA", "model.keras numbers.csv --background -"),
    (
        "gray.keras pictures",
        "Pass --pixels 0..255 (a network that scales pixels itself), 0..1, or signed (from -1 to 1)",
        "gray.keras pictures --pixels 0..255",
        "gray.keras pictures --pixels 0..1",
        "gray.keras pictures --pixels signed",
    ),
    ("two.keras pictures --pixels 0..1", "Pass an .npz file", "two.keras two.npz"),
    ("two.keras numbers.csv", "Pass an .npz file with an array for each input", "two.keras two.npz"),
    ("letters.keras letters.fa --select 1", "Leave it out", "letters.keras letters.fa"),
    ("letters.keras letters.fa --output -", "Name a file", "letters.keras letters.fa --output letters.npz"),
    ("model.keras numbers.csv --method lrp --rule rescale", "Leave it out", "model.keras numbers.csv --method lrp"),
    (
        "model.keras numbers.csv --method lrp --reference zeros",
        "Leave --reference out, or pass one of deeplift, integrated_gradients,",
        "model.keras numbers.csv --method lrp",
        "model.keras numbers.csv --method deeplift --reference zeros",
    ),
    ("model.json numbers.csv", "Pass its file of weights by --weights", "model.json numbers.csv --weights weights.h5"),
    ("model.keras numbers.csv --weights weights.h5", "Leave it out for 'model.keras'", "model.keras numbers.csv"),
    (
        "weights.h5 numbers.csv",
        "pass the .json file of the architecture as MODEL, and --weights weights.h5",
        "model.json numbers.csv --weights weights.h5",
    ),
    ("cut.keras numbers.csv", "copy or save it again", "model.keras numbers.csv"),
    ("cut.h5 numbers.csv", "copy or save it again", "model.h5 numbers.csv"),
    ("saved/saved_model.pb numbers.csv", "Pass its folder, 'saved'", "saved numbers.csv"),
    (
        "named.keras heavy.csv",
        "Leave the column out with --drop weight",
        "named.keras heavy.csv --drop weight",
    ),
    ("model.keras twice.csv", "Give each column a name of its own", "model.keras numbers.csv"),
    (
        "model.keras single.csv",
        "Pass the training rows by --background, or another reference, such as --reference zeros",
        "model.keras single.csv --background numbers.csv",
        "model.keras single.csv --reference zeros",
    ),
    ("model.keras spaces.csv", "Write commas, semicolons, tabs or | between the columns", "model.keras numbers.csv"),
    ("gray.keras pictures --pixels 0..1 --index id", "Leave them out", "gray.keras pictures --pixels 0..1"),
    ("model.keras latin.csv", "Save it in this encoding", "model.keras utf8.csv"),
]


@pytest.fixture(scope="module")
def further(folder):
    """Further files of many kinds."""
    image = pytest.importorskip("PIL.Image")
    model = keras.saving.load_model(folder / "model.keras")
    model.save(folder / "model.h5")
    model.save_weights(folder / "model.weights.h5")
    (folder / "model.weights.h5").rename(folder / "weights.h5")
    (folder / "model.json").write_text(model.to_json())
    model.export(folder / "saved", verbose=False)
    for name in ("keras", "h5"):
        (folder / f"cut.{name}").write_bytes((folder / f"model.{name}").read_bytes()[:2000])
    keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(1)]).save(folder / "gray.keras")
    keras.Sequential([keras.Input((4, 4)), layers.Flatten(), layers.Dense(1)]).save(folder / "letters.keras")
    names = [keras.Input((1,), name=name) for name in ("age", "dose")]
    keras.Model(names, layers.Dense(1)(layers.concatenate(names))).save(folder / "named.keras")
    (folder / "letters.fa").write_text(">one\nACGT\n")
    (folder / "pictures").mkdir()
    for name in ("one", "two"):
        image.fromarray(np.eye(4, dtype=np.uint8)).save(folder / "pictures" / f"{name}.png")
    numbers = pd.read_csv(folder / "numbers.csv")
    numbers.assign(weight=1.0).to_csv(folder / "heavy.csv", index=False)
    numbers[["dose", "age"]].to_csv(folder / "order.csv", index=False)
    pd.read_csv(folder / "order.csv")[numbers.columns].to_csv(folder / "written.csv", index=False)
    numbers[:1].to_csv(folder / "single.csv", index=False)
    (folder / "spaces.csv").write_text("age dose\n1 2\n")
    (folder / "twice.csv").write_text("age,age\n1,2\n")
    for name in ("latin1", "utf8"):
        (folder / f"{name.rstrip('1')}.csv").write_bytes("größe,b\n1,2\n3,4\n".encode(name))
    return folder


@pytest.mark.parametrize(
    ("wrong", "advice", "following"), [(wrong, advice, lines) for wrong, advice, *lines in FOLLOWED]
)
def test_advice_about_words_and_files(further, monkeypatch, capsys, wrong, advice, following):
    monkeypatch.chdir(further)

    def run(line):
        content = (further / "numbers.csv").read_bytes()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return main(["explain", *line.replace("LABELS", "--index id --drop diagnosis").split()])

    assert run(wrong) == 2
    assert advice in capsys.readouterr().err
    for line in following:
        assert run(line) == 0


def test_packages_for_pictures(further, capsys, monkeypatch):
    words = ["explain", "gray.keras", "pictures", "--pixels", "0..1"]
    monkeypatch.chdir(further)
    with monkeypatch.context() as without:
        without.setattr("skdeeplift.command_line.picture_files.find_spec", lambda name: None)
        assert main(words) == 2
    assert "pip install 'skdeeplift[plot]'" in capsys.readouterr().err
    assert main(words) == 0


def test_sequences_for_one_of_several_inputs(tmp_path, capsys):
    (tmp_path / "few.fa").write_text(">one\nACGT\n")
    inputs = [keras.Input((4, 4), name=name) for name in ("letters", "control")]
    joined = layers.Flatten()(layers.Add()(inputs))
    keras.Model(inputs, layers.Dense(1)(joined)).save(tmp_path / "model.keras")
    assert main(["explain", str(tmp_path / "model.keras"), str(tmp_path / "few.fa")]) == 2
    advice = (
        'Use Python: skdeeplift.sequences reads the file, and the reference "held" keeps inputs that are not explained'
    )
    assert advice in capsys.readouterr().err
    rows = {"letters": one_hot(list(read_fasta(tmp_path / "few.fa").values())), "control": np.ones((1, 4, 4))}
    explainer = DeepLiftExplainer(tmp_path / "model.keras", reference={"letters": "zeros", "control": "held"}).fit(rows)
    contributions = explainer.transform(rows)
    assert contributions["letters"].any()
    assert not contributions["control"].any()


def test_contributions_that_miss_the_change(follow, folder):
    """They are kept nevertheless; the advice is to look at them without an error."""
    words = ["--method", "integrated_gradients", "--reference", "zeros", "--set", "n_steps=1"]
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, "relu")])
    model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    model.save(folder / "kinked.keras")
    words = ["explain", str(folder / "kinked.keras"), str(folder / "numbers.csv"), *words]
    assert main([*words, "--set", "check=raise"]) == 2
    assert main([*words, "--set", "check=ignore"]) == 0


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
        "which this command reads. Name another file",
        ["--output", folder / "numbers.csv"],
        (["--output", tmp_path / "contributions.csv"], {}),
    )
