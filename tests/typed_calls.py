"""Typical calls, for a type checker: it infers the types in ``assert_type``, and refuses the calls that are ignored.

``python -m mypy`` reports an ignored call that it accepts. The functions are never called.
"""

from pathlib import Path
from typing import Any, assert_type

import keras
import numpy as np
import pandas as pd
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeeplift
from skdeeplift import (
    ContributionSelector,
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    Explanation,
    GradientExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    MeanAbsoluteImportance,
    MutagenesisExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
    config_context,
    contribution_score,
    describe,
    get_config,
    load_network,
    set_config,
)
from skdeeplift.datasets import make_motif_sequences, make_reviews
from skdeeplift.metrics import compare_explainers, deletion_curve, deletion_score, explanation_scorer, rank_agreement
from skdeeplift.plotting import BeeswarmDisplay, ConvergenceDisplay, ImportanceDisplay, WaterfallDisplay
from skdeeplift.references import Blur, Constant, DinucleotideShuffle, TrainingSample, reference_report
from skdeeplift.sequences import decode, extract_sequences, one_hot, read_fasta
from skdeeplift.targets import Profile


def networks(model: keras.Model, X: np.ndarray) -> None:
    DeepLiftExplainer(model)
    DeepLiftExplainer("model.keras")
    DeepLiftExplainer(Path("model.h5"))
    DeepLiftExplainer(("model.json", "weights.h5"))
    DeepLiftExplainer(MLPClassifier())
    DeepLiftExplainer(make_pipeline(StandardScaler(), MLPClassifier()))
    DeepLiftExplainer(lambda x: x * 2)
    DeepLiftExplainer(estimator=load_network("model.keras", custom_objects={"gelu": abs}, kernels="theano"))
    DeepLiftExplainer(3)  # type: ignore[arg-type]
    DeepLiftExplainer(None)  # type: ignore[arg-type]
    DeepLiftExplainer()  # type: ignore[call-arg]
    load_network("model.keras", kernels="torch")  # type: ignore[arg-type]
    assert_type(describe(model, X, unsupported="secant"), pd.DataFrame)


def parameters(model: keras.Model, b: np.ndarray) -> None:
    DeepLiftExplainer(model, rule="reveal_cancel", reference="zeros", max_references="auto", reference_tol=0.1)
    DeepLiftExplainer(model, rule={"dense": "rescale", "dense_1": "reveal_cancel"}, unsupported="integrate")
    DeepLiftExplainer(model, reference=b, target=[1, 0, 2], class_names=["no", "yes"], feature_names=["age", "fare"])
    DeepLiftExplainer(model, reference={"tokens": 0, "mask": "held"}, target={"yes": 1.0, "no": -1.0}, layer=["a", "b"])
    DeepLiftExplainer(model, reference=Blur(sigma=3.0), target=lambda y: y[:, 0] - y[:, 1], check="raise")
    DeepLiftExplainer(model, reference=DinucleotideShuffle(), target=Profile(weights="mean"), output="profile")
    DeepLiftExplainer(model, reference=TrainingSample("kmeans", n_clusters=5), random_state=np.random.RandomState(0))
    DeepLiftExplainer(model, reference=Constant("median"), batch_size=32, n_jobs=2, verbose=1, pre_activation=False)
    IntegratedGradientsExplainer(model, n_steps=50, method="trapezoid", convergence_tol=1e-3)
    ExpectedGradientsExplainer(model, n_draws="auto", reference="sample")
    GradientExplainer(model, kind="saliency", noise_scale=0.1)
    GuidedBackpropExplainer(model, rule="deconvnet", multiply_by_input=True)
    LRPExplainer(model, epsilon=1e-2)
    OcclusionExplainer(model, window_shape=(4, 4), step=2, groups={"place": ["x", "y"]}, normalize="window_size")
    ShapleySamplingExplainer(model, n_permutations=10, sampling_axes=(0, 1))
    MutagenesisExplainer(model, kind="centered", positions=slice(10, 20), deletions=True, letters_axis="auto")
    DeepLiftExplainer(model, rule="revealcancel")  # type: ignore[arg-type]
    DeepLiftExplainer(model, rule={"dense": "linear"})  # type: ignore[dict-item]
    DeepLiftExplainer(model, check="error")  # type: ignore[arg-type]
    DeepLiftExplainer(model, max_reference=3)  # type: ignore[call-arg]
    DeepLiftExplainer(model, batch_size="large")  # type: ignore[arg-type]
    IntegratedGradientsExplainer(model, method="simpson")  # type: ignore[arg-type]
    OcclusionExplainer(model, reference="mean", step=0.5)  # type: ignore[arg-type]


