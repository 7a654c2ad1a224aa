import subprocess
import sys

import pytest

import skdeeplift
from skdeeplift import references


def test_import_is_light():
    code = "import sys, skdeeplift.selection; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def run(code):
    """Run code in a process that has imported nothing."""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_modules_are_attributes_that_are_imported_when_used():
    run("""
import sys
import skdeeplift
assert {"datasets", "exceptions", "metrics", "plotting", "references", "sequences", "targets"} <= set(dir(skdeeplift))
heavy = {"tensorflow", "keras", "matplotlib", "pandas", "sklearn"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert skdeeplift.plotting.__name__ == "skdeeplift.plotting"
assert skdeeplift.metrics.__name__ == "skdeeplift.metrics"
assert skdeeplift.references.Blur and skdeeplift.datasets.__all__ and skdeeplift.exceptions
assert skdeeplift.targets.Profile()
assert skdeeplift.sequences.one_hot(["ACGT"]).sum() == 4
assert not {"tensorflow", "keras", "matplotlib"} & set(sys.modules)
""")


def test_plotting_is_there_without_matplotlib():
    run("""
import sys
sys.modules["matplotlib"] = None
import skdeeplift
display = skdeeplift.plotting.ImportanceDisplay([1.0], ["a"])
try:
    display.plot()
except ImportError as error:
    assert "pip install 'skdeeplift[plot]'" in str(error)
else:
    raise AssertionError("drawn without matplotlib")
""")


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
