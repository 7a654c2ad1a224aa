"""Parts of figures that several displays draw."""

from importlib import import_module

# The legend is outside the axes, to the right of them.
LEGEND_ON_THE_RIGHT = {"frameon": False, "loc": "upper left", "bbox_to_anchor": (1, 1)}


def check_matplotlib(owner):
    """Raise an error that says how to install matplotlib, if it is missing.

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
            f"{owner} draws with matplotlib, which is not installed. Use pip install 'skdeeplift[plot]'."
        ) from error


def new_figure(width, height):
    """Create a figure that pyplot does not list, in the style that is set for new figures.

    Parameters
    ----------
    width, height : float
        The size in inches.

    Returns
    -------
    figure : matplotlib Figure
        An empty figure.
    """
    # Unlike pyplot, the class starts no backend, and keeps no reference to the figure.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


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


def contribution_label(to_target):
    """Return the label of an axis of contributions to a target."""
    return f"contribution {to_target}".strip()


def format_number(value, sign=False):
    """Format a number with three digits, and a minus as wide as a plus."""
    return f"{value:{'+' if sign else ''}.3g}".replace("-", "−")
