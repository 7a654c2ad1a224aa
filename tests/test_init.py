import subprocess
import sys

import pytest

import skdeeplift
from skdeeplift import references


def test_import_is_light():
    code = "import sys, skdeeplift.selection; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_references_of_sequences_need_no_tensorflow():
    code = (
        "import sys; from skdeeplift.references import *; DinucleotideShuffle().fit(['ACGA']).sample(['ACGA'], 1); "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_of_references():
    for name in references.__all__:
        assert getattr(references, name)
        assert name in dir(references)
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        references.unknown  # noqa: B018


def test_public_names():
    for name in skdeeplift.__all__:
        assert getattr(skdeeplift, name)
        assert name in dir(skdeeplift)
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        skdeeplift.unknown  # noqa: B018
