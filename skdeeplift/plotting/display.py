"""Base class of all displays, and colours that suit a light or a dark background."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, NamedTuple, Self

import numpy as np

from skdeeplift.annotations import Axes, Explainer, Rows, TargetLike
from skdeeplift.plotting import display_parameters
from skdeeplift.shared_docstrings import fill_placeholders

# The legend is outside the axes, to the right of them.
LEGEND_ON_THE_RIGHT = {"frameon": False, "loc": "upper left", "bbox_to_anchor": (1, 1)}

# Each list runs from strong to weak. Hue tells the sign: blue and red can be told apart by colour-blind readers.
# Distance from the background tells the size.
_ON_LIGHT = {
    "negative": ["#053061", "#2166ac", "#4393c3", "#92c5de"],
    "positive": ["#67001f", "#b2182b", "#d6604d", "#f4a582"],
    "classes": ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#9a8a00", "#6b6b6b"],
    # The range of the colormap viridis. Each of its ends is hard to see on one of the backgrounds.
    "values": (0.0, 0.85),
}
_ON_DARK = {
    "negative": ["#c6e2ff", "#6db3ff", "#3182d9", "#1d4f8a"],
    "positive": ["#ffd0bd", "#ff8a6b", "#dd5a3c", "#8c3826"],
    "classes": ["#56b4e9", "#e69f00", "#1fc497", "#e39bc4", "#2f86d6", "#f07a30", "#f0e442", "#a5a5a5"],
    "values": (0.25, 1.0),
}


def check_matplotlib(owner):
    """Raise an error that tells how to install matplotlib, if it is missing.

    Parameters
    ----------
    owner : str
        The name of the display, for the error.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    """
    try:
        import_module("matplotlib")
    except ImportError as error:
        raise ImportError(
            f"{owner} draws with matplotlib, which is not installed. Install it: pip install 'skdeeplift[plot]'."
        ) from error


def new_figure(width, height):
    """Create a figure of pyplot, which its functions ``show`` and ``savefig`` find.

    Parameters
    ----------
    width, height : float
        The size in inches.

    Returns
    -------
    figure : matplotlib Figure
        An empty figure.
    """
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), layout="constrained")


def hide_spines(ax, *, left=False):
    """Hide the sides of the frame that have no numbers.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes.
    left : bool, default=False
        Whether to hide the left side and its ticks too, because it has names instead of numbers.
    """
    ax.spines[["top", "right", *(["left"] if left else [])]].set_visible(False)
    if left:
        ax.tick_params(axis="y", length=0)


def write_plain_ticks(axis, values=None):
    """Write the numbers of an axis in full, without an offset that the reader has to add.

    An axis with fixed ticks keeps them.

    Parameters
    ----------
    axis : matplotlib Axis
        An axis with a linear scale.
    values : ndarray, default=None
        Values on the axis. If all of them are whole, such as years, there are only whole numbers on the axis.
    """
    from matplotlib.ticker import FixedLocator, MaxNLocator, ScalarFormatter

    if isinstance(axis.get_major_locator(), FixedLocator):
        return
    formatter = ScalarFormatter(useOffset=False)
    formatter.set_powerlimits((-5, 7))
    axis.set_major_formatter(formatter)
    if values is not None:
        known = values[np.isfinite(values)]
        if known.size and (known == np.round(known)).all():
            axis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    elif np.ptp(ends := axis.get_view_interval()) < 1e-4 * np.abs(ends).max():
        # Numbers of many digits need space.
        axis.set_major_locator(MaxNLocator(3))


class Display:
    """Base of all displays, which explain rows and draw them."""

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        for described in (cls, *filter(inspect.isroutine, vars(cls).values())):
            fill_placeholders(getattr(described, "__func__", described), display_parameters.__doc__)

    @classmethod
    def from_explainer(
        cls, explainer: Explainer, X: Rows, *, target: TargetLike | None = None, ax: Axes | None = None, **options: Any
    ) -> Self:
        """Explain rows and draw the explanation.

        Parameters
        ----------
        explainer : BaseExplainer
            A fitted explainer.
        X : array-like of shape (n_rows, *features), or list or dict of array-like
            Rows to explain.
        target : str, int, tuple, dict, array-like or callable, default=None
            The target to explain; the explainer's own ``target`` by default.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.
        **options : object
            Further parameters of `from_explanation`.

        Returns
        -------
        display : Display
            The display, already drawn.

        Raises
        ------
        ValueError
            If the rows cannot be explained, or the display cannot draw their explanation.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(cls.__name__)
        return cls.from_explanation(explainer.explain(X, target=target), ax=ax, **options)

    def _start(self, ax, width, height, names=()):
        """Store the axes to draw on, by default those of a new figure, and return them with suitable colours.

        A new figure is wider than ``width`` if it needs space for long names beside the axes.
        """
        check_matplotlib(type(self).__name__)
        if ax is None:
            width += 0.08 * max([0, *(len(name) - 30 for name in names)])
            ax = new_figure(width, height).add_subplot()
        elif not hasattr(ax, "transAxes"):
            raise TypeError(
                f"ax= takes matplotlib Axes, such as those of matplotlib.pyplot.subplots(). Got {type(ax).__name__}."
            )
        self.ax_, self.figure_ = ax, ax.get_figure(root=True)
        return ax, colors_on(ax)

    def _add_colorbar(self, mappable, ax, **options):
        """Add a colour bar without a frame beside axes, and return it."""
        bar = self.figure_.colorbar(mappable, ax=ax, pad=0.02, **options)
        bar.outline.set_visible(False)
        return bar


