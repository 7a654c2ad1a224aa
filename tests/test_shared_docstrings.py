"""Placeholders of docstrings are filled with descriptions that several objects share."""

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import skdeeplift
from skdeeplift.shared_docstrings import fill_placeholders
from tests.doctest_lines import correct_lines

SHARED = """Descriptions.

Parameters
----------
first : int, default=1
    Number of things:

    - many;
    - few.
second : str
    Name.

Attributes
----------
third_ : float
    Length in metres.
"""


def test_a_placeholder_becomes_the_shared_entry_at_its_own_depth():
    class Described:
        """Described thing.

        Parameters
        ----------
        %(first)s
            Few are enough here.
        own : dict
            A format such as ``%(second)s`` or {"a", "b"}.
        %(second)s

        Attributes
        ----------
        %(third_)s
        """

    fill_placeholders(Described, SHARED)
    assert inspect.getdoc(Described).splitlines()[2:] == [
        "Parameters",
        "----------",
        "first : int, default=1",
        "    Number of things:",
        "",
        "    - many;",
        "    - few.",
        "    Few are enough here.",
        "own : dict",
        '    A format such as ``%(second)s`` or {"a", "b"}.',
        "second : str",
        "    Name.",
        "",
        "Attributes",
        "----------",
        "third_ : float",
        "    Length in metres.",
    ]


def test_below_a_name_and_a_type_the_placeholder_is_the_description():
    def described():
        """Do something.

        Parameters
        ----------
        first : int, default=7
            %(first)s
        another : str
            %(second)s
        """

    fill_placeholders(described, SHARED)
    assert inspect.getdoc(described).splitlines()[4:] == [
        "first : int, default=7",
        "    Number of things:",
        "",
        "    - many;",
        "    - few.",
        "another : str",
        "    Name.",
    ]


def test_an_unknown_placeholder_is_an_error():
    def described():
        """Do something.

        %(frist)s
        """

    with pytest.raises(ValueError, match=r"described has placeholders .*: frist\. .* first, second, third_\."):
        fill_placeholders(described, SHARED)


def test_docstrings_may_be_missing():
    def described():
        pass

    fill_placeholders(described, SHARED)
    assert described.__doc__ is None
    described.__doc__ = "%(first)s"
    fill_placeholders(described, None)
    assert described.__doc__ == "%(first)s"


@pytest.mark.slow
def test_python_without_docstrings_imports_all_public_names():
    code = "import skdeeplift; print([getattr(skdeeplift, name).__doc__ for name in skdeeplift.__all__])"
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert set(ast.literal_eval(done.stdout)) == {None}
    assert skdeeplift.DeepLiftExplainer.__doc__


def test_failing_doctests_name_their_lines_of_the_source():
    [test] = doctest.DocTestFinder(recurse=False).find(skdeeplift.DeepLiftExplainer, "explainer")
    correct_lines([SimpleNamespace(dtest=test), SimpleNamespace()])
    lines = Path(test.filename).read_text(encoding="utf-8").splitlines()
    for example in test.examples:
        first = f">>> {example.source.splitlines()[0]}"
        assert lines[test.lineno + example.lineno].strip() == first
        assert test.docstring.splitlines()[example.lineno].strip() == first
