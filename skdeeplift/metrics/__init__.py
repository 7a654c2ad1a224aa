"""Metrics of the quality of explanations, and scorers that choose explainers by them."""

from importlib import import_module

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

__all__ = list(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
