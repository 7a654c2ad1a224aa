import os
import subprocess
import sys
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeeplift.plotting.display import check_matplotlib, hide_spines, new_figure, write_plain_ticks


def test_missing_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"WaterfallDisplay draws with matplotlib.*'skdeeplift\[plot\]'"):
        check_matplotlib("WaterfallDisplay")


@pytest.mark.slow
def test_drawing_leaves_global_state_alone():
    code = """
import sys
from itertools import pairwise
import skdeeplift.plotting as plotting
assert "matplotlib" not in sys.modules, "imported with the package"
import matplotlib
before = dict(matplotlib.rcParams)
plotting.ImportanceDisplay([1.0, 2.0], ["a", "b"]).plot()
plotting.TokenDisplay([["a", "b"]], [[1.0, 2.0]]).plot()._repr_html_()
assert dict(matplotlib.rcParams) == before
assert "tensorflow" not in sys.modules
"""
    environment = {**os.environ, "MPLBACKEND": "agg"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_new_figures_are_those_of_pyplot():
    figure = new_figure(3, 2)
    assert plt.gcf() is figure
    assert plt.get_fignums() == [figure.number]
    assert figure.get_size_inches().tolist() == [3, 2]


def test_sides_without_numbers_are_hidden():
    def shown(ax):
        return [name for name, spine in ax.spines.items() if spine.get_visible()]

    ax = Figure().add_subplot()
    hide_spines(ax)
    assert shown(ax) == ["left", "bottom"]
    hide_spines(ax, left=True)
    assert shown(ax) == ["bottom"]


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([2006.0, 2007.0, np.nan, 2008.0], ["2006", "2007", "2008"]),
        ([250000.0, 250001.5], ["250000.0", "250000.5", "250001.0", "250001.5"]),
        ([0.1, 0.4], ["0.1", "0.2", "0.3", "0.4"]),
    ],
    ids=["years", "prices", "rates"],
)
def test_ticks_are_written_in_full(values, ticks):
    ax = Figure().add_subplot()
    ax.plot(values, values)
    ax.margins(0)
    write_plain_ticks(ax.xaxis, np.array(values))
    ax.xaxis.get_major_locator().set_params(nbins=4)
    ax.figure.draw_without_rendering()
    assert ax.xaxis.get_offset_text().get_text() == ""
    low, high = ax.get_xlim()
    positions = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
    assert [label.get_text() for tick, label in positions if low <= tick <= high] == ticks


def test_numbers_of_many_digits_do_not_collide():
    from matplotlib.figure import Figure

    ax = Figure(figsize=(4, 2)).add_subplot(xlim=(999999.5, 1000000.4))
    write_plain_ticks(ax.xaxis)
    ax.figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
