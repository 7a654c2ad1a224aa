import subprocess
import sys

import pytest

import skdeeplift


def test_import_is_light():
    code = "import sys, skdeeplift; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names():
    for name in skdeeplift.__all__:
        assert getattr(skdeeplift, name)
        assert name in dir(skdeeplift)
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        skdeeplift.unknown  # noqa: B018
