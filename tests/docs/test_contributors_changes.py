"""The paths of contributors work if they are followed word for word: each touches the files that its text names."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT
from tests.docs.test_contributors_path import WISHES

REFERENCE = """

class Maximum(Reference):
    def fit(self, X, y=None):
        self.row_ = X.max(0, keepdims=True)
        return self

    def sample(self, X, n_references, random_state=None):
        return self.row_
"""
CHOICE = """
    if isinstance(target, str) and target == "first":
        return {(0,) * len(shape): 1.0}"""
KIND = """
    if isinstance(target, str) and target == "first":
        return False, False"""
LOADING = """
        if path.endswith(".dense"):
            return from_dense(path)"""
LOADER = """

def from_dense(path):
    import keras
    import numpy as np

    kernel = np.loadtxt(path)
    model = keras.Sequential([keras.Input((len(kernel),)), keras.layers.Dense(kernel.shape[1], use_bias=False)])
    model.set_weights([kernel])
    return model
"""
CHECK = """
    elif suffix == ".dense":
        pass"""
FRAME = """

def ranked_frame(explanation):
    return long_frame(explanation).sort_values("contribution", key=abs, ascending=False)
"""
METHOD = """

    def to_ranked_frame(self):
        return ranked_frame(self)
"""
DISPLAY = """from skdeeplift.plotting.display import Display


class TotalDisplay(Display):
    def __init__(self, total):
        self.total = total

    @classmethod
    def from_explanation(cls, explanation, *, ax=None):
        \"\"\"Draw the sum of all contributions.\"\"\"
        return cls(explanation.contributions.sum()).plot(ax=ax)

    def plot(self, *, ax=None):
        ax, _ = self._start(ax, 3, 1)
        ax.barh(0, self.total)
        return self
"""
WRITING = """
        elif suffix == ".json":
            frame.to_json(unfinished)"""
# For each wish: a file, words in it, and what is written behind these words. A new file has no words yet.
CHANGES = {
    "reference": [
        (
            "references/computed_references.py",
            'STATISTICS = {"mean": mean, "median": median, "minimum": minimum}',
            REFERENCE,
        ),
        ("references/__init__.py", "computed_references import Blur, Constant, Held", ", Maximum as Maximum"),
        ("references/assembly.py", "computed_references import Blur, Constant, Held", ", Maximum"),
        ("references/assembly.py", "SHORTHANDS = {", '"maximum": Maximum(), '),
    ],
    "target": [
        ("targets/target.py", 'NAMES = ("auto",', ' "first",'),
        ("targets/target.py", "def _choice(target, tensor, shape, n_rows):", CHOICE),
        ("targets/target_tensor.py", "    is_function = callable(target)", KIND),
    ],
    "format": [
        ("network/files.py", 'check_path(path, (".keras",', ' ".dense",'),
        ("network/files.py", "        loading = _Loading(path, objects, kernels)", LOADING),
        ("network/files.py", '_KERNELS = ("theano", "tensorflow")', LOADER),
        ("network/stored_files.py", "the path of a .keras,", " .dense,"),
        ("command_line/model_files.py", "        _check_archive(path)", CHECK),
    ],
    "output": [
        ("explanation/frames.py", "import find_parts, has_targets, target_labels", FRAME),
        ("explanation/explanation.py", "import long_frame,", " ranked_frame,"),
        ("explanation/explanation.py", 'return long_frame(self) if form == "long" else wide_frame(self)', METHOD),
        ("plotting/total.py", "", DISPLAY),
        (
            "plotting/plot_accessor.py",
            "import WaterfallDisplay",
            "\nfrom skdeeplift.plotting.total import TotalDisplay",
        ),
        (
            "plotting/plot_accessor.py",
            "bar = _drawn_by(ImportanceDisplay.from_explanation)",
            "\n    total = _drawn_by(TotalDisplay.from_explanation)",
        ),
        ("command_line/result_files.py", '"--output", options.output, FORMATS', ' + (".json",)'),
        ("command_line/result_files.py", "            np.save(unfinished, explanation.contributions)", WRITING),
    ],
}
TEXTS = {wish.split()[-1]: text for wish, text in WISHES}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What works in a copy of the package with all changes, and what was printed."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "skdeeplift", copy / "skdeeplift", ignore=shutil.ignore_patterns("__pycache__"))
    for name, words, added in (change for changes in CHANGES.values() for change in changes):
        path = copy / "skdeeplift" / name
        text = path.read_text(encoding="utf-8") if words else ""
        assert not words or text.count(words) == 1, f"{name}: {words}"
        path.write_text(text.replace(words, words + added), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, ROOT / "tests" / "docs" / "new_parts.py", copy]
    ran = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    return ran.stdout.split(), ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("wish", CHANGES)
def test_a_change_of_the_named_files_works(done, wish):
    works, errors = done
    assert any(each.removesuffix("s") == f"use_{wish}" for each in works), errors


@pytest.mark.parametrize("wish", CHANGES)
def test_all_files_of_a_change_are_named(wish):
    """A new file has no name yet, and its folder is named by the class that it derives from."""
    changed = {f"skdeeplift/{name}" for name, words, _ in CHANGES[wish] if words}
    assert [name for name in changed if f"``{name}``" not in TEXTS[wish]] == []
