"""Metrics of the quality of explanations, and scorers that choose explainers by them."""

from importlib import import_module

# Loaded when first used.
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
    "max_sensitivity": "stability",
    "randomization_check": "randomization",
    "rank_agreement": "agreement",
    "sensitivity_n": "faithfulness",
    "summation_to_delta_error": "summation",
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


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
