"""The files and names that the architecture page sends contributors to exist."""

import re

import pytest

from tests.docs.pages import DOCS, ROOT

PAGE = DOCS / "architecture.rst"
SECTION = PAGE.read_text(encoding="utf-8").partition(".. _contributors_path:")[2]
WISHES = re.findall(r"^I want to (.*)\n((?:    .*\n)+)", SECTION, re.MULTILINE)


def test_each_kind_of_change_has_a_path():
    assert [wish.split()[-1] for wish, _ in WISHES] == ["op", "explainer", "reference", "target", "format", "output"]


@pytest.mark.parametrize(("wish", "text"), WISHES, ids=[wish for wish, _ in WISHES])
def test_files_exist_and_hold_the_names(wish, text):
    names = re.findall(r"``([^`]+)``", text)
    paths = [name for name in names if name.startswith("skdeeplift/")]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    sources = "".join((ROOT / path).read_text(encoding="utf-8") for path in paths if path.endswith(".py"))
    # A keyword such as ``target=`` is a parameter, and a quoted word is a value.
    assert [name for name in names if name not in paths and name.rstrip("=").strip('"') not in sources] == []


def test_rooms_are_the_folders():
    rooms = re.findall(r"^``(\w+)``$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rooms) == sorted(path.parent.name for path in (ROOT / "skdeeplift").glob("*/__init__.py"))
