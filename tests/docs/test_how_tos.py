"""The pages "Adding a rule" and "Adding an explainer" work if a reader follows them word for word."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.docs.pages import DOCS, ROOT, blocks_of

RULE, EXPLAINER = DOCS / "adding_a_rule.rst", DOCS / "development" / "adding_an_explainer.rst"
pytestmark = pytest.mark.slow
NEEDED = (
    "pyproject.toml",
    "tests/conftest.py",
    "tests/doctest_lines.py",
    "tests/functions.py",
    "tests/explainers/test_base_every_explainer.py",
    "tests/test_annotations.py",
)
ACTIVATION_CHECKS = "tests/docs/new_activation.py"


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, and of what its tests need."""
    shutil.copytree(ROOT / "skdeeplift", tmp_path / "skdeeplift", ignore=shutil.ignore_patterns("__pycache__"))
    for name in NEEDED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def follow(page, copy):
    """Do what a page says; return the tests that it wrote."""
    tests = []
    for block in blocks_of(page):
        name, _, place = block.caption.partition(", in ")
        path = copy / name.removeprefix("from ")
        if name.startswith("from "):
            assert block.code.strip() in path.read_text(encoding="utf-8")
        elif place:
            text = path.read_text(encoding="utf-8")
            [start] = [
                start for start in (f"{place} = {{\n", f"{place} = [\n", f"\n{place}:\n") if text.count(start) == 1
            ]
            path.write_text(text.replace(start, f"{start}    {block.code}"), encoding="utf-8")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"\n\n{block.code}" if file.tell() else block.code)
            if path.name.startswith("test_"):
                tests.append(name)
    return tests


def run_tests(copy, *words):
    """Run tests in a copy, whose package is the one that is imported there."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_adding_a_rule(copy):
    [test] = follow(RULE, copy)
    status, printed = run_tests(copy, test)
    assert status == 0, printed
    assert "3 passed" in printed


def test_without_the_rule_its_tests_fail(copy):
    follow(RULE, copy)
    for name in ("network/ops.py", "propagation/rules/linear.py"):
        shutil.copy(ROOT / "skdeeplift" / name, copy / "skdeeplift" / name)
    status, printed = run_tests(copy, "tests/propagation/rules/test_banded_solve.py")
    assert status == 1
    assert "BandedTriangularSolve" in printed
    assert "3 failed" in printed


def test_one_row_is_enough_for_an_activation(copy):
    """The first block of the page, a row for ``Dawsn``, without the rest."""
    [row] = [block for block in blocks_of(RULE) if "Dawsn" in block.code]
    assert row.code.count("\n") == 1
    with (copy / row.caption).open("a", encoding="utf-8") as table:
        table.write(row.code)
    (copy / "tests" / "docs").mkdir()
    shutil.copy(ROOT / ACTIVATION_CHECKS, copy / ACTIVATION_CHECKS)
    status, printed = run_tests(copy, ACTIVATION_CHECKS)
    assert status == 0, printed
    assert int(printed.split(" passed")[0].split()[-1]) > 20


def test_adding_an_explainer(copy):
    [test] = follow(EXPLAINER, copy)
    tests = [test, "tests/explainers/test_base_every_explainer.py", "tests/test_annotations.py"]
    status, printed = run_tests(copy, *tests, "-k", "hand or Rectified or first_use")
    assert status == 0, printed
    # Its own, and those that each explainer has.
    assert int(printed.split(" passed")[0].split()[-1]) > 5
