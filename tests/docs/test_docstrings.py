"""The docstrings that ``help`` shows pass numpydoc's checks, with the descriptions that several of them share."""

import inspect
import re
import tomllib

import pytest
from numpydoc.validate import get_validation_checks, validate

from tests.docs.pages import ROOT
from tests.docs.test_public_names import NAMES

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]
CHECKS = get_validation_checks(set(SETTINGS["checks"]))
ONE_LINE = r"\A[^\n]*\Z"


def own_methods(name):
    """List the full names of an object and of the public methods that the package defines for it."""
    found = NAMES[name]
    methods = inspect.getmembers(found, inspect.isroutine) if inspect.isclass(found) else []
    ours = [key for key, value in methods if (getattr(value, "__module__", "") or "").startswith("skdeeplift.")]
    return [name, *(f"{name}.{key}" for key in ours if not key.startswith("_"))]


@pytest.mark.parametrize("name", NAMES)
def test_passes_numpydoc(name):
    for each in own_methods(name):
        report = validate(each)
        is_one_line = re.search(ONE_LINE, report["docstring"])
        skipped = {check for check in ("PR01", "RT01", "YD01") if is_one_line}
        assert not [error for error in report["errors"] if error[0] in CHECKS - skipped], each


@pytest.mark.parametrize("name", NAMES)
def test_has_no_placeholder_left(name):
    for each in own_methods(name):
        assert not re.search(r"%\(\w+\)s$", validate(each)["docstring"], re.MULTILINE), each
