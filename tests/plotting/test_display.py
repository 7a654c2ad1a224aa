from concurrent.futures import ThreadPoolExecutor

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from skdeeplift.plotting import (
    BeeswarmDisplay,
    DependenceDisplay,
    ForceDisplay,
    HeatmapDisplay,
    ImportanceDisplay,
    WaterfallDisplay,
)
from tests.plotting.explanations import of_classes, table


class Explains:
    """Remembers what it was asked for."""

    def explain(self, X, *, target=None):
        self.asked = X, target
        return table()


@pytest.mark.parametrize(
    ("display", "options"),
    [
        (ImportanceDisplay, {"max_features": 2}),
        (BeeswarmDisplay, {"max_features": 2}),
        (WaterfallDisplay, {"row": 1}),
        (ForceDisplay, {"row": 1}),
        (HeatmapDisplay, {"order": "sum"}),
        (DependenceDisplay, {"feature": "a", "color_by": "b"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_from_explainer_explains_and_draws(display, options):
    explainer, ax = Explains(), Figure().add_subplot()
    drawn = display.from_explainer(explainer, "rows", target="predicted", ax=ax, **options)
    assert explainer.asked == ("rows", "predicted")
    assert isinstance(drawn, display)
    assert drawn.ax_ is ax
    assert drawn.figure_ is ax.figure


def test_figures_are_shown_and_saved_by_pyplot(tmp_path):
    display = WaterfallDisplay.from_explanation(table(), row=0)
    assert plt.gcf() is display.figure_
    plt.savefig(tmp_path / "picture.png")
    assert mpl.image.imread(tmp_path / "picture.png").std() > 0
    # A figure stays open until the user closes it, and a second display does not draw on it.
    other = WaterfallDisplay.from_explanation(table(), row=1)
    assert plt.get_fignums() == [display.figure_.number, other.figure_.number]
    plt.close("all")
    display.figure_.savefig(tmp_path / "picture.png")


def test_a_notebook_shows_a_figure_once():
    """The notebook's backend shows open figures; a display that showed itself too would be there twice."""
    assert not hasattr(WaterfallDisplay.from_explanation(table(), row=0), "_repr_html_")


def test_displays_are_drawn_in_threads():
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda row: WaterfallDisplay.from_explanation(table(), row=row % 2), range(8)))
    assert len({id(display.figure_) for display in drawn}) == 8
    assert [len(display.ax_.patches) for display in drawn] == [3] * 8


@pytest.mark.parametrize("unit", ["logit", "log-odds", "probability", "value"])
@pytest.mark.parametrize(
    ("display", "options", "find"),
    [
        (ImportanceDisplay, {}, lambda ax: ax.get_xlabel()),
        (BeeswarmDisplay, {}, lambda ax: ax.get_xlabel()),
        (DependenceDisplay, {"feature": "a"}, lambda ax: ax.get_ylabel()),
        (WaterfallDisplay, {"row": 1}, lambda ax: ax.get_xlabel()),
        (ForceDisplay, {"row": 1}, lambda ax: ax.get_xlabel()),
        (HeatmapDisplay, {}, lambda ax: ax.figure.axes[1].get_ylabel()),
        (HeatmapDisplay, {}, lambda ax: ax.child_axes[0].get_ylabel()),
    ],
    ids=["bar", "swarm", "dependence", "waterfall", "force", "heatmap", "heatmap-line"],
)
def test_the_target_and_its_unit_are_named(unit, display, options, find):
    explanation = of_classes(target_unit=unit, n_outputs=2)
    label = find(display.from_explanation(explanation, target="dog", **options).ax_)
    assert label.endswith("dog" if unit == "value" else f"{unit} of dog")


def test_figures_have_the_colors_that_are_set():
    with mpl.rc_context({"figure.facecolor": "black", "axes.facecolor": "black", "axes.labelcolor": "white"}):
        display = WaterfallDisplay.from_explanation(table(), row=0)
    assert display.figure_.get_facecolor() == (0, 0, 0, 1)
    assert {text.get_color() for text in display.ax_.texts} == {(1.0, 1.0, 1.0)}


def test_subfigures_belong_to_a_figure():
    figure = Figure()
    ax = figure.subfigures(1, 2)[0].add_subplot()
    assert ImportanceDisplay([1.0], ["a"]).plot(ax=ax).figure_ is figure


@pytest.mark.parametrize(
    ("display", "options"),
    [(ImportanceDisplay, {}), (BeeswarmDisplay, {}), (WaterfallDisplay, {"row": 0}), (HeatmapDisplay, {})],
)
def test_long_names_have_space_and_are_no_mathematics(display, options):
    names = ["n" * 90, "cost in $ of a sale in $", "_a^b_"]
    drawn = display.from_explanation(table(feature_names=names, X=None), **options)
    drawn.figure_.draw_without_rendering()
    labels = [label.get_text() for label in drawn.ax_.get_yticklabels()]
    assert set(names) <= set(labels)
    assert not any(label.get_parse_math() for label in drawn.ax_.get_yticklabels())
    assert drawn.ax_.get_window_extent().width / drawn.figure_.dpi > 3
