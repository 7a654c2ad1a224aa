"""Pictures of contributions, for which the extra ``plot`` installs matplotlib.

Each display is made and drawn by ``from_explainer`` or ``from_explanation``, or made from arrays and drawn by ``plot``.
Where no ``ax`` is given, it makes a figure of its own, ``figure_``, in the colours that are set for new ones, and shows
it in a notebook; no window opens, and pyplot knows nothing of it. Colours suit the background.
The user guide shows which to use when: :ref:`pictures`.
"""

from skdeeplift.plotting.beeswarm import BeeswarmDisplay
from skdeeplift.plotting.convergence import ConvergenceDisplay
from skdeeplift.plotting.dependence import DependenceDisplay
from skdeeplift.plotting.image_contribution import ImageContributionDisplay
from skdeeplift.plotting.importance import ImportanceDisplay
from skdeeplift.plotting.sequence_logo import SequenceLogoDisplay
from skdeeplift.plotting.tokens import TokenDisplay
from skdeeplift.plotting.waterfall import WaterfallDisplay

__all__ = [
    "BeeswarmDisplay",
    "ConvergenceDisplay",
    "DependenceDisplay",
    "ImageContributionDisplay",
    "ImportanceDisplay",
    "SequenceLogoDisplay",
    "TokenDisplay",
    "WaterfallDisplay",
]
