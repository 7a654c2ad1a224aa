"""What stands behind >>> on these pages is run by pytest, in a folder of its own."""

import os
import sys
from importlib.util import find_spec

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")

collect_ignore = ["conf.py", "make_pictures.py", "_build", "api", "auto_examples", "generated", "_templates"]
# The extra "hub" installs what this page is about.
if find_spec("keras_hub") is None:
    collect_ignore.append("user_guide/keras_hub.rst")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Pages leave their figures open, as a reader would; those of all pages together are too many.
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


# Pages that take longest: they train several networks, or explain many rows.
SLOW_PAGES = {
    "clusters.rst",
    "feature_selection.rst",
    "genomics.rst",
    "keras_hub.rst",
    "methods_compared.rst",
    "pictures.rst",
    "recurrent.rst",
    "references.rst",
    "sequences.rst",
    "tables.rst",
}


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the option -m
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name in SLOW_PAGES:
            item.add_marker(pytest.mark.slow)
