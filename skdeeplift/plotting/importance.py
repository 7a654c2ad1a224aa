"""A bar for each feature's mean absolute contribution."""

import numpy as np


class ImportanceDisplay:
    """Bars of mean absolute contributions, the largest on top.

    Parameters
    ----------
    importances : array-like of shape (n_features,)
        Mean absolute contribution of each feature.
    feature_names : array-like of str of shape (n_features,)
        Their names.
    spread : array-like of shape (n_features,), default=None
        Standard deviation over rows of the absolute contributions, drawn as a line from the bar's end.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the bars are, after `plot`.
    figure_ : matplotlib Figure
        The figure they are in, after `plot`.

    Examples
    --------
    >>> from skdeeplift.plotting import ImportanceDisplay
    >>> display = ImportanceDisplay([0.2, 0.5], ["age", "height"]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['age', 'height']
    """

    def __init__(self, importances, feature_names, *, spread=None):
        self.importances = importances
        self.feature_names = feature_names
        self.spread = spread

    @classmethod
    def from_explanation(cls, explanation, *, max_features=10, ax=None):
        """Draw the importances of an explanation of a table.

        Parameters
        ----------
        explanation : Explanation
            Contributions of the rows of a table.
        max_features : int, default=10
            How many features to draw at the most.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : ImportanceDisplay
            With the bars drawn.

        Raises
        ------
        ValueError
            If the explanation is not one of a table.
        """
        if explanation.feature_names is None:
            raise ValueError("ImportanceDisplay draws the features of a table; this explanation's rows are not of one.")
        absolute = np.abs(explanation.contributions)
        if absolute.ndim > 2:
            # Of all targets.
            absolute = absolute.mean(2)
        display = cls(absolute.mean(0), explanation.feature_names, spread=absolute.std(0))
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features=None, ax=None):
        """Draw the bars.

        Parameters
        ----------
        max_features : int, default=None
            How many features to draw at the most; all by default.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : ImportanceDisplay
            The display itself.
        """
        importances = np.asarray(self.importances)
        shown = np.argsort(-importances, kind="stable")[:max_features][::-1]
        if ax is None:
            # Not pyplot.subplots: the figure belongs to the display, and no global list of figures grows.
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure

            figure = Figure(figsize=(7, 1.2 + 0.32 * len(shown)), layout="constrained")
            FigureCanvasAgg(figure)
            ax = figure.add_subplot()
        positions = np.arange(len(shown))
        error = None if self.spread is None else np.asarray(self.spread)[shown]
        ax.barh(
            positions,
            importances[shown],
            xerr=None if error is None else [np.minimum(error, importances[shown]), error],
            color="#3b76af",
            ecolor="#8a8a8a",
            height=0.7,
        )
        ax.set_yticks(positions, [str(self.feature_names[feature]) for feature in shown])
        ax.set_xlabel("mean absolute contribution" + ("" if error is None else " (line: spread over rows)"))
        ax.set_xlim(left=0)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
