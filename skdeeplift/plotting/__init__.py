"""Displays of contributions, which draw with matplotlib from the extra ``plot``.

A display is created and drawn by ``from_explainer`` or ``from_explanation``, or created from arrays and drawn by
``plot``. Without ``ax``, it draws on a new figure of pyplot, ``figure_``, in matplotlib's current style, as
scikit-learn's displays do: ``plt.show()`` shows the figure, and a notebook shows it below the cell. The colours suit
the background.
The user guide tells which display to use: :ref:`pictures`.
"""

from skdeeplift.plotting.beeswarm import BeeswarmDisplay
from skdeeplift.plotting.convergence import ConvergenceDisplay
from skdeeplift.plotting.dependence import DependenceDisplay
from skdeeplift.plotting.force import ForceDisplay
from skdeeplift.plotting.heatmap import HeatmapDisplay
from skdeeplift.plotting.image_contribution import ImageContributionDisplay
from skdeeplift.plotting.importance import ImportanceDisplay
from skdeeplift.plotting.plot_accessor import PlotAccessor
from skdeeplift.plotting.sequence_logo import SequenceLogoDisplay
from skdeeplift.plotting.tokens import TokenDisplay
from skdeeplift.plotting.waterfall import WaterfallDisplay

__all__ = [
    "BeeswarmDisplay",
    "ConvergenceDisplay",
    "DependenceDisplay",
    "ForceDisplay",
    "HeatmapDisplay",
    "ImageContributionDisplay",
    "ImportanceDisplay",
    "PlotAccessor",
    "SequenceLogoDisplay",
    "TokenDisplay",
    "WaterfallDisplay",
]
