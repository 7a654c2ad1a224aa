"""Base class of all displays."""

import base64
import html
import io
from importlib import import_module

from skdeeplift.plotting.colors import colors_on

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


class Display:
    """Base of all displays, which explain rows, draw them and show themselves in a notebook."""

    @classmethod
    def from_explainer(cls, explainer, X, *, target=None, ax=None, **options):
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

    def _start(self, ax, width, height):
        """Store the axes to draw on, those of a new figure if there are none, and return them with suitable colours."""
        check_matplotlib(type(self).__name__)
        self._is_own = ax is None
        if ax is None:
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

    def _repr_html_(self):
        # A figure of the user's is shown by whoever made it.
        if not getattr(self, "_is_own", False):
            return f"<pre>{html.escape(repr(self))}</pre>"
        picture = io.BytesIO()
        # Twice the resolution, for screens with a high density of pixels.
        self.figure_.savefig(picture, format="png", dpi=2 * self.figure_.dpi)
        width = round(self.figure_.get_figwidth() * self.figure_.dpi)
        data = base64.b64encode(picture.getvalue()).decode()
        return f'<img alt="{type(self).__name__}" src="data:image/png;base64,{data}" width="{width}">'
