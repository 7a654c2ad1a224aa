"""Wrong command lines: each is answered by one line in the words of the command line, and nothing is computed."""

import re
import shlex
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer
from skdeeplift.__main__ import main

PYTHON_WORDS = re.compile(
    r"\b(None|True|False|[A-Z]\w+Error|kwargs|array-like|ndarray|DataFrame|callable|dict|tuple|str|int|float|bool|instance"
    r"|estimator|parameter|[A-Z]\w+Explainer|explain\(|[a-z_]+= |X has|fit\(|Traceback)\b"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Networks and files of many kinds, most of which do not fit each other."""
    folder = tmp_path_factory.mktemp("files")
    keras.utils.set_random_seed(0)
    row, hidden = keras.Input((3,), name="row"), layers.Dense(4, "relu", name="hidden")
    model = keras.Model(row, layers.Dense(1, name="price")(hidden(row)))
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    model.save_weights(folder / "model.weights.h5")
    (folder / "model.json").write_text(model.to_json())
    keras.Model(row, layers.Dense(3, "softmax")(hidden(row))).save(folder / "classes.keras")
    outputs = {"price": layers.Dense(1, name="price")(hidden(row)), "kind": layers.Dense(3, name="kind")(hidden(row))}
    keras.Model(row, outputs).save(folder / "two.keras")
    keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, "softmax")]).save(
        folder / "image.keras"
    )
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    keras.Model([left, right], layers.Dense(1)(layers.concatenate([left, right]))).save(folder / "inputs.keras")
    names = [keras.Input((1,), name=name) for name in ("age", "fare", "dose")]
    keras.Model(names, layers.Dense(1)(layers.concatenate(names))).save(folder / "named.keras")
    tokens = [keras.Input((5,), dtype="int32"), layers.Embedding(10, 3), layers.Flatten(), layers.Dense(1)]
    keras.Sequential(tokens).save(folder / "tokens.keras")

    numbers = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 3)).round(2), columns=["age", "fare", "dose"])
    tables = {
        "numbers": numbers,
        "labelled": numbers.assign(id=list("abcdef"), outcome="ill"),
        "narrow": numbers[["age", "fare"]],
        "order": numbers[["fare", "age", "dose"]],
        "renamed": numbers.rename(columns={"dose": "dosis"}),
        "gaps": numbers.assign(dose=[1, None, 2, 3, 4, 5]),
        "words": numbers.assign(dose=[1, "x", 2, 3, 4, 5]),
        "infinite": numbers.assign(age=np.inf),
        "none": numbers[:0],
        "single": numbers[:1],
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    (folder / "empty.csv").touch()
    (folder / "ragged.csv").write_text("a,b,c\n1,2,3\n4,5,6\n1,2,3,4\n")
    (folder / "quote.csv").write_text('a,b,c\n"1,2,3\n')
    (folder / "twice.csv").write_text("a,a,b\n1,2,3\n")
    (folder / "bytes.csv").write_bytes(bytes(range(256)))
    (folder / "latin.csv").write_bytes("größe,b,c\n1,2,3\n".encode("latin1"))
    np.save(folder / "images.npy", np.ones((4, 8, 8, 1), np.float32))
    np.save(folder / "flat.npy", np.ones(3))
    (folder / "spaces.csv").write_text("a b\n1 2\n")
    np.save(folder / "volumes.npy", np.ones((4, 2, 2, 2, 2), np.float32))
    np.save(folder / "tokens.npy", np.full((4, 5), 92))
    np.save(folder / "objects.npy", np.array([{}]))
    np.savez(folder / "inputs.npz", left=np.ones((3, 2)), right=np.ones((3, 2)))
    np.savez(folder / "others.npz", a=np.ones((3, 2)), b=np.ones((3, 2)))
    np.savez(folder / "lengths.npz", left=np.ones((3, 2)), right=np.ones((4, 2)))
    (folder / "text.keras").write_text("no network")
    (folder / "cut.keras").write_bytes((folder / "model.keras").read_bytes()[:3000])
    (folder / "cut.h5").write_bytes((folder / "model.h5").read_bytes()[:3000])
    (folder / "bad.json").write_text("[]")
    (folder / "old.pt").touch()
    (folder / "folder.csv").mkdir()
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").touch()
    with zipfile.ZipFile(folder / "weights.keras", "w") as file:
        file.writestr("model.weights.h5", "")
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "picture.png")
    return folder


# Lines that need no network, and are answered before TensorFlow is imported.
OF_FILES = {
    "nowhere.keras numbers.csv": "there is no file 'nowhere.keras'",
    "modle.keras numbers.csv": "Did you mean model.keras?",
    "numbers.csv model.keras": "MODEL comes before DATA: model.keras numbers.csv",
    "model.keras number.csv": "there is no file 'number.csv'. Did you mean numbers.csv?",
    "folder.csv numbers.csv": "holds no SavedModel: it has no saved_model.pb",
    "model.keras folder.csv": "it is a folder without pictures (.png, .jpg, .jpeg)",
    "text.keras numbers.csv": "cannot read 'text.keras' as a .keras file. It is damaged",
    "cut.keras numbers.csv": "cannot read 'cut.keras' as a .keras file. It is damaged",
    "cut.h5 numbers.csv": "cannot read 'cut.h5' as an .h5 file. It is damaged",
    "model.weights.h5 numbers.csv": "holds no architecture. If it holds weights, pass the .json file",
    "model.json numbers.csv": "is an architecture without weights",
    "model.json numbers.csv --weights nowhere.h5": "there is no file 'nowhere.h5'",
    "model.json numbers.csv --weights numbers.csv": "--weights takes a file that ends in .h5 or .hdf5",
    "bad.json numbers.csv --weights model.weights.h5": "holds no architecture in JSON",
    "model.keras numbers.csv --weights model.weights.h5": "--weights belongs to the .json file of an architecture",
    "saved/saved_model.pb numbers.csv": "is part of a SavedModel. Pass its folder, 'saved'",
    "weights.keras numbers.csv": "holds no network: it has no config.json",
    "old.pt numbers.csv": "cannot read 'old.pt': MODEL is a .keras or .h5 file",
    "model.keras old.pt": "expected a file that ends in .csv",
    "model.keras labelled.csv": "columns without numbers: id (such as 'a'), outcome (such as 'ill')",
    "model.keras labelled.csv --index ID --drop outcome": "has no column 'ID'",
    "model.keras labelled.csv --index id --drop outcom": "Did you mean outcome?",
    "model.keras labelled.csv --index id --drop id": "--index and --drop both name id",
    "model.keras narrow.csv --drop age --drop fare": "has no column left for the network",
    "model.keras renamed.csv --background numbers.csv": "the file of --background does not have. Did you mean dose?",
    "model.keras narrow.csv --background numbers.csv": "DATA has no column 'dose', and the file of --background has it",
    "model.keras order.csv --background numbers.csv": "has them in another order: age, fare, dose",
    "model.keras numbers.csv --reference order.csv": "the file of --reference has them in another order",
    "model.keras gaps.csv": "has missing values in the columns dose (1)",
    "model.keras words.csv": "holds 'x' in line 3, column dose, which is no number",
    "model.keras infinite.csv": "has infinite numbers in the columns age (6)",
    "model.keras none.csv": "has column names, but no rows",
    "model.keras single.csv": "DATA has one row, and a reference that is learned from it is the row itself",
    "model.keras single.csv --reference sample": "Pass the training rows by --background, or another reference",
    "model.keras spaces.csv": "has one column, 'a b'. Write commas, semicolons, tabs or | between the columns",
    "image.keras picture.png --pixels 0..1 --index id": "--index and --drop name columns of a table",
    "model.keras empty.csv": "cannot read 'empty.csv': it is empty",
    "model.keras ragged.csv": "its line 4 has 4 fields, and the lines before have 3",
    "model.keras quote.csv": "a quotation mark in it is never closed",
    "model.keras twice.csv": "has the name 'a' twice",
    "model.keras bytes.csv": "it is no text",
    "model.keras latin.csv": "it is not text in UTF-8",
    "model.keras objects.npy": "it is damaged, or holds objects and not numbers",
    "image.keras images.npy --select 2": "--select chooses columns of a table",
    "image.keras volumes.npy --plot out.png": "--plot draws the columns of a table, or images",
    "inputs.keras inputs.npz --output out.npy": "an .npy file holds one array, and these contributions are 2",
    "inputs.keras inputs.npz --plot out.png": "--plot draws the columns of a table, or images",
    "model.keras numbers.csv --select 4": "--select 4 is too large: there are 3 columns",
    "model.keras numbers.csv --select 0": "--select takes a whole number, at least 1",
    "model.keras numbers.csv --layer hidden --select 1": "--select chooses columns of the input",
    "model.keras numbers.csv --output out.xls": "cannot write 'out.xls': expected a file that ends in .csv",
    "model.keras numbers.csv --output nowhere/out.csv": "there is no folder 'nowhere'",
    "model.keras numbers.csv --output folder.csv": "cannot write 'folder.csv': it is a folder",
    "model.keras numbers.csv --output numbers.csv": "would replace numbers.csv, which this command reads",
    "model.keras numbers.csv --plot out.csv": "expected a file that ends in .png",
    "model.keras numbers.csv --rule rescal": "Did you mean rescale?",
    "model.keras numbers.csv --method lrp --rule rescale": "--method lrp has no --rule",
    "model.keras numbers.csv --method lrp --reference zeros": "--method lrp compares rows with no reference",
    "model.keras numbers.csv --reference zeroes": "Did you mean zeros?",
    "model.keras numbers.csv --reference inf": "--reference takes a finite number",
    "model.keras numbers.csv --reference nowhere.csv": "there is no file 'nowhere.csv'",
    "model.keras numbers.csv --classes a,a": "--classes takes one name for each class, and each name once",
    "model.keras numbers.csv --set n_steps": "--set takes NAME=VALUE, such as --set n_steps=200",
    "model.keras numbers.csv --set n_steps=3": "--method deeplift does not take --set n_steps. It is for integrated",
    "model.keras numbers.csv --set check=maybe": "--set check takes ignore, raise, warn. Got 'maybe'",
    "model.keras numbers.csv --set center_logits=yes": "--set center_logits takes true, false. Got 'yes'",
    "model.keras numbers.csv --method integrated_gradients --set n_steps=0": "takes auto, a whole number of at least 1",
    "model.keras numbers.csv --set rule={hidden:rescale": "a bracket or a quotation mark that is not closed",
    "model.keras numbers.csv --max-references -3": "--max-references takes a whole number, at least 1, or auto",
    "model.keras numbers.csv --refrence zeros": "there is no option --refrence. Did you mean --reference?",
    "model.keras numbers.csv more.csv": "'more.csv' is one word too many",
    "model.keras numbers.csv --method depplift": "--method has no 'depplift'. Did you mean deeplift?",
    "model.keras numbers.csv --pixels 0..1": "--pixels is for pictures",
    "model.keras numbers.csv --genome g.fa": "--genome needs sequences",
}
OF_NETWORKS = {
    "model.keras narrow.csv": "The network takes 3 columns, and DATA has 2. Add the columns that the network",
    "model.keras numbers.csv --background images.npy": "the file of --background has rows with several axes",
    "model.keras flat.npy": "DATA has 1 axis, and the network takes a table",
    "model.keras images.npy": "DATA has rows with several axes, and the network takes a table",
    "image.keras numbers.csv": "DATA has shape (6, 3), but the network takes (n_rows, 8, 8, 1)",
    "tokens.keras tokens.npy": "DATA holds the id 92",
    "tokens.keras numbers.csv": "but the network takes whole ones",
    "inputs.keras others.npz": "The network takes the inputs 'left', 'right'. Got 'a', 'b'",
    "inputs.keras lengths.npz": "All inputs need the same number of rows. Got 3, 4",
    "inputs.keras numbers.csv": "the network takes 2 inputs (left, right), and DATA is one table",
    "inputs.keras picture.png --pixels 0..1 --reference zeros": "the network takes 2 inputs, and pictures fill only",
    "model.keras picture.png --pixels 0..1 --reference zeros": "takes rows of shape (3), and DATA holds pictures",
    "inputs.keras images.npy": "The network takes 2 inputs (left, right), and DATA is another number",
    "named.keras narrow.csv": "the network has an input 'dose', and DATA has no column of this name",
    "named.keras labelled.csv --index id --drop outcome --drop age": "the network has an input 'age'",
    "model.keras numbers.csv --reference images.npy": "--reference for DATA has shape (4, 8, 8, 1)",
    "model.keras numbers.csv --reference dinucleotide_shuffle": "--reference dinucleotide_shuffle takes one-hot",
    "model.keras numbers.csv --reference nearest_other": "--reference nearest_other looks for 1 training rows",
    "model.keras numbers.csv --target 7": "--target 7 is out of range: for this network it is 0",
    "model.keras numbers.csv --target -1": "--target -1 is out of range",
    "classes.keras numbers.csv --target Adelie": "Got 'Adelie'. To choose classes by their names, pass --classes",
    "classes.keras numbers.csv --target Adelie --classes a,b,c": "the class 'Adelie', which is none of 'a', 'b', 'c'",
    "classes.keras numbers.csv --target 2-3": "--target 3 is out of range: for this network it is a number from 0 to 2",
    "classes.keras numbers.csv --target 0,1": "--target is a number from 0 to 2. Got (0, 1)",
    "classes.keras numbers.csv --classes a,b": "--classes has 2 names, but the number of outputs is 3",
    "two.keras numbers.csv": "The network has 2 outputs. Pass --head to choose one: 'kind', 'price'",
    "two.keras numbers.csv --head prise": "--head prise is none of the network's outputs: 'kind', 'price'",
    "model.keras numbers.csv --layer hiden": "--layer names 'hiden', which is none of the network's layers",
    "model.keras numbers.csv --layer hidden --layer price --plot out.png": "--plot draws the columns of a table",
    "model.keras numbers.csv --method occlusion --set window_shape=9": "--set window_shape (9) is larger than a row",
}


def run(line):
    """Return the exit code of a command line."""
    try:
        return main(["explain", *shlex.split(line)])
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize(("line", "message"), [*OF_FILES.items(), *OF_NETWORKS.items()])
def test_wrong_lines(files, monkeypatch, capsys, line, message):
    monkeypatch.chdir(files)
    monkeypatch.setattr(DeepLiftExplainer, "explain", None)
    before = sorted(files.iterdir())
    assert run(line) == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    assert error.startswith("skdeeplift explain: error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not PYTHON_WORDS.search(error)
    assert sorted(files.iterdir()) == before


def test_files_are_checked_before_tensorflow_is_imported(files):
    lines = list(OF_FILES)
    code = (
        "import os, shlex, sys\nfrom skdeeplift.__main__ import main\n"
        f"os.chdir({str(files)!r})\n"
        "main(['explain', 'missing.keras', 'rows.csv'])\n"
        "assert 'sklearn' not in sys.modules\n"
        f"for line in {lines!r}:\n"
        "    try: assert main(['explain', *shlex.split(line)]) == 2, line\n"
        "    except SystemExit as stop: assert stop.code == 2, line\n"
        "    assert 'tensorflow' not in sys.modules, line\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == len(lines) + 1