class Colors(NamedTuple):
    """Colours for one background."""

    background: tuple
    # Text.
    ink: tuple
    # Lines that guide the eye.
    faint: tuple
    # Marks without a sign or a value.
    muted: tuple
    positive: str
    negative: str
    # A single series.
    single: str
    # One colour for each of several classes.
    classes: list
    # Colormap of contributions, from negative to positive; zero has the colour of the background.
    signed: object
    # Colormap from low to high values.
    values: object

    @property
    def is_dark(self):
        """Return whether the background is dark."""
        return lightness(self.background) < 0.5

    def by_class(self, n_classes):
        """Return one colour for each class, from the colormap of values if there are many classes."""
        if n_classes <= len(self.classes):
            return self.classes[:n_classes]
        return list(self.values(np.linspace(0, 1, n_classes)))

    def signed_scale(self, limit):
        """Return the matplotlib ScalarMappable that colours contributions from ``-limit`` to ``limit``."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        return ScalarMappable(Normalize(-limit, limit), self.signed)


def colors_on(ax):
    """Choose colours that suit the background of axes.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes to draw on.

    Returns
    -------
    colors : Colors
        The colours, with those of the background and of text.
    """
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap, to_rgb, to_rgba

    ink = to_rgb(ax.xaxis.label.get_color())
    # A transparent figure shows the page below it. The colour of text tells whether that page is dark.
    background = (1.0, 1.0, 1.0) if lightness(ink) < 0.5 else (0.0, 0.0, 0.0)
    for layer in (ax.get_figure(root=True).get_facecolor(), ax.get_facecolor()):
        *color, opacity = to_rgba(layer)
        background = blend(background, color, opacity)
    is_light = lightness(background) >= 0.5
    if abs(lightness(ink) - lightness(background)) < 0.3:
        # The axes may have been darkened by hand, with the text left as for a light page.
        ink = (0.0, 0.0, 0.0) if is_light else (1.0, 1.0, 1.0)
    palette = _ON_LIGHT if is_light else _ON_DARK
    signed = [*palette["negative"], background, *palette["positive"][::-1]]
    return Colors(
        background=background,
        ink=ink,
        faint=blend(background, ink, 0.22),
        muted=blend(background, ink, 0.45),
        positive=palette["positive"][1],
        negative=palette["negative"][1],
        single=palette["classes"][0],
        classes=palette["classes"],
        # An odd number of colours puts zero in the middle of one.
        signed=LinearSegmentedColormap.from_list("signed", signed, N=511),
        values=LinearSegmentedColormap.from_list("values", colormaps["viridis"](np.linspace(*palette["values"], 64))),
    )


def lightness(color):
    """Return how light a colour is, from 0 to 1."""
    return float(np.dot(color[:3], (0.299, 0.587, 0.114)))


def blend(below, above, opacity):
    """Return the colour that results from one colour over another."""
    return tuple((1 - opacity) * np.asarray(below[:3]) + opacity * np.asarray(above[:3]))


def robust_limit(contributions, percentile):
    """Return a percentile of absolute contributions, at which colours are full.

    Parameters
    ----------
    contributions : ndarray
        Contributions in any shape.
    percentile : float
        The percentile, from 0 to 100. If it is zero contributions, the largest one is returned.

    Returns
    -------
    limit : float
        A positive number; 1 if all contributions are zero.
    """
    sizes = np.abs(contributions[np.isfinite(contributions)])
    if not sizes.size or not sizes.max() > 0:
        return 1.0
    return float(np.percentile(sizes, percentile) or sizes.max())
