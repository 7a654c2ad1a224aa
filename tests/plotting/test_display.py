import base64
import io

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from skdeeplift.plotting import BeeswarmDisplay, DependenceDisplay, ImportanceDisplay, WaterfallDisplay
from tests.plotting.explanations import table


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


def test_a_notebook_shows_the_figure_at_twice_its_size():
    display = ImportanceDisplay([1.0], ["a"]).plot()
    text = display._repr_html_()
    width = round(display.figure_.get_figwidth() * display.figure_.dpi)
    assert f'width="{width}"' in text
    picture = base64.b64decode(text.split("base64,")[1].split('"')[0])
    assert mpl.image.imread(io.BytesIO(picture)).shape[1] == 2 * width


def test_what_is_not_drawn_yet_is_named():
    assert "<pre>&lt;" in ImportanceDisplay([1.0], ["a"])._repr_html_()


def test_figures_have_the_colors_that_are_set():
    with mpl.rc_context({"figure.facecolor": "black", "axes.facecolor": "black", "axes.labelcolor": "white"}):
        display = WaterfallDisplay.from_explanation(table(), row=0)
    assert display.figure_.get_facecolor() == (0, 0, 0, 1)
    assert {text.get_color() for text in display.ax_.texts} == {(1.0, 1.0, 1.0)}


def test_subfigures_belong_to_a_figure():
    figure = Figure()
    ax = figure.subfigures(1, 2)[0].add_subplot()
    assert ImportanceDisplay([1.0], ["a"]).plot(ax=ax).figure_ is figure
