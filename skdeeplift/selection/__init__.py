"""Importances of features, and selection of features by their importance."""

from skdeeplift.selection.column_scores import contribution_score
from skdeeplift.selection.contribution_selector import ContributionSelector
from skdeeplift.selection.mean_absolute_importance import MeanAbsoluteImportance

__all__ = ["ContributionSelector", "MeanAbsoluteImportance", "contribution_score"]
