"""Scikit-learn-compatible explainers for TensorFlow and Keras networks."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "1.0.0rc1"

# Names are imported at their first use, because TensorFlow takes seconds to import.
_HOMES = {
    "ContributionSelector": "skdeeplift.selection.contribution_selector",
    "DeepLiftExplainer": "skdeeplift.explainers.deeplift",
    "ExpectedGradientsExplainer": "skdeeplift.explainers.expected_gradients",
    "Explanation": "skdeeplift.explanation.explanation",
    "GradientExplainer": "skdeeplift.explainers.gradient",
    "GuidedBackpropExplainer": "skdeeplift.explainers.guided_backprop",
    "IntegratedGradientsExplainer": "skdeeplift.explainers.integrated_gradients",
    "LRPExplainer": "skdeeplift.explainers.lrp",
    "MeanAbsoluteImportance": "skdeeplift.selection.mean_absolute_importance",
    "MutagenesisExplainer": "skdeeplift.explainers.mutagenesis",
    "OcclusionExplainer": "skdeeplift.explainers.occlusion",
    "ShapleySamplingExplainer": "skdeeplift.explainers.shapley_sampling",
    "config_context": "skdeeplift.config",
    "contribution_score": "skdeeplift.selection.column_scores",
    "describe": "skdeeplift.explanation.op_table",
    "get_config": "skdeeplift.config",
    "load_network": "skdeeplift.network.files",
    "mean_normalise_weights_for_sequence_convolution": "skdeeplift.network.mean_normalisation",
    "set_config": "skdeeplift.config",
}
_MODULES = ("datasets", "exceptions", "metrics", "plotting", "references", "sequences", "targets")

__all__ = [
    "ContributionSelector",
    "DeepLiftExplainer",
    "ExpectedGradientsExplainer",
    "Explanation",
    "GradientExplainer",
    "GuidedBackpropExplainer",
    "IntegratedGradientsExplainer",
    "LRPExplainer",
    "MeanAbsoluteImportance",
    "MutagenesisExplainer",
    "OcclusionExplainer",
    "ShapleySamplingExplainer",
    "config_context",
    "contribution_score",
    "datasets",
    "describe",
    "exceptions",
    "get_config",
    "load_network",
    "mean_normalise_weights_for_sequence_convolution",
    "metrics",
    "plotting",
    "references",
    "sequences",
    "set_config",
    "targets",
]

# Type checkers read imports, and not the functions below.
if TYPE_CHECKING:
    from skdeeplift import datasets, exceptions, metrics, plotting, references, sequences, targets
    from skdeeplift.config import config_context, get_config, set_config
    from skdeeplift.explainers.deeplift import DeepLiftExplainer
    from skdeeplift.explainers.expected_gradients import ExpectedGradientsExplainer
    from skdeeplift.explainers.gradient import GradientExplainer
    from skdeeplift.explainers.guided_backprop import GuidedBackpropExplainer
    from skdeeplift.explainers.integrated_gradients import IntegratedGradientsExplainer
    from skdeeplift.explainers.lrp import LRPExplainer
    from skdeeplift.explainers.mutagenesis import MutagenesisExplainer
    from skdeeplift.explainers.occlusion import OcclusionExplainer
    from skdeeplift.explainers.shapley_sampling import ShapleySamplingExplainer
    from skdeeplift.explanation.explanation import Explanation
    from skdeeplift.explanation.op_table import describe
    from skdeeplift.network.files import load_network
    from skdeeplift.network.mean_normalisation import mean_normalise_weights_for_sequence_convolution
    from skdeeplift.selection.column_scores import contribution_score
    from skdeeplift.selection.contribution_selector import ContributionSelector
    from skdeeplift.selection.mean_absolute_importance import MeanAbsoluteImportance
else:

    def __getattr__(name):
        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        if name in _MODULES:
            return import_module(f"skdeeplift.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