def explanations(explainer: DeepLiftExplainer, X: np.ndarray, y: np.ndarray) -> None:
    assert_type(explainer.fit(X), DeepLiftExplainer)
    assert_type(explainer.fit([X, X], y, sample_weight=y, target=y), DeepLiftExplainer)
    assert_type(explainer.transform({"a": X, "b": X}, target=y), Any)
    assert_type(explainer.fit(X).explain(X, multipliers=True, both_strands="ACGT"), Explanation)
    assert_type(explainer.feature_importances_, Any)
    assert_type(explainer.get_feature_names_out(), np.ndarray)
    explainer.explain(X, hypothetical=True, out=np.zeros_like(X))
    explainer.explain(X for _ in range(3))
    explainer.explain(X, target="all", reference="zeros")
    explainer.explain(None)  # type: ignore[arg-type]
    explainer.explain(3)  # type: ignore[arg-type]
    explainer.explain(X, multipliers="yes")  # type: ignore[arg-type]
    explainer.explain(X, strands=True)  # type: ignore[call-arg]
    explainer.export("folder", target=1)


def results(explanation: Explanation) -> None:
    assert_type(explanation[0], Explanation)
    assert_type(explanation[:10][["age", "fare"]], Explanation)
    assert_type(explanation["prediction"], Any)
    assert_type(explanation.prediction, np.ndarray)
    assert_type(explanation.convergence_delta, np.ndarray | Any)
    explanation.convergence_delta.max()
    assert_type(explanation.to_frame("wide"), pd.DataFrame)
    assert_type(explanation.to_modisco("folder"), tuple[Path, Path])
    assert_type(Explanation.load("explanation.npz"), Explanation)
    explanation.save(Path("explanation.npz"))
    explanation.to_html("page.html", title="Rows")
    explanation.to_frame("broad")  # type: ignore[arg-type]


def pictures(explanation: Explanation, explainer: DeepLiftExplainer, X: np.ndarray) -> None:
    assert_type(explanation.plot.beeswarm(max_features=5), BeeswarmDisplay)
    assert_type(explanation[0].plot.waterfall(row="Owen"), WaterfallDisplay)
    assert_type(BeeswarmDisplay.from_explanation(explanation, target="yes"), BeeswarmDisplay)
    assert_type(ImportanceDisplay.from_explainer(explainer, X, by_class=True).plot(max_features=3), ImportanceDisplay)
    assert_type(ConvergenceDisplay.from_report(reference_report(explainer, X)), ConvergenceDisplay)
    explanation.plot()
    explanation.plot.bar(max_feature=5)  # type: ignore[call-arg]
    explanation.plot.image(sign="both")  # type: ignore[arg-type]
    BeeswarmDisplay.from_explanation(X)  # type: ignore[arg-type]


def selection(explainer: DeepLiftExplainer, X: pd.DataFrame, y: np.ndarray) -> None:
    selector = ContributionSelector(explainer, n_features_to_select=10, within="norm")
    assert_type(selector.fit(X, y), ContributionSelector)
    assert_type(MeanAbsoluteImportance(by_class=True).fit(y), MeanAbsoluteImportance)
    contribution_score(explainer, max_samples=100)
    ContributionSelector(explainer, within="max")  # type: ignore[arg-type]
    Pipeline([("select", selector), ("classify", MLPClassifier())])


def metrics(explainer: DeepLiftExplainer, explanation: Explanation, X: np.ndarray) -> None:
    assert_type(deletion_score(explainer, X, fill="zeros"), Any)
    assert_type(compare_explainers({"a": explainer, "b": explainer}, X, metrics=["deletion_score"]), pd.DataFrame)
    deletion_curve(explainer, X, explanation=explanation, n_steps=10)
    explanation_scorer("deletion_score", n_steps=10)
    rank_agreement(explanation, X, measure="top_k", k=5)
    rank_agreement(explanation, X, measure="kendall")  # type: ignore[arg-type]
    deletion_score(explainer, X, steps=3)  # type: ignore[call-arg]


def sequences_and_data() -> None:
    assert_type(one_hot(["ACGT", "GATT"], ambiguous="frequencies"), np.ndarray)
    assert_type(decode(one_hot(["ACGT"])), np.ndarray)
    assert_type(read_fasta("genome.fa"), dict[str, str])
    assert_type(extract_sequences("regions.bed", "genome.fa", length=1000), np.ndarray)
    one_hot(["ACGT"], ambiguous="drop")  # type: ignore[arg-type]
    make_motif_sequences(100, motifs=("GATA1",), random_state=0)
    make_reviews(n_reviews=10)


def settings() -> None:
    assert_type(get_config(), dict[str, Any])
    set_config(memory_limit=2**30, jit_compile=None)
    with config_context(memory_limit=1e9):
        pass
    assert_type(skdeeplift.get_config(), dict[str, Any])
    set_config(memory_limit="1 GB")  # type: ignore[arg-type]
    skdeeplift.explain(1)  # type: ignore[attr-defined]
