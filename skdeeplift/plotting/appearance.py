"""Colours that suit the background, and figures that belong to no list of open ones."""

from importlib import import_module
from typing import NamedTuple

import numpy as np

# From strong to weak, as the sign is told by hue (blue and red, which the colour-blind tell apart) and the size by how
# far a colour is from the background.
_ON_LIGHT = {
    "negative": ["#053061", "#2166ac", "#4393c3", "#92c5de"],
    "positive": ["#67001f", "#b2182b", "#d6604d", "#f4a582"],
    "classes": ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#9a8a00", "#6b6b6b"],
    # Where of viridis a feature's values are: its ends fade, one on each background.
    "values": (0.0, 0.85),
}
_ON_DARK = {
    "negative": ["#c6e2ff", "#6db3ff", "#3182d9", "#1d4f8a"],
    "positive": ["#ffd0bd", "#ff8a6b", "#dd5a3c", "#8c3826"],
    "classes": ["#56b4e9", "#e69f00", "#1fc497", "#e39bc4", "#2f86d6", "#f07a30", "#f0e442", "#a5a5a5"],
    "values": (0.25, 1.0),
}


def check_matplotlib(owner):
    """Raise an error that says how to install matplotlib, if it is not there.

    Parameters
    ----------
    owner : str
        What needs it.

    Raises
    ------
    ImportError
        If matplotlib can not be imported.
    """
    try:
        import_module("matplotlib")
    except ImportError as error:
        raise ImportError(
            f"{owner} draws with matplotlib, which is not installed. Use pip install 'skdeeplift[plot]'."
        ) from error


def new_figure(width, height):
    """Make a figure, in inches, that belongs to whoever asked for it.

    Not by ``pyplot``: no global list of figures grows, and no backend starts.

    Parameters
    ----------
    width, height : float
        In inches.

    Returns
    -------
    figure : matplotlib Figure
        In the colours that are set for new figures.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


class Colors(NamedTuple):
    """Colours for one background."""

    background: tuple
    # Of text.
    ink: tuple
    # Of lines that help reading.
    faint: tuple
    # Of what is there but has no sign or value.
    muted: tuple
    positive: str
    negative: str
    # Of one thing among others: a single hue, and one for each of several classes.
    single: str
    classes: list
    # From negative over the background, where a contribution is zero, to positive.
    signed: object
    # From low to high values.
    values: object

    @property
    def is_dark(self):
        """Whether the background is darker than its text."""
        return lightness(self.background) < 0.5

    def of_sign(self, contributions):
        """Return the colour of each contribution's sign."""
        return [self.positive if each >= 0 else self.negative for each in contributions]


def colors_on(ax):
    """Choose colours that suit the background of axes.

    Parameters
    ----------
    ax : matplotlib Axes
        Where they will be drawn.

    Returns
    -------
    colors : Colors
        Among them the background itself, and the colour of text that the axes were made with.
    """
    from matplotlib.colors import LinearSegmentedColormap, to_rgb, to_rgba

    ink = to_rgb(ax.xaxis.label.get_color())
    # What lies below; where nothing does, text says whether the page is dark.
    background = (1.0, 1.0, 1.0) if lightness(ink) < 0.5 else (0.0, 0.0, 0.0)
    for below in (ax.get_figure(root=True).get_facecolor(), ax.get_facecolor()):
        *color, opacity = to_rgba(below)
        background = blend(background, color, opacity)
    chosen = _ON_LIGHT if lightness(background) >= 0.5 else _ON_DARK
    if abs(lightness(ink) - lightness(background)) < 0.3:
        # Such as axes that were made dark by hand, with text for a light page.
        ink = (0.0, 0.0, 0.0) if lightness(background) >= 0.5 else (1.0, 1.0, 1.0)
    low, high = chosen["values"]
    from matplotlib import colormaps

    return Colors(
        background=background,
        ink=ink,
        faint=blend(background, ink, 0.22),
        muted=blend(background, ink, 0.45),
        positive=chosen["positive"][1],
        negative=chosen["negative"][1],
        single=chosen["classes"][0],
        classes=chosen["classes"],
        signed=LinearSegmentedColormap.from_list(
            "signed", [*chosen["negative"], background, *chosen["positive"][::-1]], N=511
        ),
        values=LinearSegmentedColormap.from_list("values", colormaps["viridis"](np.linspace(low, high, 64))),
    )


def lightness(color):
    """Return how light a colour is, from 0 to 1."""
    return float(np.dot(color[:3], (0.299, 0.587, 0.114)))


def blend(below, above, opacity):
    """Lay a colour over another."""
    return tuple((1 - opacity) * np.asarray(below[:3]) + opacity * np.asarray(above[:3]))


def robust_limit(contributions, percentile):
    """Return the size that colours reach at most: a percentile of absolute contributions.

    Parameters
    ----------
    contributions : ndarray
        Of any shape.
    percentile : float
        From 0 to 100; of zeros, and where it is zero, the largest counts.

    Returns
    -------
    limit : float
        Above zero.
    """
    sizes = np.abs(contributions[np.isfinite(contributions)])
    if not sizes.size or not sizes.max() > 0:
        return 1.0
    limit = np.percentile(sizes, percentile)
    return float(limit if limit > 0 else sizes.max())


def number(value, sign=False):
    """Write a number briefly, with a minus that is as wide as a plus."""
    return f"{value:{'+' if sign else ''}.3g}".replace("-", "−")
