"""Importances of features, and selection by them."""

from skdeeplift.selection.mean_absolute_importance import MeanAbsoluteImportance
from skdeeplift.selection.score import contribution_score
from skdeeplift.selection.selector import ContributionSelector

__all__ = ["ContributionSelector", "MeanAbsoluteImportance", "contribution_score"]
