"""Files beside the package: its metadata, citation, changelog, policies and forms agree with the package."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import skdeeplift

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").iterdir() if path.name != "config.yml")
EXPLAINERS = [name for name in skdeeplift.__all__ if name.endswith("Explainer")]


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_in_one_place():
    assert "version" in PROJECT["project"]["dynamic"]
    source = PROJECT["tool"]["hatch"]["version"]["path"]
    assert re.findall(r'^__version__ = "(.*)"', text_of(source), re.MULTILINE) == [skdeeplift.__version__]
    release, candidate = re.fullmatch(r"(\d+\.\d+\.\d+)(rc\d+)?", skdeeplift.__version__).groups()
    [status] = [each for each in PROJECT["project"]["classifiers"] if each.startswith("Development Status")]
    assert status.endswith("4 - Beta" if candidate else "5 - Production/Stable")
    notes = text_of("docs/whats_new.rst")
    assert re.findall(r"^Version (.*)\n=+$", notes, re.MULTILINE)[0] == release
    assert candidate is None or f"``{skdeeplift.__version__}``" in notes
    assert skdeeplift.__version__ not in text_of("pyproject.toml") + text_of("CITATION.cff") + text_of("README.md")


def test_names_say_since_which_version_they_exist():
    added = {version for path in ROOT.glob("skdeeplift/**/*.py") for version in versions_added(path)}
    assert added == {"1.0"}


def versions_added(path):
    return re.findall(r"\.\. versionadded:: (\S+)", path.read_text(encoding="utf-8"))


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "skdeeplift/py.typed").exists()
    assert "Typing :: Typed" in PROJECT["project"]["classifiers"]


def test_the_citation_has_the_keys_of_its_format():
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type", "license", "repository-code"} <= set(CITATION)
    assert CITATION["license"] == PROJECT["project"]["license"]
    assert CITATION["repository-code"] == PROJECT["project"]["urls"]["Source"]
    assert CITATION["title"] == f"skdeeplift: {PROJECT['project']['description']}"


@pytest.mark.parametrize("paper", CITATION["references"], ids=lambda paper: paper["scope"])
def test_cited_papers_are_those_of_the_bibliography(paper):
    assert paper["type"] in ("article", "conference-paper")
    assert all(set(author) == {"family-names", "given-names"} for author in paper["authors"])
    link = paper.get("url") or f"https://doi.org/{paper['doi']}"
    [entry] = [entry for entry in text_of("docs/bibliography.rst").split("\n\n") if link in entry]
    words = " ".join(entry.split())
    assert words.startswith(f"{paper['authors'][0]['family-names']}, ")
    assert all(author["family-names"] in words for author in paper["authors"])
    assert f"({paper['year']}). {paper['title']}".lower() in words.lower()


def test_each_explainer_has_a_paper():
    scopes = " ".join(paper["scope"] for paper in CITATION["references"])
    assert [name for name in EXPLAINERS if name not in scopes] == []


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", ".github/SECURITY.md", ".github/PULL_REQUEST_TEMPLATE.md"]
)
def test_links_and_files_exist(page):
    folder, text = (ROOT / page).parent, text_of(page)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    named = re.findall(r"`((?:docs|tests|skdeeplift)/[\w./]+)`", text)
    assert links or named
    assert [link for link in links if not (folder / link).exists()] == []
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(form) == {"name", "description", "labels", "body"}
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"textarea", "dropdown"}
    assert all(field["attributes"]["label"] for field in fields)
    names = [field["id"] for field in fields]
    assert len(set(names)) == len(names)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_there_is_a_form_for_each_kind_of_issue():
    assert [path.name for path in FORMS] == ["bug.yml", "feature.yml", "wrong_number.yml"]
    config = yaml.safe_load(text_of(".github/ISSUE_TEMPLATE/config.yml"))
    assert any("security" in link["url"] for link in config["contact_links"])
