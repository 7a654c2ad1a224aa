import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeeplift.plotting import ForceDisplay
from tests.plotting.explanations import of_classes, table


def parts(display):
    """Return the ends of each part, where it starts and where it points to."""
    ends = []
    for patch in display.ax_.patches:
        x = patch.get_xy()[:, 0]
        ends.append((x[0], x[2]))
    return ends


def test_stacks_meet_at_the_prediction():
    display = ForceDisplay.from_explanation(table(), row=0)
    # 0.5 - 3 + 1 + 0.5 = -1; what raises is on the left and points to the right.
    np.testing.assert_allclose(parts(display), [(2, -1), (-2, -1), (-2.5, -2)])
    colors = [patch.get_facecolor() for patch in display.ax_.patches]
    assert colors[1] == colors[2] != colors[0]
    assert colors[0][2] > colors[0][0]  # blue lowers
    assert colors[1][0] > colors[1][2]  # red raises


def test_texts_tell_names_numbers_and_both_ends():
    display = ForceDisplay.from_explanation(table(), row=0)
    texts = [text.get_text() for text in display.ax_.texts if text.get_text()]
    assert texts == ["reference 0.5", "prediction −1", "b = 20 (−3)", "a = 10 (+1)", "c = 30 (+0.5)"]
    assert display.ax_.get_xlabel() == "output"


def test_others_and_what_is_not_explained_have_parts():
    display = ForceDisplay([1.0, -2.0, 0.5, 0.25], 0.0, 1.0, list("abcd")).plot(max_features=2)
    texts = [text.get_text() for text in display.ax_.texts if text.get_text()][2:]
    assert texts == ["b (−2)", "a (+1)", "sum of 2 other features (+0.75)", "not explained (+1.25)"]
    color = display.ax_.patches[-1].get_facecolor()
    assert np.ptp(color[:3]) < 1e-6  # gray


@pytest.mark.parametrize("seed", range(3))
def test_labels_neither_overlap_nor_leave_the_figure(seed):
    random = np.random.default_rng(seed)
    contributions = random.normal(size=12) ** 3
    names = ["n" * size for size in random.integers(1, 30 if seed else 120, 12)]
    display = ForceDisplay(contributions, 0.0, contributions.sum(), names, values=random.normal(size=12)).plot()
    display.figure_.draw_without_rendering()
    boxes = [text.get_window_extent() for text in display.ax_.texts if text.get_text()]
    assert len(boxes) == 14
    assert all(display.figure_.bbox.padded(1).contains(*corner) for box in boxes for corner in box.corners())
    for place, box in enumerate(boxes):
        for other in boxes[place + 1 :]:
            overlap = mpl.transforms.Bbox.intersection(box, other)
            assert overlap is None or min(overlap.width, overlap.height) < 1


def test_given_axes_keep_their_figure():
    figure = Figure(figsize=(8, 2))
    display = ForceDisplay([1.0, -2.0], 0.0, -1.0, ["a", "b"]).plot(ax=figure.add_subplot())
    assert display.figure_ is figure
    assert figure.get_size_inches().tolist() == [8, 2]


def test_a_row_equal_to_its_reference():
    display = ForceDisplay([0.0, 0.0], 2.0, 2.0, ["a", "b"]).plot()
    assert "prediction 2" in [text.get_text() for text in display.ax_.texts]


def test_rows_and_targets_are_chosen():
    with pytest.raises(ValueError, match="draws one row, and the explanation has 2"):
        ForceDisplay.from_explanation(table())
    with pytest.raises(ValueError, match="to one target"):
        ForceDisplay.from_explanation(of_classes(), row=0)
    with pytest.raises(ValueError, match="starts at the target's value at the reference, and the explanation has none"):
        ForceDisplay.from_explanation(table(reference_value=None), row=0)
