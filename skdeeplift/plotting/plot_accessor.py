"""Pictures of an explanation as methods of its attribute ``plot``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from skdeeplift.annotations import Explanation
from skdeeplift.explanation.explanation_parts import (
    count_rows,
    find_kind,
    find_part,
    find_parts,
    has_row_targets,
    has_targets,
)
from skdeeplift.plotting.beeswarm import BeeswarmDisplay
from skdeeplift.plotting.dependence import DependenceDisplay
from skdeeplift.plotting.force import ForceDisplay
from skdeeplift.plotting.heatmap import HeatmapDisplay
from skdeeplift.plotting.image_contribution import ImageContributionDisplay
from skdeeplift.plotting.importance import ImportanceDisplay
from skdeeplift.plotting.sequence_logo import SequenceLogoDisplay
from skdeeplift.plotting.target_text import has_classes
from skdeeplift.plotting.tokens import TokenDisplay
from skdeeplift.plotting.waterfall import WaterfallDisplay

Display = TypeVar("Display")
Parameters = ParamSpec("Parameters")
# Largest number of targets with a segment of their own in each bar; further ones would have similar colours.
MOST_SEGMENTS = 8


def _drawn_by(
    from_explanation: Callable[Concatenate[Explanation, Parameters], Display],
) -> Callable[Concatenate[PlotAccessor, Parameters], Display]:
    """Return a method that draws the accessor's explanation with the parameters, and documentation, of a display."""
    parameters = inspect.signature(from_explanation).parameters
    display_name = from_explanation.__self__.__name__

    @wraps(from_explanation.__func__)
    def draw(self, *args, **options):
        for name in options.keys() - parameters.keys():
            known = list(parameters)[1:]
            near = get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}=?" if near else ""
            raise TypeError(f"{display_name} does not take {name}=.{hint} Its parameters are {', '.join(known)}.")
        return from_explanation(self._explanation, *args, **options)

    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    draw.__signature__ = inspect.Signature([itself, *list(parameters.values())[1:]], return_annotation=display_name)
    # The entry of the parameter `explanation` ends where the next one begins.
    described = from_explanation.__doc__ or ""  # None under python -OO
    draw.__doc__ = re.sub(r"^( *)explanation : .*\n(\1 .*\n)+", "", described, flags=re.MULTILINE)
    return draw


class PlotAccessor:
    """Pictures of an explanation, as its attribute ``plot``.

    Each method draws with a display, whose ``from_explanation`` has the same parameters, and returns the display.
    Called itself, the accessor draws the picture that suits the rows.

    .. versionadded:: 1.0

    Parameters
    ----------
    explanation : Explanation
        The explanation to draw.

    See Also
    --------
    :ref:`pictures` : All displays, and when to use which.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift import Explanation
    >>> explanation = Explanation(
    ...     contributions=np.array([[0.1, -1.0], [0.2, 2.0]]),
    ...     prediction=np.array([0.1, 3.2]),
    ...     reference_value=np.array([1.0, 1.0]),
    ...     feature_names=["age", "height"],
    ... )
    >>> display = explanation.plot.beeswarm()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['height', 'age']
    >>> type(explanation.plot()), type(explanation[0].plot())
    (<class '...BeeswarmDisplay'>, <class '...WaterfallDisplay'>)
    """

    def __init__(self, explanation: Explanation) -> None:
        self._explanation = explanation

    bar = _drawn_by(ImportanceDisplay.from_explanation)
    beeswarm = _drawn_by(BeeswarmDisplay.from_explanation)
    heatmap = _drawn_by(HeatmapDisplay.from_explanation)
    waterfall = _drawn_by(WaterfallDisplay.from_explanation)
    force = _drawn_by(ForceDisplay.from_explanation)
    dependence = _drawn_by(DependenceDisplay.from_explanation)
    image = _drawn_by(ImageContributionDisplay.from_explanation)
    logo = _drawn_by(SequenceLogoDisplay.from_explanation)
    text = _drawn_by(TokenDisplay.from_explanation)

    def __call__(self, **options: Any) -> Any:
        """Draw the picture that suits the rows.

        One row of a table has a waterfall, and several have a beeswarm, as does a row that is compared with no
        reference. Images, one-hot sequences and tokens have pictures of their own. Of several sequences, the first is
        drawn unless ``row`` or ``position`` names another.

        If ``target`` names none of several classes, one row is drawn for its predicted class. Several rows of a table
        then have bars of mean absolute contributions, with a segment for each of up to eight classes.

        Parameters
        ----------
        **options : object
            Parameters of the method that draws, such as ``target`` or ``max_features``.

        Returns
        -------
        display : Display
            The display, already drawn.

        Raises
        ------
        ValueError
            If no picture suits the rows, or they have several inputs or layers and none is chosen.
        """
        explanation, part = self._explanation, options.get("part")
        parts = find_parts(explanation)[1]
        chosen = find_part(parts, part) or parts[0]
        kind, n_rows = find_kind(chosen, explanation), count_rows(explanation)
        if kind == "array":
            raise ValueError(
                f"No picture suits contributions of shape {chosen.contributions.shape}. Use explanation.to_frame()."
            )
        if kind == "table":
            by_row = options.keys() & {"row", "position"} or n_rows == 1
            is_one = by_row and explanation.get("reference_value") is not None
            targets = range(1)
            if has_targets(explanation):
                targets = range(explanation.prediction.shape[1])
            elif has_row_targets(explanation) and explanation.target.ndim == 1:
                targets = np.unique(explanation.target)
            if options.get("target") is None and len(targets) > 1 and not (is_one and has_classes(explanation)):
                return self.bar(**{"by_class": len(targets) <= MOST_SEGMENTS, **options})
            return (self.waterfall if is_one else self.beeswarm)(**options)
        if kind == "sequence" and n_rows > 1 and not options.keys() & {"row", "position"}:
            options["position"] = 0
        return {"image": self.image, "sequence": self.logo, "tokens": self.text}[kind](**options)
