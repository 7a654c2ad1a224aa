import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeeplift.plotting.text_layout import make_ruler, shorten_name, stair_levels, wrap_lines


def test_widths_of_texts():
    measure = make_ruler(Figure(dpi=144), 10)
    # In points, whatever the resolution.
    assert measure("mmmm") == pytest.approx(make_ruler(Figure(dpi=72), 10)("mmmm"), rel=0.1)
    assert measure("mmmm") == pytest.approx(2 * make_ruler(Figure(dpi=144), 5)("mmmm"), rel=0.1)
    assert measure("$x$") > 1.3 * measure("x")


def test_levels_by_hand():
    # The second label would cover the first anchor; the third fits between them; the last reaches over all.
    assert stair_levels([10, 20, 40, 45], [10, 15, 15, 40]) == [0, 1, 0, 2]


def test_neither_labels_nor_lines_overlap():
    random = np.random.default_rng(0)
    for _ in range(50):
        anchors, widths = np.sort(random.uniform(0, 100, 8)), random.uniform(1, 60, 8)
        levels = stair_levels(anchors, widths)
        for one in range(8):
            for other in range(8):
                covers = anchors[one] - widths[one] <= anchors[other] < anchors[one]
                # A line passes the levels above its label; a label lies on its own level.
                assert not (covers and levels[other] >= levels[one])


def test_long_names_are_shortened_and_lines_wrapped():
    name = "a very long name " * 8 + "= 3"
    assert len(shorten_name(name)) == 60
    assert shorten_name(name).endswith("long name = 3")
    assert shorten_name("age = 3") == "age = 3"
    assert wrap_lines("one two\nthree", 4) == "one\ntwo\nthree"
