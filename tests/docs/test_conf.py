"""The pages that are made of the package are whole."""

import importlib.util
import inspect

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


def test_every_public_name_is_in_one_group_of_the_reference(conf):
    page, listed = conf.api_page(), []
    for group in page.split(".. currentmodule:: ")[1:]:
        module_name, *lines = group.splitlines()
        listed += [f"{module_name}.{line.strip()}" for line in lines if line.startswith("   ") and ":" not in line]
    modules = [skdeeplift, *(getattr(skdeeplift, name) for name in skdeeplift.__all__)]
    modules = [module for module in modules if inspect.ismodule(module)]
    public = [f"{module.__name__}.{name}" for module in modules for name in conf.public_names(module)]
    assert sorted(listed) == sorted(public)
    assert "exceptions" not in conf.public_names(skdeeplift)
    # Captions are the titles of the groups in the sidebar.
    for title, *_ in conf.API:
        assert f"\n{title}\n{'=' * len(title)}\n" in page
        assert f"   :caption: {title}\n" in page


def test_every_page_has_a_sidebar(conf):
    assert conf.html_sidebars["**"]
    assert all(conf.html_sidebars.values())


def test_the_logo_is_there(conf):
    assert (DOCS / conf.html_favicon).read_text(encoding="utf-8").startswith("<svg")
    assert conf.html_theme_options["logo"]["image_light"] == conf.html_favicon


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
