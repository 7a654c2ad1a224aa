import subprocess
import sys

import pytest

from skdeeplift import metrics


def test_import_is_light():
    code = "import sys, skdeeplift.metrics; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names():
    for name in metrics.__all__:
        assert getattr(metrics, name).__name__ == name
        assert name in dir(metrics)
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        metrics.unknown  # noqa: B018
