"""Layout of texts on a figure, by their widths."""

from functools import cache
from textwrap import fill


def make_ruler(figure, size):
    """Return a function that measures the width of texts as the figure draws them.

    Parameters
    ----------
    figure : matplotlib Figure
        The figure.
    size : float or str
        The font size.

    Returns
    -------
    measure : callable
        Function of a text that returns its width in points. Text is not read as mathematics.
    """
    from matplotlib.text import Text

    # Words repeat, and a measurement takes a millisecond.
    @cache
    def measure(text):
        """Return the width of a text."""
        drawn = Text(0, 0, text, fontsize=size, parse_math=False, figure=figure)
        return drawn.get_window_extent().width * 72 / figure.dpi

    return measure


def wrap_lines(text, width):
    """Return a text with lines of at most the given number of letters, unless a word is longer."""
    return "\n".join(fill(line, width, break_long_words=False) for line in text.split("\n"))


def shorten_name(name, width=60):
    """Shorten a long name in the middle, so that a value at its end stays."""
    end = min(19, (width - 1) // 2)
    return name if len(name) <= width else f"{name[: width - 1 - end]}…{name[-end:]}"


def fit_name(name, number, measure, width):
    """Return a name with a number in parentheses, shortened to a width.

    Parameters
    ----------
    name : str
        The name. It keeps at least 12 letters.
    number : str
        The number.
    measure : callable
        Function of a text that returns its width in points.
    width : float
        The largest width in points.

    Returns
    -------
    label : str
        Such as "age (+0.5)".
    """
    labels = (f"{shorten_name(name, letters)} ({number})" for letters in range(60, 11, -3))
    for label in labels:
        if measure(label) <= width:
            break
    return label


def stair_levels(anchors, widths):
    """Return the level of each label below its anchor, so that neither labels nor the lines to their anchors overlap.

    A label reaches from its anchor to smaller positions. A line leads from the label up to its anchor.

    Parameters
    ----------
    anchors : list of float
        Positions that labels belong to, in increasing order.
    widths : list of float
        Widths of the labels.

    Returns
    -------
    levels : list of int
        The levels, from 0 for the highest one.
    """
    levels = []
    for anchor, width in zip(anchors, widths, strict=True):
        level = 0
        # Lines to labels on this level or below it must stay clear of the new label.
        while any(other >= anchor - width for other, taken in zip(anchors, levels, strict=False) if taken >= level):
            level += 1
        levels.append(level)
    return levels
