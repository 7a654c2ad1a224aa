"""What stands behind >>> on these pages is run by pytest, in a folder of its own."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")

collect_ignore = ["conf.py", "make_pictures.py", "_build", "api", "auto_examples", "generated", "_templates"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
