"""The pages that are made of the package are whole."""

import importlib
import importlib.util

import pytest

import skdeeplift
from skdeeplift import DeepLiftExplainer
from tests.docs.pages import DOCS


@pytest.fixture(scope="module")
def conf():
    spec = importlib.util.spec_from_file_location("conf", DOCS / "conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_is_in_the_reference(conf):
    lines = conf.api_page().splitlines()
    for module_name in conf.API:
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError:
            continue
        start = lines.index(f".. currentmodule:: {module_name}")
        listed = {line.strip() for line in lines[start:] if line.startswith("   ") and ":" not in line}
        assert set(conf.public_names(module)) <= listed
    assert "exceptions" not in conf.public_names(skdeeplift)


def test_links_of_estimators_lead_to_their_pages():
    """In a notebook an estimator links to its page, which is one of those that the reference makes."""
    link = DeepLiftExplainer("model.keras")._get_doc_link()
    assert link.endswith("/api/skdeeplift.DeepLiftExplainer.html")


def test_versions_are_those_of_the_package(conf):
    table = conf.versions_table()
    assert "   * - python\n     - 3.11\n" in table
    for name in ("tensorflow", "keras", "scikit-learn", "matplotlib", "dask"):
        assert f"   * - {name}\n     - " in table


def test_pages_are_in_a_list_only_when_they_are_there(conf):
    assert conf.pages_that_are_there("user_guide/", "rules", "nowhere") == "   /user_guide/rules\n"
    assert conf.toctree("") == ""
