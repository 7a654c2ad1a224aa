"""Metrics of the quality of explanations, and scorers that choose explainers by them."""

from importlib import import_module
from typing import TYPE_CHECKING

# Module of each public name. A module is imported on first use, to keep the import of the package fast.
_HOMES = {
    "compare_explainers": "explainer_comparison",
    "deletion_curve": "deletion",
    "deletion_score": "deletion",
    "explanation_scorer": "scorers",
    "infidelity": "faithfulness",
    "insertion_curve": "deletion",
    "insertion_score": "deletion",
    "localization_auc": "localization",
    "log_odds_change": "deletion",
    "max_sensitivity": "consistency",
    "randomization_check": "randomization",
    "rank_agreement": "consistency",
    "sensitivity_n": "faithfulness",
    "summation_to_delta_error": "consistency",
}

__all__ = [
    "compare_explainers",
    "deletion_curve",
    "deletion_score",
    "explanation_scorer",
    "infidelity",
    "insertion_curve",
    "insertion_score",
    "localization_auc",
    "log_odds_change",
    "max_sensitivity",
    "randomization_check",
    "rank_agreement",
    "sensitivity_n",
    "summation_to_delta_error",
]

# Type checkers read imports, and not the functions below.
if TYPE_CHECKING:
    from skdeeplift.metrics.consistency import max_sensitivity, rank_agreement, summation_to_delta_error
    from skdeeplift.metrics.deletion import (
        deletion_curve,
        deletion_score,
        insertion_curve,
        insertion_score,
        log_odds_change,
    )
    from skdeeplift.metrics.explainer_comparison import compare_explainers
    from skdeeplift.metrics.faithfulness import infidelity, sensitivity_n
    from skdeeplift.metrics.localization import localization_auc
    from skdeeplift.metrics.randomization import randomization_check
    from skdeeplift.metrics.scorers import explanation_scorer
else:

    def __getattr__(name):
        if name in _HOMES:
            return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
