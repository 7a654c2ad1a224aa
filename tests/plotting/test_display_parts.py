import subprocess
import sys

import pytest
from matplotlib.figure import Figure

from skdeeplift.plotting.display import check_matplotlib, contribution_label, hide_spines


def test_missing_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"WaterfallDisplay draws with matplotlib.*'skdeeplift\[plot\]'"):
        check_matplotlib("WaterfallDisplay")


@pytest.mark.slow
def test_drawing_leaves_global_state_alone():
    code = """
import sys
import skdeeplift.plotting as plotting
assert "matplotlib" not in sys.modules, "imported with the package"
import matplotlib
before = dict(matplotlib.rcParams)
plotting.ImportanceDisplay([1.0, 2.0], ["a", "b"]).plot()._repr_html_()
plotting.TokenDisplay([["a", "b"]], [[1.0, 2.0]]).plot()
assert dict(matplotlib.rcParams) == before
assert "matplotlib.pyplot" not in sys.modules
assert "tensorflow" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_sides_without_numbers_are_hidden():
    def shown(ax):
        return [name for name, spine in ax.spines.items() if spine.get_visible()]

    ax = Figure().add_subplot()
    hide_spines(ax)
    assert shown(ax) == ["left", "bottom"]
    hide_spines(ax, left=True)
    assert shown(ax) == ["bottom"]


def test_labels_of_contributions():
    assert contribution_label("") == "contribution"
    assert contribution_label("to cat") == "contribution to cat"
