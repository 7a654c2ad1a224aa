"""What all displays share."""

import base64
import html
import io

from skdeeplift.plotting.appearance import check_matplotlib, colors_on, new_figure


class Display:
    """Base of all displays: explain, draw, and show itself in a notebook."""

    @classmethod
    def from_explainer(cls, explainer, X, *, target=None, ax=None, **options):
        """Explain rows, and draw the explanation.

        Parameters
        ----------
        explainer : BaseExplainer
            A fitted explainer.
        X : array-like of shape (n_rows, *features), or list or dict of array-like
            Rows to explain.
        target : str, int, tuple, dict, array-like or callable, default=None
            What to explain, where it differs from the explainer's own ``target``.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        **options : object
            As `from_explanation` takes them.

        Returns
        -------
        display : Display
            Drawn.

        Raises
        ------
        ValueError
            If the rows can not be explained, or the display can not draw their explanation.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(cls.__name__)
        return cls.from_explanation(explainer.explain(X, target=target), ax=ax, **options)

    def _start(self, ax, width, height):
        """Take the axes to draw on, new ones if there are none, and the colours that suit them."""
        check_matplotlib(type(self).__name__)
        self._is_own = ax is None
        if ax is None:
            ax = new_figure(width, height).add_subplot()
        elif not hasattr(ax, "transAxes"):
            raise TypeError(
                f"ax= takes matplotlib Axes, such as those that matplotlib.pyplot.subplots() returns. Got "
                f"{type(ax).__name__}."
            )
        self.ax_, self.figure_ = ax, ax.get_figure(root=True)
        return ax, colors_on(ax)

    def _repr_html_(self):
        # Figures that others made are shown by whoever made them.
        if not getattr(self, "_is_own", False):
            return f"<pre>{html.escape(repr(self))}</pre>"
        picture = io.BytesIO()
        # Twice as fine as it is shown, for screens that are.
        self.figure_.savefig(picture, format="png", dpi=2 * self.figure_.dpi)
        width = round(self.figure_.get_figwidth() * self.figure_.dpi)
        data = base64.b64encode(picture.getvalue()).decode()
        return f'<img alt="{type(self).__name__}" src="data:image/png;base64,{data}" width="{width}">'


def bare(ax, *, left=False):
    """Take away the frame's sides that carry no numbers.

    Parameters
    ----------
    ax : matplotlib Axes
        Where they are.
    left : bool, default=False
        Whether the left side carries names only, and goes too.
    """
    ax.spines[["top", "right", *(["left"] if left else [])]].set_visible(False)
    if left:
        ax.tick_params(axis="y", length=0)


def contribution_label(to_target):
    """Name the axis of contributions to a target."""
    return f"contribution {to_target}".strip()
