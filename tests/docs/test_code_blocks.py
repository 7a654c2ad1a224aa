"""What stands behind >>> is run by pytest itself (docs/conftest.py); here is all other code."""

import io
import os
import re
import shlex
import sys
import tomllib
import warnings
from doctest import DocTestParser
from itertools import pairwise
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from skdeeplift import Explanation
from skdeeplift.__main__ import main
from skdeeplift.exceptions import BatchSizeWarning, JitCompileWarning, SummationToDeltaWarning
from tests.docs.pages import DOCS, PAGES, ROOT, blocks_of, name_of, python_of

# Pages whose blocks are files: see test_how_tos.py.
HOW_TOS = {DOCS / "adding_a_rule.rst", DOCS / "development" / "adding_an_explainer.rst"}
WITH_PYTHON = [
    page
    for page in (ROOT / "README.md", *PAGES)
    if page not in HOW_TOS and any(block.language == "python" for block in blocks_of(page))
]

# Columns of code beside both sidebars in a window of 1280 pixels.
WIDTH = 79

OWN_WARNINGS = (BatchSizeWarning, JitCompileWarning, SummationToDeltaWarning, ConvergenceWarning, RuntimeWarning)


def test_all_blocks_are_found():
    for page in PAGES:
        blocks = blocks_of(page)
        assert len(blocks) == page.read_text(encoding="utf-8").count(".. code-block::")
        # Others than Python's have names of their own, so that none is left out for a name that is misspelt.
        assert {block.language for block in blocks} <= {"python", "bash", "text", "toml", "yaml"}
        assert all(block.code.strip() for block in blocks)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in HOW_TOS], ids=name_of)
def test_code_fits_the_page(page):
    """The blocks of the how-tos are lines of the sources, which are longer, and scroll."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in blocks_of(page) for line in block.code.splitlines()]
    for example in DocTestParser().get_examples(text):
        length = example.source.count("\n") + example.want.count("\n")
        shown = text.splitlines()[example.lineno : example.lineno + length]
        lines += [line[example.indent :] for line in shown]
    assert [line for line in lines if len(line) > WIDTH] == []


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_python_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page"}
    for code in python_of(page):
        exec(compile(code, name_of(page), "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    shown = [line.split() for line in page.read_text(encoding="utf-8").splitlines()]
    # Training differs a little between machines.
    assert all(any(are_alike(line.split(), other) for other in shown) for line in printed)
    plt.close("all")


def are_alike(words, others):
    """Return whether two lines have the same words, and numbers that differ by less than a tenth."""
    if len(words) != len(others):
        return False
    pairs = zip(words, others, strict=True)
    return all(one == other or (is_number(one, other) and abs(float(one) - float(other)) < 0.1) for one, other in pairs)


def is_number(*words):
    """Return whether words are numbers with a point."""
    return all(re.fullmatch(r"-?\d+\.\d+", word) for word in words)


@pytest.mark.slow
@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "tutorial.rst"], ids=name_of)
def test_a_first_run_warns_of_nothing(page, tmp_path, monkeypatch):
    """Neither of contributions nor of anything else that a user has no reason to act on."""
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page"}
    with warnings.catch_warnings():
        for category in OWN_WARNINGS:
            warnings.simplefilter("error", category)
        # The tutorial's own scikit-learn network may stop training early.
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        for code in python_of(page):
            exec(compile(code, name_of(page), "exec"), namespace)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The files that the page on the command line speaks of."""
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)])
    model.save("model.keras")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 3)), columns=["age", "dose", "weight"])
    table.to_csv("training.csv", index=False)
    table.assign(id=range(6), diagnosis="well").to_csv("rows.csv", index=False)
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]).save(
        "animals.keras"
    )
    pytest.importorskip("PIL.Image").fromarray(np.zeros((8, 8, 3), np.uint8)).save("cat.png")
    letters = keras.Input((10, 4))
    profile = keras.layers.Conv1D(1, 3, padding="same", name="profile")(letters)
    counts = keras.layers.Dense(1, name="counts")(keras.layers.Flatten()(letters))
    keras.Model(letters, {"profile": profile, "counts": counts}).save("bpnet.keras")
    Path("genome.fa").write_text(">chr1\n" + "GATTACAGCATGCCGTA" * 9 + "\n")
    Path("regions.bed").write_text("".join(f"chr1\t{start}\t{start + 10}\n" for start in (5, 12, 60, 70, 71, 90)))
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        line
        for block in blocks_of(DOCS / "command_line.rst")
        for line in block.code.replace("\\\n", "").splitlines()
        if block.language == "bash"
    ],
)
def test_commands_of_the_page_run(command, files, capsys, monkeypatch):
    read, _, command = command.rpartition(" | ")
    if read:
        content = Path(read.removeprefix("cat ")).read_bytes()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    program, *words = shlex.split(command)
    assert program == "skdeeplift"
    assert main(words) == 0
    assert capsys.readouterr().out
    for word, file in pairwise(words):
        if word in ("--output", "--plot") and file != "-":
            assert os.path.getsize(file) > 0
    if "selected.npz" in words:
        assert np.load("selected.npz")["contributions"].shape == (6, 2)
        assert len(Explanation.load("selected.npz").feature_names) == 2


def test_extras_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *PAGES))
    named = {name for names in re.findall(r'pip install (?:-e )?"\.\[([\w,]+)\]"', text) for name in names.split(",")}
    assert named == set(project["optional-dependencies"])


def test_pages_that_are_linked_exist():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for path in re.findall(r"^\.\. (?:image|figure):: (\S+)", text, re.MULTILINE):
            assert (page.parent / path).is_file()
